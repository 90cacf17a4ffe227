"""Randomness by seed: a sample's noise depends on its own seed and on nothing else in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.errors import BadSetting

LARGEST_SEED = 2**63 - 1


class SampleNoise:
    """One generator for each sample; each call draws the next standard normal (B, *shape).

    Drawn on the CPU and then moved, so that a seed means the same picture on every device.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        if any(not 0 <= seed <= LARGEST_SEED for seed in seeds):
            raise BadSetting(f"A seed must be from 0 to {LARGEST_SEED}.")
        self.shape = shape
        self.device = torch.device(device)
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self) -> Tensor:
        drawn = torch.stack([torch.randn(self.shape, generator=g) for g in self.generators])
        return drawn.to(self.device, non_blocking=True)


def stream(*key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator whose state is a function of the key alone, e.g. (seed, purpose, images_seen).

    The key is mixed by numpy's SeedSequence, so that near keys give unrelated streams.
    """
    import numpy as np

    state = int(np.random.SeedSequence(list(key)).generate_state(1, np.uint64)[0]) & LARGEST_SEED
    return torch.Generator(device=device).manual_seed(state)
