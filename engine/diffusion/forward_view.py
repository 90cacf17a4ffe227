"""What the Forward page shows of one noised picture, in numbers: shares, curves over t, pixel values.

numpy only, no torch: the page recomputes all of it while a slider moves. Pictures are float32 (C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.diffusion.schedules import Schedule

Float64 = NDArray[np.float64]

FILM_COLUMNS = 11  # T, 0.9 T, ... 0
LEVEL_TOLERANCE = 1.0001  # a noise level is compared with sigma_max only to within rounding

# 0.1 wide and centred on multiples of 0.1, so that black (-1) and white (1) fall into the middle of a bin.
HISTOGRAM_EDGES: Float64 = np.linspace(-3.05, 3.05, 62)


def film_levels(num_timesteps: int, columns: int = FILM_COLUMNS) -> tuple[int, ...]:
    """Evenly spaced t from T down to 0, ends included."""
    return tuple(round(num_timesteps * (1 - i / (columns - 1))) for i in range(columns))


def nearest_level(levels: Sequence[int], t: int) -> int:
    """Index of the level nearest to t."""
    return int(np.abs(np.asarray(levels) - t).argmin())


def trained_at(schedule: Schedule, timesteps: Sequence[int], sigma_max: float) -> tuple[bool, ...]:
    """For each t whether its noise level lies within what a run was trained up to (sigma_max)."""
    return tuple(bool(s <= sigma_max * LEVEL_TOLERANCE) for s in schedule.sigma[np.asarray(timesteps, dtype=int)])


def share_curves(schedule: Schedule) -> tuple[Float64, Float64, Float64]:
    """(t, sqrt(alpha_bar_t), sqrt(1 - alpha_bar_t)) for t = 0..T: the weights of image and noise in x_t."""
    t = np.arange(schedule.num_timesteps + 1, dtype=np.float64)
    return t, np.sqrt(schedule.alpha_bar), np.sqrt(1 - schedule.alpha_bar)


def snr_curve(schedule: Schedule) -> tuple[Float64, Float64]:
    """(t, SNR in dB) for t = 1..T; at t = 0 there is no noise and the ratio is infinite."""
    t = np.arange(1, schedule.num_timesteps + 1, dtype=np.float64)
    return t, -20 * np.log10(schedule.sigma[1:])


@dataclass(frozen=True, slots=True)
class ForwardPoint:
    """One noised picture in numbers.

    signal, noise: the weights sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t). signal_power, noise_power: their
    squares, which sum to 1. snr_db: inf at t = 0. correlation: of the pixels of x_t with those of x_0, None
    where a picture is of one colour.
    """

    t: int
    signal: float
    noise: float
    signal_power: float
    noise_power: float
    snr_db: float
    correlation: float | None


def forward_point(x0: NDArray[np.float32], x_t: NDArray[np.float32], schedule: Schedule, t: int) -> ForwardPoint:
    """The numbers of x_t, which is x0 noised to t."""
    alpha_bar = float(schedule.alpha_bar[t])
    return ForwardPoint(t, math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar), alpha_bar, 1 - alpha_bar,
                        schedule.snr_db(t), correlation(x0, x_t))


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float | None:
    """Pearson correlation of two pictures' pixels; None where one has no contrast."""
    a = np.asarray(one, dtype=np.float64).ravel()
    b = np.asarray(other, dtype=np.float64).ravel()
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 0 else None


def rms_difference(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Root of the mean squared difference of two pictures; black to white is 2."""
    gap = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    return math.sqrt(float(np.mean(gap * gap)))


def pixel_density(values: NDArray[np.floating]) -> Float64:
    """Histogram over HISTOGRAM_EDGES as a density: bars of all pixels would cover an area of 1.

    Pixels beyond the edges count in the whole, so the bars shown may cover a little less.
    """
    counts, _ = np.histogram(values, HISTOGRAM_EDGES)
    density: Float64 = counts / (values.size * (HISTOGRAM_EDGES[1] - HISTOGRAM_EDGES[0]))
    return density


def normal_density(x: Float64) -> Float64:
    """Density of the standard normal distribution: the pixels of pure noise."""
    density: Float64 = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return density


def images_of_class(labels: NDArray[np.int64], class_label: int) -> NDArray[np.int64]:
    """Places of a class's pictures in a data set, in its order."""
    places: NDArray[np.int64] = np.flatnonzero(labels == class_label)
    return places
