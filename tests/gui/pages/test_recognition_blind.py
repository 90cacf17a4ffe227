"""The blind test: keys are its own while it runs, what was seen is kept, and there is a way out."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from scripted import make_run

from engine.compute import Job
from engine.events import Command, Event
from engine.measure.blind_test import BlindReady, BlindRequest, BlindTest, Trial, hidden, stored_blind, summarise_blind
from engine.measure.recognition_summary import DENOISED
from engine.runs import Run, SaveFailed
from gui.pages.recognition import RecognitionPage
from gui.pages.recognition_blind import ANSWERED, ASKING, PAUSED, RUNNING
from gui.session import Session
from gui.theme import apply_theme

FRAMES = 11
SIGMA = (*np.geomspace(100, 0.1, FRAMES - 1).tolist(), 0.0)
TIMES = tuple(range(1000, -1, -100))


class Jobs:
    """Stands in for the job."""

    def __init__(self) -> None:
        self.asked: list[BlindRequest] = []
        self.failure: Exception | None = None

    def blind_job(self, request: BlindRequest, key: str = "blind") -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield BlindReady(request, 40, np.zeros((FRAMES, 1, 28, 28), dtype=np.float16), SIGMA, TIMES, 5)

        return Job(key, make)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    made = Jobs()
    monkeypatch.setattr("engine.jobs.blind_job", made.blind_job)
    monkeypatch.setattr("gui.pages.recognition.measurable", lambda run: True)
    return made


class Window(QWidget):
    """The page with shortcuts such as the window has, and a field beside it."""

    def __init__(self, page: RecognitionPage) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.page, self.field, dock = page, QLineEdit(), QWidget()
        column, beside = QVBoxLayout(self), QVBoxLayout(dock)
        for section in page.setup_sections():
            beside.addWidget(section)
        for widget in (page, self.field, dock):
            column.addWidget(widget)
        for key in ("Space", "R", *"0123456789"):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(lambda k=key: self.heard.append(k))


@pytest.fixture
def window(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> Window:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    page = RecognitionPage(session)
    made = Window(page)
    qtbot.addWidget(made)
    made.resize(902, 1000)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    page.activate()
    page.set_config(session.recognition.model_copy(update={"blind_seconds": 120.0}))
    return made


def begin(qtbot: QtBot, window: Window) -> None:
    page = window.page
    page.start_blind()
    qtbot.waitUntil(lambda: page.stage.state == RUNNING, timeout=8000)


def test_space_stops_it_and_a_digit_answers_and_no_shortcut_of_the_window_acts(qtbot: QtBot, window: Window,
                                                                               jobs: Jobs) -> None:
    page, stage = window.page, window.page.stage
    page.blind.generator = np.random.default_rng(7)
    begin(qtbot, window)
    assert (jobs.asked[0].class_label, jobs.asked[0].seed) == hidden(np.random.default_rng(7), 10)
    assert page.finding.text().startswith("Blind test:")
    QTest.keyClick(stage, Qt.Key.Key_3)  # not yet asked
    QTest.keyClick(stage, Qt.Key.Key_R)
    assert stage.state == RUNNING
    stage._step()
    stage._step()
    QTest.keyClick(stage, Qt.Key.Key_Space)
    assert stage.state == ASKING
    assert stage.prompt.text() == "Which class is it?"
    right = jobs.asked[0].class_label
    QTest.keyClick(stage, Qt.Key(Qt.Key.Key_0 + right))
    assert stage.state == ANSWERED
    assert stage.prompt.text() == f"Right: it was {right}."
    assert "You saw it at 20\u202f%, the judge reads it from 50\u202f% on." in stage.hint.text()
    assert window.heard == []
    QTest.keyClick(stage, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: stage.state == RUNNING, timeout=8000)
    assert len(jobs.asked) == 2
    QTest.keyClick(stage, Qt.Key.Key_Escape)
    assert not page.blind.running
    assert page.person.isVisible()
    assert page.finding.text() == "You read at 20\u202f% on average, the judge at 50\u202f%: 1 picture, 1 right."
    page.reader.setFocus()
    QTest.keyClick(page.reader, Qt.Key.Key_R)
    assert window.heard == ["R"]


def test_what_was_seen_is_kept_with_the_run(qtbot: QtBot, window: Window, jobs: Jobs) -> None:
    page, session = window.page, window.page.session
    begin(qtbot, window)
    page.stage.go_on()
    wrong = (jobs.asked[0].class_label + 1) % 10
    QTest.mouseClick(page.stage.digits[wrong], Qt.MouseButton.LeftButton)
    assert page.stage.prompt.text().startswith("Wrong: it was ")
    assert page.setup.yours.text() == "Yours so far: 1 picture, 0 right."
    page.end_blind()
    assert session.run is not None
    kept = stored_blind(Run.open(session.run.path), session.sampling, session.step, session.average())
    asked = jobs.asked[0]
    assert kept.trials == (Trial(asked.class_label, asked.seed, 0, wrong, 5),)
    assert page.finding.text() == "You read none of them yet: 1 picture, 0 right."
    session.set_step(10)
    assert page.finding.text() == "You have read no picture of these weights yet."
    assert page.empty.buttons[1].isVisible()


def test_waiting_to_the_end_counts_as_never(qtbot: QtBot, window: Window, jobs: Jobs) -> None:
    page, stage = window.page, window.page.stage
    begin(qtbot, window)
    for _ in range(FRAMES):
        stage._step()
    assert stage.state == ASKING
    stage.answer(jobs.asked[0].class_label)
    assert page.blind.test.trials[0].frame == FRAMES
    assert "You waited to the end" in stage.hint.text()


def test_it_pauses_where_the_keys_go_elsewhere(qtbot: QtBot, window: Window) -> None:
    stage = window.page.stage
    begin(qtbot, window)
    window.field.setFocus()
    qtbot.waitUntil(lambda: stage.state == PAUSED, timeout=4000)
    frame = stage.frame
    qtbot.wait(50)
    assert stage.frame == frame
    stage.go_on()
    assert stage.state == RUNNING
    assert stage.hasFocus()


def test_another_page_ends_it_and_a_failure_is_told(qtbot: QtBot, window: Window, jobs: Jobs) -> None:
    page = window.page
    begin(qtbot, window)
    page.deactivate()
    assert not page.blind.running
    assert not page.stage._timer.isActive()
    page.activate()
    heard: list[Any] = []
    page.session.message.connect(heard.append)
    jobs.failure = ValueError("broken")
    page.start_blind()
    qtbot.waitUntil(lambda: bool(heard), timeout=8000)
    assert not page.blind.running
    assert heard[0].key == "blind"


def test_a_digit_that_cannot_be_saved_is_told(qtbot: QtBot, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise SaveFailed("The disk is full.")

    monkeypatch.setattr(Run, "save_measurement", full)
    heard: list[Any] = []
    window.page.session.message.connect(heard.append)
    begin(qtbot, window)
    window.page.stage.go_on()
    window.page.stage.answer(0)
    assert heard[0].headline == "The disk is full."


def test_the_person_stands_beside_the_judge() -> None:
    trials = (Trial(3, 1, 6, 3, 5), Trial(3, 2, 8, 3, 5), Trial(4, 3, 7, 9, 6), Trial(4, 4, FRAMES, 4, FRAMES),
              Trial(5, 5, 5, 5, FRAMES))
    test = BlindTest(SIGMA, TIMES, 1000, tuple("0123456789"), trials)
    summary = summarise_blind(test)
    assert (summary.overall.n, summary.overall.right) == (5, 4)
    assert summary.overall.person[DENOISED].mean == pytest.approx((60 + 80 + 50) / 3)
    assert summary.overall.judge[DENOISED].mean == pytest.approx((50 + 50 + 60) / 3)
    assert summary.overall.judge[DENOISED].n == 3
    assert (summary.later[DENOISED].mean, summary.later[DENOISED].n) == (20, 2)
    assert [label for label, _ in summary.classes] == [3, 4, 5]
    assert summary.classes[1][1].person[DENOISED].mean is None
    assert BlindTest.from_values(test.values()) == test
    assert BlindTest.from_values({**test.values(), "t": [1]}) == BlindTest()
    assert BlindTest.from_values({}) == BlindTest()
    blind = BlindTest(SIGMA, TIMES, 1000, tuple("0123456789"), (Trial(1, 1, 4, 1, None),))
    assert summarise_blind(blind).later[DENOISED].mean is None
