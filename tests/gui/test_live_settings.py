"""Training settings that change while a run trains: the box of the planned end, undo, what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot
from scripted import Script, config, no_more

from engine.compute import Message
from engine.errors import ErrorReport
from engine.events import REFUSED_CHANGE, ChangeTraining, TrainingState, Warned
from engine.runs import Run
from gui.pages.train_setup import RunSection
from gui.session import Notice, Session
from gui.undo import History


@pytest.fixture
def paused(qtbot: QtBot, session: Session) -> Session:
    """A run of 40 steps that waits at its fourth."""
    session.start_training(config(), pause_after=4)
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.PAUSED), timeout=8000)
    return session


@pytest.fixture
def section(paused: Session, qtbot: QtBot) -> Iterator[RunSection]:
    made = RunSection(paused)
    qtbot.addWidget(made)
    paused.training_changed.connect(made.refresh)
    made.refresh()
    made.show()
    yield made
    paused.training_changed.disconnect(made.refresh)


def typed(section: RunSection, name: str, text: str) -> bool:
    editor = section.rows[name].editor
    assert isinstance(editor, QLineEdit)
    editor.setText(text)
    return bool(editor.commit())


def heard(qtbot: QtBot, script: Script, *expected: tuple[str, float]) -> None:
    def changes() -> list[tuple[str, float]]:
        return [change for command in script.commands if isinstance(command, ChangeTraining)
                for change in command.changes]
    qtbot.waitUntil(no_more(lambda: changes() == list(expected)), timeout=5000)


def test_the_planned_end_has_a_box_while_it_trains(section: RunSection, paused: Session, script: Script,
                                                   qtbot: QtBot) -> None:
    row = section.rows["num_steps"]
    assert row.isVisible()
    assert not section.texts["num_steps"].isVisible()
    assert row.value() == 40
    assert typed(section, "num_steps", "30")
    heard(qtbot, script, ("num_steps", 30))
    paused.resume()
    qtbot.waitUntil(no_more(lambda: not paused.training), timeout=8000)
    assert paused.run is not None
    assert (paused.num_steps, Run.open(paused.run.path).info.config.training.num_steps) == (30, 30)
    assert not row.isVisible()
    assert section.texts["num_steps"].value.text() == "30 steps"


def test_an_end_that_was_passed_is_refused_under_the_box(section: RunSection, script: Script) -> None:
    assert not typed(section, "num_steps", "3")
    assert "must be beyond step 4, which this run has reached; 3 is not" in section.rows["num_steps"].sentence.text()
    assert not any(isinstance(command, ChangeTraining) for command in script.commands)


def test_an_end_stays_once_the_learning_rate_falls(qtbot: QtBot, session: Session) -> None:
    session.start_training(config(decay_share=0.9), pause_after=6)
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.PAUSED), timeout=8000)
    assert session.end_fault(60) == "Stop at stays at 40: the learning rate has been falling towards it since step 5."


def test_what_training_refuses_is_told_and_the_box_goes_back(section: RunSection, paused: Session,
                                                             qtbot: QtBot) -> None:
    told: list[Notice] = []
    paused.message.connect(told.append)
    assert typed(section, "snapshots", "20")
    assert section.rows["snapshots"].value() == 20
    paused._on_control(Message("train", paused._job, Warned(ErrorReport(REFUSED_CHANGE, "No.", "Since."))))
    assert [(notice.headline, notice.advice) for notice in told] == [("No.", "Since.")]
    assert section.rows["snapshots"].value() == config().training.snapshots
    assert not paused.warnings


def test_live_changes_are_undone_and_done_again(section: RunSection, paused: Session, script: Script,
                                                qtbot: QtBot) -> None:
    history = History(paused, paused)
    rate, kept = config().training.learning_rate, config().training.snapshots
    assert typed(section, "learning_rate", "0.002")
    assert typed(section, "snapshots", "12")
    assert history.stack.count() == 2
    history.stack.undo()
    assert section.rows["snapshots"].value() == kept
    assert section.rows["learning_rate"].value() == 0.002
    history.stack.undo()
    assert section.rows["learning_rate"].value() == rate
    history.stack.redo()
    heard(qtbot, script, ("learning_rate", 0.002), ("snapshots", 12), ("snapshots", kept), ("learning_rate", rate),
          ("learning_rate", 0.002))
    paused.stop()
    qtbot.waitUntil(no_more(lambda: not paused.training), timeout=8000)
    assert paused.run is not None
    assert Run.open(paused.run.path).info.config.training.learning_rate == 0.002


def test_the_settings_of_a_run_at_rest_stay(paused: Session, script: Script, qtbot: QtBot) -> None:
    history = History(paused, paused)
    told: list[Notice] = []
    paused.message.connect(told.append)
    paused.change_by_hand(sample_seconds=5.0)
    paused.stop()
    qtbot.waitUntil(no_more(lambda: not paused.training), timeout=8000)
    history.stack.undo()
    assert [notice.headline for notice in told] == ["This run is not being trained any more."]
    assert paused.run is not None
    assert Run.open(paused.run.path).info.config.training.sample_seconds == 5.0


def test_a_change_to_what_is_so_is_none(paused: Session, tmp_path: Path, script: Script) -> None:
    history = History(paused, paused)
    paused.change_by_hand(snapshots=config().training.snapshots)
    assert history.stack.count() == 0
    assert not any(isinstance(command, ChangeTraining) for command in script.commands)
