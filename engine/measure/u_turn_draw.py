"""The way back of a U-turn."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.data.dataset import Dataset
from engine.diffusion.clip_guidance import Scorer
from engine.diffusion.denoiser import Denoise
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample_from
from engine.diffusion.sample import to_pixels
from engine.diffusion.samplers import bind
from engine.measure.real_pictures import real_and_noise


@torch.inference_mode()
def turned(denoise: Denoise, dataset: Dataset, class_labels: Sequence[int], seeds: Sequence[int],
           sigmas: Sequence[float], sampling: SamplingConfig, *, device: torch.device, weaker: Denoise | None = None,
           scorer: Scorer | None = None) -> Generator[None, None, NDArray[np.uint8]]:
    """Returns what becomes of real test pictures noised to sigmas[0] and denoised over the rest, uint8 (B, H, W) or
    (B, H, W, 3); pauses after each network call. A picture does not depend on its batch.
    """
    x0, eps = real_and_noise(dataset, class_labels, seeds)
    x = torch.from_numpy(x0 + np.float32(sigmas[0]) * eps).to(device)
    labels = torch.tensor(list(class_labels), dtype=torch.long, device=device)
    denoise = guide(denoise, sampling, weaker=weaker, scorer=scorer)
    noise = SampleNoise(seeds, x0.shape[1:], device)  # for samplers that add fresh noise
    for step in sample_from(bind(denoise, labels), x, sigmas, noise, sampling):
        x = step.x_next
        yield
    return to_pixels(x)
