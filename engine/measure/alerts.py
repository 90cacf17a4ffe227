"""What a loss curve should make one look up for: a spike, a loss that lies flat, one that is no number. numpy alone.

The rule, which resources/explain/alerts.md tells the reader. Losses are those of the steps, as logged:

1. Not finite: a loss is NaN or infinite.
2. Spike: a loss lies above 1.5 times the median of the 100 losses before its piece of 25, and its logarithm more than
   8 robust standard deviations (1.4826 times the median distance from the median) above it. Losses closer than 50 steps
   are one spike, told by its highest. It is over when the median of 20 losses comes back within 10 % of the usual.
3. Plateau: over the second half of the steps, losses change by less than 3 % a doubling of the steps, as the verdict
   fits it (engine.measure.verdict), up or down, and surely so. It began where the means of blocks of losses, 20 to 40
   over the run, come within 3 % and two standard errors of the mean of the newest tenth for good. Fewer than 400
   losses say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.measure.verdict import MATTERS, training_fall

Float64 = NDArray[np.float64]

BEFORE = 100  # losses that say what is usual
PIECE = 25  # losses that are compared with the same ones before them
SPIKE_TIMES = 1.5
SPIKE_SURE = 8.0
ONE_SPIKE = 50  # steps
BACK, BACK_OF, BACK_WITHIN = 1.1, 20, 1000  # times the level; median of so many losses; looked for in so many
LEAST_FOR_PLATEAU = 400
FEWEST_BLOCKS = 20
ROBUST = 1.4826  # median distance from the median of a normal distribution, times this, is its standard deviation


class AlertKind(StrEnum):
    """What happened."""

    NOT_FINITE = "not finite"
    SPIKE = "spike"
    PLATEAU = "plateau"


@dataclass(frozen=True, slots=True)
class Alert:
    """One of them. step: where it is, or begins.

    level: the loss that was usual there (of a plateau: the level). loss: the highest of a spike. over_step: where a
    spike was over; None for one that is not, and for the other kinds.
    """

    kind: AlertKind
    step: int
    level: float = math.nan
    loss: float = math.nan
    over_step: int | None = None

    @property
    def times(self) -> float:
        """How many times the usual loss."""
        return self.loss / self.level


class AlertWatch:
    """Alerts of a curve that grows: each loss is compared with those before it once. `follow` is given all of it."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._looked = 0  # finite losses
        self._ends = (math.nan, math.nan)  # steps of the first and the last of them
        self._odd: list[tuple[int, float]] = []  # place of a loss far above the usual one, and that
        self._over: dict[int, int] = {}  # place of a spike's highest loss -> the step at which it was over

    def follow(self, steps: Float64, losses: Float64) -> tuple[Alert, ...]:
        """All alerts of losses (N,) at rising steps (N,), not finite ones among them, by step.

        A curve that does not go on from the last one begins anew. A plateau is told only while it lasts.
        """
        good = np.isfinite(losses)
        found = [] if good.all() else [Alert(AlertKind.NOT_FINITE, int(steps[int(np.argmin(good))]))]
        if not good.all():
            steps, losses = steps[good], losses[good]
        if self._looked and (len(steps) < self._looked or self._ends != (steps[0], steps[self._looked - 1])):
            self._begin()
        for at in range(max(self._looked, BEFORE), len(losses) - PIECE + 1, PIECE):
            self._odd += _odd_in(losses, at)
            self._looked = at + PIECE
        if self._looked:
            self._ends = (float(steps[0]), float(steps[self._looked - 1]))
        found += self._spikes(steps, losses)
        if (plateau := find_plateau(steps, losses)) is not None:
            found.append(plateau)
        return tuple(sorted(found, key=lambda alert: alert.step))

    def _spikes(self, steps: Float64, losses: Float64) -> list[Alert]:
        groups: list[list[tuple[int, float]]] = []
        for odd in self._odd:
            if groups and steps[odd[0]] - steps[groups[-1][-1][0]] < ONE_SPIKE:
                groups[-1].append(odd)
            else:
                groups.append([odd])
        found = []
        for group in groups:
            top = max((place for place, _ in group), key=lambda place: losses[place])
            level = group[0][1]
            if top not in self._over and (over := _over_at(losses, group[-1][0], level)) is not None:
                self._over[top] = int(steps[over])
            found.append(Alert(AlertKind.SPIKE, int(steps[top]), level, float(losses[top]), self._over.get(top)))
        return found


def find_alerts(steps: Float64, losses: Float64) -> tuple[Alert, ...]:
    """All alerts of losses (N,) at rising steps (N,), not finite ones among them, by step."""
    return AlertWatch().follow(np.asarray(steps, dtype=np.float64), np.asarray(losses, dtype=np.float64))


def _odd_in(losses: Float64, at: int) -> list[tuple[int, float]]:
    """Places of PIECE losses from `at` on that lie far above the BEFORE ones ahead, each with the usual loss."""
    before = losses[at - BEFORE : at]
    if not (before > 0).all():
        return []
    logs = np.log(before)
    level = float(np.median(logs))
    spread = ROBUST * float(np.median(np.abs(logs - level)))
    limit = math.exp(level + max(SPIKE_SURE * spread, math.log(SPIKE_TIMES)))
    return [(at + int(place), math.exp(level)) for place in np.flatnonzero(losses[at : at + PIECE] > limit)]


def _over_at(losses: Float64, last: int, level: float) -> int | None:
    """Where the losses after a spike's last odd one are back at its level; None where they are not (yet)."""
    after = losses[last + 1 : last + 1 + BACK_WITHIN]
    if len(after) < BACK_OF:
        return None
    medians = np.median(np.lib.stride_tricks.sliding_window_view(after, BACK_OF), axis=1)
    back = np.flatnonzero(medians <= BACK * level)
    return last + 1 + int(back[0]) if len(back) else None


def find_plateau(steps: Float64, losses: Float64) -> Alert | None:
    """Since when losses (N,), finite, have been flat; None where they are not, or it cannot be told."""
    count = len(losses)
    if count < LEAST_FOR_PLATEAU:
        return None
    fall = training_fall(steps, losses)
    if fall is None or fall.high >= MATTERS or fall.low <= -MATTERS:
        return None
    newest = losses[-(count // 10) :]
    level, error = float(newest.mean()), float(newest.std()) / math.sqrt(len(newest))
    size = 2 ** int(math.log2(count / FEWEST_BLOCKS))
    blocks = losses[: count // size * size].reshape(-1, size)
    errors = np.hypot(blocks.std(axis=1) / math.sqrt(size), error)
    off = np.flatnonzero(np.abs(blocks.mean(axis=1) - level) > MATTERS * level + 2 * errors)
    first = (int(off[-1]) + 1) * size if len(off) else 0
    # A block beyond the half may stick out by chance; that it is flat from there on has been told by the fit.
    half = int(np.searchsorted(steps, steps[-1] / 2))
    return Alert(AlertKind.PLATEAU, int(steps[min(first, half)]), level)
