"""Pictures in batches from a model, as quickly as this machine draws many."""

from __future__ import annotations

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
from engine.measure.many import Many


@torch.inference_mode()
def batches(denoiser: Denoiser, class_labels: Sequence[int], seeds: Sequence[int], sampling: SamplingConfig, *,
            size: int, shape: tuple[int, int, int], num_classes: int, device: torch.device,
            weaker: Denoise | None = None, scorer: Scorer | None = None) -> Iterator[Tensor | None]:
    """Pictures (B, C, H, W) of `size` at a time, and None after each network call in between.

    The same as `engine.diffusion.sample` draws, up to rounding; a picture does not depend on its batch. Raises
    BadSetting for a class that is not there.
    """
    wrong = [c for c in class_labels if not 0 <= c < num_classes]
    if wrong:
        raise BadSetting(f"There is no class {wrong[0]}; classes are 0 to {num_classes - 1}.")
    with Many(device) as many:
        guided = guide(many.denoiser(denoiser), sampling, weaker=weaker, scorer=scorer)
        for first in range(0, len(class_labels), size):
            labels = torch.tensor(list(class_labels[first : first + size]), dtype=torch.long, device=device)
            noise = SampleNoise(seeds[first : first + size], shape, device)
            for step in sample(bind(guided, labels), noise, sampling, denoiser.schedule):
                yield step.x_next if step.sigma_next == 0 else None
