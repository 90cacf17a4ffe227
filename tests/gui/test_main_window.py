"""The whole window on a scripted compute thread: its start, what can be read of it, banners."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QFrame,
    QLabel,
    QWidget,
)
from pytestqt.qtbot import QtBot
from scripted import Script, config, make_bundled, make_run, no_more
from windows import Make

from engine import paths
from engine.errors import ErrorReport
from engine.events import TrainingFailed, TrainingState
from gui.crash import CrashWatch

# ---- start ----

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


# ---- accessibility ----

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


# ---- banners, drop ----

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
