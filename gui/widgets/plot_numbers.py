"""What a plot works out in numbers: axis ticks, thinning of long curves, values at a place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.settings import number

Float64 = NDArray[np.float64]
MOST_POINTS = 4000
STEPS = (1.0, 2.0, 2.5, 5.0)
MINORS = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers within low..high, as many as that allows."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    power = 10.0 ** (math.floor(math.log10((high - low) / max(1, most))) - 1)
    step, first, last = power, 0, 0
    slack = (high - low) * 1e-6
    for step in (scale * s * power for scale in (1, 10, 100, 1000) for s in STEPS):
        first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
        if last - first < most:
            break
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Values 1, 2, 3, 5 of each decade, fewer where they crowd, within low..high (all unlogged)."""
    if not 0 < low < high:
        return []
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for minors in MINORS:
        ticks = [minor * 10.0**decade for decade in decades for minor in minors]
        ticks = [round(t, 12) for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
        if len(ticks) <= most:
            return ticks
    stride = math.ceil(len(ticks) / most)
    return ticks[::stride]


def tick_label(value: float) -> str:
    """As short as it can be: 1 000, 0.5, -20."""
    if value == int(value) and abs(value) < 1e9:
        return number(int(value))
    return number(float(f"{value:.6g}"))


def thin(x: Float64, y: Float64, most: int = MOST_POINTS) -> tuple[Float64, Float64]:
    """At most `most` points that keep each bucket's smallest and largest y, in order of x."""
    count = len(x)
    if count <= most:
        return x, y
    buckets = most // 2
    size = -(-count // buckets)
    full = count // size
    body = y[: full * size].reshape(full, size)
    start = np.arange(full) * size
    low, high = start + body.argmin(axis=1), start + body.argmax(axis=1)
    picks = np.sort(np.stack([low, high], axis=1), axis=1).ravel()
    if full * size < count:
        rest = y[full * size:]
        ends = sorted((full * size + int(rest.argmin()), full * size + int(rest.argmax())))
        picks = np.concatenate([picks, ends])
    return x[picks], y[picks]


def visible(x: Float64, y: Float64, low: float, high: float) -> tuple[Float64, Float64]:
    """The part of a curve (x rising) inside low..high with one point more at each side."""
    if len(x) == 0:
        return x, y
    first = max(0, int(np.searchsorted(x, low)) - 1)
    last = min(len(x), int(np.searchsorted(x, high, side="right")) + 1)
    return x[first:last], y[first:last]


def value_at(x: Float64, y: Float64, at: float, between: bool) -> float:
    """y at a place: interpolated, or of the nearest point; nan outside the curve."""
    if len(x) == 0 or not x[0] - 1e-9 <= at <= x[-1] + 1e-9:
        return math.nan
    if between:
        return float(np.interp(at, x, y))
    index = int(np.searchsorted(x, at))
    index = min(max(index, 0), len(x) - 1)
    if index > 0 and abs(x[index - 1] - at) <= abs(x[index] - at):
        index -= 1
    return float(y[index])


def clean(x: ArrayLike, y: ArrayLike) -> tuple[Float64, Float64]:
    """float64, of equal length, x rising, without points that are not finite."""
    x, y = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    if len(x) != len(y):
        raise ValueError(f"{len(x)} places but {len(y)} values")
    good = np.isfinite(x) & np.isfinite(y)
    if not good.all():
        x, y = x[good], y[good]
    if len(x) > 1 and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y
