"""The loss curve as the Train page keeps it: columns that only grow, a smoothed copy, extremes of buckets.

Everything here is done once for each new point, so that a redraw costs the same after a hundred steps and
after a million.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

BLOCK = 128  # points smoothed by one small matrix product
BUCKET = 4  # points in a bucket, buckets in the next larger bucket
CANDIDATES = 3  # times the points wanted: few enough to go through at each redraw


class Column:
    """float64 values that are only appended to; `view` never copies."""

    def __init__(self) -> None:
        self._data: Float64 = np.empty(1024)
        self.count = 0

    @property
    def view(self) -> Float64:
        """All values so far (do not write to it)."""
        return self._data[: self.count]

    def append(self, values: Float64) -> None:
        """Add at the end; the room doubles when it is used up."""
        needed = self.count + len(values)
        if needed > len(self._data):
            grown = np.empty(2 * needed)
            grown[: self.count] = self.view
            self._data = grown
        self._data[self.count : needed] = values
        self.count = needed

    def clear(self) -> None:
        """Begin anew in the same room."""
        self.count = 0


class Smoother:
    """Exponential moving average with bias correction, carried from one piece of a curve to the next.

    m_i = s m_(i-1) + (1 - s) y_i, w_i = s w_(i-1) + (1 - s), smoothed value m_i / w_i (Kingma and Ba 2014,
    section 3). The first smoothed value is the first value itself.
    """

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing
        self._mean = 0.0
        self._weight = 0.0
        powers = smoothing ** np.arange(BLOCK + 1)
        rows, columns = np.indices((BLOCK, BLOCK))
        self._within = (1 - smoothing) * np.where(rows >= columns, powers[np.maximum(rows - columns, 0)], 0.0)
        self._decay = powers[1:]

    def __call__(self, values: Float64) -> Float64:
        """The smoothed values of the next piece."""
        count = len(values)
        if count == 0:
            return np.empty(0)
        blocks = -(-count // BLOCK)
        padded = np.zeros(blocks * BLOCK)
        padded[:count] = values
        sums = padded.reshape(blocks, BLOCK) @ self._within.T
        carried, mean, whole = np.empty(blocks), self._mean, float(self._decay[-1])
        for i, end in enumerate(sums[:, -1].tolist()):
            carried[i] = mean
            mean = end + whole * mean
        means = (sums + carried[:, None] * self._decay).ravel()[:count]
        weights = 1 - (1 - self._weight) * self.smoothing ** np.arange(1, count + 1)
        self._mean, self._weight = float(means[-1]), float(weights[-1])
        return means / weights


class Extremes:
    """Where the smallest and the largest value of each bucket of 4, 16, 64 ... points lie."""

    def __init__(self) -> None:
        self._levels: list[Int64] = []  # (buckets, 2): index of the smallest, of the largest
        self._counts: list[int] = []

    def clear(self) -> None:
        """Forget all."""
        self._levels, self._counts = [], []

    def grow(self, values: Float64) -> None:
        """Take in what was appended; `values` is the whole curve."""
        below: Int64 | None = None
        below_count = len(values)
        level = 0
        while below_count // BUCKET > 0:
            if level == len(self._levels):
                self._levels.append(np.empty((64, 2), dtype=np.int64))
                self._counts.append(0)
            done, full = self._counts[level], below_count // BUCKET
            if full == done:
                return
            self._reserve(level, full)
            if below is None:
                start = np.arange(done, full) * BUCKET
                part = values[done * BUCKET : full * BUCKET].reshape(-1, BUCKET)
                self._levels[level][done:full, 0] = start + part.argmin(axis=1)
                self._levels[level][done:full, 1] = start + part.argmax(axis=1)
            else:
                rows = np.arange(full - done)
                lows = below[done * BUCKET : full * BUCKET, 0].reshape(-1, BUCKET)
                highs = below[done * BUCKET : full * BUCKET, 1].reshape(-1, BUCKET)
                self._levels[level][done:full, 0] = lows[rows, values[lows].argmin(axis=1)]
                self._levels[level][done:full, 1] = highs[rows, values[highs].argmax(axis=1)]
            self._counts[level] = full
            below, below_count = self._levels[level], full
            level += 1

    def _reserve(self, level: int, count: int) -> None:
        if count > len(self._levels[level]):
            grown = np.empty((2 * count, 2), dtype=np.int64)
            grown[: self._counts[level]] = self._levels[level][: self._counts[level]]
            self._levels[level] = grown

    def candidates(self, first: int, last: int, most: int) -> Int64:
        """Rising indices within first..last that hold every extreme that `most` points could show."""
        size, level = 1, -1
        while 2 * (last - first) / size > CANDIDATES * most and level + 1 < len(self._levels):
            level += 1
            size *= BUCKET
        if level < 0:
            return np.arange(first, last)
        from_bucket = -(-first // size)
        to_bucket = min(last // size, self._counts[level])
        if to_bucket <= from_bucket:
            return np.arange(first, last)
        inner = np.sort(self._levels[level][from_bucket:to_bucket], axis=1).ravel()
        return np.concatenate([np.arange(first, from_bucket * size), inner, np.arange(to_bucket * size, last)])


class LossCurve:
    """Steps, losses, seconds and smoothed losses of the run that is shown."""

    def __init__(self, smoothing: float) -> None:
        self._steps, self._losses, self._seconds, self._smooth = Column(), Column(), Column(), Column()
        self._smoother = Smoother(smoothing)
        self.raw_extremes, self.smooth_extremes = Extremes(), Extremes()
        self._read = 0
        self._first = self._last = (0.0, 0.0, 0.0)
        self.edition = 0  # another one: not only the end has changed

    def __len__(self) -> int:
        return self._steps.count

    @property
    def steps(self) -> Float64:
        """Training steps, rising."""
        return self._steps.view

    @property
    def losses(self) -> Float64:
        """Losses as measured, without those that are not finite."""
        return self._losses.view

    @property
    def seconds(self) -> Float64:
        """Seconds of training at each step, pauses left out."""
        return self._seconds.view

    @property
    def smooth(self) -> Float64:
        """Smoothed losses."""
        return self._smooth.view

    @property
    def smoothing(self) -> float:
        """0 (none) to below 1."""
        return self._smoother.smoothing

    def follow(self, rows: Float64) -> bool:
        """Take in what `rows` (n, 3: step, loss, seconds) has more than last time; whether anything changed.

        Rows that are not a continuation of those seen before begin the curve anew.
        """
        count = len(rows)
        changed = False
        if self._read and (count < self._read or _row(rows, 0) != self._first
                           or _row(rows, self._read - 1) != self._last):
            self._clear()
            changed = True
        if count == self._read:
            return changed
        new = rows[self._read :]
        self._read = count
        self._first, self._last = _row(rows, 0), _row(rows, count - 1)
        good = np.isfinite(new[:, 1])
        new = new if good.all() else new[good]
        self._steps.append(new[:, 0])
        self._losses.append(new[:, 1])
        self._seconds.append(new[:, 2])
        self._smooth.append(self._smoother(new[:, 1]))
        self.raw_extremes.grow(self.losses)
        self.smooth_extremes.grow(self.smooth)
        return True

    def set_smoothing(self, smoothing: float) -> None:
        """Smooth all of it anew."""
        if smoothing == self.smoothing:
            return
        self._smoother = Smoother(smoothing)
        self.edition += 1
        self._smooth.clear()
        self._smooth.append(self._smoother(self.losses))
        self.smooth_extremes.clear()
        self.smooth_extremes.grow(self.smooth)

    def seconds_at(self, step: float) -> float | None:
        """Seconds of training at the measured step nearest to one; None outside the curve."""
        steps = self.steps
        if not len(steps) or not steps[0] - 0.5 <= step <= steps[-1] + 0.5:
            return None
        return float(np.interp(step, steps, self.seconds))

    def _clear(self) -> None:
        self.edition += 1
        for column in (self._steps, self._losses, self._seconds, self._smooth):
            column.clear()
        self._smoother = Smoother(self.smoothing)
        self.raw_extremes.clear()
        self.smooth_extremes.clear()
        self._read = 0


def _row(rows: Float64, index: int) -> tuple[float, float, float]:
    step, loss, seconds = rows[index].tolist()
    # A loss that is not a number is never equal to itself.
    return step, loss if np.isfinite(loss) else 0.0, seconds
