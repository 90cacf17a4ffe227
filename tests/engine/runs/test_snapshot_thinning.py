"""Which snapshots are taken and kept."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import info, new_run, weights

from engine.errors import BadRun
from engine.runs import Run, RunWriter, snapshot_steps
from engine.runs.thinning import steps_to_remove


@given(st.integers(0, 100_000), st.integers(2, 200))
def test_plan(planned: int, keep: int) -> None:
    steps = snapshot_steps(planned, keep)
    assert len(steps) == min(keep, planned + 1)
    assert steps[0] == 0
    assert steps[-1] == planned
    assert all(a < b for a, b in itertools.pairwise(steps))
    if planned > keep * keep:
        gaps = np.diff(steps)
        assert (np.diff(gaps) >= -1).all()  # closer together early, but for rounding


def test_plan_of_the_quick_preset() -> None:
    steps = snapshot_steps(4000, 40)
    assert steps[:4] == (0, 3, 11, 24)
    assert steps[-2:] == (3798, 4000)
    assert snapshot_steps(0, 40) == (0,)
    assert snapshot_steps(3, 40) == (0, 1, 2, 3)


@given(st.sets(st.integers(0, 10_000), max_size=60), st.integers(0, 40),
       st.sets(st.integers(0, 10_000), max_size=5))
def test_removal(steps: set[int], keep: int, extra: set[int]) -> None:
    spared = extra | set(sorted(steps)[::7])
    removed = steps_to_remove(steps, keep, spared)
    left = steps - set(removed)
    assert set(removed) <= steps - spared
    assert len(removed) == len(set(removed))
    if steps:
        assert {min(steps), max(steps)} <= left
    counted = len(left - spared)
    free = len(steps - spared - {min(steps, default=0), max(steps, default=0)})
    assert counted <= max(keep, 2) or len(removed) == free
    if len(steps - spared) <= max(keep, 2):
        assert removed == []


def test_removal_evens_out_in_the_square_root() -> None:
    left = sorted(set(range(0, 2001)) - set(steps_to_remove(range(0, 2001), 40)))
    gaps = np.diff(np.sqrt(left))
    assert len(left) == 40
    # Halving again and again cannot do better than a factor of two between gaps.
    assert gaps.max() <= 2.1 * np.median(gaps)
    assert sum(step <= 500 for step in left) >= 15


def test_writer_thins_and_readers_go_on(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run", info()) as writer:
        for step in range(0, 60, 2):
            writer.save_snapshot(step, weights(step), manual=step == 30)
        run = Run.open(writer.path)
        before = {s.step for s in run.snapshots()}
        removed = writer.thin(8, 100, pinned=[32, 34])
        left = {s.step for s in run.snapshots()}
        assert left == before - set(removed)
        assert {0, 30, 32, 34, 58} <= left
        assert 8 <= len(left) <= 8 + 4
        assert writer.thin(8, 100, pinned=[32, 34]) == []
        assert {32, 34} <= set(removed_later := writer.thin(5, 100)) or len(left) - len(removed_later) <= 7
        with pytest.raises(BadRun, match=f"no snapshot at step {removed[0]}") as refusal:
            run.load_snapshot(removed[0])
        assert "from step 0 to 58" in refusal.value.advice


def test_snapshot_that_vanishes_between_listing_and_reading(tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    with new_run(tmp_path / "run") as writer:
        run = Run.open(writer.path)
        listed = run.snapshots()
        shutil.rmtree(listed[-1].path)
        monkeypatch.setattr(run, "snapshots", lambda: listed)
        with pytest.raises(BadRun, match="thinned away"):
            run.load_snapshot()
        monkeypatch.undo()
        assert run.load_snapshot()[0] == 0
        shutil.rmtree(writer.path / "snapshots")
        assert run.snapshots() == []
        with pytest.raises(BadRun, match="no snapshot yet"):
            run.load_snapshot()


def test_strips_of_a_long_run_are_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.writer.STRIPS_KEPT", 8)
    with RunWriter.create(tmp_path / "run", info()) as writer:
        for step in range(0, 50):
            writer.save_samples(step, np.zeros((1, 2, 2), np.uint8), [0], [0])
        strips = Run.open(writer.path).sample_strips()
    assert len(strips) <= 10
    assert strips[0] == 0
    assert strips[-1] == 49
