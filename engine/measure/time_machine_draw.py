"""The network's part of the time machine: denoising paths from one seed or many, a level at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.config import SamplingConfig
from engine.diffusion.denoiser import Denoise
from engine.diffusion.forward import to_uint8
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import Schedule


class Level(NamedTuple):
    """What there is at one noise level: x_t (B, C, H, W), not clipped, and the x0 predicted from it."""

    x: NDArray[np.float16]
    x0: NDArray[np.uint8]


@torch.inference_mode()
def path(denoise: Denoise, schedule: Schedule, class_labels: Sequence[int], seed: int, sampling: SamplingConfig, *,
         shape: tuple[int, int, int], device: torch.device) -> Iterator[list[Level]]:
    """Every class from the same noise: after each network call the levels that are new, one, and in the end two.

    num_steps + 1 levels in all, most noise first; the last one is the picture, its own prediction.
    """
    labels = torch.tensor(list(class_labels), dtype=torch.long, device=device)
    noise = SampleNoise([seed] * len(class_labels), shape, device)
    for step in sample(bind(guide(denoise, sampling), labels), noise, sampling, schedule):
        here = Level(_half(step.x / math.sqrt(1 + step.sigma**2)), _pixels(step.x0))
        yield [here] if step.sigma_next else [here, Level(_half(step.x_next), _pixels(step.x_next))]


def _half(values: Tensor) -> NDArray[np.float16]:
    return values.clamp(-65000, 65000).to(torch.float16).cpu().numpy()


def _pixels(values: Tensor) -> NDArray[np.uint8]:
    return to_uint8(np.nan_to_num(values.float().cpu().numpy()))
