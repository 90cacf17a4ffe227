"""Guidance as a function from denoiser to denoiser.

One convention: D = D_u + w (D_c - D_u). w = 0 is unconditional, w = 1 plain conditional.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoise
from engine.errors import BadSetting

OnPair = Callable[[Tensor, Tensor], None]


def classifier_free(denoise: Denoise, guidance_scale: float, on_pair: OnPair | None = None) -> Denoise:
    """Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) in the x0_hat of the denoiser.

    At w = 1 and w = 0 the network is asked once, for the one prediction that counts; else once with a
    doubled batch. on_pair(D_c, D_u) sees both whenever both are computed. Samples whose class_mask is 0
    stay unconditional.
    """
    w = guidance_scale

    def guided(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        if w == 1:
            return denoise(x, sigma, class_labels, class_mask)
        if w == 0:
            return denoise(x, sigma, class_labels, torch.zeros_like(class_mask))
        both = denoise(torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([class_labels, class_labels]),
                       torch.cat([class_mask, torch.zeros_like(class_mask)]))
        conditional, unconditional = both.chunk(2)
        if on_pair is not None:
            on_pair(conditional, unconditional)
        return unconditional + w * (conditional - unconditional)

    return guided


def within(guided: Denoise, plain: Denoise, sigma_low: float, sigma_high: float) -> Denoise:
    """Guide only at noise levels in (sigma_low, sigma_high], else `plain` (Kynkaanniemi et al. 2024,
    arXiv 2404.07724): guidance harms diversity early and does nothing late, and costs a network call.

    All samples of a batch are at one level. Raises BadSetting for an interval upside down.
    """
    if not 0 <= sigma_low < sigma_high:
        raise BadSetting(f"The guidance interval must rise; from {sigma_low:g} to {sigma_high:g} it does not.")

    def chosen(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        denoise = guided if sigma_low < float(sigma[0]) <= sigma_high else plain
        return denoise(x, sigma, class_labels, class_mask)

    return chosen


def rescaled(denoise: Denoise, guidance_scale: float, share: float, on_pair: OnPair | None = None,
             weaker: Denoise | None = None) -> Denoise:
    """Guidance whose result is brought back to the spread of D_c, mixed in by `share` 0..1.

    Classifier-free, or by a weaker model where one is given. Lin et al. 2023 (arXiv 2305.08891, eq. 15 and 16),
    on x0_hat: stops over-saturation at large w. Raises BadSetting for a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise BadSetting(f"Rescale must be from 0 to 1; {share:g} is not.")

    def plain(on_pair: OnPair | None) -> Denoise:
        if weaker is None:
            return classifier_free(denoise, guidance_scale, on_pair)
        return autoguided(denoise, weaker, guidance_scale, on_pair)

    if share == 0 or guidance_scale in (0, 1):
        return plain(on_pair)
    spread: list[Tensor] = []

    def seen(conditional: Tensor, unconditional: Tensor) -> None:
        spread[:] = [conditional.flatten(1).std(1)[:, None, None, None]]
        if on_pair is not None:
            on_pair(conditional, unconditional)

    guided = plain(seen)

    def rescale(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        result = guided(x, sigma, class_labels, class_mask)
        own = result.flatten(1).std(1)[:, None, None, None].clamp_min(1e-8)
        return result * (share * spread[0] / own + (1 - share))

    return rescale


def autoguided(denoise: Denoise, weaker: Denoise, guidance_scale: float, on_pair: OnPair | None = None) -> Denoise:
    """D = D_weak + w (D - D_weak) with a weaker version of the same model, such as an early snapshot
    (Karras et al. 2024, arXiv 2406.02507). At w = 1 only the model itself is asked, at w = 0 only the weaker.
    """
    w = guidance_scale

    def guided(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        if w == 1:
            return denoise(x, sigma, class_labels, class_mask)
        weak = weaker(x, sigma, class_labels, class_mask)
        if w == 0:
            return weak
        strong = denoise(x, sigma, class_labels, class_mask)
        if on_pair is not None:
            on_pair(strong, weak)
        return weak + w * (strong - weak)

    return guided
