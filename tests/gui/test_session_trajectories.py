"""Which trajectories a session asks for, and what it keeps of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from scripted import Script, make_run, no_more, sampling, trajectory

from engine.errors import DiffuscopeError
from engine.runs import Run
from gui.session import Notice, Session
from gui.trajectories import Point, TrajectoryCache


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
