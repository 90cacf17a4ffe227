"""Averaged weights: pictures are drawn from these, not from the weights that jump with each batch."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class PowerEma:
    """Power-function average, beta_n = (1 - 1/n)^(gamma + 1) at step n (Karras et al. 2023, arXiv 2312.02696, eq. 123).

    The first step copies the weights (beta_1 = 0), so the average never remembers the initial noise; the
    window grows with training, by about step / (gamma + 1). Parameters are averaged in float32, buffers
    are copied. `network` is a module of its own, in evaluation mode.
    """

    def __init__(self, source: nn.Module, gamma: float) -> None:
        self.gamma = gamma
        self.network = copy.deepcopy(source).eval().requires_grad_(False)
        self._average: list[Tensor] = list(self.network.parameters())
        self._source: list[Tensor] = list(source.parameters())
        self._buffers = list(zip(self.network.buffers(), source.buffers(), strict=True))

    def beta(self, step: int) -> float:
        """Share of the old average that survives step n = 1, 2, ..."""
        return float((1 - 1 / step) ** (self.gamma + 1))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the source's weights in after training step n."""
        torch._foreach_lerp_(self._average, self._source, 1 - self.beta(step))
        for mine, theirs in self._buffers:
            mine.copy_(theirs)
