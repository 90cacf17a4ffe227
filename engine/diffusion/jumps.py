"""Gradually or all at once: what a model makes of a real picture noised to t, in one jump and in many steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from engine.diffusion.denoiser import Denoiser
from engine.diffusion.forward import noise_like
from engine.diffusion.forward_view import trained_at
from engine.diffusion.guidance import classifier_free
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import schedule
from engine.events import JumpRequest

Half = NDArray[np.float16]


@torch.inference_mode()
def jumps(denoiser: Denoiser, request: JumpRequest, sigma_max: float,
          device: torch.device) -> Iterator[tuple[Half, Half, tuple[bool, ...], bool]]:
    """(one_jump, many_steps, trained, complete) after the jump, and after each step of the slow way.

    Each picture is x0 + sigma_t eps with the request's noise. Levels beyond sigma_max are brought down to
    it and marked as not trained. At t = 0 the picture itself is returned. The slow way is DDIM at eta 0 with
    num_steps steps, all rows in one batch.
    """
    levels = schedule(request.schedule, request.num_timesteps)
    timesteps = np.array(request.timesteps, dtype=np.float64)
    # (n, num_steps + 1) noise levels, each row evenly spaced in t from its own start down to 0.
    grid = timesteps[:, None] * np.linspace(1, 0, request.num_steps + 1)[None]
    wanted = np.interp(grid, np.arange(levels.num_timesteps + 1), levels.sigma)
    trained = trained_at(levels, request.timesteps, sigma_max)
    path = torch.from_numpy(np.minimum(wanted, sigma_max)).float().to(device)

    x0 = torch.from_numpy(request.x0.astype(np.float32)).to(device)
    eps = torch.from_numpy(noise_like(request.x0.shape, request.seed)).to(device)
    one = np.repeat(request.x0[None].astype(np.float16), len(path), axis=0)
    many = one.copy()
    noisy = [i for i, t in enumerate(request.timesteps) if t > 0]
    if not noisy:
        yield one, many, trained, True
        return
    labels = torch.full((len(noisy),), request.class_label, dtype=torch.long, device=device)
    mask = torch.full((len(noisy),), 1.0 if request.use_class else 0.0, device=device)
    scale = request.guidance_scale if request.use_class else 1.0
    denoise = bind(classifier_free(denoiser, scale), labels, mask)
    path = path[noisy]
    x = x0[None] + path[:, 0, None, None, None] * eps[None]
    for i in range(request.num_steps):
        sigma, following = path[:, i], path[:, i + 1]
        guess = denoise(x, sigma).clamp(-1, 1)
        if i == 0:
            one[noisy] = _half(guess)
        x = guess + (following / sigma)[:, None, None, None] * (x - guess)
        last = i + 1 == request.num_steps
        many[noisy] = _half(x if last else guess)
        yield one, many.copy(), trained, last


def _half(values: torch.Tensor) -> Half:
    return values.to(torch.float16).cpu().numpy()
