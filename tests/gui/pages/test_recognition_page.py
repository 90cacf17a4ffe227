"""The Recognition page: what it says of a measurement, measuring, its dots and curves, and what it saves."""

from __future__ import annotations

import csv
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from scripted import make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.config import SamplingConfig
from engine.errors import DiffuscopeError
from engine.events import Command, Event, JobProgress
from engine.measure.recognition import Recognition, RecognitionReady, RecognitionRequest, recognition_key
from engine.measure.recognition_summary import DENOISED, SNR, STEPS, summarise
from engine.page_config import RecognitionConfig
from engine.runs import Run
from gui.pages.recognition import RecognitionPage
from gui.pages.recognition_words import claim_words, finding, judge_words, p_words
from gui.session import Session
from gui.theme import apply_theme, theme
from gui.undo import History

FRAMES = 51
CENTRES = (22, 30, 24, 26, 28, 40, 27, 29, 42, 25)


def recognition(request: RecognitionRequest, centres: tuple[int, ...] = CENTRES, never: int = 0,
                spread: int = 4) -> Recognition:
    """Pictures that are read from a frame around their class's centre on; before that as the next digit."""
    seeds = request.seeds
    first = np.array(centres)[:, None] + np.random.default_rng(1).integers(-spread, spread + 1, (10, seeds))
    first[:, :never] = FRAMES
    read = np.arange(FRAMES) >= first.reshape(-1, 1)
    label = np.repeat(np.arange(10), seeds)
    return Recognition(
        snapshot=40, average_percent=None, sampling=request.drawn_with, reading=request.reading,
        unconditional=request.unconditional, classes=tuple(range(10)), class_names=tuple("0123456789"), seeds=seeds,
        first_seed=0, nfe=100, num_timesteps=1000, sigma=tuple(np.append(np.geomspace(100, 0.1, 50), 0).tolist()),
        t=tuple(range(1000, -1, -20)), judge="abc", judge_accuracy=(0.75,) * 50 + (0.99,),
        class_label=label.astype(np.uint8), seed=np.tile(np.arange(seeds), 10),
        probability=np.where(read, 0.95, 0.2).astype(np.float16),
        top=np.where(read, label[:, None], (label[:, None] + 1) % 10).astype(np.uint8),
        top_probability=np.where(read, 0.95, 0.6).astype(np.float16))


class Jobs:
    """Stands in for the job. `gate` holds it in its middle."""

    def __init__(self) -> None:
        self.asked: list[RecognitionRequest] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def recognition_job(self, request: RecognitionRequest, key: str = "recognition") -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(100, 1000, "pictures")
            while not self.gate.wait(0.002):
                yield JobProgress(200, 1000, "pictures")
            yield RecognitionReady(request, recognition(request), False)

        return Job(key, make, Priority.BACKGROUND)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[Jobs, None, None]:
    made = Jobs()
    monkeypatch.setattr("engine.jobs.recognition_job", made.recognition_job)
    monkeypatch.setattr("gui.pages.recognition.measurable", lambda run: True)
    yield made
    made.gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> RecognitionPage:
    """The page in front, with a run that was not measured."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = RecognitionPage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    return made


@pytest.fixture
def measured(qtbot: QtBot, page: RecognitionPage) -> RecognitionPage:
    """The same, measured."""
    QTest.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.recognitions.known is not None and not page.recognitions.measuring, timeout=8000)
    return page


# ---- measuring ----

def test_before_it_was_measured_it_says_so_and_offers_to(page: RecognitionPage, jobs: Jobs) -> None:
    assert page.finding.text() == "Not measured."
    assert page.empty.isVisible()
    assert page.empty.title.text() == "Not measured for these weights"
    assert "1\u202f000 pictures of 8 network calls each" in page.empty.sentence.text()
    assert page.empty.buttons[0].isVisible()
    assert not page.setup.table.isEnabled()
    assert jobs.asked == []


def test_it_measures_the_point_that_is_looked_at(measured: RecognitionPage, jobs: Jobs) -> None:
    assert len(jobs.asked) == 1
    asked, session = jobs.asked[0], measured.session
    assert (asked.snapshot, asked.seeds, asked.reading, asked.unconditional) == (40, 100, "noisy", False)
    assert asked.sampling == session.sampling
    assert measured.finding.text().startswith("Readable at 59\u202f% on average, and it differs by class:")
    assert "0 comes first at 44\u202f%, 8 last at 84\u202f%" in measured.finding.text()
    assert measured.curves.isVisible()
    assert not measured.setup.measure.isEnabled()
    assert measured.setup.state.text() == "Measured over 1\u202f000 pictures."


def test_while_measuring_progress_stands_in_the_dock_and_it_can_be_cancelled(qtbot: QtBot, page: RecognitionPage,
                                                                             jobs: Jobs) -> None:
    jobs.gate.clear()
    page.recognitions.measure()
    qtbot.waitUntil(lambda: page.setup.progress.isVisible(), timeout=8000)
    qtbot.waitUntil(lambda: "200 of 1\u202f000" in page.setup.progress.words(), timeout=8000)
    assert page.setup.measure.isHidden()
    assert page.finding.text() == "Measuring."
    assert page.empty.title.text() == "Measuring"
    QTest.mouseClick(page.setup.progress.cancel, Qt.MouseButton.LeftButton)
    assert not page.recognitions.measuring
    assert page.setup.measure.isVisible()
    assert page.finding.text() == "Not measured."


def test_another_point_is_not_measured_and_the_first_is_there_at_once_again(measured: RecognitionPage,
                                                                            jobs: Jobs) -> None:
    before = measured.finding.text()
    measured.session.set_step(10)
    assert measured.finding.text() == "Not measured."
    assert measured.empty.isVisible()
    measured.session.set_step(40)
    assert measured.finding.text() == before
    measured.session.replace_sampling(SamplingConfig(num_steps=7))
    assert measured.recognitions.known is None
    assert len(jobs.asked) == 1


def test_a_measurement_of_before_is_shown_at_once(qtbot: QtBot, page: RecognitionPage) -> None:
    run = page.session.run
    assert run is not None
    request = RecognitionRequest(run.path, page.session.sampling, 20)
    run.save_measurement(recognition_key(Run.open(run.path), request), recognition(request).values())
    page.session.set_step(20)
    assert page.finding.text().startswith("Readable at 59")


def test_what_was_asked_elsewhere_arrives_there(qtbot: QtBot, page: RecognitionPage, jobs: Jobs) -> None:
    jobs.gate.clear()
    page.recognitions.measure()
    page.session.set_step(10)
    assert page.empty.sentence.text().startswith("Another measurement is under way")
    jobs.gate.set()
    qtbot.waitUntil(lambda: not page.recognitions.measuring, timeout=8000)
    assert page.recognitions.known is None
    page.session.set_step(40)
    assert page.recognitions.known is not None


def test_a_failure_is_said(qtbot: QtBot, page: RecognitionPage, jobs: Jobs) -> None:
    jobs.failure = DiffuscopeError("The noise judge's weights cannot be read.", "Restore them.")
    heard: list[Any] = []
    page.session.message.connect(heard.append)
    page.recognitions.measure()
    qtbot.waitUntil(lambda: page.recognitions.failure is not None, timeout=8000)
    assert page.finding.text() == "Not measured: the measurement failed."
    assert [(told.key, told.headline) for told in heard] == [
        ("recognition", "The noise judge's weights cannot be read.")]
    assert page.empty.buttons[0].isVisible()


def test_a_run_that_no_judge_reads(page: RecognitionPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.pages.recognition.measurable", lambda run: False)
    page.refresh()
    assert page.empty.title.text() == "No judge reads what this run draws yet."
    assert not page.setup.measure.isEnabled()
    assert page.empty.buttons[0].isHidden()


def test_without_a_run_or_a_snapshot_it_says_so(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> None:
    apply_theme(QGuiApplication.instance())
    page, dock = RecognitionPage(session), QWidget()
    for section in page.setup_sections():
        section.setParent(dock)
    qtbot.addWidget(page)
    qtbot.addWidget(dock)
    page.activate()
    assert page.empty.title.text() == "No run is open."
    make_run(tmp_path / "b", steps=())
    session.open_run(tmp_path / "b")
    assert page.empty.title.text() == "This run has no snapshot yet."
    assert page.ready()


def test_settings_are_kept_by_undo_and_ask_another_question(measured: RecognitionPage) -> None:
    history = History(measured.session)
    measured._choose(reading="x0")
    measured.setup._set("unconditional", True)
    assert measured.recognitions.request is not None
    assert (measured.recognitions.request.reading, measured.recognitions.request.unconditional) == ("x0", True)
    assert measured.setup.guidance.value.text() == "none"
    assert measured.finding.text() == "Not measured."
    history.stack.undo()
    history.stack.undo()
    assert measured.session.recognition == RecognitionConfig()
    assert measured.reader.value() == "noisy"
    assert measured.finding.text().startswith("Readable")


# ---- what is shown ----

def test_curves_and_ranking_are_those_of_the_measurement(measured: RecognitionPage) -> None:
    curves = {curve.class_label: curve for curve in measured.curves.curves}
    assert list(curves) == list(range(10))
    assert curves[0].first == pytest.approx(44, abs=1)
    assert curves[0].first_words == f"{curves[0].first:.0f}\u202f%"
    assert curves[0].x.tolist() == list(range(0, 101, 2))
    assert curves[0].mean[0] == pytest.approx(0.2, abs=1e-3)
    labels = [row.class_label for row in measured.ranking.rows]
    assert labels[0] == 0
    assert labels[-2:] == [5, 8]
    assert all(len(row.places) == 100 for row in measured.ranking.rows)
    assert measured.ranking.claim == 70


def test_the_axis_tells_the_same_moments_on_another_scale(measured: RecognitionPage) -> None:
    measured.scale.set_value(SNR)
    measured.scale.changed.emit(SNR)
    curve = measured.curves.curves[0]
    assert len(curve.x) == 50, "without noise there is no dB"
    assert measured.curves.span == pytest.approx((-40, 20))
    assert curve.first_words.endswith("\u202fdB")
    assert measured.ranking.claim is None
    measured.scale.set_value(STEPS)
    measured.scale.changed.emit(STEPS)
    assert measured.curves.curves[0].x[-1] == 100


def test_the_noise_slider_stands_in_every_curve(measured: RecognitionPage) -> None:
    session = measured.session
    session.set_noise_level(0)
    assert measured.curves.current == 100
    session.set_noise_level(1000)
    assert measured.curves.current == pytest.approx(0, abs=1)


def test_a_dot_leads_to_its_picture(measured: RecognitionPage) -> None:
    ranking, session = measured.ranking, measured.session
    row = ranking.rows[0]
    QTest.mouseClick(ranking, Qt.MouseButton.LeftButton, pos=ranking.dot(0, 7).toPoint())
    hit = ranking.dot_at(ranking.dot(0, 7).toPoint().toPointF())
    assert hit is not None
    assert (session.class_label, session.seed) == (row.class_label, int(row.seeds[hit[1]]))
    assert 1000 - 10 * row.places[hit[1]] == pytest.approx(session.t, abs=1)
    assert ranking.chosen == row.class_label


def test_clicks_and_arrows_choose_a_class(measured: RecognitionPage) -> None:
    session, curves, ranking = measured.session, measured.curves, measured.ranking
    QTest.mouseClick(curves, Qt.MouseButton.LeftButton, pos=curves.cell(7).center().toPoint())
    assert session.class_label == curves.chosen == 7
    QTest.keyClick(curves, Qt.Key.Key_Left)
    assert session.class_label == 6
    QTest.keyClick(curves, Qt.Key.Key_Up)
    assert session.class_label == 1
    QTest.keyClick(curves, Qt.Key.Key_Up)
    assert session.class_label == 1
    QTest.mouseClick(ranking, Qt.MouseButton.LeftButton, pos=QPoint(4, round(ranking.line(9))))
    assert session.class_label == ranking.rows[9].class_label
    QTest.keyClick(ranking, Qt.Key.Key_Up)
    assert session.class_label == ranking.rows[8].class_label
    assert curves.accessibleDescription().startswith(f"{ranking.rows[8].name}: first readable at ")


def test_pictures_never_read_stand_apart(qtbot: QtBot, page: RecognitionPage) -> None:
    run = page.session.run
    assert run is not None
    request = RecognitionRequest(run.path, page.session.sampling, 20)
    run.save_measurement(recognition_key(run, request), recognition(request, never=5).values())
    page.session.set_step(20)
    assert page.ranking.some_never()
    assert all(np.isinf(row.places).sum() == 5 for row in page.ranking.rows)
    assert page.ranking.dot(0, 0).x() > page.ranking.axes().right()
    assert "50 never read" in page.figures.text()
    session = page.session
    session.set_noise_level(123)
    page.look_at(4, 3, float("inf"))
    assert (session.class_label, session.seed, session.t) == (4, 3, 123)


def test_nothing_overlaps_at_the_smallest_window_and_at_larger_text(measured: RecognitionPage) -> None:
    measured.resize(983, 491)
    for scale in (1.0, 1.5):
        theme().set_scale(scale)
        QApplication.processEvents()  # layouts follow a larger text in their own time
        box = measured.ranking.axes()
        assert box.width() > 60
        for i in range(10):
            plot = measured.curves.box(i)
            assert plot.right() <= measured.curves.width()
            assert plot.bottom() <= measured.curves.height()
            assert plot.height() > 8
        for claim in measured.claims.claims:
            assert claim.words.height() >= claim.words.heightForWidth(claim.words.width())
        assert measured.claims.confusions.geometry().bottom() < measured.claims.height()
        measured.grab()
    theme().set_scale(1.0)


# ---- words ----

REQUEST = RecognitionRequest(Path("a"), SamplingConfig())


def test_the_verdict_says_when_a_difference_is_not_certain() -> None:
    found = recognition(REQUEST, centres=(30,) * 10)
    said = finding(found, summarise(found))
    assert said.answer == "Readable at 60\u202f% on average; that it differs by class is not certain:"
    assert said.figures.startswith("Friedman χ² = ")
    assert "n = 1\u202f000 (100 seeds as blocks), 0 never read" in said.figures


def test_the_verdict_says_when_hardly_anything_is_read() -> None:
    found = recognition(REQUEST, never=60)
    assert finding(found, summarise(found)).answer == "Mostly never readable:"
    assert "60\u202f% of the pictures" in finding(found, summarise(found)).numbers


def test_the_judges_own_error_stands_beside() -> None:
    found = recognition(REQUEST)
    assert judge_words(found, summarise(found)) == \
        "This judge misreads 25\u202f% of real pictures at the noise where half are read, 1\u202f% without noise."
    told = recognition(replace(REQUEST, reading="x0"))
    assert finding(told, summarise(told)).answer.startswith("Predicted x₀ is readable at ")
    assert judge_words(told, summarise(told)) == "This judge misreads 1\u202f% of real pictures."


def test_the_claims_have_their_numbers() -> None:
    summary = summarise(recognition(REQUEST))
    about, one, _ = summary.claims
    low, high = summary.overall[DENOISED].ci95 or (0, 0)
    assert claim_words(about, summary) == f"Earlier: 59\u202f%, interval {low:.0f} to {high:.0f}\u202f%."
    assert claim_words(one, summary) == "Yes: 61\u202f% against 84\u202f% and 80\u202f%, p\u00a0<\u00a00.001."
    late = summarise(recognition(REQUEST, centres=(30, 45, *CENTRES[2:])))
    assert claim_words(late.claims[1], late).startswith("No: 91\u202f% against 84\u202f%")
    equal = summarise(recognition(REQUEST, centres=(30,) * 10))
    assert claim_words(equal.claims[2], equal).startswith("Not certain: 60\u202f% against 60\u202f%")
    assert p_words(0.17) == "p\u00a0=\u00a00.17"


def test_the_caution_stands_where_the_class_was_told(qtbot: QtBot, measured: RecognitionPage) -> None:
    assert measured.caution.text() == ""
    measured.set_config(RecognitionConfig(reading="x0"))
    measured.recognitions.measure()
    qtbot.waitUntil(lambda: measured.recognitions.known is not None, timeout=8000)
    assert measured.caution.text().startswith("Told the class, a model predicts its average digit")


# ---- files ----

def test_the_table_is_saved_as_csv(measured: RecognitionPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "table"), ""))
    QTest.mouseClick(measured.setup.table, Qt.MouseButton.LeftButton)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000
    assert rows[0]["class"] == "0"
    QTest.mouseClick(measured.setup.picture, Qt.MouseButton.LeftButton)
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_that_cannot_be_written_is_told(measured: RecognitionPage, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    measured.session.message.connect(heard.append)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "a.csv"), ""))
    measured.save_table()
    measured.save_picture()
    assert [told.headline for told in heard] == ["a.csv could not be written.", "a.csv.png could not be written."]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    measured.save_table()
    assert len(heard) == 2
