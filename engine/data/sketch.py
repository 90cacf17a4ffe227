"""A drawing made to look as a data set's pictures do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Uint8 = NDArray[np.uint8]

INNER = 20 / 28  # of the side: how large the larger side of MNIST's digits is


def centred(picture: Uint8) -> Uint8:
    """Light on dark (C, H, W): the ink scaled to 20/28 of the side and its centre of mass put into the middle.

    As the digits of MNIST were made (LeCun et al. 1998). A picture without ink stays as it is.
    """
    _, height, width = picture.shape
    grey = picture.mean(axis=0)
    ink = grey > 0.1 * max(1.0, float(grey.max()))
    if not ink.any() or grey.max() < 8:
        return picture.copy()
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    part = picture[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = INNER * min(height, width) / max(part.shape[1:])
    tall, wide = (max(1, round(n * scale)) for n in part.shape[1:])
    small = np.stack([np.asarray(Image.fromarray(channel).resize((wide, tall), Image.Resampling.LANCZOS))
                      for channel in part])
    weight = small.mean(axis=0) + 1e-9
    down = (weight.sum(axis=1) @ np.arange(tall)) / weight.sum()
    across = (weight.sum(axis=0) @ np.arange(wide)) / weight.sum()
    top = min(max(0, round((height - 1) / 2 - down)), height - tall)
    left = min(max(0, round((width - 1) / 2 - across)), width - wide)
    made = np.zeros_like(picture)
    made[:, top : top + tall, left : left + wide] = small
    return made


def shrunk(drawn: Uint8, size: int, channels: int) -> Uint8:
    """A large grey drawing (H, W) as (channels, size, size), each pixel the mean of what it covers."""
    small = np.asarray(Image.fromarray(drawn).resize((size, size), Image.Resampling.BOX), dtype=np.uint8)
    return np.repeat(small[None], channels, axis=0)
