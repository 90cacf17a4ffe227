"""Characters in one hand: pictures of several classes from nearly the same noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.config import SamplingConfig
from engine.diffusion.clip_guidance import Scorer
from engine.diffusion.denoiser import Denoise, Denoiser
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.samplers import bind
from engine.errors import BadSetting

LARGEST_SEED = 2**63 - 1


class HandNoise:
    """Standard normal (B, *shape): sqrt(1 - v^2) of noise that all share and v of each one's own, v the variation.

    The shared noise is of `seed`, own noise of seeds that follow from it and the place in the word, so that a word
    that grows keeps the characters it has.
    """

    def __init__(self, count: int, seed: int, variation: float, shape: tuple[int, ...],
                 device: torch.device | str = "cpu") -> None:
        self.variation = variation
        self.shared = SampleNoise([seed], shape, device)
        self.own = SampleNoise([(seed * 1_000_003 + 1 + place) % LARGEST_SEED for place in range(count)], shape, device)

    def __call__(self) -> Tensor:
        return math.sqrt(1 - self.variation**2) * self.shared() + self.variation * self.own()


@torch.inference_mode()
def hand_steps(denoiser: Denoiser, class_labels: Sequence[int], seed: int, variation: float,
               sampling: SamplingConfig, *, shape: tuple[int, int, int], device: torch.device,
               weaker: Denoise | None = None, scorer: Scorer | None = None) -> Iterator[Tensor]:
    """After each step x0_hat (B, C, H, W); the last one is the characters. Raises BadSetting for no character.

    weaker: the snapshot that autoguide_step names; scorer: the reader that clip_model names.
    """
    if not class_labels:
        raise BadSetting("There is nothing to write.")
    labels = torch.tensor(list(class_labels), dtype=torch.long, device=device)
    noise = HandNoise(len(class_labels), seed, variation, shape, device)
    guided = guide(denoiser, sampling, weaker=weaker, scorer=scorer)
    for step in sample(bind(guided, labels), noise, sampling, denoiser.schedule):
        yield step.x_next if step.sigma_next == 0 else step.x0
