"""What a judge says of many pictures (N, C, H, W), in parts, as a step of a long job."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.measure.judge import Judge

PART = 100  # pictures read between two moments for somebody else
Read = Generator[None, None, NDArray[np.float32]]


def probabilities(judge: Judge, images: NDArray[np.uint8]) -> Read:
    """Probability of each class, (N, num_classes); yields after each part."""
    return _in_parts(judge.read, images)


def features(judge: Judge, images: NDArray[np.uint8]) -> Read:
    """The layer before the logits, (N, width); yields after each part."""
    return _in_parts(judge.features, images)


def _in_parts(look: Callable[[NDArray[np.uint8]], NDArray[np.float32]], images: NDArray[np.uint8]) -> Read:
    parts = []
    for begin in range(0, len(images), PART):
        parts.append(look(images[begin : begin + PART]))
        yield
    return np.concatenate(parts)
