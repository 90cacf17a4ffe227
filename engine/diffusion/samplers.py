"""Samplers: plain generators over a falling list of noise levels that ends in 0.

Each takes a denoiser of two arguments, `denoise(x, sigma) -> x0_hat` (class and guidance already bound),
and x at sigmas[0], scaled as x = x0 + sigma eps. Each yields one Step for each network call, and leaves
x at sigma = 0 in the last one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import BadSetting

BoundDenoise = Callable[[Tensor, Tensor], Tensor]
DrawNoise = Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Step:
    """x at noise level sigma, what the network said there, and x at the next level."""

    index: int
    sigma: float
    x: Tensor
    x0: Tensor  # after guidance and clipping
    sigma_next: float
    x_next: Tensor

    @property
    def eps(self) -> Tensor:
        """The noise that is left once x0 is taken away: (x - x0) / sigma."""
        return (self.x - self.x0) / self.sigma


def check_levels(sigmas: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Pairs of a level and the next; BadSetting unless they strictly fall and end at 0."""
    levels = [float(s) for s in sigmas]
    if len(levels) < 2 or levels[-1] != 0 or any(a <= b for a, b in itertools.pairwise(levels)):
        raise BadSetting("Noise levels must strictly fall and end at 0.")
    return itertools.pairwise(levels)


def ddim(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, eta: float = 0.0,
         noise: DrawNoise | None = None, clip_x0: bool = False) -> Iterator[Step]:
    """DDIM (Song et al. 2020, arXiv 2010.02502, eq. 12 and 16); eta 0 is Euler, eta 1 is DDPM.

    In x = x0 + sigma eps its fresh noise is sigma_up = eta s sqrt(sigma^2 - s^2) / sigma with s the next
    level. clip_x0 keeps x0_hat in [-1, 1] and derives the noise again from what is left.
    Raises BadSetting when eta > 0 and no noise is given.
    """
    levels = check_levels(sigmas)
    if eta > 0 and noise is None:
        raise BadSetting("A sampler with eta above 0 needs a source of noise.")
    for index, (sigma, following) in enumerate(levels):
        x0 = denoise(x, x.new_full((len(x),), sigma))
        if clip_x0:
            x0 = x0.clamp(-1, 1)
        if following == 0:
            following_x = x0
        else:
            up = eta * following * math.sqrt(sigma**2 - following**2) / sigma
            down = math.sqrt(following**2 - up**2)
            following_x = x0 + (down / sigma) * (x - x0)
            if up > 0:
                assert noise is not None
                following_x = following_x + up * noise()
        yield Step(index, sigma, x, x0, following, following_x)
        x = following_x


def ddpm(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, noise: DrawNoise,
         clip_x0: bool = False) -> Iterator[Step]:
    """Ancestral sampling with the posterior's own variance (Ho et al. 2020, eq. 6 and 7): DDIM at eta 1."""
    return ddim(denoise, x, sigmas, eta=1.0, noise=noise, clip_x0=clip_x0)


def dpmpp_2m(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *,
             clip_x0: bool = False) -> Iterator[Step]:
    """DPM-Solver++(2M), data prediction (Lu et al. 2022, arXiv 2211.01095, algorithm 2), in lambda = -ln sigma.

    The first step and the step to sigma = 0 are of first order.
    """
    levels = check_levels(sigmas)
    previous: Tensor | None = None
    previous_h = 0.0
    for index, (sigma, following) in enumerate(levels):
        x0 = denoise(x, x.new_full((len(x),), sigma))
        if clip_x0:
            x0 = x0.clamp(-1, 1)
        if following == 0:
            following_x = x0
        else:
            h = math.log(sigma / following)
            target = x0
            if previous is not None:
                r = previous_h / h
                target = (1 + 1 / (2 * r)) * x0 - (1 / (2 * r)) * previous
            following_x = (following / sigma) * x - math.expm1(-h) * target
            previous, previous_h = x0, h
        yield Step(index, sigma, x, x0, following, following_x)
        x = following_x


def start(noise: DrawNoise, sigma: float) -> Tensor:
    """x at the first level: standard normal in x_t, hence times sqrt(1 + sigma^2) here."""
    return noise() * math.sqrt(1 + sigma**2)


def bind(denoise: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], class_labels: Tensor,
         class_mask: Tensor | None = None) -> BoundDenoise:
    """A denoiser with its class filled in; without a mask every sample uses its class."""
    mask = torch.ones(len(class_labels), device=class_labels.device) if class_mask is None else class_mask
    return lambda x, sigma: denoise(x, sigma, class_labels, mask)
