"""Guidance on the CLIP page: the course of a picture, every way to guide, the study with its red flags, settings."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress
from engine.measure.clip_study import CALLS, SECONDS, TABLES, Figures, Row, Study, StudyReady, StudyRequest, methods
from engine.measure.clip_study import study_key as key_of
from engine.measure.clip_trace import Course, CourseReady, CourseRequest, GridReady, GridRequest
from engine.runs import Run
from gui.pages.clip_guidance import EVERY, PICTURE, STUDY, GuidanceView
from gui.session import Session
from gui.theme import apply_theme
from gui.undo import History

SIGMA = np.geomspace(20, 0.05, 8)
GUIDED = (SIGMA > 0.3) & (SIGMA <= 5)


def course(request: CourseRequest, filled: int = 8) -> Course:
    """Surer and surer of the class; the weight falls."""
    pictures = np.zeros((8, 1, 8, 8), dtype=np.float16)
    sure = np.where(GUIDED, np.linspace(0.2, 0.9, 8), np.nan)
    gradient = request.sampling.clip_guidance == "gradient"
    return Course(SIGMA, np.linspace(900, 20, 8).astype(np.int64), 1000, pictures, pictures, sure,
                  np.full(8, np.nan) if gradient else sure / 2, np.where(GUIDED, np.linspace(3, 2, 8), 1.0), GUIDED,
                  pictures[0] if filled == 8 else None, filled, 12, 0.2)


def study(request: StudyRequest, flagged: bool = False) -> Study:
    """All alike but the controls in an interval, which are nearer, and (flagged) boost, which pleases CLIP alone."""
    noises = np.random.default_rng(0).normal(0, 1e-3, 5)  # of a block, the same for every method
    rows = []
    for table in TABLES:
        for method in methods(request.clip_model):
            worse = flagged and method.name == "boost"
            rows.append(Row(method.name, table, 12, 24, 20, 24.0, tuple(
                Figures(0.98 - 0.02 * worse + noise, -0.1, 3.0 - (method.kind == "interval") + noise, 0.95, 0.9, 0.99,
                        -0.1 + 0.05 * worse + noise, 2.0 if method.kind == "clip" else None)
                for noise in noises.tolist())))
    return Study(40, request.clip_model, "", 0.98, "", 0.99, 5, 400, 0, 24, "dpmpp-2m", 0.5, 1.5, 2000, tuple(rows),
                 rows[0].blocks, "cpu")


class Jobs:
    """Stands in for the engine's jobs."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.failure: Exception | None = None
        self.flagged = True

    def course_job(self, request: CourseRequest, key: str, priority: Priority) -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield CourseReady(request, 40, course(request, 4))
            yield CourseReady(request, 40, course(request))

        return Job(key, make, priority)

    def grid_job(self, request: GridRequest, key: str, priority: Priority) -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            read = np.tile(np.arange(10), (6, 1))
            read[2, 3] = 8
            for row in range(1, 7):
                yield GridReady(request, 40, np.zeros((row, 10, 8, 8), dtype=np.uint8), read[:row], row == 6)

        return Job(key, make, priority)

    def study_job(self, request: StudyRequest, key: str) -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            yield JobProgress(100, 1000, "pictures")
            yield StudyReady(request, study(request, self.flagged), False)

        return Job(key, make, Priority.BACKGROUND)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    made = Jobs()
    monkeypatch.setattr("engine.jobs.clip_course_job", made.course_job)
    monkeypatch.setattr("engine.jobs.clip_grid_job", made.grid_job)
    monkeypatch.setattr("engine.jobs.clip_study_job", made.study_job)
    return made


@pytest.fixture
def view(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> GuidanceView:
    """In front, with a run, CLIP guiding nothing."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    session.set_sampling(clip_model="judge")
    made = GuidanceView(session)
    show_beside_sections(qtbot, made, made.sections, (902, 640))
    made.activate()
    return made


def settled(qtbot: QtBot, view: GuidanceView) -> None:
    qtbot.waitUntil(view.ready, timeout=8000)


@pytest.fixture
def guided(qtbot: QtBot, view: GuidanceView) -> GuidanceView:
    """Switched on by its button."""
    QTest.mouseClick(view.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.course.course is not None and view.course.course.complete, timeout=8000)
    return view


def test_switched_off_it_says_so_and_a_button_switches_it_on(view: GuidanceView, jobs: Jobs) -> None:
    assert view.finding_words()[0] == "CLIP guides nothing."
    assert view.empty.isVisible()
    assert jobs.asked == []
    assert not view.setup.strength.isEnabled()
    assert view.setup.method.isEnabled()
    QTest.mouseClick(view.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert view.session.sampling.clip_guidance == "scale"
    assert view.session.sampling.clips
    assert view.setup.strength.isEnabled()


def test_the_course_is_drawn_over_percent_denoised_with_the_noise_slider(guided: GuidanceView, jobs: Jobs) -> None:
    asked = jobs.asked[0]
    assert asked == CourseRequest(guided.session.run.path, 40, guided.session.class_label, guided.session.seed,
                                  guided.session.sampling)
    chance = guided.course.with_class
    np.testing.assert_allclose(chance.x, course(asked).denoised[GUIDED])
    np.testing.assert_allclose(chance.y, 100 * np.linspace(0.2, 0.9, 8)[GUIDED])
    assert len(guided.course.without.x) == GUIDED.sum()
    assert len(guided.course.line.x) == 8
    answer, numbers = guided.finding_words()
    weights, sure = np.linspace(3, 2, 8)[GUIDED], np.linspace(0.2, 0.9, 8)[GUIDED]
    assert answer == f"The judge guides by scale: w from {weights.min():.2f} to {weights.max():.2f}."
    assert f"to {100 * sure[-1]:.0f}\u202f% with it, to {50 * sure[-1]:.0f}\u202f% without" in numbers
    guided.session.set_noise_level(guided.session.schedule.t_of_sigma(float(SIGMA[3])))
    assert guided.course.chance.marks.current == pytest.approx(course(asked).denoised[3], abs=1.0)
    guided.course.film.clicked.emit(guided.course._columns.index(5))
    assert guided.session.sigma() == pytest.approx(SIGMA[5], rel=0.1)


def test_another_class_asks_anew_and_what_was_there_is_kept(qtbot: QtBot, guided: GuidanceView, jobs: Jobs) -> None:
    first = guided.session.class_label
    guided.session.set_class(7)
    settled(qtbot, guided)
    guided.session.set_class(first)
    assert guided.course.course is not None
    assert [asked.class_label for asked in jobs.asked] == [first, 7]


def test_the_gradient_has_one_prediction_and_a_step(qtbot: QtBot, guided: GuidanceView) -> None:
    guided.session.set_sampling(clip_guidance="gradient")
    settled(qtbot, guided)
    assert guided.course.weight.title == "Length of the step"
    assert not guided.course.without.visible
    assert "by gradient: step from" in guided.finding_words()[0]
    assert "It is least sure at" in guided.finding_words()[1]
    assert guided.setup.longest.isEnabled()
    assert not guided.setup.mode.isEnabled()


def test_a_failure_is_told_in_its_place(qtbot: QtBot, guided: GuidanceView, jobs: Jobs) -> None:
    jobs.failure = BadSetting("That reader cannot be had.", "Choose another one.")
    guided.session.set_sampling(clip_model="ViT-B-32/nowhere")
    qtbot.waitUntil(lambda: guided.courses.failure is not None, timeout=8000)
    assert guided.empty.isVisible()
    assert guided.empty.title.text() == "That reader cannot be had."
    assert guided.setup.reader.value() == "ViT-B-32/nowhere"


def test_settings_are_undone_and_say_what_they_cost(guided: GuidanceView) -> None:
    history = History(guided.session)
    guided.setup.strength.committed.emit("clip_strength", 0.5)
    assert guided.session.sampling.clip_strength == 0.5
    history.stack.undo()
    assert guided.session.sampling.clip_strength == 1.0
    assert guided.setup.strength.value() == 1.0
    looks = 2 * 4  # of four steps, guided everywhere
    assert f"{looks} looks of the reader" in guided.setup.cost.text()


def test_every_way_comes_row_by_row_with_the_judge_s_misreadings(qtbot: QtBot, view: GuidanceView,
                                                                 jobs: Jobs) -> None:
    view.show_part(EVERY)
    qtbot.waitUntil(lambda: view.grids.answer is not None and view.grids.answer.complete, timeout=8000)
    assert isinstance(jobs.asked[-1], GridRequest)
    assert [name for name, _ in view.grid._names][:2] == ["class alone", "constant w = 3"]
    assert view.grid._names[2] == ("CLIP blend", "3 as 8")
    assert view.grid._names[0][1] == "all read right"
    view.grid.clicked.emit(4)
    assert view.session.class_label == 4


def test_the_study_is_made_on_request_and_its_flag_is_red(qtbot: QtBot, view: GuidanceView, jobs: Jobs) -> None:
    view.show_part(STUDY)
    assert view.finding_words()[0] == "Whether CLIP guidance helps was not studied for these weights."
    assert view.empty.title.text() == "Not studied for these weights"
    QTest.mouseClick(view.empty.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.studies.known is not None and not view.studies.measuring, timeout=8000)
    assert view.finding_words()[0].startswith("At equal network calls, every way to guide by CLIP is worse")
    assert view.finding_words()[1] == "1 of 16 methods carry a red flag."
    assert "Red flag: CLIP scale, boost." in view.study.flags.text()
    assert view.study.flags.isVisible()
    table = view.study.table
    assert table.rowCount() == 17
    texts = [table.item(row, 0).text() for row in range(17)]
    assert "⚑ CLIP scale, boost" in texts
    assert sum("best control" in text for text in texts) == 1
    assert texts[-1] == "real digits"
    assert not view.setup.measure.isEnabled()
    view.study.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "| class alone, w = 1 |" in copied
    assert "Red flags:" in copied
    view.study.which.set_value(SECONDS)
    assert view.study.which.value() == SECONDS != CALLS


def test_a_study_that_came_with_the_run_is_there_at_once(view: GuidanceView, tmp_path: Path) -> None:
    run = Run.open(tmp_path / "a")
    request = StudyRequest(run.path, "judge", snapshot=40)
    run.save_measurement(key_of(run, request), study(request).values())
    view.studies.request = None
    view.show_part(STUDY)
    assert view.studies.known is not None
    assert view.finding_words()[1] == "No red flag."
    assert not view.study.flags.isVisible()
    assert view.study.table.isVisible()


def test_out_of_sight_it_asks_for_nothing(qtbot: QtBot, guided: GuidanceView, jobs: Jobs) -> None:
    guided.deactivate()
    count = len(jobs.asked)
    guided.session.set_class(2)
    guided.session.set_sampling(clip_strength=0.4)
    qtbot.wait(120)
    assert len(jobs.asked) == count
    guided.activate()
    settled(qtbot, guided)
    assert len(jobs.asked) == count + 1


def test_without_a_run_it_says_what_is_missing(qtbot: QtBot, session: Session, jobs: Jobs) -> None:
    apply_theme(QGuiApplication.instance())
    made = GuidanceView(session)
    qtbot.addWidget(made)
    made.show()
    made.activate()
    for part in (PICTURE, EVERY, STUDY):
        made.show_part(part)
        assert made.empty.title.text() == "There is nothing to guide yet."
    assert not jobs.asked
