"""Training from a session, and runs that another process trains."""

from __future__ import annotations

import json
from pathlib import Path

from pytestqt.qtbot import QtBot
from scripted import Script, config, make_bundled, make_run, no_more
from waiting import wait_for, wait_over

from engine import paths
from engine.compute import Priority
from engine.errors import ErrorReport
from engine.events import (
    ChangeTraining,
    PinSnapshots,
    RunSteps,
    SaveSnapshot,
    TrainingFailed,
    TrainingState,
    Warned,
)
from engine.runs import Run
from gui.session import Notice, Session

# ---- training ----

def test_training_opens_its_run_and_is_followed(qtbot: QtBot, session: Session) -> None:
    session.start_training(config())
    assert session.training_state is TrainingState.PREPARING
    wait_over(qtbot, session)
    assert session.training_state is TrainingState.FINISHED
    assert session.run is not None
    assert session.run.path.parent == paths.runs_dir()
    assert session.run.name == "mnist-quick-01"
    assert session.snapshots == [0, 10, 20, 30, 40]
    assert (session.step, session.following) == (40, True)
    assert list(session.losses[:, 0]) == list(range(1, 41))
    assert session.samples is not None
    assert session.samples.step == 40


def test_looking_back_stays_put_and_pins(qtbot: QtBot, session: Session, script: Script) -> None:
    script.step_seconds = 0.01
    session.start_training(config())
    qtbot.waitUntil(no_more(lambda: 10 in session.snapshots), timeout=5000)
    session.set_step(0)
    assert not session.following
    wait_over(qtbot, session)
    assert session.step == 0, "a snapshot that is looked at stays put"
    assert PinSnapshots((0,)) in script.commands


def test_pause_step_and_go_on(qtbot: QtBot, session: Session, script: Script) -> None:
    script.step_seconds = 0.005
    session.start_training(config())
    session.pause()  # at once, while it still prepares
    wait_for(qtbot, session, TrainingState.PAUSED)
    assert session.saved_at is not None
    session.run_steps(1)
    qtbot.waitUntil(no_more(lambda: RunSteps(1) in script.commands), timeout=3000)
    wait_for(qtbot, session, TrainingState.PAUSED)
    session.toggle_training()
    session.save_snapshot()
    session.change_training(learning_rate=1e-3)
    wait_over(qtbot, session)
    assert session.training_state is TrainingState.FINISHED
    assert SaveSnapshot() in script.commands
    assert ChangeTraining((("learning_rate", 1e-3),)) in script.commands


def test_one_step_from_nothing_starts_and_pauses(qtbot: QtBot, session: Session) -> None:
    session.set_draft(config())
    session.run_steps(1)
    wait_for(qtbot, session, TrainingState.PAUSED)
    assert session.progress is not None
    assert session.progress.step == 1
    session.stop()
    wait_over(qtbot, session)
    assert session.run is not None
    assert session.run.info.step == 1


def test_stop_while_paused_keeps_the_run(qtbot: QtBot, session: Session) -> None:
    session.start_training(config())
    session.pause()
    wait_for(qtbot, session, TrainingState.PAUSED)
    session.stop()
    assert session.training_state is TrainingState.STOPPING
    wait_over(qtbot, session)
    assert session.training_state is TrainingState.FINISHED
    assert session.run is not None
    assert session.run.path.exists()


def test_start_while_stopping_starts_afterwards(qtbot: QtBot, session: Session, script: Script) -> None:
    script.step_seconds = 0.01
    session.start_training(config())
    wait_for(qtbot, session, TrainingState.TRAINING)
    session.stop()
    session.start_training(config(seed=1))
    qtbot.waitUntil(no_more(lambda: session.run is not None and session.run.name == "mnist-quick-02"),
                    timeout=8000)
    wait_over(qtbot, session)
    assert session.run is not None
    assert session.run.info.config.training.seed == 1
    assert len(Run.open(paths.runs_dir() / "mnist-quick-01").snapshots()) >= 1


def test_discard_moves_to_the_trash(qtbot: QtBot, session: Session, script: Script) -> None:
    script.step_seconds = 0.01
    session.start_training(config())
    wait_for(qtbot, session, TrainingState.TRAINING)
    session.discard()
    wait_over(qtbot, session)
    assert session.run is None
    assert session.training_state is TrainingState.IDLE
    assert len(session.losses) == 0
    assert [p.name for p in (paths.runs_dir() / ".trash").iterdir()] == ["mnist-quick-01"]


def test_continue_goes_past_the_planned_end(qtbot: QtBot, session: Session) -> None:
    session.start_training(config())
    wait_over(qtbot, session)
    assert session.can_continue() == ""
    session.continue_training(20)
    wait_over(qtbot, session)
    assert session.num_steps == 60
    assert session.snapshots[-1] == 60
    assert list(session.losses[:, 0]) == list(range(1, 61)), "the curve of the first segment is still there"


def test_a_read_only_run_cannot_go_on_and_says_why(session: Session, tmp_path: Path) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    assert session.open_bundled()
    assert "ships with the program" in session.can_continue()
    notices: list[Notice] = []
    session.message.connect(notices.append)
    session.continue_training()
    assert not session.training
    assert notices[0].kind == "warning"


def test_opening_another_run_while_training_is_refused(qtbot: QtBot, session: Session, script: Script,
                                                       tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    script.step_seconds = 0.01
    session.start_training(config())
    wait_for(qtbot, session, TrainingState.TRAINING)
    notices: list[Notice] = []
    session.message.connect(notices.append)
    assert not session.open_run(tmp_path / "a")
    assert notices[0].headline == "A run is being trained."
    session.stop()
    wait_over(qtbot, session)


def test_a_failure_is_kept_with_its_words(qtbot: QtBot, session: Session, script: Script) -> None:
    told = ErrorReport("not-finite", "The loss is no longer a number (step 12).", "The snapshot is kept.")
    script.fail_training_at = (12, TrainingFailed(told, 12, 10))
    session.start_training(config())
    wait_over(qtbot, session)
    assert session.training_state is TrainingState.FAILED
    assert session.failure is not None
    assert session.failure.report.headline == told.headline


def test_a_warning_stays_until_cleared(qtbot: QtBot, session: Session, script: Script) -> None:
    report = ErrorReport("disk-full", "The disk is full.", "Training goes on.")
    script.fail_training_at = (12, Warned(report))
    session.start_training(config())
    qtbot.waitUntil(no_more(lambda: "disk-full" in session.warnings), timeout=5000)
    wait_over(qtbot, session)


# ---- a run that another process trains ----

def test_new_snapshots_of_another_process_appear(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a", steps=(0, 10), state="training")
    session.open_run(tmp_path / "a")
    assert session.step == 10
    info = json.loads((tmp_path / "a" / "run.json").read_text())
    from scripted import weights

    from engine.runs import RunWriter

    with RunWriter.reopen(tmp_path / "a") as writer:
        writer.save_snapshot(20, weights(20))
        writer.append_losses([11, 12], [0.1, 0.1], [1.1, 1.2], 1e-3)
        writer.update(step=20)
        session.poll_run()
        assert session.snapshots == [0, 10, 20]
        assert session.step == 20, "following"
        assert len(session.losses) == 12
        assert session.locked_by
        assert session.can_continue()
    assert info["step"] == 10
    session.set_step(0)
    session.poll_run()
    assert session.step == 0
    assert session.can_continue() == ""


def test_losing_the_open_run_leaves_a_working_session(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "a")
    session.open_run(tmp_path / "runs" / "a")
    session.trash(tmp_path / "runs" / "a")
    assert session.run is None
    assert session.snapshots == []
    assert session.trajectory() is None


def test_following_never_holds_training_up(qtbot: QtBot, session: Session, script: Script) -> None:
    """Pictures nobody asked for by hand take the background's share, one snapshot at a time."""
    script.step_seconds = 0.01
    session.trajectories_changed.connect(lambda: [session.trajectory(label) for label in range(10)])
    session.start_training(config(num_steps=200))
    wait_over(qtbot, session)
    qtbot.waitUntil(no_more(lambda: session.step == 200 and not session.drawing()), timeout=5000)
    followed = [priority for (_, request), priority in zip(script.asked, script.priorities, strict=True)
                if request.snapshot != 200]
    assert followed
    assert set(followed) == {Priority.BACKGROUND}
    session.set_step(10)
    session.trajectory()
    qtbot.waitUntil(no_more(lambda: not session.drawing()), timeout=5000)
    session.set_seed(5)
    session.trajectory()
    qtbot.waitUntil(no_more(lambda: session.trajectory() is not None), timeout=5000)
    assert script.priorities[-1] is Priority.INTERACTIVE, "what a hand asks for comes first"
