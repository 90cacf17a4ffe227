"""How well a model predicts the noise, level by level: the measure by which model families are compared.

Whatever the network predicts, a denoiser says x0_hat, and eps_hat = (x - x0_hat) / sigma follows. So a network
trained on noise, v, the picture or EDM's mix has the same error E|eps - eps_hat|^2 to show, on the same held-out
pictures with the same noise. 1 is the error of finding no noise at all (x0_hat = x), 0 of finding all of it: at
great noise any picture gives nearly 0, at little noise even the best answer stays near 1, and a worse one above.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from engine.build import HELD_OUT
from engine.data.catalogue import Dataset
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.noise import stream
from engine.diffusion.schedules import Schedule
from engine.errors import BadSetting
from engine.events import Command, Event, Tick

Float64 = NDArray[np.float64]

NUM_LEVELS = 20
NUM_IMAGES = 500


def error_levels(schedule: Schedule, num_levels: int = NUM_LEVELS) -> Float64:
    """Rising noise levels sigma, evenly spaced in log from that of t = 1 to that of T."""
    levels: Float64 = np.geomspace(schedule.sigma[1], schedule.sigma_max, num_levels)
    return levels


def held_out(dataset: Dataset, count: int = NUM_IMAGES) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures of the test set (count, C, H, W) and their classes, evenly spread over its order.

    Raises BadSetting for more than there are.
    """
    there = len(dataset.test_images)
    if not 1 <= count <= there:
        raise BadSetting(f"Held-out pictures must be from 1 to {there}; {count} is not.")
    chosen = np.arange(count) * there // count
    return dataset.test_images[chosen], dataset.test_labels[chosen]


def noise_error(denoiser: Denoiser, images: NDArray[np.uint8], class_labels: NDArray[np.int64], levels: Float64, *,
                device: torch.device, seed: int = 0,
                batch_size: int = 250) -> Generator[Event, Command | None, Float64]:
    """E|eps - eps_hat|^2 at each noise level: as a generator of a Tick a network call, returning (len(levels),).

    images uint8 (N, C, H, W), told with their classes (N,). Each picture has one noise, the same at every level
    and for every model; it depends on seed and on the picture's place. Same arguments, same numbers.
    """
    eps = torch.randn(images.shape, generator=stream(seed, HELD_OUT))
    parts: list[torch.Tensor] = []
    for begin in range(0, len(images), batch_size):
        chosen = slice(begin, begin + batch_size)
        noise = eps[chosen].to(device)
        x0 = torch.from_numpy(images[chosen].copy()).to(device).float().mul_(1 / 127.5).sub_(1)
        labels = torch.from_numpy(class_labels[chosen].copy()).to(device)
        mask = torch.ones(len(labels), device=device)
        errors = []
        for level in levels:
            sigma = torch.full((len(labels),), float(level), device=device)
            # Entered anew for each call: a generator must not leave the mode on in whoever drives it.
            with torch.inference_mode():
                x0_hat = denoiser(x0 + float(level) * noise, sigma, labels, mask)
                errors.append(((x0_hat - x0) / float(level)).square().mean(dim=(1, 2, 3)))  # eps - eps_hat
            yield Tick()
        parts.append(torch.stack(errors))
    each = torch.cat(parts, dim=1).cpu().numpy().astype(np.float64)
    mean: Float64 = each.mean(axis=1)
    return mean
