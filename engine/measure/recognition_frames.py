"""What a recognition is read from: the pictures that denoising passes through, many trajectories at once."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.clip_guidance import Scorer
from engine.diffusion.denoiser import Denoise
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.sample import to_pixels
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import Schedule


@torch.inference_mode()
def frames(denoise: Denoise, schedule: Schedule, class_labels: Sequence[int], seeds: Sequence[int],
           sampling: SamplingConfig, *, predicted: bool, shape: tuple[int, int, int], device: torch.device,
           weaker: Denoise | None = None, scorer: Scorer | None = None) -> Generator[None, None, NDArray[Any]]:
    """Returns num_steps + 1 frames of every picture, noise first, pausing after each network call.

    predicted: predicted x0 as uint8 (F, B, H, W), the last frame the picture itself. Else x_t as float16
    (F, B, C, H, W), scaled as x_t = sqrt(alpha_bar) (x0 + sigma eps), not clipped. Frame i is at level i of
    `sampling_sigmas`. A picture does not depend on its batch.
    """
    labels = torch.tensor(list(class_labels), dtype=torch.long, device=device)
    guided = guide(denoise, sampling, weaker=weaker, scorer=scorer)
    noise = SampleNoise(seeds, shape, device)
    taken: list[NDArray[Any]] = []
    for step in sample(bind(guided, labels), noise, sampling, schedule):
        taken.append(to_pixels(step.x0) if predicted else _half(step.x / math.sqrt(1 + step.sigma**2)))
        if step.sigma_next == 0:
            taken.append(to_pixels(step.x_next) if predicted else _half(step.x_next))
        yield
    return np.stack(taken)


def _half(values: torch.Tensor) -> NDArray[np.float16]:
    return values.clamp(-65000, 65000).to(torch.float16).cpu().numpy()
