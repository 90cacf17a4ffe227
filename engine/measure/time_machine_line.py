"""Where the snapshots of a run first read a class, over seeds, and whether the later ones decide earlier.

The line goes through the mean over those seeds whose picture is read at all, and only where these are at least half;
elsewhere the class counts as not readable. The verdict compares the earliest readable snapshot with the newest one,
seed by seed over the seeds read in both: earlier or later if the 95 % interval of the mean difference (Student's t)
leaves 0 out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.measure.statistics import mean_interval

HALF = 0.5  # of the seeds that must be read
FEWEST = 5  # seeds that a verdict needs


class Decides(StrEnum):
    """What the comparison says."""

    EARLIER = "earlier"
    LATER = "later"
    SAME = "same"  # the interval has 0 in it
    UNREAD = "unread"  # no snapshot is readable, or the newest is not
    SHORT = "short"  # too few seeds, or one readable snapshot


@dataclass(frozen=True, slots=True)
class LinePoint:
    """One snapshot: percent denoised at which its pictures are first read, on average over `read` of `seeds` seeds.
    None: fewer than half are read."""

    snapshot: int
    percent: float | None
    read: int
    seeds: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict. first, last: the two snapshots compared; change: their mean difference in percent denoised over n
    seeds, with its 95 % interval. None where there is nothing to compare."""

    decides: Decides
    first: LinePoint | None = None
    last: LinePoint | None = None
    change: float | None = None
    ci95: tuple[float, float] | None = None
    n: int = 0


def percents(t: NDArray[np.integer], num_timesteps: int) -> NDArray[np.float64]:
    """Percent denoised at each of the F rows, 100 (1 - t / T), and nan for row F: never."""
    return np.append(100 * (1 - np.asarray(t, dtype=np.float64) / num_timesteps), np.nan)


def line(first: Mapping[int, Sequence[int]], places: NDArray[np.float64]) -> list[LinePoint]:
    """The line by rising step, from the first rows of each snapshot (see `FirstReady`) and the rows' `percents`."""
    points = []
    for step in sorted(first):
        there = places[np.asarray(first[step], dtype=np.int64)]
        read = there[np.isfinite(there)]
        enough = len(read) > 0 and len(read) >= HALF * len(there)
        points.append(LinePoint(step, float(read.mean()) if enough else None, len(read), len(there)))
    return points


def compare(first: Mapping[int, Sequence[int]], places: NDArray[np.float64]) -> Comparison:
    """Whether the newest snapshot decides earlier than the earliest readable one."""
    points = line(first, places)
    readable = [point for point in points if point.percent is not None]
    if not readable or readable[-1] is not points[-1]:
        return Comparison(Decides.UNREAD, last=points[-1] if points else None)
    early, late = readable[0], readable[-1]
    if early is late:
        return Comparison(Decides.SHORT, early, late)
    before, after = (places[np.asarray(first[point.snapshot], dtype=np.int64)] for point in (early, late))
    change = (after - before)[np.isfinite(before) & np.isfinite(after)]
    interval = mean_interval(change)
    if len(change) < FEWEST or interval is None:
        return Comparison(Decides.SHORT, early, late, n=len(change))
    decides = Decides.EARLIER if interval[1] < 0 else Decides.LATER if interval[0] > 0 else Decides.SAME
    return Comparison(decides, early, late, float(change.mean()), interval, len(change))
