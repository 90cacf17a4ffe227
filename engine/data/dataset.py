"""A data set in memory: pictures, labels, and what belongs to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_PART = 1 << 24  # bytes counted at once: bincount makes eight of each


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and their classes: uint8 (N, C, H, W) and int64 (N,). Shared by all: not to be changed.

    flips: for each class, whether a picture seen in a mirror is still one of that class and no odder than the rest
    (a shirt is, a digit is not); empty where none is. The training half may be empty: a set that ships with its test
    pictures alone can be looked at and compared with, and not trained on.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    size: int  # height and width in pixels
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    flips: tuple[bool, ...] = ()

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        return (self.channels, self.size, self.size)

    @property
    def trainable(self) -> bool:
        """Whether the training half is here."""
        return len(self.train_labels) > 0

    @cached_property
    def sigma_data(self) -> float:
        """Standard deviation of the training pixels in -1..1, from their histogram: exact, without a float copy."""
        pixels = self.train_images.reshape(-1)
        counts = np.zeros(256, dtype=np.int64)
        for begin in range(0, len(pixels), _PART):
            counts += np.bincount(pixels[begin : begin + _PART], minlength=256)
        values = np.arange(256, dtype=np.float64) / 127.5 - 1
        mean = (counts * values).sum() / counts.sum()
        return float(np.sqrt((counts * (values - mean) ** 2).sum() / counts.sum()))

    @cached_property
    def train_sha256(self) -> str:
        """Of the training pictures' bytes: what a judge that learned them names them by."""
        return hashlib.sha256(self.train_images.tobytes()).hexdigest()
