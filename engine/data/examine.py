"""Opening one file of an import: decoded within limits, or the reason why not. Nothing is ever written or followed."""

from __future__ import annotations

import io
import os
import stat
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.data.picture import FORMATS, flatten
from engine.data.skipping import (
    DAMAGED,
    EMPTY,
    LINK,
    MISSING,
    NOT_A_FILE,
    NOT_A_PICTURE,
    TOO_LARGE,
    TOO_MANY_PIXELS,
    TOO_SMALL,
    UNREADABLE,
)

LARGEST_FILE = 32 << 20  # bytes
MOST_PIXELS = 24_000_000  # of one picture: what a phone takes
FEWEST = 8  # pixels of the shorter side
COLOUR = 24  # difference of two channels from which on a pixel is coloured
COLOURED_SHARE = 0.01  # of a picture's pixels

# Pillow warns of large pictures and of odd metadata. The limits here are tighter than its own, and a filter set in each
# thread would not be safe.
warnings.filterwarnings("ignore", module=r"PIL\.")

Rule = Literal["whole", "middle"]
RULES: dict[Rule, str] = {"whole": "the whole picture, with the colour of its border around it",
                          "middle": "the middle square of the picture"}


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A picture that can be opened. thumbnail: uint8 RGB (size, size, 3), by the rule it was asked for."""

    width: int
    height: int
    coloured: bool
    thumbnail: NDArray[np.uint8]


def examine(path: str, size: int, rule: Rule) -> Examined | str:
    """Decode one file and bring it to size x size; a reason (see `skipping`) where it is left out."""
    opened = _decode(path, size)
    if isinstance(opened, str):
        return opened
    picture, width, height = opened
    pixels = np.asarray(fit(picture, size, rule), dtype=np.uint8)
    apart = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    return Examined(width, height, bool((apart > COLOUR).mean() > COLOURED_SHARE), pixels)


def fit(picture: Image.Image, size: int, rule: Rule) -> Image.Image:
    """An RGB picture as size x size; one of that size already is left as it is."""
    if picture.size == (size, size):
        return picture
    if rule == "middle":
        return ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS)
    scale = size / max(picture.size)
    small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
                           Image.Resampling.LANCZOS)
    if small.size == (size, size):
        return small
    pixels = np.asarray(small)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    canvas = Image.new("RGB", (size, size), tuple(int(v) for v in np.median(edge, axis=0)))
    canvas.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return canvas


def _decode(path: str, size: int) -> tuple[Image.Image, int, int] | str:
    data = _bytes(path)
    if isinstance(data, str):
        return data
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                return TOO_MANY_PIXELS.format(pixels=round(width * height / 1e6), limit=MOST_PIXELS // 1_000_000)
            if min(width, height) < FEWEST:
                return TOO_SMALL.format(width=width, height=height)
            image.draft("RGB", (2 * size, 2 * size))  # a large JPEG is decoded at a fraction of its size
            image.load()
            return flatten(ImageOps.exif_transpose(image)).convert("RGB"), width, height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY_PIXELS.format(pixels="far too many", limit=MOST_PIXELS // 1_000_000)
    except UnidentifiedImageError:
        return NOT_A_PICTURE
    except Exception:  # what Pillow raises for files made to break it is an open list; one file must not end an import
        return DAMAGED


def _bytes(path: str) -> bytes | str:
    """The content of a plain file, opened so that no link is followed and no pipe waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        before = os.lstat(path)
        if stat.S_ISLNK(before.st_mode):
            return LINK
        if not stat.S_ISREG(before.st_mode):
            return NOT_A_FILE
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError):
        return UNREADABLE
    with open(descriptor, "rb") as file:
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return NOT_A_FILE
            if status.st_size == 0:
                return EMPTY
            if status.st_size > LARGEST_FILE:
                return TOO_LARGE.format(limit=LARGEST_FILE >> 20)
            data = file.read(LARGEST_FILE + 1)
        except OSError:
            return UNREADABLE
    return data if len(data) <= LARGEST_FILE else TOO_LARGE.format(limit=LARGEST_FILE >> 20)
