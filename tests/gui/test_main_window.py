"""The whole window on a scripted compute thread: keys, docks, banners, closing, restoring, accessibility."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QMessageBox,
    QWidget,
)
from pytestqt.qtbot import QtBot
from scripted import Script, compute_for, config, make_bundled, make_run, no_more

from engine import paths
from engine.errors import ErrorReport
from engine.events import TrainingFailed, TrainingState
from gui.app import make_application
from gui.crash import CrashWatch
from gui.main_window import MainWindow
from gui.pages.base import Page
from gui.session import Session
from gui.shortcuts import KeyGuard
from gui.theme import theme
from gui.widgets.section import Section

Make = Callable[..., MainWindow]


class Plain(Page):
    """A page with a field, a button and a section."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.field = QLineEdit()
        self.field.setAccessibleName("Field")
        self.body.addWidget(self.field)
        self.section = Section(f"Settings of {self.title}")

    def setup_sections(self) -> list[Section]:
        return [self.section]


class TrainPage(Plain):
    name, title, explain = "train", "Train", "transport"


class ForwardPage(Plain):
    name, title, explain = "forward", "Forward", "noise-level"

    def play_levels(self) -> list[int]:
        return super().play_levels()[::-1]


class ReversePage(Plain):
    name, title, explain = "reverse", "Reverse", "class"


@pytest.fixture
def make(qtbot: QtBot, script: Script) -> Iterator[Make]:
    """Makes windows, and closes them before the test is over."""
    application = make_application()
    guard = KeyGuard(application)
    made: list[MainWindow] = []

    def build(*, width: int = 1440, height: int = 900, show: bool = True, **options: object) -> MainWindow:
        session = Session(compute_for(script))
        window = MainWindow(session, [TrainPage, ForwardPage, ReversePage], **options)  # type: ignore[arg-type]
        window.resize(width, height)
        window.restore()
        if show:
            window.show()
            window.activateWindow()
            assert QTest.qWaitForWindowActive(window, 3000)
        made.append(window)
        return window

    yield build
    application.removeEventFilter(guard)
    for window in made:
        if window.session.training:
            window.session.stop()
            qtbot.waitUntil(no_more(lambda w=window: not w.session.training), timeout=8000)
        window.close()
        window.session.shutdown(3.0)
        window.session.deleteLater()
        window.deleteLater()
    theme().set_mode("system")
    theme().set_scale(1.0)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
          target: QWidget | None = None) -> None:
    QTest.keyClick(target or QApplication.focusWidget() or window, key, modifiers)
    QApplication.processEvents()


NONE, CTRL, SHIFT = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier,
                     Qt.KeyboardModifier.ShiftModifier)


# ---- start --------------------------------------------------------------------------------------------

def test_the_compute_thread_starts_only_after_the_first_paint(qtbot: QtBot, make: Make) -> None:
    window = make(show=False)
    assert not window.session.bridge.compute.alive
    window.show()
    qtbot.waitUntil(no_more(lambda: window.session.bridge.compute.alive), timeout=3000)


def test_only_the_page_in_front_is_built_before_the_first_paint(qtbot: QtBot, make: Make) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    window = make(show=False)
    assert [window.pages[index].name for index in window.stack.missing()] == ["train", "forward"]
    window.show()
    qtbot.waitUntil(no_more(lambda: not window.stack.missing()), timeout=3000)
    assert window.page.name == "reverse"
    assert [page.active for page in window.build_pages()] == [False, False, True]


def test_the_window_needs_no_torch() -> None:
    """In a process where torch cannot be imported, the window opens and paints."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from gui.app import make_application\n"
        "app = make_application()\n"
        "from gui.compute_starter import make_compute\n"
        "from gui.main_window import MainWindow\n"
        "from gui.pages.base import Page\n"
        "from gui.session import Session\n"
        "class P(Page): name, title = 'train', 'Train'\n"
        "w = MainWindow(Session(make_compute()), [P], keep_state=False)\n"
        "w.start_compute = lambda: None\n"
        "w.restore(); w.show(); app.processEvents(); w.grab()\n"
        "print('painted')\n"
        "w.close()\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, check=False)
    assert done.stdout.strip() == "painted", done.stderr


def test_the_bundled_run_is_open_at_the_first_start_on_reverse(make: Make) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    window = make()
    assert window.session.run is not None
    assert window.session.run.path == paths.DEFAULT_BUNDLED_RUN
    assert window.page.name == "reverse"
    assert window.windowTitle() == "made \u2013 Diffuscope"


def test_without_any_run_it_starts_on_train(make: Make) -> None:
    window = make()
    assert window.session.run is None
    assert window.page.name == "train"


# ---- accessibility ------------------------------------------------------------------------------------

def named(widget: QWidget, buddies: set[QWidget]) -> bool:
    text = widget.text() if isinstance(widget, QAbstractButton | QLabel) else ""
    inside_choice = isinstance(widget.window(), QFrame) and isinstance(widget.window().parent(), QComboBox)
    return bool(widget.accessibleName() or widget.toolTip() or text) or widget in buddies or inside_choice


def test_every_focusable_widget_says_what_it_is(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a", recorded=11)
    window = make()
    assert len(window.build_pages()) == 3
    window.session.open_run(tmp_path / "a")
    window.commands.show_runs()
    window.commands.show_preferences()
    window.commands.show_shortcuts()
    window.session.open_run(tmp_path / "nothing")  # a banner with its buttons
    buddies = {label.buddy() for label in window.findChildren(QLabel) if label.buddy() is not None}
    nameless = [f"{type(w).__name__} {w.objectName()} in {type(w.parentWidget()).__name__}"
                for w in window.findChildren(QWidget)
                if w.focusPolicy() != Qt.FocusPolicy.NoFocus and not named(w, buddies)
                and not w.objectName().startswith("qt_")]
    assert not nameless, "; ".join(nameless)


def test_every_menu_action_can_be_read_and_keys_are_told_once(make: Make) -> None:
    window = make()
    seen: dict[str, str] = {}
    for action in window.actions() + list(window.menus.actions.values()):
        assert action.text()
        for key in action.shortcuts():
            words = key.toString()
            assert seen.setdefault(words, action.text()) == action.text(), f"{words} has two meanings"
    for wanted in ("Space", "R", "Shift+R", "F", "F1", "F11", "Ctrl+S", "Ctrl+O", "Ctrl+1", "Ctrl+3", "0", "9",
                   "Ctrl+Return", "Ctrl++", "Ctrl+-", "Ctrl+0", "Ctrl+Z"):
        assert wanted in seen


# ---- keys ---------------------------------------------------------------------------------------------

def test_keys_move_the_point(make: Make) -> None:
    window = make()
    window.setFocus()
    press(window, Qt.Key.Key_7, NONE, window)
    assert window.session.class_label == 7
    press(window, Qt.Key.Key_R, NONE, window)
    drawn = window.session.seed
    press(window, Qt.Key.Key_R, SHIFT, window)
    assert window.session.seed == 0 != drawn
    press(window, Qt.Key.Key_3, CTRL, window)
    assert window.page.name == "reverse"


def test_no_key_acts_while_a_field_has_focus(make: Make) -> None:
    window = make()
    page = window.page
    assert isinstance(page, Plain)
    page.field.setFocus()
    before = (window.session.class_label, window.session.seed, window.page.name)
    for key, modifiers in ((Qt.Key.Key_7, NONE), (Qt.Key.Key_R, NONE), (Qt.Key.Key_R, SHIFT),
                           (Qt.Key.Key_Space, NONE), (Qt.Key.Key_F, NONE), (Qt.Key.Key_2, CTRL),
                           (Qt.Key.Key_Return, CTRL), (Qt.Key.Key_S, CTRL), (Qt.Key.Key_F1, NONE)):
        press(window, key, modifiers, page.field)
    assert (window.session.class_label, window.session.seed, window.page.name) == before
    assert not window.session.training
    assert window.timeline.playing == ""
    assert window.commands.dialogs == {}
    assert page.field.text().lower() == "7rr f"


def test_a_focused_button_keeps_its_space(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.tab_row.question.setFocus(Qt.FocusReason.TabFocusReason)
    window.explain_dock.show_topic("seed")
    press(window, Qt.Key.Key_Space, NONE, window.tab_row.question)
    assert window.timeline.playing == ""
    assert window.explain_dock.topic is not None
    assert window.explain_dock.topic.name == "transport", "the button was pressed"
    window.page.setFocus()
    window.setFocus()
    press(window, Qt.Key.Key_Space, NONE, window)
    assert window.timeline.playing == "t"
    press(window, Qt.Key.Key_Space, NONE, window)
    assert window.timeline.playing == ""


def test_text_size_keys(make: Make) -> None:
    window = make()
    before = window.transport.height()
    for _ in range(5):
        press(window, Qt.Key.Key_Plus, CTRL, window)
    assert window.preferences.text_scale == pytest.approx(1.5)
    assert window.transport.height() > before
    press(window, Qt.Key.Key_0, CTRL, window)
    assert window.preferences.text_scale == 1.0
    assert window.transport.height() == before


# ---- timeline -----------------------------------------------------------------------------------------

def test_timeline_and_session_are_one(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    window = make()
    session, timeline = window.session, window.timeline
    session.open_run(tmp_path / "a")
    assert timeline.step_slider.ticks() == [0, 10, 20, 40]
    session.set_step(10)
    assert timeline.step_slider.value() == 10
    timeline.t_slider.setFocus()
    press(window, Qt.Key.Key_Left, SHIFT, timeline.t_slider)
    assert abs(session.t - 420) == 10
    session.set_seed(77)
    assert timeline.seed.value() == 77


def test_playing_is_no_undo_step_but_a_hand_is(qtbot: QtBot, make: Make) -> None:
    window = make()
    stack = window.history.stack
    window.commands.toggle_play()
    qtbot.wait(150)
    window.commands.toggle_play()
    assert window.session.t != 420
    assert stack.count() == 0
    at = window.session.t
    for t in (400, 390, 380):
        window.timeline._t_by_hand(t)
    assert stack.count() == 1, "moves that follow closely are one step"
    stack.undo()
    assert window.session.t == at
    stack.redo()
    assert window.session.t == 380


def test_two_seeds_are_two_steps_and_undo_brings_each_back(make: Make) -> None:
    window = make()
    window.session.set_seed(5)
    window.session.set_seed(6)
    window.history.stack.undo()
    assert window.session.seed == 5
    window.history.stack.undo()
    assert window.session.seed == 0


def test_forward_plays_the_other_way(make: Make) -> None:
    window = make()
    window.show_page("forward")
    assert window.timeline.t_play._leftwards
    window.show_page("reverse")
    assert not window.timeline.t_play._leftwards


# ---- docks --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("width", "setup", "explain"), [(1440, True, True), (1280, True, False),
                                                         (1000, False, False)])
def test_docks_start_as_the_width_allows(make: Make, width: int, setup: bool, explain: bool) -> None:
    window = make(width=width)
    assert (window.setup_dock.isVisible(), window.explain_dock.isVisible()) == (setup, explain)
    assert window.tab_row.question.isVisible() == (setup and explain)
    if not explain:
        window.tab_row.explain.click()
        assert window.explain_dock.isVisible()


def test_a_narrower_window_closes_a_dock_and_a_wider_one_brings_it_back(make: Make) -> None:
    window = make(width=1440)
    window.resize(1200, 800)
    assert not window.explain_dock.isVisible()
    window.resize(1500, 800)
    assert window.explain_dock.isVisible()
    window.explain_dock.title.close_button.click()
    window.resize(1200, 800)
    window.resize(1500, 800)
    assert not window.explain_dock.isVisible(), "what a hand closed stays closed"


def test_setup_follows_the_page(make: Make) -> None:
    window = make()
    pages = window.build_pages()
    for page in pages:
        window.show_page(page.name)
        assert window.page is page
        assert isinstance(page, Plain)
        assert page.section.isVisible()
        assert [p.section.isVisible() for p in pages if p is not page] == [False, False]


def test_explain_follows_focus_and_page(make: Make) -> None:
    window = make()
    assert window.explain_dock.topic is not None
    window.timeline.t_slider.setFocus()
    assert window.explain_dock.topic.name == "noise-level"
    window.timeline.seed.box.setFocus()
    assert window.explain_dock.topic.name == "seed"
    window.show_page("reverse")
    assert window.explain_dock.topic.name == "class"


# ---- banners, drop ------------------------------------------------------------------------------------

def test_a_dropped_picture_is_told_in_the_window(qtbot: QtBot, make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    window = make()
    window.session.open_run(tmp_path / "a")
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    window.dropEvent(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(no_more(lambda: window.banners.keys() == ["open-run"]), timeout=2000)
    assert window.banners.isVisible()
    assert window.session.run is not None
    assert window.session.run.name == "a"
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a"))])
    window.dropEvent(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(no_more(lambda: window.banners.keys() == []), timeout=2000)


def test_a_failed_training_offers_what_helps(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    report = ErrorReport("out-of-memory", "There was not enough memory for batch 64.", "Step 10 is kept.")
    script.fail_training_at = (12, TrainingFailed(report, 12, 10, smaller_batch=32))
    window.session.start_training(config())
    qtbot.waitUntil(no_more(lambda: window.banners.keys() == ["training-failed"]), timeout=5000)
    qtbot.waitUntil(no_more(lambda: not window.session.training), timeout=5000)
    script.fail_training_at = None
    banner = window.banners.banner("training-failed")
    assert banner is not None
    buttons = [b for b in banner.findChildren(QAbstractButton) if b.text() == "Train again with batch 32"]
    assert len(buttons) == 1
    buttons[0].click()
    qtbot.waitUntil(no_more(lambda: window.session.training_state is TrainingState.FINISHED), timeout=8000)
    assert window.session.run is not None
    assert window.session.run.info.config.training.batch_size == 32
    assert window.banners.keys() == []


def test_an_unexpected_error_is_shown_with_details(qtbot: QtBot, make: Make, own_home: Path) -> None:
    watch = CrashWatch(paths.crash_file())
    window = make(crash=watch)
    try:
        raise RuntimeError("a bug")
    except RuntimeError as error:
        watch._on_exception(type(error), error, error.__traceback__)
    window._on_second()
    banner = window.banners.banner("unexpected")
    assert banner is not None
    assert "a bug" in banner.headline.text()
    assert "RuntimeError" in banner.details


# ---- training and status ------------------------------------------------------------------------------

def test_the_transport_says_what_a_press_would_do(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    transport, session = window.transport, window.session
    session.set_draft(config())
    assert transport.train.text() == "Train"
    assert not transport.pause.isEnabled()
    assert "paused" in transport.pause.toolTip()
    script.step_seconds = 0.02
    transport.train.click()
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.TRAINING), timeout=5000)
    assert transport.train.text() == "Training"
    assert transport.pause.isEnabled()
    transport.pause.click()
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.PAUSED), timeout=5000)
    assert transport.train.text() == "Go on"
    assert "Paused" in window.status.text()
    transport.stop.click()
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    assert transport.train.text() == "Train"
    assert transport.more.isVisible()
    assert "all saved" in window.status.text()


def test_the_status_bar_speaks_in_words_and_units(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config(num_steps=400))
    qtbot.waitUntil(no_more(lambda: " left" in window.status.text()), timeout=5000)
    text = window.status.text()
    for words in ("Training", "step ", "of 400", "850 images/s", "left", "CPU, bf16, 2 threads", "400 MB"):
        assert words in text


# ---- closing ------------------------------------------------------------------------------------------

def answer(window: MainWindow, words: str) -> None:
    box = window.closing.question
    assert isinstance(box, QMessageBox)
    next(b for b in box.buttons() if b.text() == words).click()
    QApplication.processEvents()


@pytest.mark.parametrize(("words", "kept"), [("Save and quit", True), ("Discard and quit", False)])
def test_closing_while_training_waits_for_the_end(qtbot: QtBot, make: Make, script: Script, words: str,
                                                  kept: bool) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config())
    qtbot.waitUntil(no_more(lambda: window.session.training_state is TrainingState.TRAINING), timeout=5000)
    window.close()
    assert window.isVisible()
    answer(window, words)
    qtbot.waitUntil(no_more(lambda: not window.isVisible()), timeout=8000)
    assert not window.session.training
    assert (paths.runs_dir() / "mnist-quick-01").exists() == kept
    assert not window.session.bridge.compute.alive


def test_going_on_closes_nothing(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config())
    qtbot.waitUntil(no_more(lambda: window.session.training_state is TrainingState.TRAINING), timeout=5000)
    window.close()
    answer(window, "Go on training")
    qtbot.wait(50)
    assert window.isVisible()
    assert window.session.training


def test_closing_without_training_asks_nothing(make: Make) -> None:
    window = make()
    window.close()
    assert not window.isVisible()
    assert window.closing.question is None


# ---- restart ------------------------------------------------------------------------------------------

def test_the_next_start_is_where_this_one_ended(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a", recorded=11)
    first = make()
    first.session.open_run(tmp_path / "a")
    first.show_page("forward")
    first.session.set_step(10)
    first.session.set_noise_level(123)
    first.session.set_class(8)
    first.session.set_seed(2**40)
    first.close()
    second = make()
    session = second.session
    assert session.run is not None
    assert session.run.path == tmp_path / "a"
    assert (session.step, session.t, session.class_label, session.seed) == (10, 123, 8, 2**40)
    assert not session.following
    assert second.page.name == "forward"
    assert second.state.recent == [str(tmp_path / "a")]


@pytest.mark.parametrize("damage", [
    "[place]\nseed=-5\nt=lots\nclass_label=99\nstep=\nrun=/no/such/run\npage=kitchen\n"
    "[window]\ngeometry=@Invalid()\nspeed=1e9\nsetup_open=perhaps\nrecent=7\n",
    "\x00\x01 not an ini file at all", "[place\nseed==="])
def test_a_damaged_state_file_is_no_obstacle(make: Make, own_home: Path, damage: str) -> None:
    own_home.mkdir(parents=True, exist_ok=True)
    (own_home / "window.ini").write_text(damage)
    (own_home / "preferences.json").write_text('{"theme": 5, "text_scale": 1e9, "device": "toaster"}')
    window = make()
    assert window.isVisible()
    assert window.session.class_label == 3
    assert window.preferences.theme == "system"


def test_theme_and_device_are_kept(make: Make) -> None:
    window = make()
    window.commands.change_preferences(theme="dark", device="cpu")
    assert theme().name == "dark"
    window.close()
    again = make()
    assert (again.preferences.theme, again.preferences.device) == ("dark", "cpu")
