"""Labelled sets, whether they help, and whether pictures are copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot
from use_scripted import Jobs, part

from engine.errors import DiffuscopeError
from gui.nearest_dialog import NearestDialog
from gui.pages.use import UsePage
from gui.session import Session

# ---- sets ----

def test_a_set_is_made_cancelled_and_told(page: UsePage, session: Session, jobs: Jobs, qtbot: QtBot,
                                          tmp_path: Path) -> None:
    now = part(page, "set")
    now.set("per_class", 5)
    jobs.gate.clear()
    assert now.start(tmp_path / "set")
    assert not now.start(tmp_path / "other")  # one at a time
    qtbot.waitUntil(lambda: now.job.running, timeout=4000)
    assert not now.make.isVisible()
    now.progress.cancel.click()
    assert not now.job.running
    assert now.done is None
    jobs.gate.set()
    assert now.start(tmp_path / "set")
    qtbot.waitUntil(lambda: now.done is not None and not now.job.running, timeout=8000)
    assert page.finding.text().startswith("50 pictures in set.")
    assert "90.0" in page.finding.text()
    assert "Is it copying?" in now.card.text()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    told: list[Any] = []
    session.message.connect(told.append)
    assert not now.start(tmp_path / "full")
    assert "not empty" in told[-1].headline


def test_a_failure_is_told_and_can_be_tried_again(page: UsePage, session: Session, jobs: Jobs, qtbot: QtBot,
                                                  tmp_path: Path) -> None:
    now = part(page, "set")
    jobs.failure = DiffuscopeError("It went wrong.", "Try again.")
    told: list[Any] = []
    session.message.connect(told.append)
    now.start(tmp_path / "set")
    qtbot.waitUntil(lambda: now.job.failure is not None, timeout=4000)
    assert told[-1].headline == "It went wrong."
    assert now.make.isEnabled()


# ---- does it help ----

def test_the_gain_is_plotted_and_said_with_its_caveat(page: UsePage, jobs: Jobs, qtbot: QtBot) -> None:
    now = part(page, "augmentation")
    assert page.finding.text() == "Not measured."
    assert "10\u202f000 pictures of 8 network calls" in now.cost.text()
    now.measure()
    qtbot.waitUntil(lambda: now.result is not None and now.result.complete and not now.job.running, timeout=8000)
    assert page.finding.text().startswith("Yes: drawn pictures help.")
    assert "100 real pictures alone 70.5" in page.finding.text()
    assert "+20.00 points" in now.gains.text()
    assert "learned 640 real pictures" in now.caveat.text()
    assert now.plot.isVisible()
    assert [line.name for line in now.plot.lines if line.legend] == ["100 real"]
    assert not now.button.isEnabled()
    now.set("seeds", 7)
    assert page.finding.text() == "Not measured."
    assert jobs.asked[-1].config.seeds == 5


def test_the_score_is_measured_by_itself(page: UsePage, qtbot: QtBot) -> None:
    now = part(page, "augmentation")
    now.measure_score()
    qtbot.waitUntil(lambda: now.score is not None and not now.scoring.running, timeout=8000)
    assert "98.00\u202f% after 10\u202f000 drawn pictures alone, 99.40" in now.score_words.text()
    assert not now.score_button.isEnabled()


# ---- is it copying ----

def test_nearest_pictures_are_shown_beside_the_drawn_one(page: UsePage, session: Session, jobs: Jobs,
                                                         qtbot: QtBot) -> None:
    dialog = NearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.found is not None, timeout=8000)
    asked = jobs.asked[-1]
    assert asked.class_labels == (session.class_label,)
    assert dialog.answer.text() == "No sign of copying."
    assert "60\u202f% of test pictures" in dialog.rows["pixels"][1].text()
    jobs.suspect = True
    session.set_class(6)
    qtbot.waitUntil(lambda: dialog.answer.text().startswith("Suspect"), timeout=8000)
    assert jobs.asked[-1].class_labels == (6,)
    dialog.close()
    count = len(jobs.asked)
    session.set_class(7)
    qtbot.wait(350)
    assert len(jobs.asked) == count
