"""Does it still learn? One verdict from a run's losses, validation losses and judged samples. numpy alone.

The rule, which resources/explain/train-finding.md tells the reader:

1. Diverging: a loss among the last tenth is not finite, or the mean of the last tenth lies more than 10 % and four
   standard errors above the lowest mean of any tenth before, or the newest validation loss lies more than 10 % above
   the lowest.
2. Too short to say: fewer than 200 losses.
3. ln(loss) over the second half of the steps is fitted by a line in log2(step): what each doubling of the steps takes
   off, with its 95 % interval from the residuals. Validation losses count where the half has at least four of them and
   their interval is at most 6 % wide: they are of averaged weights, and raw losses also fall where only the learning
   rate does. Else raw losses in 20 blocks of equal count are fitted too, and the narrower interval counts.
4. Still learning: the fall a doubling is at least 3 % and its interval lies above 0; or samples are read right more
   often than at half the steps, by more than 2.5 standard errors.
5. Finished: the fall a doubling is below 3 % and its interval below 4 %.
6. Too short to say: neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

LEAST_LOSSES = 200
BLOCKS = 20
LEAST_VALIDATIONS = 4
MATTERS = 0.03  # of the loss, a doubling of the steps
CERTAINLY_NOT = 0.04  # where the interval of a fall below MATTERS must end
NARROW = 2 * MATTERS  # width of an interval of validation losses that decides
ROSE = 0.10  # of the loss
ROSE_SURE = 4.0  # standard errors, for the lowest of nine is low by chance too
SURE = 2.5  # standard errors between two shares
# Half the width of a 95 % interval in standard errors, Student's t with 1, 2, ... degrees of freedom.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10)


class Kind(StrEnum):
    """What may be said of a run, as words."""

    LEARNING = "still learning"
    FINISHED = "finished"
    DIVERGING = "diverging"
    TOO_SHORT = "too short to say"


@dataclass(frozen=True, slots=True)
class Fall:
    """Share of the loss that each doubling of the steps takes off, with its 95 % interval. source: of which loss.

    before and after: the fitted loss at half the steps and at the end.
    """

    source: str  # "validation" or "training"
    share: float
    low: float
    high: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Rise:
    """How the loss rose: from its lowest to its newest mean. after is NaN where it is not finite any more."""

    source: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Share of samples read right near half the steps and at the newest snapshot, of n each. significance: z."""

    before_step: int
    before: float
    after: float
    n: int
    z: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer and what it rests on. steps: the newest training step that was looked at."""

    kind: Kind
    steps: int
    fall: Fall | None = None
    rise: Rise | None = None
    judged: Judged | None = None


def verdict(steps: Float64, losses: Float64, validation: tuple[Float64, Float64] | None = None,
            read_right: tuple[Float64, Float64, int] | None = None) -> Verdict:
    """The verdict on losses (N,) at rising training steps (N,), not finite ones among them.

    validation: steps (M,) and losses (M,) of snapshots; read_right: steps (K,), shares 0 to 1 (K,) and how many
    samples each is of. Either may be None or empty.
    """
    steps, losses = np.asarray(steps, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    checked = _rising(*validation) if validation is not None else (np.empty(0), np.empty(0))
    last = int(max([*steps[-1:], *checked[0][-1:], 0.0]))
    judged = _judged(read_right, last) if read_right is not None else None
    if (rise := _rise(losses, checked[1])) is not None:
        return Verdict(Kind.DIVERGING, last, rise=rise, judged=judged)
    good = np.isfinite(losses)
    fall = _validation_fall(*checked, last)
    if fall is None or fall.high - fall.low > NARROW:
        falls = [fall, training_fall(steps[good], losses[good])]
        fall = min((f for f in falls if f is not None), key=lambda f: f.high - f.low, default=None)
    kind = Kind.TOO_SHORT
    if good.sum() >= LEAST_LOSSES:
        if (fall is not None and fall.share >= MATTERS and fall.low > 0) or (judged is not None and judged.z > SURE):
            kind = Kind.LEARNING
        elif fall is not None and fall.share < MATTERS and fall.high < CERTAINLY_NOT:
            kind = Kind.FINISHED
    return Verdict(kind, last, fall, None, judged)


def _rising(steps: Float64, values: Float64) -> tuple[Float64, Float64]:
    order = np.argsort(steps, kind="stable")
    return np.asarray(steps, dtype=np.float64)[order], np.asarray(values, dtype=np.float64)[order]


def _rise(losses: Float64, validation: Float64) -> Rise | None:
    """Of training if it is over all tenths, else of validation."""
    if len(losses) >= 20:
        tenths = np.array_split(losses, 10)
        means = [float(tenth[np.isfinite(tenth)].mean()) if np.isfinite(tenth).any() else math.nan for tenth in tenths]
        lowest = int(np.nanargmin(means)) if np.isfinite(means).any() else 0
        if not np.isfinite(tenths[-1]).all():
            return Rise("training", means[lowest], math.nan)
        known = tenths[lowest][np.isfinite(tenths[lowest])]
        error = math.sqrt(tenths[-1].var() / len(tenths[-1]) + known.var() / len(known))
        if means[-1] > means[lowest] * (1 + ROSE) and means[-1] - means[lowest] > ROSE_SURE * error:
            return Rise("training", means[lowest], means[-1])
    if len(validation):
        if not np.isfinite(validation[-1]):
            return Rise("validation", float(np.nanmin([*validation, math.inf])), math.nan)
        if validation[-1] > np.nanmin(validation) * (1 + ROSE):
            return Rise("validation", float(np.nanmin(validation)), float(validation[-1]))
    return None


def _validation_fall(steps: Float64, values: Float64, last: int) -> Fall | None:
    use = (steps >= last / 2) & (steps > 0) & np.isfinite(values) & (values > 0)
    return _fit("validation", steps[use], values[use], last) if use.sum() >= LEAST_VALIDATIONS else None


def training_fall(steps: Float64, losses: Float64) -> Fall | None:
    """The fall over the second half of finite losses (N,), from the means of blocks; None where there are too few.

    The scatter of the blocks is measured, so that losses need not be independent of each other.
    """
    half = steps >= (steps[-1] / 2 if len(steps) else 0)
    if half.sum() < 2 * BLOCKS:
        return None
    at = np.array([part.mean() for part in np.array_split(steps[half], BLOCKS)])
    means = np.array([part.mean() for part in np.array_split(losses[half], BLOCKS)])
    return _fit("training", at, means, float(steps[-1])) if (means > 0).all() else None


def _fit(source: str, steps: Float64, values: Float64, last: float) -> Fall | None:
    """Least squares of ln(value) on log2(step)."""
    x, y = np.log2(steps), np.log(values)
    centred = x - x.mean()
    spread = float(centred @ centred)
    if len(x) < 3 or spread < 1e-6:
        return None
    slope = float(centred @ (y - y.mean())) / spread
    left = y - y.mean() - slope * centred
    free = len(x) - 2
    error = math.sqrt(float(left @ left) / free / spread)
    wide = STUDENT[min(free, len(STUDENT)) - 1] * error
    end = float(np.exp(y.mean() + slope * (math.log2(last) - x.mean())))
    share, low, high = (1 - math.exp(s) for s in (slope, slope + wide, slope - wide))
    return Fall(source, share, low, high, end * math.exp(-slope), end)


def _judged(read_right: tuple[Float64, Float64, int], last: int) -> Judged | None:
    """The newest against the one nearest to half of its step; samples of the same seeds count as independent."""
    steps, shares = _rising(read_right[0], read_right[1])
    if len(steps) < 2 or steps[-1] < last / 2:
        return None
    middle = int(np.abs(steps[:-1] - steps[-1] / 2).argmin())
    n, before, after = read_right[2], float(shares[middle]), float(shares[-1])
    pooled = (before + after) / 2
    error = math.sqrt(2 * pooled * (1 - pooled) / n)
    z = (after - before) / error if error > 0 else 0.0
    return Judged(int(steps[middle]), before, after, n, z)
