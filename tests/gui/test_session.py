"""The session: the four coordinates, what is asked of the compute thread, training from every state."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from scripted import Script, config, make_bundled, make_run, no_more, sampling, trajectory

from engine import paths
from engine.compute import Priority
from engine.errors import BadSetting, DiffuscopeError, ErrorReport
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
from gui.trajectories import Point, TrajectoryCache


def wait_for(qtbot: QtBot, session: Session, state: TrainingState) -> None:
    qtbot.waitUntil(no_more(lambda: session.training_state is state), timeout=8000)


def wait_over(qtbot: QtBot, session: Session) -> None:
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=8000)


# ---- opening ------------------------------------------------------------------------------------------

def test_a_run_opens_at_its_end(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    assert session.open_run(tmp_path / "a")
    assert session.snapshots == [0, 10, 20, 40]
    assert (session.step, session.following, session.num_steps) == (40, True, 40)
    assert len(session.losses) == 40
    np.testing.assert_allclose(session.losses[-1], [40, 1 / 40, 4.0], rtol=1e-6)
    assert session.samples is not None
    assert session.samples.step == 40
    assert [m.kind for m in session.markers] == ["paused"]
    assert session.training_state is TrainingState.FINISHED


def test_losses_are_read_once_and_when_they_are_asked_for(session: Session, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "a")
    read: list[Path] = []
    metrics = Run.metrics
    monkeypatch.setattr(Run, "metrics", lambda run: read.append(run.path) or metrics(run))
    told: list[int] = []
    session.losses_changed.connect(lambda: told.append(1))
    assert session.open_run(tmp_path / "a")
    assert (read, told) == ([], [1])
    assert len(session.losses) == 40
    assert [m.kind for m in session.markers] == ["paused"]
    assert read == [tmp_path / "a"]
    session.open_run(tmp_path / "a")
    session.close_run()
    assert len(session.losses) == 0
    assert read == [tmp_path / "a"]


@pytest.mark.parametrize("kind", ["picture", "pickle", "empty", "missing", "broken"])
def test_what_is_no_run_is_refused_in_words_and_changes_nothing(session: Session, tmp_path: Path,
                                                                kind: str) -> None:
    make_run(tmp_path / "good")
    session.open_run(tmp_path / "good")
    bad = tmp_path / "bad"
    if kind == "picture":
        bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    elif kind == "pickle":
        bad.write_bytes(b"\x80\x04\x95" + bytes(50))
    elif kind == "empty":
        bad.mkdir()
    elif kind == "broken":
        bad.mkdir()
        (bad / "run.json").write_text('{"name": "x"')
    notices: list[Notice] = []
    session.message.connect(notices.append)
    assert not session.open_run(bad)
    assert len(notices) == 1
    assert notices[0].kind == "error"
    assert notices[0].headline.endswith(".")
    assert "Traceback" not in notices[0].headline + notices[0].advice
    assert session.run is not None
    assert session.run.name == "good"
    assert len(session.losses) == 40


def test_an_opened_run_clears_the_banner(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "good")
    cleared: list[str] = []
    session.message_cleared.connect(cleared.append)
    session.open_run(tmp_path / "nothing")
    session.open_run(tmp_path / "good")
    assert "open-run" in cleared


# ---- coordinates --------------------------------------------------------------------------------------

def test_a_step_between_snapshots_goes_to_the_nearest(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_step(13)
    assert (session.step, session.following) == (10, False)
    session.follow_live()
    assert (session.step, session.following) == (40, True)


def test_coordinates_stay_in_range(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_noise_level(5000)
    assert session.t == 1000
    session.set_noise_level(-3)
    assert session.t == 0
    session.set_class(99)
    assert session.class_label == 3
    session.set_seed(2**70)
    assert session.seed == 2**63 - 1


def test_previous_seeds_come_back_in_turn(session: Session) -> None:
    for seed in (5, 6, 7):
        session.set_seed(seed)
    session.previous_seed()
    assert session.seed == 6
    session.previous_seed()
    assert session.seed == 5
    session.previous_seed()
    session.previous_seed()
    assert session.seed == 0


def test_large_seeds_travel_whole(session: Session) -> None:
    heard: list[int] = []
    session.seed_changed.connect(heard.append)
    session.set_seed(2**40 + 1)
    assert heard == [2**40 + 1]


def test_a_wrong_sampling_setting_changes_nothing(session: Session) -> None:
    before = session.sampling
    with pytest.raises(BadSetting, match="from 0 to 8"):
        session.set_sampling(guidance_scale=9.0)
    assert session.sampling == before


def test_another_schedule_keeps_the_noise_level(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_noise_level(500)
    sigma = session.sigma()
    session.set_schedule("cosine", 200)
    assert session.schedule.num_timesteps == 200
    assert session.sigma() == pytest.approx(sigma, rel=0.05)
    session.reset_schedule()
    assert (session.schedule.name, session.t) == ("linear", pytest.approx(500, abs=6))


def test_only_what_a_hand_did_is_told_to_undo(session: Session, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    edits: list[tuple[str, object, object]] = []
    session.edited.connect(lambda *what: edits.append(what))
    session.set_noise_level(300)
    session.set_noise_level(200, by_hand=False)
    session.set_class(5)
    session.restore("class", 2)
    assert edits == [("t", 420, 300), ("class", 3, 5)]


# ---- trajectories -------------------------------------------------------------------------------------

def test_recorded_trajectories_need_no_compute_thread(qtbot: QtBot, script: Script, tmp_path: Path) -> None:
    from scripted import compute_for

    make_run(tmp_path / "a", recorded=11)
    session = Session(compute_for(script))  # its thread never starts
    session.open_run(tmp_path / "a")
    assert session.seed == 11, "the seed that came with the run is taken at the first start"
    found = session.trajectory(7)
    assert found is not None
    assert float(found.x[-1, 0, 0, 0]) == pytest.approx(7.04, abs=0.01)
    session.set_noise_level(0)
    assert session.frame(found) == 4
    qtbot.wait(30)
    assert script.asked == []
    assert session.shutdown(1.0)


def test_recordings_of_a_seed_are_read_when_it_is_looked_at_and_once(
        session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "a", recorded=11)
    read: list[int | None] = []
    real = Run.recordings

    def recordings(self: Run, seed: int | None = None):
        read.append(seed)
        return real(self, seed)

    monkeypatch.setattr(Run, "recordings", recordings)
    session.open_run(tmp_path / "a")
    assert read == [], "nothing is looked at yet"
    for _ in range(2):
        assert session.trajectory(7) is not None
        assert session.trajectory(2) is not None
    assert read == [11]
    session.set_seed(5)
    assert session.trajectory(7) is None
    session.set_seed(11)
    assert session.trajectory(7) is not None
    assert read == [11, 5]


def test_the_current_class_is_asked_for_first_then_the_others_together(
        qtbot: QtBot, session: Session, script: Script, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")

    def look() -> None:
        for label in range(10):
            session.trajectory(label)

    session.trajectories_changed.connect(look)
    look()
    qtbot.waitUntil(no_more(lambda: not session.drawing() and len(session.requests.cache) == 10), timeout=4000)
    assert [(key, r.class_labels) for key, r in script.asked] == [
        ("reverse", (3,)), ("reverse-all", (0, 1, 2, 4, 5, 6, 7, 8, 9))]
    assert script.asked[0][1].snapshot == 40
    look()
    qtbot.wait(60)
    assert len(script.asked) == 2, "what is there is not asked for again"


def test_coming_back_to_a_point_costs_nothing(qtbot: QtBot, session: Session, script: Script,
                                              tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.trajectories_changed.connect(lambda: session.trajectory())
    session.trajectory()
    qtbot.waitUntil(no_more(lambda: len(session.requests.cache) == 1 and not session.drawing()), timeout=4000)
    session.set_seed(9)
    session.trajectory()
    qtbot.waitUntil(no_more(lambda: len(session.requests.cache) == 2 and not session.drawing()), timeout=4000)
    session.set_seed(0)
    assert session.trajectory() is not None
    qtbot.wait(60)
    assert len(script.asked) == 2


def test_many_moves_in_one_event_are_one_request(qtbot: QtBot, session: Session, script: Script,
                                                 tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    for seed in range(1, 30):
        session.set_seed(seed)
        session.trajectory()
    qtbot.waitUntil(no_more(lambda: session.trajectory() is not None), timeout=4000)
    assert [r.seed for _, r in script.asked] == [29]


def test_a_failed_recording_is_told_once_and_can_be_tried_again(
        qtbot: QtBot, session: Session, script: Script, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    notices: list[Notice] = []
    session.message.connect(notices.append)
    session.trajectories_changed.connect(lambda: session.trajectory())
    script.fail_trajectories = DiffuscopeError("The snapshot is damaged.", "Choose another.")
    session.trajectory()
    qtbot.waitUntil(no_more(lambda: bool(notices)), timeout=4000)
    qtbot.wait(80)
    assert [n.headline for n in notices] == ["The snapshot is damaged."]
    assert len(script.asked) == 1, "it is not asked for in a circle"
    script.fail_trajectories = None
    session.retry_trajectories()
    qtbot.waitUntil(no_more(lambda: session.trajectory() is not None), timeout=4000)


def test_the_cache_is_bounded_in_number_and_bytes() -> None:
    cache = TrajectoryCache(max_entries=3)
    points = [Point("r", 1, 0, seed, sampling()) for seed in range(5)]
    for point in points:
        cache.put(point, trajectory(0, point.seed, 1))
    assert [cache.get(p) is not None for p in points] == [False, False, True, True, True]
    size = 4 * trajectory(0, 0, 1).x.nbytes
    small = TrajectoryCache(max_bytes=2 * size)
    for point in points:
        small.put(point, trajectory(0, point.seed, 1))
    assert len(small) == 2


def test_a_fuller_trajectory_is_not_replaced_by_an_emptier_one() -> None:
    cache = TrajectoryCache()
    point = Point("r", 1, 0, 0, sampling())
    cache.put(point, trajectory(0, 0, 1))
    cache.put(point, trajectory(0, 0, 1, filled=2))
    found = cache.get(point)
    assert found is not None
    assert found.filled == 5


# ---- training -----------------------------------------------------------------------------------------

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


# ---- a run that another process trains ----------------------------------------------------------------

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
