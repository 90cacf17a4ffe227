"""Real test pictures by class and seed, noised as far as is asked. numpy, no torch.

The picture of a class and a seed is the class's test picture number seed (counted from 0, and round again), its noise
that of the seed: the same as the Forward page shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.diffusion.forward import Float32, noise_like, to_float
from engine.errors import BadSetting


def check_enough(dataset: Dataset, classes: Sequence[int], seeds: int) -> None:
    """Raises BadSetting where a class has fewer test pictures than seeds: one would be there twice."""
    counts = np.bincount(dataset.test_labels, minlength=dataset.num_classes)
    fewest = min(classes, key=lambda c: int(counts[c]))
    if counts[fewest] < seeds:
        raise BadSetting(f"{dataset.title} has {counts[fewest]:,} test pictures of {dataset.class_names[fewest]}; "
                         f"{seeds:,} are asked for.", "Take fewer seeds.")


def real_pictures(dataset: Dataset, class_labels: Sequence[int], seeds: Sequence[int]) -> NDArray[np.uint8]:
    """uint8 (B, C, H, W): the test picture of each class and seed."""
    places = {c: np.flatnonzero(dataset.test_labels == c) for c in set(class_labels)}
    chosen = [places[c][seed % len(places[c])] for c, seed in zip(class_labels, seeds, strict=True)]
    return dataset.test_images[chosen]


def real_and_noise(dataset: Dataset, class_labels: Sequence[int], seeds: Sequence[int]) -> tuple[Float32, Float32]:
    """x0 in -1..1 and eps, each (B, C, H, W), of each class and seed."""
    x0 = to_float(real_pictures(dataset, class_labels, seeds))
    return x0, np.stack([noise_like(x0.shape[1:], int(seed)) for seed in seeds])


def noised_to(x0: Float32, eps: Float32, sigma: float) -> Float32:
    """x_t = sqrt(alpha_bar) (x0 + sigma eps) at noise level sigma."""
    return ((x0 + sigma * eps) / math.sqrt(1 + sigma**2)).astype(np.float32)
