"""Pictures and recorded trajectories from a denoiser: the samplers put to use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.config import SamplingConfig
from engine.diffusion.clip_guidance import Scorer
from engine.diffusion.denoiser import Denoise, Denoiser
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import BadSetting
from engine.events import Trajectory


def _labels(class_labels: Sequence[int], num_classes: int, device: torch.device) -> Tensor:
    wrong = [c for c in class_labels if not 0 <= c < num_classes]
    if wrong:
        raise BadSetting(f"There is no class {wrong[0]}; classes are 0 to {num_classes - 1}.")
    return torch.tensor(list(class_labels), dtype=torch.long, device=device)


def to_pixels(x0: Tensor) -> NDArray[np.uint8]:
    """(B, C, H, W) in -1..1 to uint8 (B, H, W) for grey, (B, H, W, 3) for colour; clipped and rounded."""
    pixels = ((x0.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()
    return (pixels[:, 0] if pixels.shape[1] == 1 else pixels.permute(0, 2, 3, 1)).contiguous().numpy()


@torch.inference_mode()
def denoising_steps(denoiser: Denoiser, class_labels: Sequence[int], seeds: Sequence[int],
                    sampling: SamplingConfig, *, shape: tuple[int, int, int], num_classes: int,
                    device: torch.device, weaker: Denoise | None = None, scorer: Scorer | None = None,
                    ) -> Iterator[Tensor]:
    """After each step, the current x0_hat (B, C, H, W); the last one is the picture.

    weaker: the snapshot that autoguide_step names; scorer: the reader that clip_model names; here and below.
    """
    labels = _labels(class_labels, num_classes, device)
    guided = guide(denoiser, sampling, weaker=weaker, scorer=scorer)
    noise = SampleNoise(seeds, shape, device)
    for step in sample(bind(guided, labels), noise, sampling, denoiser.schedule):
        yield step.x_next if step.sigma_next == 0 else step.x0


@torch.inference_mode()
def record(denoiser: Denoiser, class_labels: Sequence[int], seed: int, sampling: SamplingConfig, *,
           snapshot: int, shape: tuple[int, int, int], num_classes: int, device: torch.device,
           weaker: Denoise | None = None, scorer: Scorer | None = None) -> Iterator[dict[int, Trajectory]]:
    """Trajectories of all classes from one seed, yielded after each network call with one more frame filled.

    The arrays are shared between yields: frames below `filled` never change again. float16, unclipped.
    """
    labels = _labels(class_labels, num_classes, device)
    sigmas = np.array(sampling_sigmas(sampling, denoiser.schedule))
    t = np.array([denoiser.schedule.t_of_sigma(s) for s in sigmas], dtype=np.int64)
    size = (len(sigmas), len(class_labels), *shape)
    x, x0, eps, guidance = (np.zeros(size, dtype=np.float16) for _ in range(4))
    pair: list[Tensor] = []

    def seen(conditional: Tensor, unconditional: Tensor) -> None:
        pair[:] = [conditional - unconditional]

    guided = guide(denoiser, sampling, on_pair=seen, weaker=weaker, scorer=scorer)
    noise = SampleNoise([seed] * len(class_labels), shape, device)

    def trajectories(filled: int) -> dict[int, Trajectory]:
        return {label: Trajectory(label, seed, snapshot, sigmas, t, x[:, i], x0[:, i], eps[:, i], guidance[:, i],
                                  filled)
                for i, label in enumerate(class_labels)}

    last = len(sigmas) - 1
    for step in sample(bind(guided, labels), noise, sampling, denoiser.schedule):
        frames = [step.index] if step.index + 1 < last else [step.index, last]
        x[step.index] = _half(step.x / math.sqrt(1 + step.sigma**2))
        for frame in frames:
            x0[frame] = _half(step.x0)
            eps[frame] = _half(step.eps)
            if pair:
                guidance[frame] = _half(pair[0])
        pair.clear()
        if step.sigma_next == 0:
            x[last] = _half(step.x_next)
        yield trajectories(frames[-1] + 1)


def _half(values: Tensor) -> NDArray[np.float16]:
    return values.clamp(-65000, 65000).to(torch.float16).cpu().numpy()


@torch.inference_mode()
def sample_images(denoiser: Denoiser, class_labels: Sequence[int], seeds: Sequence[int],
                  sampling: SamplingConfig, *, shape: tuple[int, int, int], num_classes: int,
                  device: torch.device, batch_size: int = 100,
                  weaker: Denoise | None = None, scorer: Scorer | None = None) -> Iterator[NDArray[np.uint8]]:
    """uint8 pictures in batches, (B, H, W) or (B, H, W, 3); a picture does not depend on its batch."""
    for begin in range(0, len(class_labels), batch_size):
        chosen = slice(begin, begin + batch_size)
        picture: Tensor | None = None
        for picture in denoising_steps(denoiser, class_labels[chosen], seeds[chosen], sampling, shape=shape,
                                       num_classes=num_classes, device=device, weaker=weaker, scorer=scorer):
            pass
        assert picture is not None
        yield to_pixels(picture)
