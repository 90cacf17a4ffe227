"""How much an error counts at each noise level, whatever the network predicts.

A weighting is a weight on the error of the picture, E[w(sigma) |x0_hat - x0|^2]. The network's own output F has
x0_hat - x0 = out (F - target), so the same weight on the error of F is w(sigma) out(sigma)^2: that is why one
weighting has another form for each parameterisation. SNR = alpha_bar / (1 - alpha_bar) = 1 / sigma^2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.config import Parameterisation, Weighting

MIN_SNR_GAMMA = 5.0


def x0_weight(weighting: Weighting, sigma: Tensor, sigma_data: float) -> Tensor | None:
    """The weight (B,) on |x0_hat - x0|^2 at noise levels sigma (B,); None for "simple", which follows F.

    min-snr: min(SNR, 5) (Hang et al. 2023, arXiv 2303.09556); on F that is min(SNR, 5)/SNR for noise and
    min(SNR, 5)/(SNR + 1) for v. soft-min-snr: 1 / (sigma^2 + sigma_data^2), a smooth minimum of SNR and
    1/sigma_data^2 (Crowson et al. 2024, arXiv 2401.11605). edm: (sigma^2 + sigma_data^2) / (sigma sigma_data)^2,
    with which the error of F counts 1 under EDM preconditioning (Karras et al. 2022, arXiv 2206.00364, table 1).
    """
    if weighting == "simple":
        return None
    if weighting == "min-snr":
        return (1 / sigma**2).clamp(max=MIN_SNR_GAMMA)
    total = sigma**2 + sigma_data**2
    if weighting == "soft-min-snr":
        return 1 / total
    return total / (sigma * sigma_data) ** 2


def output_weight(weighting: Weighting, parameterisation: Parameterisation, sigma: Tensor, out: Tensor,
                  sigma_data: float) -> Tensor | None:
    """The weight (B,) on |F - target|^2; None where it is 1 at every noise level.

    out (B,) is the factor from F to x0_hat (`Scalings.out`). "simple" counts F evenly, so it implies another
    weight on the picture for each parameterisation; for edm it is the EDM weight.
    """
    weight = x0_weight(weighting, sigma, sigma_data)
    if weight is None or (weighting, parameterisation) == ("edm", "edm"):
        return None
    return weight * torch.square(out)
