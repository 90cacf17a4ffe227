"""The one denoiser: all that samplers, guidance and pictures ever see of a model.

    denoise(x, sigma, class_labels, class_mask) -> x0_hat

x is x0 + sigma eps (scaled so that the signal keeps its size), sigma is (B,). How the network is
parameterised, and what it is told of the noise level, is this module's secret.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from engine.config import Parameterisation, Weighting
from engine.diffusion.schedules import Schedule
from engine.diffusion.weighting import output_weight


class Denoise(Protocol):
    """Anything that predicts the clean picture: (B, C, H, W), (B,), (B,), (B,) -> (B, C, H, W), float32."""

    def __call__(self, x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor: ...


class Scalings(NamedTuple):
    """x0_hat = skip * x + out * F(in_ * x), each (B,)."""

    skip: Tensor
    out: Tensor
    in_: Tensor

    def x0(self, x: Tensor, output: Tensor) -> Tensor:
        """The picture that an output F (B, C, H, W) means at x."""
        return _wide(self.skip) * x + _wide(self.out) * output

    def output(self, x: Tensor, x0: Tensor) -> Tensor:
        """The output F that means the picture x0 at x: the network's target where x0 is the true one."""
        return (x0 - _wide(self.skip) * x) / _wide(self.out)


class Losses(NamedTuple):
    """Of one batch, each (): what training lowers, and the noise-prediction error E|eps - eps_hat|^2, detached.

    eps_hat = (x - x0_hat) / sigma, so the second means the same for every parameterisation and weighting.
    """

    loss: Tensor
    eps_mse: Tensor


def scalings(parameterisation: Parameterisation, sigma: Tensor, sigma_data: float) -> Scalings:
    """How the network's output F becomes x0_hat at noise level sigma (B,).

    noise: F predicts eps (Ho et al. 2020). x0: F predicts the picture. v: F predicts
    sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0 (Salimans and Ho 2022, arXiv 2202.00512). edm: input and
    target of unit variance (Karras et al. 2022, arXiv 2206.00364, table 1).
    With x = x_t / sqrt(alpha_bar), sqrt(alpha_bar) = 1 / sqrt(1 + sigma^2).
    """
    one = torch.ones_like(sigma)
    signal = (1 + sigma**2).rsqrt()  # sqrt(alpha_bar)
    if parameterisation == "noise":
        return Scalings(one, -sigma, signal)
    if parameterisation == "x0":
        return Scalings(torch.zeros_like(sigma), one, signal)
    if parameterisation == "v":
        return Scalings(signal**2, -sigma * signal, signal)
    total = sigma**2 + sigma_data**2
    return Scalings(sigma_data**2 / total, sigma * sigma_data * total.rsqrt(), total.rsqrt())


class Denoiser(nn.Module):
    """A network with its parameterisation, seen as a denoiser.

    precision is the number format inside the network only; x, sigma and the result stay float32.
    """

    log_sigmas: Tensor

    def __init__(self, network: nn.Module, *, parameterisation: Parameterisation, schedule: Schedule,
                 sigma_data: float, weighting: Weighting = "simple",
                 precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.network = network
        self.parameterisation: Parameterisation = parameterisation
        self.schedule = schedule
        self.sigma_data = sigma_data
        self.weighting: Weighting = weighting
        self.precision = precision
        logs = torch.from_numpy(schedule.sigma[1:]).log().float()
        self.register_buffer("log_sigmas", logs, persistent=False)

    def noise_label(self, sigma: Tensor) -> Tensor:
        """What the network is told of sigma (B,): t in units of 0..1000, or 100 ln sigma for EDM."""
        log_sigma = sigma.log()
        if self.parameterisation == "edm":
            return 100 * log_sigma
        logs = self.log_sigmas
        above = torch.searchsorted(logs, log_sigma.contiguous()).clamp(1, len(logs) - 1)
        low, high = logs[above - 1], logs[above]
        t = above + ((log_sigma - low) / (high - low)).clamp(0, 1)  # logs[0] belongs to t = 1
        return t * (1000 / self.schedule.num_timesteps)

    def raw(self, x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> tuple[Tensor, Scalings]:
        """The network's own output F in float32, with the scalings that make it x0_hat."""
        scale = scalings(self.parameterisation, sigma, self.sigma_data)
        label = self.noise_label(sigma)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=self.precision is torch.bfloat16):
            output = self.network(x * _wide(scale.in_), label, class_labels, class_mask)
        return output.float(), scale

    def forward(self, x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        output, scale = self.raw(x, sigma, class_labels, class_mask)
        return scale.x0(x, output)

    def losses(self, x0: Tensor, eps: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Losses:
        """Weighted mean squared error of F against its target, and the error of the noise it implies.

        With weighting "simple" the loss is for "noise" the textbook E|eps - eps_hat|^2 and for edm the EDM loss,
        whose weight makes the error of F count 1 at every noise level.
        """
        x = x0 + _wide(sigma) * eps
        output, scale = self.raw(x, sigma, class_labels, class_mask)
        target = scale.output(x, x0)
        weight = output_weight(self.weighting, self.parameterisation, sigma, scale.out, self.sigma_data)
        squares = nn.functional.mse_loss(output, target, reduction="none").mean(dim=(1, 2, 3))
        # Without a weight the plain mean, for its gradient is one operation.
        loss = nn.functional.mse_loss(output, target) if weight is None else (weight * squares).mean()
        return Losses(loss, (squares.detach() * (scale.out / sigma) ** 2).mean())

    def loss(self, x0: Tensor, eps: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        """The loss of `losses` alone, ()."""
        return self.losses(x0, eps, sigma, class_labels, class_mask).loss


def _wide(values: Tensor) -> Tensor:
    """(B,) to (B, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)
