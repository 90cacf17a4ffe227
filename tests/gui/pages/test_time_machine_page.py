"""The Time machine page: what fills it, what a hand does on the map, what it says and what it saves."""

from __future__ import annotations

import csv
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from scripted import SIDE, config, make_run, no_more, weights

from engine.compute import Job, Priority
from engine.errors import DiffuscopeError
from engine.events import Command, Event, JobProgress
from engine.measure.time_machine import Column, ColumnLost, ColumnsReady, FirstReady, TimeMachineRequest
from engine.page_config import TimeMachineConfig
from engine.runs import Run, RunWriter
from gui.pages.time_machine import TimeMachinePage
from gui.pages.time_machine_image import Canvas, Place, differences, side_by_side
from gui.pages.time_machine_view import between
from gui.pages.time_machine_words import finding, own_finding
from gui.preferences import Preferences, save_preferences
from gui.session import Session
from gui.theme import apply_theme, theme
from gui.tokens import tokens
from gui.undo import History
from gui.window_state import WindowState, load_state, save_state

STEPS = (0, 10, 20, 40)
LEVELS = 25


def column(step: int, label: int, levels: int = LEVELS, bright: int = 0) -> Column:
    """A picture whose first pixel tells the step and its second the row; read from row 20 - step / 5 on."""
    x0 = np.zeros((levels, 1, SIDE, SIDE), dtype=np.uint8) + np.uint8(bright)
    x0[:, 0, 0, 0], x0[:, 0, 0, 1], x0[:, 0, 0, 2] = step, np.arange(levels), label
    x = np.zeros((levels, 1, SIDE, SIDE), dtype=np.float16)
    x[:, 0, 0, 0] = np.linspace(-2, 2, levels)
    read = np.arange(levels) >= 20 - step // 5
    return Column(step, label, tuple(range(levels)), x, x0, np.where(read, 0.96, 0.2).astype(np.float16),
                  np.where(read, label, (label + 1) % 10).astype(np.uint8), levels)


class Jobs:
    """Stands in for the job. `gate` holds it before the first column, `more` before the line."""

    def __init__(self) -> None:
        self.asked: list[TimeMachineRequest] = []
        self.gate, self.more = threading.Event(), threading.Event()
        self.gate.set()
        self.more.set()
        self.failure: Exception | None = None
        self.lost: set[int] = set()
        self.only: set[int] = set()  # columns that are drawn, where not all
        self.first = {0: [25] * 24, 10: [18, 19] * 12, 20: [16, 17] * 12, 40: [12, 13] * 12}
        self.bright: dict[str, int] = {}

    def time_machine_job(self, request: TimeMachineRequest, key: str = "time-machine") -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(10, 100, "coarse")
            while not self.gate.wait(0.002):
                yield JobProgress(20, 100, "levels")
            labels = [request.class_label, *(c for c in range(10) if c != request.class_label)]
            done: set[tuple[Path, int]] = set()
            while missing := [(path, s.step) for path in request.runs for s in Run.open(path).snapshots()
                              if (path, s.step) not in done]:
                path, step = missing[-1]
                done.add((path, step))
                if step in self.lost:
                    from engine.errors import ErrorReport

                    yield ColumnLost(request, path, step, ErrorReport("BadRun", "It is damaged.", "", ""))
                    continue
                if self.only and step not in self.only:
                    continue
                bright = self.bright.get(path.name, 0)
                yield ColumnsReady(request, path, tuple(column(step, c, request.levels, bright) for c in labels))
            while not self.more.wait(0.002):
                yield JobProgress(5, 96, "seeds")
            if request.line_seeds >= 2:
                for path, step in sorted(done):
                    if step not in self.lost:
                        rows = [min(row, request.levels) for row in self.first.get(step, [10] * 24)]
                        yield FirstReady(request, path, step, tuple(rows))

        return Job(key, make, Priority.BACKGROUND)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[Jobs, None, None]:
    made = Jobs()
    monkeypatch.setattr("engine.jobs.time_machine_job", made.time_machine_job)
    yield made
    made.gate.set()
    made.more.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> TimeMachinePage:
    """The page, not yet in front."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    made, dock = TimeMachinePage(session), QWidget()
    lines = QVBoxLayout(dock)
    for section in made.setup_sections():
        lines.addWidget(section)
    qtbot.addWidget(made)
    qtbot.addWidget(dock)
    made.test_dock = dock  # type: ignore[attr-defined]  # qtbot holds it only weakly
    made.resize(902, 681)
    dock.show()
    made.show()
    return made


@pytest.fixture
def filled(qtbot: QtBot, page: TimeMachinePage) -> TimeMachinePage:
    """In front, and everything there."""
    page.activate()
    settle(qtbot, page)
    return page


def settle(qtbot: QtBot, page: TimeMachinePage) -> None:
    qtbot.waitUntil(no_more(lambda: not page.maps.filling and page.maps.filled() and not page.painter.waiting),
                    timeout=8000)


def pixel(page: TimeMachinePage, column_index: int, row: int, x: int = 0) -> tuple[int, int, int]:
    """A pixel of the map, of a cell's first line."""
    canvas = page.view.canvas
    colour = canvas.image().pixelColor(canvas.lefts[column_index] + x, row * (SIDE + 1))
    return colour.red(), colour.green(), colour.blue()


def centre(page: TimeMachinePage, column_index: int, row: int) -> QPoint:
    page.view.show_cell((column_index, row))
    return page.view.cell_rect((column_index, row)).center().toPoint()


def press(page: TimeMachinePage, *keys: Qt.Key, shift: bool = False) -> None:
    for key in keys:
        QTest.keyClick(page.view, key, Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier)


# ---- filling ----

def test_nothing_is_drawn_before_the_page_is_in_front(page: TimeMachinePage, jobs: Jobs) -> None:
    assert jobs.asked == []
    assert page.ready()


def test_it_fills_with_the_class_seed_and_settings_looked_at(filled: TimeMachinePage, jobs: Jobs) -> None:
    session = filled.session
    assert len(jobs.asked) == 1
    asked = jobs.asked[0]
    assert asked.runs == (session.run.path,)  # type: ignore[union-attr]
    assert (asked.class_label, asked.seed, asked.levels, asked.line_seeds) == (3, session.seed, 25, 24)
    assert asked.drawn_with.guidance_scale == session.sampling.guidance_scale
    assert [place.step for place in filled.view.canvas.places] == list(STEPS)
    for index, step in enumerate(STEPS):
        for row in (0, 11, 24):
            assert pixel(filled, index, row, 0) == (step,) * 3
            assert pixel(filled, index, row, 1) == (row,) * 3
            assert pixel(filled, index, row, 2) == (3,) * 3
    assert filled.ready()
    assert filled.setup.work.text() == "Every picture is there."


def test_the_finding_is_the_verdict_on_the_line(filled: TimeMachinePage) -> None:
    said = filled.finding.text()
    assert said.startswith("It learns to decide earlier. A 3 is first readable at 77\u202f% denoised after step 10, at "
                           "52\u202f% after 40; \u221225.0 points")
    assert said.endswith("24 seeds.")
    assert filled.heading.note() == "line: mean of 24 seeds"
    curve = filled.view.curves[0]
    assert [(index, None if share is None else round(100 * share)) for index, share in curve.points] == \
        [(0, None), (1, 77), (2, 69), (3, 52)]
    assert (curve.class_label, curve.dashed, curve.name) == (3, False, "first readable")
    assert len(filled.view.curves) == 1


def test_until_the_line_is_measured_the_maps_own_seed_stands_in(qtbot: QtBot, page: TimeMachinePage,
                                                                jobs: Jobs) -> None:
    jobs.more.clear()
    page.activate()
    qtbot.waitUntil(no_more(lambda: page.maps.filled() and not page.painter.waiting), timeout=8000)
    assert [curve.dashed for curve in page.view.curves] == [True]
    # Rows 20, 18, 16 and 12 of 25.
    assert [round(24 * share) for _, share in page.view.curves[0].points] == [20, 18, 16, 12]  # type: ignore[operator]
    assert page.finding.text().startswith("Filling the map. A 3 from seed 0 is first readable at 83\u202f%")
    assert not page.ready()
    jobs.more.set()
    settle(qtbot, page)
    assert page.ready()


def test_progress_stands_in_the_dock_and_filling_can_be_stopped_and_taken_up(qtbot: QtBot, page: TimeMachinePage,
                                                                             jobs: Jobs) -> None:
    jobs.gate.clear()
    page.activate()
    qtbot.waitUntil(no_more(lambda: "20 of 100" in page.setup.progress.words()), timeout=8000)
    assert page.setup.work.text() == "Every level"
    assert page.setup.go_on.isHidden()
    qtbot.waitUntil(no_more(page.setup.progress.isVisible), timeout=8000)
    QTest.mouseClick(page.setup.progress.cancel, Qt.MouseButton.LeftButton)
    assert not page.maps.filling
    assert page.setup.work.text() == "Stopped; what is finished is kept."
    page.session.set_noise_level(300)
    assert len(jobs.asked) == 1
    jobs.gate.set()
    QTest.mouseClick(page.setup.go_on, Qt.MouseButton.LeftButton)
    settle(qtbot, page)
    assert len(jobs.asked) == 2


def test_leaving_the_page_ends_the_filling(qtbot: QtBot, page: TimeMachinePage, jobs: Jobs) -> None:
    jobs.gate.clear()
    page.activate()
    qtbot.waitUntil(no_more(lambda: len(jobs.asked) == 1), timeout=8000)
    page.deactivate()
    assert not page.maps.filling
    jobs.gate.set()
    page.activate()
    settle(qtbot, page)


def test_a_failure_is_said_and_can_be_tried_again(qtbot: QtBot, page: TimeMachinePage, jobs: Jobs) -> None:
    jobs.failure = DiffuscopeError("The noise judge's weights cannot be read.", "Restore them.")
    heard: list[Any] = []
    page.session.message.connect(heard.append)
    page.activate()
    qtbot.waitUntil(no_more(lambda: page.maps.failure is not None), timeout=8000)
    assert [(told.key, told.headline) for told in heard] == [
        ("time-machine", "The noise judge's weights cannot be read.")]
    assert page.setup.go_on.isVisible()
    jobs.failure = None
    QTest.mouseClick(page.setup.go_on, Qt.MouseButton.LeftButton)
    settle(qtbot, page)
    assert page.maps.failure is None


def test_another_class_is_there_at_once(qtbot: QtBot, filled: TimeMachinePage, jobs: Jobs) -> None:
    jobs.gate.clear()
    filled.session.set_class(7)
    assert pixel(filled, 2, 5, 2) == (7,) * 3
    assert len(jobs.asked) == 2
    assert jobs.asked[1].class_label == 7
    jobs.gate.set()
    settle(qtbot, filled)
    assert "A 7 is first readable" in filled.finding.text()


def test_another_seed_empties_the_map(qtbot: QtBot, filled: TimeMachinePage, jobs: Jobs) -> None:
    jobs.gate.clear()
    filled.session.set_seed(5)
    sunken = theme().color("sunken")
    assert pixel(filled, 2, 5) == (sunken.red(), sunken.green(), sunken.blue())
    jobs.gate.set()
    settle(qtbot, filled)
    assert jobs.asked[-1].seed == 5


def test_what_a_map_leaves_out_asks_for_no_other(filled: TimeMachinePage, jobs: Jobs) -> None:
    filled.session.set_sampling(num_steps=33)
    filled.session.set_sampling(grid="karras")
    assert len(jobs.asked) == 1
    filled.session.set_sampling(guidance_scale=4.5)
    assert len(jobs.asked) == 2


def test_a_new_snapshot_becomes_a_column(qtbot: QtBot, filled: TimeMachinePage, jobs: Jobs) -> None:
    run = filled.session.run
    assert run is not None
    writer = RunWriter.reopen(run.path)
    writer.save_snapshot(60, weights(60))
    writer.close()
    filled.session.poll_run()
    assert [place.step for place in filled.view.canvas.places] == [*STEPS, 60]
    settle(qtbot, filled)
    assert len(jobs.asked) == 2
    assert pixel(filled, 4, 3) == (60,) * 3


def test_it_grows_with_a_run_that_trains_here(qtbot: QtBot, filled: TimeMachinePage, jobs: Jobs) -> None:
    session = filled.session
    session.start_training(config())
    qtbot.waitUntil(no_more(lambda: not session.training and session.snapshots[-1] == 40), timeout=15_000)
    assert jobs.asked[-1].runs == (session.run.path,)  # type: ignore[union-attr]
    settle(qtbot, filled)
    assert [place.step for place in filled.view.canvas.places] == session.snapshots
    assert len(session.snapshots) > 3
    assert pixel(filled, -1, 3) == (40,) * 3


def test_a_lost_snapshot_has_no_column(qtbot: QtBot, page: TimeMachinePage, jobs: Jobs) -> None:
    jobs.lost = {20}
    page.activate()
    settle(qtbot, page)
    assert [place.step for place in page.view.canvas.places] == [0, 10, 40]
    assert page.maps.maps[0].comparison() is not None


def test_fewer_columns_and_other_rows(qtbot: QtBot, session: Session, page: TimeMachinePage, tmp_path: Path,
                                      jobs: Jobs) -> None:
    make_run(tmp_path / "long", steps=tuple(range(0, 240, 8)))
    session.open_run(tmp_path / "long")
    session.set_time_machine(TimeMachineConfig(columns=10, levels=13))
    page.activate()
    settle(qtbot, page)
    assert len(page.view.canvas.places) == 10
    assert [page.view.canvas.places[i].step for i in (0, -1)] == [0, 232]
    assert page.view.canvas.rows == 13
    assert (jobs.asked[-1].columns, jobs.asked[-1].levels) == (10, 13)


def test_without_a_run_or_snapshot_it_says_what_is_missing(qtbot: QtBot, session: Session, page: TimeMachinePage,
                                                           tmp_path: Path, jobs: Jobs) -> None:
    page.activate()
    make_run(tmp_path / "none", steps=())
    session.open_run(tmp_path / "none")
    assert page.empty.isVisible()
    assert page.empty.title.text() == "This run has no snapshot yet."
    session.close_run()
    assert page.empty.title.text() == "No run is open."
    assert page.ready()
    assert not page.setup.table.isEnabled()


def test_a_schedule_of_too_few_timesteps_is_said(qtbot: QtBot, session: Session, page: TimeMachinePage,
                                                 tmp_path: Path) -> None:
    make_run(tmp_path / "short", config=config().changed(diffusion={"num_timesteps": 50}))
    session.open_run(tmp_path / "short")
    page.activate()
    settle(qtbot, page)
    assert [int(t) for t in page.maps.maps[0].t[:3]] == [50, 48, 46]


# ---- what is shown ----

def test_a_cell_shows_the_picture_the_noise_or_the_judge(filled: TimeMachinePage) -> None:
    session = filled.session
    session.set_time_machine(TimeMachineConfig(show="xt"))
    assert [pixel(filled, 1, row)[0] for row in (0, 12, 24)] == [0, 128, 255]  # -2 and 2 are clipped
    session.set_time_machine(TimeMachineConfig(show="judge"))
    ramp = theme().ramp()
    sure, unsure = tuple(ramp[round(255 * float(np.float16(0.96)))]), tuple(ramp[51])
    assert pixel(filled, 3, 12) == tuple(int(v) for v in sure)
    assert pixel(filled, 3, 11) == tuple(int(v) for v in unsure)
    session.set_time_machine(TimeMachineConfig(tint=True))
    accent = QColor(tokens("dark")["accent"])
    plain = column(40, 3).x0[24, 0, 0, 0]
    expected = [int(plain * (1 - 0.96 * (1 - part / 255))) for part in (accent.red(), accent.green(), accent.blue())]
    assert np.abs(np.array(pixel(filled, 3, 24)) - expected).max() <= 1


def test_a_coarse_column_fills_the_rows_below_and_what_is_not_there_is_empty() -> None:
    canvas = Canvas()
    canvas.lay_out([Place(0, 5), Place(0, 9)], 9, (SIDE, SIDE))
    full = column(5, 3, 3)
    canvas.paint(0, replace(full, rows=(0, 4, 8), filled=2), None, "x0", False)
    rows = [canvas.image().pixelColor(1, row * (SIDE + 1)).red() for row in range(9)]
    assert rows[:8] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert rows[8] == theme().color("sunken").red()
    assert canvas.image().pixelColor(canvas.lefts[1], 0) == theme().color("sunken")
    canvas.paint(0, replace(full, probability=None), None, "judge", False)
    assert canvas.image().pixelColor(0, 0) == theme().color("sunken")


def test_while_a_column_is_missing_the_nearest_one_stands_in_faintly(qtbot: QtBot, page: TimeMachinePage,
                                                                     jobs: Jobs) -> None:
    jobs.bright = {"a": 200}
    jobs.only = {40}
    page.activate()
    qtbot.waitUntil(no_more(lambda: not page.maps.filling and not page.painter.waiting), timeout=8000)
    assert not page.maps.filled()
    empty = theme().color("sunken").red()
    assert pixel(page, 3, 5, 5) == (200,) * 3
    assert {pixel(page, index, 5, 5)[0] for index in range(3)} == {int(200 * 0.4 + empty * 0.6)}


def test_colour_pictures_keep_their_colours() -> None:
    canvas = Canvas()
    canvas.lay_out([Place(0, 5)], 1, (2, 2))
    x0 = np.zeros((1, 3, 2, 2), dtype=np.uint8)
    x0[0, :, 0, 0] = 200, 100, 50
    canvas.paint(0, Column(5, 0, (0,), x0.astype(np.float16), x0, None, None, 1), None, "x0", False)
    assert canvas.image().pixelColor(0, 0).getRgb()[:3] == (200, 100, 50)


def test_two_runs_stand_side_by_side_or_as_a_difference(qtbot: QtBot, session: Session, page: TimeMachinePage,
                                                        tmp_path: Path, jobs: Jobs) -> None:
    from engine import paths

    other = paths.runs_dir() / "second"
    other.parent.mkdir(parents=True, exist_ok=True)
    make_run(other, steps=(0, 25))
    jobs.bright = {"second": 40}
    page.activate()
    assert (str(other), "second") in page.setup._others
    page.setup.other.changed.emit(str(other))
    settle(qtbot, page)
    assert session.time_machine.other == str(other)
    assert jobs.asked[-1].runs == (session.run.path, other)  # type: ignore[union-attr]
    places = page.view.canvas.places
    assert [(p.number, p.step) for p in places] == [(0, 0), (0, 10), (0, 20), (0, 40), (1, 0), (1, 25)]
    assert pixel(page, 5, 3, 5) == (40,) * 3
    assert page.view._titles == ["a", "second"]
    QTest.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(page, 5, 3))
    assert session.step == 20  # the open run's snapshot nearest to 25
    page.setup.way.committed.emit("compare", "difference")
    settle(qtbot, page)
    places = page.view.canvas.places
    assert [(p.number, p.step, p.minus) for p in places] == [(0, 0, 0), (0, 10, 0), (0, 20, 25), (0, 40, 25)]
    assert pixel(page, 3, 3, 5) == (148,) * 3  # 127.5 + 40 / 2
    assert pixel(page, 3, 3, 1) == (128,) * 3  # both say the row
    assert page.setup.why.isHidden()


def test_runs_of_other_schedules_can_only_stand_side_by_side(qtbot: QtBot, session: Session, page: TimeMachinePage,
                                                             jobs: Jobs) -> None:
    from engine import paths

    other = paths.runs_dir() / "cosine"
    other.parent.mkdir(parents=True, exist_ok=True)
    make_run(other, config=config().changed(diffusion={"schedule": "cosine"}))
    page.activate()
    session.set_time_machine(TimeMachineConfig(other=str(other), compare="difference"))
    settle(qtbot, page)
    assert len(page.view.canvas.places) == 8
    assert "schedules differ" in page.setup.why.text()
    assert page.setup.why.isVisible()


def test_places_of_two_runs() -> None:
    assert side_by_side([[1, 2], [3]]) == [Place(0, 1), Place(0, 2), Place(1, 3)]
    assert differences([1, 10], [0, 4, 30]) == [Place(0, 1, 0), Place(0, 10, 4)]
    assert differences([1], []) == []


# ---- hands ----

def test_a_click_sets_both_sliders(filled: TimeMachinePage) -> None:
    session = filled.session
    QTest.mouseClick(filled.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 1, 6))
    assert (session.step, session.t) == (10, 750)
    assert filled.view.current == (1, 6)
    assert not session.following
    assert filled.walk.clock.row == ""


def test_the_pointer_enlarges_and_moves_nothing(qtbot: QtBot, filled: TimeMachinePage) -> None:
    before = filled.session.step, filled.session.t
    QTest.mouseMove(filled.view.viewport(), centre(filled, 2, 12))
    filled.view._hover((2, 12))
    qtbot.waitUntil(no_more(lambda: filled.side.title.text().startswith("Step 20 t 500, 50\u202f%")), timeout=8000)
    assert filled.side.x0.values is not None
    assert round(127.5 * (float(filled.side.x0.values[0, 0, 1]) + 1)) == 12
    assert filled.side.plot.title == "Judge reads 3"
    assert filled.side.here.y.round(2).tolist() == [0.2] * 16 + [0.96] * 9
    assert filled.side.last.y.round(2).tolist() == [0.2] * 12 + [0.96] * 13
    assert (filled.session.step, filled.session.t) == before
    filled.view._hover(None)
    qtbot.waitUntil(no_more(lambda: filled.side.title.text().startswith("Step 40")), timeout=8000)


def test_a_drag_draws_a_way_and_plays_it(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session, view = filled.session, filled.view
    history = History(session)
    seen: list[tuple[int, int]] = []
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 0, 2))
    for cell in ((1, 2), (1, 3), (2, 4)):
        QTest.mouseMove(view.viewport(), centre(filled, *cell))
        view.mouseMoveEvent(_move(filled, cell))
    assert (session.step, round(session.t)) == (20, 833)
    assert view.way == [(0, 2), (1, 2), (1, 3), (2, 4)]
    assert history.stack.count() == 0
    session.noise_level_changed.connect(lambda t: seen.append((session.step, t)))
    session.step_changed.connect(lambda step: seen.append((step, session.t)))
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 2, 4))
    assert history.stack.count() == 2  # training step, noise level
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)
    assert seen[0][0] == 0
    assert (session.step, session.t) == (20, 833)
    assert filled.view.way == [(0, 2), (1, 2), (1, 3), (2, 4)]
    assert filled.setup.play.isEnabled()
    history.stack.undo()
    history.stack.undo()
    assert (session.step, session.t) == (40, 420)


def _move(page: TimeMachinePage, cell: tuple[int, int]) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    at = QPointF(centre(page, *cell))
    return QMouseEvent(QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton,
                       Qt.KeyboardModifier.NoModifier)


def test_a_quick_drag_passes_over_no_cell() -> None:
    assert between((0, 0), (3, 6)) == [(0, 1), (1, 2), (2, 3), (2, 4), (2, 5), (3, 6)]
    assert between((4, 4), (3, 4)) == [(3, 4)]
    assert between((4, 4), (4, 4)) == []


def test_with_reduced_motion_a_drag_is_not_played_by_itself(qtbot: QtBot, filled: TimeMachinePage) -> None:
    save_preferences(Preferences(reduced_motion=True))
    filled.view.drawn.emit([(0, 0), (1, 1)])
    assert filled.walk.clock.row == ""
    QTest.mouseClick(filled.setup.play, Qt.MouseButton.LeftButton)
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)


def test_the_map_is_walked_by_keys(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session, view = filled.session, filled.view
    session.set_noise_level(500)
    assert view.current == (3, 12)
    press(filled, Qt.Key.Key_Left, Qt.Key.Key_Up)
    assert (session.step, session.t) == (20, 542)
    press(filled, Qt.Key.Key_Home, Qt.Key.Key_PageUp)
    assert (session.step, session.t) == (0, 1000)
    press(filled, Qt.Key.Key_Left, Qt.Key.Key_Up)
    assert view.current == (0, 0)
    press(filled, Qt.Key.Key_End, Qt.Key.Key_PageDown)
    assert (session.step, session.t) == (40, 0)
    press(filled, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Up, shift=True)
    assert view.way == [(3, 24), (3, 23), (2, 23), (2, 22)]
    press(filled, Qt.Key.Key_Return)
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)
    assert view.current == (2, 22)
    assert "step 20, t 83" in view.accessibleDescription()


def test_a_large_map_scrolls_to_the_point(filled: TimeMachinePage) -> None:
    filled.resize(500, 300)
    filled.session.set_time_machine(TimeMachineConfig(size=3))
    view = filled.view
    assert view.verticalScrollBar().maximum() > 0
    filled.session.set_noise_level(0)
    assert view.room().adjusted(-1, -1, 1, 1).contains(view.cell_rect((3, 24)))
    filled.session.set_noise_level(1000)
    assert view.room().adjusted(-1, -1, 1, 1).contains(view.cell_rect((3, 0)))
    assert view.cell_rect((3, 0)).width() == 3 * SIDE
    assert view.cell_at(view.cell_rect((3, 0)).center()) == (3, 0)


def test_settings_are_undone_and_kept(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session = filled.session
    history = History(session)
    filled.setup.what.changed.emit("judge")
    filled.setup.boxes["line"].committed.emit("line", False)
    assert session.time_machine == TimeMachineConfig(show="judge", line=False)
    assert filled.view.curves == []
    assert filled.finding.text() == ""
    assert not filled.setup.rows["line_seeds"].isEnabled()
    state = WindowState()
    state.place.time_machine = session.time_machine
    save_state(state)
    assert load_state().place.time_machine == session.time_machine
    history.stack.undo()
    assert session.time_machine == TimeMachineConfig()
    assert filled.setup.what.value() == "x0"
    assert len(filled.view.curves) == 1


def test_the_line_over_one_seed_is_the_maps_own(qtbot: QtBot, filled: TimeMachinePage, jobs: Jobs) -> None:
    filled.session.set_time_machine(TimeMachineConfig(line_seeds=1))
    settle(qtbot, filled)
    assert jobs.asked[-1].line_seeds == 1
    assert [curve.dashed for curve in filled.view.curves] == [False]
    assert filled.finding.text().startswith("One seed. A 3 from seed 0 is first readable at 83\u202f% denoised after "
                                            "step 0, at 50\u202f% after 40.")
    assert filled.heading.note() == "line: this seed"


def test_every_control_says_what_it_does(filled: TimeMachinePage) -> None:
    setup = filled.setup
    for widget in (setup.play, setup.table, setup.picture, setup.other, setup.go_on, setup.progress.cancel,
                   filled.decided, filled.save, *(row.editor for row in (*setup.rows.values(), *setup.boxes.values()))):
        assert widget.toolTip(), widget.accessibleName()
        assert widget.accessibleName()
    assert filled.view.accessibleName()


# ---- words and files ----

def test_words() -> None:
    from engine.measure.time_machine_line import Comparison, Decides, LinePoint

    first, last = LinePoint(130, 66.0, 20, 24), LinePoint(1100, 58.0, 24, 24)
    found = Comparison(Decides.EARLIER, first, last, -8.0, (-11.0, -5.0), 20)
    assert finding(found, "8").numbers == (
        "An 8 is first readable at 66\u202f% denoised after step 130, at 58\u202f% after 1\u202f100; \u22128.0 points, "
        "\u221211.0 to \u22125.0, 20 seeds.")
    assert finding(replace(found, decides=Decides.SAME), "3").answer == "No certain change."
    assert finding(replace(found, decides=Decides.LATER), "3").answer == "It comes to decide later."
    assert finding(Comparison(Decides.UNREAD, last=LinePoint(9, None, 2, 24)), "3").numbers == \
        "After step 9 the judge reads 2 of 24 seeds as 3 to the end."
    assert finding(Comparison(Decides.SHORT, first, last), "3").answer == "Too few seeds for a verdict."
    assert finding(Comparison(Decides.SHORT, last, last), "3").answer == "Only the last snapshot is readable."
    assert own_finding([], "3", 1).answer == "Filling the map."
    assert own_finding([LinePoint(0, None, 0, 1)], "3", 1).answer == "Not readable with this seed."


def test_the_table_has_a_row_for_each_cell(filled: TimeMachinePage, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "map"), ""))
    QTest.mouseClick(filled.setup.table, Qt.MouseButton.LeftButton)
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * LEVELS
    one = next(row for row in rows if row["training_step"] == "20" and row["t"] == "333")
    assert (one["run"], one["class"], one["read"], one["first_readable"]) == ("a", "3", "3", "1")
    assert float(one["probability"]) == pytest.approx(0.96, abs=1e-3)
    assert float(one["percent_denoised"]) == pytest.approx(66.7)
    assert sum(row["first_readable"] == "1" for row in rows) == 5 + 7 + 9 + 13


def test_the_picture_is_the_whole_map(filled: TimeMachinePage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.resize(500, 300)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "map.png"), ""))
    QTest.mouseClick(filled.setup.picture, Qt.MouseButton.LeftButton)
    image = QImage(str(tmp_path / "map.png"))
    ratio = filled.devicePixelRatioF()
    assert image.width() == round(filled.view.full_size().width() * ratio)
    assert image.height() == round(filled.view.full_size().height() * ratio)
    assert '"classes": [3]' in image.text("diffuscope")
    assert '"page": "time-machine"' in image.text("diffuscope")


def test_what_cannot_be_written_is_said(filled: TimeMachinePage, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    filled.session.message.connect(heard.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "map.csv"), ""))
    filled.files.save_table()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "map.png"), ""))
    filled.files.save_picture()
    assert [told.headline for told in heard] == ["map.csv could not be written.", "map.png could not be written."]
