"""Guidance as a function from denoiser to denoiser.

One convention: D = D_u + w (D_c - D_u). w = 0 is unconditional, w = 1 plain conditional.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoise

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
