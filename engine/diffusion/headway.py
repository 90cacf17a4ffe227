"""How far a recorded trajectory has come: what of its picture is already decided. numpy, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.events import Trajectory

# A pixel counts as settled within this of its last value: a twentieth of the range -1..1, hardly to be seen.
SETTLED_WITHIN = 0.1


@dataclass(frozen=True, slots=True)
class Headway:
    """At one frame, from x0_hat clipped to -1..1 there and in the last frame.

    settled: share of pixel values that already are within SETTLED_WITHIN of their last value, 0 to 1.
    change: how much a pixel still moves on average until the end, in units of the range -1..1 (0 to 2).
    """

    settled: float
    change: float


def headway(trajectory: Trajectory, frame: int) -> Headway | None:
    """What is decided at a frame; None while the last frame is not there to compare with."""
    if trajectory.filled < len(trajectory.sigma) or not 0 <= frame < len(trajectory.sigma):
        return None
    now, last = (trajectory.x0[i].astype(np.float32).clip(-1, 1) for i in (frame, -1))
    difference = np.abs(now - last)
    return Headway(float((difference <= SETTLED_WITHIN).mean()), float(difference.mean()))
