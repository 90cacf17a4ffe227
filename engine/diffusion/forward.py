"""The forward process in closed form, for pictures on the screen. numpy, no torch.

Pictures are float32 (C, H, W) in [-1, 1]; noise is drawn by seed alone, so it is the same in every view.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.diffusion.schedules import Schedule

Float32 = NDArray[np.float32]


def to_float(pixels: NDArray[np.uint8]) -> Float32:
    """uint8 0..255 to float32 -1..1; `to_uint8` undoes it exactly for all 256 values."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """float -1..1 (clipped) to uint8 by rounding."""
    scaled = (np.asarray(values, dtype=np.float32) + np.float32(1)) * np.float32(127.5)
    pixels: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return pixels


def noise_like(shape: tuple[int, ...], seed: int) -> Float32:
    """Standard normal noise that depends on the seed alone."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def noised(x0: Float32, eps: Float32, schedule: Schedule, t: int) -> Float32:
    """x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps (Ho et al. 2020, eq. 4); t from 0 to T."""
    alpha_bar = schedule.alpha_bar[t]
    return np.float32(np.sqrt(alpha_bar)) * x0 + np.float32(np.sqrt(1 - alpha_bar)) * eps
