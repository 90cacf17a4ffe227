"""Real pictures for comparison: what a judge sees in the test set, and how far training pictures lie from it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.data.catalogue import Dataset
from engine.measure.distances import Float64, SetDistances, compare, neighbour_radii

if TYPE_CHECKING:
    from engine.measure.judge import Judge

# The Frechet distance of 5,000 training pictures differs by 15 % from draw to draw; the mean of four by half of that.
FLOOR_DRAWS = 4
PART = 100  # pictures that a judge reads between two moments for somebody else

Counts = tuple[int, ...]  # pictures of each class
Looked = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Reference:
    """Test pictures as a judge sees them, with so many of each class as the set to compare has (or all there are).

    floors: distances of FLOOR_DRAWS disjoint draws of training pictures, each of the full numbers, from these.
    """

    counts: Counts
    features: NDArray[np.float32]
    radii: Float64
    labels: NDArray[np.int64]
    read: NDArray[np.int64]
    floors: tuple[SetDistances, ...]


def choose(labels: NDArray[np.int64], counts: Counts, draw: int = 0, seed: int = 0) -> NDArray[np.int64]:
    """Indices of counts[c] pictures of each class c, or of all there are; draws 0, 1, ... share none.

    Where a class has not enough for one more draw, its draw begins again from the first picture.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for c, count in enumerate(counts):
        order = rng.permutation(np.flatnonzero(labels == c))
        draws = max(1, len(order) // max(1, count))
        begin = (draw % draws) * count
        chosen.append(order[begin : begin + count])
    return np.concatenate(chosen)


def _other_real(dataset: Dataset, counts: Counts, chosen: NDArray[np.int64], draw: int) -> NDArray[np.uint8]:
    """Pictures for a floor: of the training set; where that is not here, test pictures that are not the `chosen`."""
    if dataset.trainable:
        return dataset.train_images[choose(dataset.train_labels, counts, draw)]
    rest = np.setdiff1d(np.arange(len(dataset.test_labels)), chosen)
    rest = rest if len(rest) else chosen
    return dataset.test_images[rest[choose(dataset.test_labels[rest], counts, draw)]]


def look(judge: Judge, images: NDArray[np.uint8]) -> Generator[None, None, Looked]:
    """Features (N, width) and classes read (N,) of pictures as `Judge.read` takes them; yields after each part."""
    parts = []
    for begin in range(0, len(images), PART):
        parts.append(judge.look(images[begin : begin + PART]))
        yield
    return np.concatenate([f for f, _ in parts]), np.concatenate([d for _, d in parts])


_kept: OrderedDict[tuple[str, str, Counts], Reference] = OrderedDict()  # real pictures stay what they are


def reference(judge: Judge, dataset: Dataset, counts: Sequence[int]) -> Generator[None, None, Reference]:
    """The test set's reference for a judge, with its floors; yields often. The last few are kept."""
    key = (judge.sha256, dataset.name, tuple(counts))
    if judge.sha256 and key in _kept:
        return _kept[key]
    chosen = choose(dataset.test_labels, key[2])
    features, read = yield from look(judge, dataset.test_images[chosen])
    radii = yield from neighbour_radii(features)
    floors = []
    for draw in range(FLOOR_DRAWS):
        real, _ = yield from look(judge, _other_real(dataset, key[2], chosen, draw))
        floors.append((yield from compare(features, real, radii)))
    made = Reference(key[2], features, radii, dataset.test_labels[chosen], read, tuple(floors))
    _kept[key] = made
    while len(_kept) > 4:
        _kept.popitem(last=False)
    return made
