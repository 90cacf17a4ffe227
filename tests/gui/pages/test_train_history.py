"""The history of samples, alerts and the export on the Train page, on a scripted compute thread."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import SIDE, Script, config, make_run, no_more, weights

from engine.compute import Job, Priority
from engine.errors import BadRun
from engine.events import Command, Event, Tick
from engine.export.animation_config import AnimationConfig
from engine.measure.alerts import Alert, AlertKind
from engine.measure.sample_history import HistoryRequest, HistoryRows, LookAround, nearest_first
from engine.runs import Run, RunInfo, RunWriter
from gui.app import make_application
from gui.explain import load_topic
from gui.main_window import MainWindow
from gui.pages.train import TrainPage
from gui.pages.train_alerts import events_of, words_of
from gui.session import Session
from gui.theme import theme
from gui.window_state import WindowState, load_state, save_state

STEPS = (0, 10, 20, 40)


class HistoryScript:
    """Stands in for the engine's job: rows whose brightness is step + seed. `hold` keeps it from going on."""

    def __init__(self) -> None:
        self.asked: list[HistoryRequest] = []
        self.looked: list[int] = []
        self.drawn: list[int] = []
        self.hold = False
        self.failure: Exception | None = None

    def job(self, request: HistoryRequest, key: str = "history") -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            run, there, around = Run.open(request.run), set[int](), request.around
            rows: dict[int, np.ndarray] = {}
            while True:
                steps = [s.step for s in run.snapshots()]
                command = yield HistoryRows(request, run.info.id, tuple(steps), rows, len(set(steps) - there))
                while self.hold:
                    command = (yield Tick()) or command
                if isinstance(command, LookAround):
                    self.looked.append(command.step)
                    around = command.step
                step = nearest_first([s for s in steps if s not in there], steps, around)
                if step is None:
                    return
                there.add(step)
                self.drawn.append(step)
                rows = {step: np.full((10, SIDE, SIDE), min(255, step + request.seed), dtype=np.uint8)}

        return Job(key, make, Priority.BACKGROUND)


@pytest.fixture
def history(script: Script, monkeypatch: pytest.MonkeyPatch) -> HistoryScript:
    made = HistoryScript()
    monkeypatch.setattr("engine.jobs.history_job", made.job)
    return made


@pytest.fixture
def window(qtbot: QtBot, history: HistoryScript, session: Session) -> Iterator[MainWindow]:
    make_application()
    made = MainWindow(session, [TrainPage], keep_state=False)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    yield made
    history.hold = False
    if session.training:
        session.stop()
        qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def page(window: MainWindow, session: Session, tmp_path: Path) -> TrainPage:
    assert isinstance(window.page, TrainPage)
    make_run(tmp_path / "run", steps=STEPS)
    session.open_run(tmp_path / "run")
    return window.page


def drawn(qtbot: QtBot, page: TrainPage) -> None:
    rows = page.samples.rows
    qtbot.waitUntil(no_more(lambda: bool(rows.steps) and not rows.missing and not rows.running), timeout=5000)


def show(qtbot: QtBot, page: TrainPage) -> None:
    page.samples.show_history(True)
    drawn(qtbot, page)


# ---- what is drawn, and when ----

def test_nothing_is_drawn_before_the_history_is_shown_and_then_from_the_viewed_snapshot_outwards(
        qtbot: QtBot, page: TrainPage, session: Session, history: HistoryScript) -> None:
    assert history.asked == []
    assert page.strip.isVisible()
    session.set_step(10)
    QTest.mouseClick(page.samples.view._cells[1], Qt.MouseButton.LeftButton)
    assert session.history_shown
    assert not page.strip.isVisible()
    drawn(qtbot, page)
    assert history.drawn == [10, 20, 0, 40]
    assert (history.asked[0].seed, history.asked[0].around) == (session.seed, 10)
    assert page.samples.history.isVisible()
    assert page.samples.history.grid.isVisible()
    assert page.ready()
    assert f"seed {session.seed}" in page.heading.text()
    session.snapshots_changed.emit()
    session.training_changed.emit()
    assert len(history.asked) == 1, "nothing is missing"


def test_back_to_the_strip_or_to_another_page_leaves_off_drawing(
        qtbot: QtBot, page: TrainPage, session: Session, history: HistoryScript) -> None:
    history.hold = True
    page.samples.show_history(True)
    qtbot.waitUntil(no_more(lambda: bool(page.samples.rows.steps)), timeout=5000)
    assert page.samples.rows.running
    page.samples.show_history(False)
    assert not page.samples.rows.running
    assert page.strip.isVisible()
    page.samples.show_history(True)
    assert page.samples.rows.running
    page.deactivate()
    assert not page.samples.rows.running
    history.hold = False
    page.activate()
    drawn(qtbot, page)


def test_another_seed_begins_anew(qtbot: QtBot, page: TrainPage, session: Session, history: HistoryScript) -> None:
    show(qtbot, page)
    session.set_seed(77)
    assert page.samples.rows.rows == {}
    drawn(qtbot, page)
    assert [asked.seed for asked in history.asked] == [0, 77]
    assert page.samples.rows.rows[40][0, 0, 0] == 117
    assert "77" in page.heading.text()
    page.samples.show_history(False)
    session.set_seed(78)
    assert len(history.asked) == 2, "nobody looks"
    show(qtbot, page)
    assert page.samples.rows.rows[40][0, 0, 0] == 118


def test_where_one_looks_is_drawn_next(qtbot: QtBot, page: TrainPage, session: Session,
                                       history: HistoryScript) -> None:
    history.hold = True
    page.samples.show_history(True)
    qtbot.waitUntil(no_more(lambda: bool(page.samples.rows.steps)), timeout=5000)
    session.set_step(0)
    session.bridge.send("history", LookAround(0))
    history.hold = False
    drawn(qtbot, page)
    assert history.drawn[-1] == 40


def test_a_run_in_training_gets_rows_for_new_snapshots(qtbot: QtBot, page: TrainPage, session: Session,
                                                       history: HistoryScript) -> None:
    page.samples.show_history(True)
    session.start_training(config(num_steps=30))
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=10_000)
    qtbot.waitUntil(lambda: sorted(page.samples.rows.rows) == [0, 10, 20, 30], timeout=5000)
    drawn(qtbot, page)
    assert all(asked.run == session.run.path for asked in history.asked[-1:])


def test_what_another_process_saves_is_drawn_too(qtbot: QtBot, page: TrainPage, session: Session,
                                                 history: HistoryScript) -> None:
    show(qtbot, page)
    writer = RunWriter.reopen(session.run.path)
    writer.save_snapshot(60, weights(60))
    session.poll_run()
    drawn(qtbot, page)
    assert 60 in page.samples.rows.rows
    writer.close()


def test_drawing_is_stopped_and_taken_up_again_by_hand(qtbot: QtBot, page: TrainPage, history: HistoryScript) -> None:
    history.hold = True
    page.samples.show_history(True)
    view = page.samples.history
    qtbot.waitUntil(no_more(lambda: view.rest.isVisible()), timeout=5000)
    assert view.rest.text() == "Stop drawing"
    view.rest.click()
    assert not page.samples.rows.running
    assert view.rest.text() == "Draw the rest"
    history.hold = False
    view.rest.click()
    drawn(qtbot, page)
    assert not view.rest.isVisible()


def test_a_failure_is_told_and_may_be_tried_again(qtbot: QtBot, page: TrainPage, history: HistoryScript) -> None:
    history.failure = BadRun("The run is gone.")
    page.samples.show_history(True)
    view = page.samples.history
    qtbot.waitUntil(no_more(lambda: view.note.text() == "The run is gone."), timeout=5000)
    assert page.ready()
    history.failure = None
    view.rest.click()
    drawn(qtbot, page)


# ---- hands ----

def test_arrows_move_in_step_and_class(qtbot: QtBot, page: TrainPage, session: Session) -> None:
    show(qtbot, page)
    grid = page.samples.history.grid
    grid.setFocus(Qt.FocusReason.TabFocusReason)
    for key, step, label in ((Qt.Key.Key_Up, 20, 3), (Qt.Key.Key_Right, 20, 4), (Qt.Key.Key_Up, 10, 4),
                             (Qt.Key.Key_Left, 10, 3), (Qt.Key.Key_Home, 0, 3), (Qt.Key.Key_Up, 0, 3),
                             (Qt.Key.Key_Down, 10, 3), (Qt.Key.Key_End, 40, 3), (Qt.Key.Key_PageUp, 0, 3),
                             (Qt.Key.Key_PageDown, 40, 3)):
        QTest.keyClick(grid, key)
        assert (session.step, session.class_label) == (step, label), key
    session.set_class(9)
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert session.class_label == 9, "there is none beyond"
    assert "step 40" in grid.accessibleDescription()


def test_space_plays_the_training_steps_while_the_grid_has_focus(qtbot: QtBot, page: TrainPage, session: Session,
                                                                 window: MainWindow) -> None:
    show(qtbot, page)
    page.samples.history.grid.setFocus(Qt.FocusReason.TabFocusReason)
    window.commands.toggle_play()
    assert window.timeline.playing == "step"
    seen = set()
    session.step_changed.connect(seen.add)
    qtbot.waitUntil(no_more(lambda: seen >= set(STEPS)), timeout=5000)
    window.commands.toggle_play()
    page.samples.history.play.click()
    assert window.timeline.playing == "step"
    page.samples.history.play.click()
    assert not window.timeline.playing


def test_a_click_goes_to_step_and_class_and_the_row_stays_in_sight(qtbot: QtBot, page: TrainPage, session: Session,
                                                                   window: MainWindow) -> None:
    show(qtbot, page)
    view = page.samples.history
    QTest.mouseClick(view.grid, Qt.MouseButton.LeftButton, pos=view.grid.cell_rect(1, 7).center().toPoint())
    assert (session.step, session.class_label) == (10, 7)
    QTest.mouseClick(view.head, Qt.MouseButton.LeftButton,
                     pos=QPointF(view.grid.cell_rect(0, 2).center().x(), 5).toPoint())
    assert session.class_label == 2
    many = tuple(range(0, 4000, 20))
    view.grid.set_rows(many, {})
    for step in (3980, 0, 2000):
        view.grid.set_current(step, 2)
        row = view.grid.row_rect(many.index(step))
        top = view.area.verticalScrollBar().value()
        assert top <= row.top()
        assert row.bottom() <= top + view.area.viewport().height()


def test_one_picture_is_painted_with_every_row(qtbot: QtBot, page: TrainPage) -> None:
    show(qtbot, page)
    grid = page.samples.history.grid
    image = grid.grab().toImage()
    ratio = image.devicePixelRatio()
    for row, step in enumerate(STEPS):
        at = grid.cell_rect(row, 8).center() * ratio
        assert image.pixelColor(at.toPoint()).red() == step
    assert len(grid.children()) == 0, "one picture, not one widget a cell"


# ---- looks ----

@pytest.mark.parametrize(("size", "scale"), [((1440, 900), 1.0), ((1280, 720), 1.0), ((1280, 720), 1.4),
                                             ((1800, 1000), 1.0)])
def test_history_and_plots_fit_beside_each_other(qtbot: QtBot, page: TrainPage, window: MainWindow,
                                                 size: tuple[int, int], scale: float) -> None:
    show(qtbot, page)
    window.resize(*size)
    theme().set_scale(scale)
    try:
        QCoreApplication.processEvents()
        view, plot = page.samples.history, page.plot
        right = view.mapTo(page, view.rect().topRight()).x()
        assert right < plot.mapTo(page, plot.rect().topLeft()).x()
        assert plot.mapTo(page, plot.rect().bottomRight()).x() <= page.width()
        assert plot.width() >= 150
        assert view.area.viewport().width() >= view.grid.width(), "no column is cut off"
        assert view.head.grab().toImage().width() > 0
    finally:
        theme().set_scale(1.0)


def test_where_there_is_room_for_one_only_the_plots_give_way(qtbot: QtBot, page: TrainPage,
                                                            window: MainWindow) -> None:
    show(qtbot, page)
    assert page.plot.isVisible()
    page.samples.resize(page.samples.history.sizeHint().width() + 100, 500)
    assert not page.plot.isVisible()
    page.samples.show_history(False)
    assert page.plot.isVisible()


def test_the_choice_is_kept_over_a_restart(own_home: Path) -> None:
    state = WindowState()
    state.place.history = True
    state.place.animation = AnimationConfig(format="webp", scale=9, fps=5, loop=False, captions=False)
    save_state(state)
    again = load_state()
    assert again.place.history is True
    assert again.place.animation == state.place.animation


def test_every_part_has_its_explanation(qtbot: QtBot, page: TrainPage) -> None:
    show(qtbot, page)
    view = page.samples.history
    for widget in (page.samples.view, view.grid, view.play, view.export, view.rest, page.alert.link):
        assert load_topic(widget.property("explain")).title
        assert widget.accessibleName()
    assert load_topic("animation").title


# ---- alerts ----

SPIKE, PLATEAU, BAD = AlertKind.SPIKE, AlertKind.PLATEAU, AlertKind.NOT_FINITE


def losses_run(path: Path, losses: np.ndarray) -> None:
    settings = config(num_steps=len(losses))
    writer = RunWriter.create(path, RunInfo(
        name=path.name, config=settings, class_names=tuple("0123456789"), image_shape=(1, SIDE, SIDE), sigma_data=0.5,
        parameters=6, num_steps=len(losses), images=640, state="finished", step=len(losses)))
    writer.save_snapshot(0, weights(0))
    at = np.arange(1, len(losses) + 1)
    writer.append_losses(at, losses, at / 10, 1e-3)
    writer.close()


def test_a_spike_is_marked_on_the_curve_and_told_in_a_line(page: TrainPage, session: Session, tmp_path: Path) -> None:
    assert not page.alert.isVisible()
    losses = np.random.default_rng(0).lognormal(-1, 0.1, 600) * np.linspace(3, 1, 600)
    losses[550] *= 9
    losses_run(tmp_path / "spiked", losses)
    session.open_run(tmp_path / "spiked")
    assert page.alert.isVisible()
    assert "rose at step 551" in page.alert.text.text()
    assert (551.0, "spike") in page.plot.marks.events
    losses[560] = np.nan
    losses_run(tmp_path / "bad", losses)
    session.open_run(tmp_path / "bad")
    assert page.alert.text.text() == "The loss of step 561 is no longer a number."
    assert (561.0, "not finite") in page.plot.marks.events
    losses_run(tmp_path / "good", np.linspace(3, 1, 300))
    session.open_run(tmp_path / "good")
    assert not page.alert.isVisible()
    assert page.plot.marks.events == []


def test_what_matters_most_is_said() -> None:
    open_spike, old = Alert(SPIKE, 500, 0.2, 0.9), Alert(SPIKE, 300, 0.2, 0.9, 310)
    flat, bad = Alert(PLATEAU, 400, 0.21), Alert(BAD, 520)
    assert words_of([], 600) == ("", "")
    assert words_of([old], 1000) == ("", ""), "long over"
    assert words_of([old], 320) == ("text2", "The loss rose at step 300 to 4.5 times the usual 0.200 and was back 10 "
                                             "steps later.")
    assert words_of([old, open_spike], 520)[0] == "warn"
    assert "has not come back" in words_of([old, open_spike], 520)[1]
    assert words_of([flat], 900) == ("text2", "Flat since about step 400: the training loss stays near 0.210, within "
                                              "3\u202f%.")
    assert words_of([flat, open_spike, bad], 600)[0] == "error"


def test_spikes_near_each_other_share_a_word_on_the_curve() -> None:
    spikes = [Alert(SPIKE, step, 0.2, 0.9, step + 5) for step in (100, 130, 900)]
    assert events_of([*spikes, Alert(PLATEAU, 400, 0.2)], 1000) == [
        (100, "2 spikes"), (400, "flat from here"), (900, "spike")]


# ---- export ----

def test_the_history_is_exported_as_an_animation(qtbot: QtBot, page: TrainPage, session: Session,
                                                 tmp_path: Path) -> None:
    show(qtbot, page)
    page.samples.history.export.click()
    dialog = page.samples.exports.dialog
    assert dialog is not None
    assert [take.label for take in dialog._takes] == ["All classes", "Class 3"]
    dialog.rows["scale"].editor.setText("2")
    dialog.rows["scale"].editor.commit()
    assert session.animation is not None
    assert session.animation.scale == 2
    assert "4 frames" in dialog.size_words.text()
    out = tmp_path / "history.gif"
    dialog.save_to(out)
    qtbot.waitUntil(no_more(lambda: "history.gif" in dialog.outcome.text()), timeout=5000)
    with Image.open(out) as picture:
        assert picture.n_frames == 4
        assert picture.size[0] == 2 * (10 * SIDE + 9 * 2)
    assert dialog.save.isEnabled()
    dialog.save_to(tmp_path / "nowhere" / "x.gif")
    qtbot.waitUntil(no_more(lambda: "could not be saved" in dialog.outcome.text()), timeout=5000)
    dialog.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert page.samples.exports.dialog is None
