"""What the window asks about the course of a run, when, and when it leaves off."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import Script, make_run, no_more

from engine.compute import Job, Priority
from engine.errors import BadRun
from engine.measure.learning import LearningPoint
from engine.measure.validation import ValidationLoss
from gui import learning as module
from gui.learning import Learning
from gui.session import Session


def point(step: int) -> LearningPoint:
    return LearningPoint(step, ValidationLoss((1.0,), (0.5,), (0.5,), (1.0,), 8))


@pytest.fixture
def learning(session: Session) -> Learning:
    return Learning(session, session)


def idle(qtbot: QtBot, learning: Learning) -> None:
    qtbot.waitUntil(no_more(lambda: learning.known and not learning.measuring), timeout=5000)


def test_nothing_is_asked_before_somebody_looks(qtbot: QtBot, session: Session, script: Script, learning: Learning,
                                                tmp_path: Path) -> None:
    script.to_learn = [point(s) for s in (40, 0, 20, 10)]
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    assert script.learning_asked == []
    learning.want()
    assert learning.measuring
    idle(qtbot, learning)
    assert [p.step for p in learning.points] == [0, 10, 20, 40]
    assert learning.missing == 0
    assert learning.judged
    assert [(asked.run, asked.most) for asked in script.learning_asked] == [(tmp_path / "run", None)]
    session.training_changed.emit()
    session.snapshots_changed.emit()
    assert len(script.learning_asked) == 1, "nothing is missing"
    session.snapshots = [0, 10, 20, 40, 50]
    session.snapshots_changed.emit()
    assert len(script.learning_asked) == 2, "another process saved one"
    idle(qtbot, learning)


def test_another_run_begins_anew(qtbot: QtBot, session: Session, script: Script, learning: Learning,
                                 tmp_path: Path) -> None:
    script.learned = [point(s) for s in (0, 10, 20, 40)]
    make_run(tmp_path / "one")
    make_run(tmp_path / "two")
    session.open_run(tmp_path / "one")
    learning.want()
    idle(qtbot, learning)
    script.learned = [point(40)]
    session.open_run(tmp_path / "two")
    assert learning.points == ()
    assert not learning.known
    idle(qtbot, learning)
    assert [p.step for p in learning.points] == [40]
    session.close_run()
    assert learning.points == ()
    assert not learning.measuring


def test_a_hand_stops_and_starts_it(qtbot: QtBot, session: Session, script: Script, learning: Learning,
                                    tmp_path: Path) -> None:
    script.to_learn = [point(s) for s in (40, 0, 20, 10)]
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    learning.want()
    learning.stop()  # before the compute thread has said a word
    assert not learning.measuring
    assert learning.stopped
    session.snapshots_changed.emit()
    idle(qtbot, learning)
    assert script.learning_asked[-1].most == 0, "what is there is read, and no more measured"
    asked = len(script.learning_asked)
    session.snapshots_changed.emit()
    assert len(script.learning_asked) == asked, "stopped stays stopped"
    learning.start()
    qtbot.waitUntil(no_more(lambda: not learning.measuring and learning.missing == 0), timeout=5000)
    assert [p.step for p in learning.points] == [0, 10, 20, 40]
    assert script.learning_asked[-1].most is None


def test_leaving_ends_it(qtbot: QtBot, session: Session, script: Script, learning: Learning, tmp_path: Path) -> None:
    script.to_learn = [point(40)]
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    learning.want()
    learning.leave()
    assert not learning.measuring
    session.snapshots_changed.emit()
    assert len(script.learning_asked) == 1
    learning.want()
    idle(qtbot, learning)
    assert [p.step for p in learning.points] == [40]


def test_beside_training_one_at_a_time_and_then_a_pause(qtbot: QtBot, session: Session, script: Script,
                                                        learning: Learning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 1e-6)  # the next one is due in hours
    script.to_learn = [point(s) for s in range(5)]
    script.step_seconds = 0.02
    learning.want()
    session.start_training()
    qtbot.waitUntil(no_more(lambda: learning.known and not learning.measuring and session.training), timeout=5000)
    assert learning.missing == 4
    assert {asked.most for asked in script.learning_asked} == {1}
    asked = len(script.learning_asked)
    session.snapshots_changed.emit()
    QTest.qWait(0)
    assert len(script.learning_asked) == asked
    assert learning._wait.isActive()
    session.stop()
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    idle(qtbot, learning)
    assert script.learning_asked[-1].most is None, "at rest the others follow at once"
    assert learning.missing == 0


def test_a_failure_is_kept_and_not_tried_again_by_itself(qtbot: QtBot, session: Session, script: Script,
                                                         learning: Learning, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(request, key="learning") -> Job:  # type: ignore[no-untyped-def]
        def make(context):  # type: ignore[no-untyped-def]
            raise BadRun("Broken.", "Nothing.")
            yield

        script.learning_asked.append(request)
        return Job(key, make, Priority.BACKGROUND)

    works = script.learning_job
    monkeypatch.setattr("engine.jobs.learning_job", fails)
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    learning.want()
    qtbot.waitUntil(no_more(lambda: learning.failure is not None), timeout=5000)
    session.snapshots_changed.emit()
    assert len(script.learning_asked) == 1
    monkeypatch.setattr("engine.jobs.learning_job", works)
    learning.start()
    idle(qtbot, learning)
    assert learning.failure is None
