"""A word growing out of noise, as a GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from engine.export.handwriting import Word, pixels

HEIGHT = 96
FRAME_MS, LAST_MS = 60, 1500
MOST_FRAMES = 40


def gif_of(words: Sequence[Word], *, paper: bool) -> bytes:
    """A GIF file of a word's states, all on a sheet as large as the largest of them."""
    step = max(1, -(-len(words) // MOST_FRAMES))
    chosen = [*words[:-1:step], words[-1]]
    sheets = [pixels(word, paper=paper, height=HEIGHT) for word in chosen]
    wide, tall = (max(sheet.shape[axis] for sheet in sheets) for axis in (1, 0))
    frames = []
    for sheet in sheets:
        frame = np.full((tall, wide), 255 if paper else 0, dtype=np.uint8)
        top, left = (tall - sheet.shape[0]) // 2, (wide - sheet.shape[1]) // 2
        frame[top : top + sheet.shape[0], left : left + sheet.shape[1]] = sheet
        frames.append(Image.fromarray(frame))
    file = io.BytesIO()
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], loop=0,
                   duration=[*[FRAME_MS] * (len(frames) - 1), LAST_MS])
    return file.getvalue()
