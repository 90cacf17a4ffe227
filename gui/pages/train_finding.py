"""What the Train page says first: whether the loss still falls, from this run's own numbers.

The rule (told to the reader by resources/explain/train-finding.md): the last fifth of the steps so far, at
least 50, is cut in two halves; the difference of their mean losses counts when it is more than twice its
standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import number
from engine.events import TrainingState
from gui.words import clock

NARROW = "\u202f"
LEAST_STEPS = 50  # fewer say nothing
SHARE = 0.2  # of the steps so far that is looked at, but no fewer than LEAST_STEPS
SURE = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class Trend:
    """Two neighbouring stretches of `steps` steps each at the end of a curve, and how their means differ."""

    steps: int
    before: float
    after: float
    error: float  # standard error of after - before

    @property
    def change(self) -> float:
        """after - before as a share of before."""
        return (self.after - self.before) / self.before if self.before else 0.0

    @property
    def direction(self) -> int:
        """-1 falling, 1 rising, 0 not to be told from the noise."""
        if abs(self.after - self.before) <= SURE * self.error:
            return 0
        return -1 if self.after < self.before else 1


def trend(losses: NDArray[np.float64]) -> Trend | None:
    """The trend over the last fifth of a curve, at least 50 steps; None for fewer losses than that."""
    if len(losses) < LEAST_STEPS:
        return None
    half = max(LEAST_STEPS // 2, round(len(losses) * SHARE / 2))
    before, after = losses[-2 * half : -half], losses[-half:]
    error = math.sqrt((float(before.var(ddof=1)) + float(after.var(ddof=1))) / half)
    return Trend(half, float(before.mean()), float(after.mean()), error)


def percent(share: float) -> str:
    """A share as it is written: 5 %, 0.4 %, the sign left out."""
    value = abs(share) * 100
    text = f"{value:.0f}" if value >= 9.5 else f"{value:.1f}"
    return f"{text}{NARROW}%"


def moved(found: Trend) -> str:
    """How the loss moved, in words with the numbers."""
    over = f"over the last {number(2 * found.steps)} steps"
    means = f"from {found.before:.3f} to {found.after:.3f}"
    if found.direction == 0:
        spread = percent(SURE * found.error / found.before) if found.before else ""
        return f"Loss {found.after:.3f}: any change {over} is below what chance makes of it (±{spread})."
    verb = "fell" if found.direction < 0 else "rose"
    return f"Loss {verb} {percent(found.change)} {over}, {means}."


def finding(losses: NDArray[np.float64], seconds: float, state: TrainingState, step: int,
            num_steps: int) -> tuple[str, str]:
    """(answer, its numbers) for the losses so far, seconds of training, and where training stands."""
    count = len(losses)
    if count == 0:
        if state is TrainingState.PREPARING:
            return "Preparing.", "The fastest number format of this machine is being chosen."
        if state.active:
            return "Just started.", "The first loss comes in a moment."
        return "Not started.", "Nothing has been trained here yet."
    found = trend(losses)
    if state in (TrainingState.FINISHED, TrainingState.IDLE, TrainingState.FAILED):
        return _at_rest(losses, seconds, found, state, step, num_steps)
    if found is None:
        return "Too early to say.", (f"Loss {float(losses[-1]):.3f} after {number(count)} "
                                     f"{'step' if count == 1 else 'steps'}; a judgement takes {LEAST_STEPS}.")
    answer = {-1: "Still falling.", 0: "Flat for now.", 1: "Rising."}[found.direction]
    return answer, moved(found)


def _at_rest(losses: NDArray[np.float64], seconds: float, found: Trend | None, state: TrainingState,
             step: int, num_steps: int) -> tuple[str, str]:
    took = f"{number(step)} steps in {clock(seconds)}"
    few = max(1, len(losses) // 10 if found is None else found.steps)
    end = float(losses[-few:].mean())
    start = float(losses[: min(10, few)].mean())
    if state is TrainingState.FAILED:
        answer = "Failed."
    elif step < num_steps:
        answer, took = "Stopped early.", f"{number(step)} of {number(num_steps)} steps in {clock(seconds)}"
    else:
        answer = "Finished."
    words = f"{took}; loss {end:.3f}, from {start:.2f} at the start"
    if found is None:
        return answer, f"{words}."
    tail = {-1: f"still falling at the end ({percent(found.change)} over {number(2 * found.steps)} steps)",
            0: "flat at the end", 1: f"rising at the end ({percent(found.change)})"}[found.direction]
    return answer, f"{words}; {tail}."
