"""How settled a recorded trajectory is, against a slow count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.diffusion.headway import SETTLED_WITHIN, headway
from engine.events import Trajectory


def made(x0: np.ndarray, filled: int | None = None) -> Trajectory:
    count = len(x0)
    x0 = x0.astype(np.float16)
    return Trajectory(0, 0, 0, np.linspace(9, 0, count), np.arange(count)[::-1], x0, x0, x0, x0,
                      count if filled is None else filled)


def test_shares_and_changes_agree_with_a_count_by_hand() -> None:
    x0 = np.random.default_rng(1).uniform(-1.5, 1.5, (6, 1, 5, 4))
    trajectory = made(x0)
    for frame in range(6):
        near, total = 0, 0.0
        for a, b in zip(trajectory.x0[frame].ravel(), trajectory.x0[-1].ravel(), strict=True):
            gap = abs(min(1.0, max(-1.0, float(a))) - min(1.0, max(-1.0, float(b))))
            near += gap <= SETTLED_WITHIN
            total += gap
        found = headway(trajectory, frame)
        assert found is not None
        assert found.settled == pytest.approx(near / 20)
        assert found.change == pytest.approx(total / 20, rel=1e-5)


def test_the_last_frame_is_settled_and_values_beyond_black_and_white_do_not_count() -> None:
    x0 = np.stack([np.full((1, 2, 2), 7.0), np.full((1, 2, 2), 1.2)])
    assert headway(made(x0), 1) == headway(made(x0), 0)
    found = headway(made(x0), 1)
    assert found is not None
    assert (found.settled, found.change) == (1.0, 0.0)


def test_without_a_last_frame_nothing_is_said() -> None:
    x0 = np.zeros((4, 1, 2, 2))
    assert headway(made(x0, filled=3), 1) is None
    assert headway(made(x0), -1) is None
    assert headway(made(x0), 4) is None
