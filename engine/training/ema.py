"""Averaged weights: pictures are drawn from these, not from the weights that jump with each batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn


class PowerEma:
    """Power-function average, beta_n = (1 - 1/n)^(gamma + 1) at step n (Karras et al. 2023, arXiv 2312.02696, eq. 123).

    The first step copies the weights (beta_1 = 0), so the average never remembers the initial noise; the
    window grows with training, by about step / (gamma + 1). Parameters are averaged in float32, buffers
    are copied. `network` is a module of its own, in evaluation mode.

    gamma_wide: the power of a second average of the same weights, `wide`, from which and from `network`
    averages of other widths are made after training (`engine.runs.posthoc`); None for none.
    """

    def __init__(self, source: nn.Module, gamma: float, gamma_wide: float | None = None) -> None:
        self.gamma = gamma
        self.gamma_wide = gamma_wide
        self.network = copy.deepcopy(source).eval().requires_grad_(False)
        self._average: list[Tensor] = list(self.network.parameters())
        self._source: list[Tensor] = list(source.parameters())
        self._buffers = list(zip(self.network.buffers(), source.buffers(), strict=True))
        # Parameters of the second average by name; empty without one.
        self.wide: dict[str, Tensor] = {} if gamma_wide is None else {
            name: value.detach().clone() for name, value in self.network.named_parameters()}

    @staticmethod
    def beta(step: int, gamma: float) -> float:
        """Share of the old average that survives step n = 1, 2, ..."""
        return float((1 - 1 / step) ** (gamma + 1))

    def update(self, step: int) -> None:
        """Take the source's weights in after training step n."""
        for task in self.tasks(step):
            task()

    def tasks(self, step: int) -> list[Callable[[], None]]:
        """The parts of `update`, independent of each other: one an average."""
        tasks: list[Callable[[], None]] = [partial(self._take_in, self._average, step, self.gamma, self._buffers)]
        if self.gamma_wide is not None:
            tasks.append(partial(self._take_in, list(self.wide.values()), step, self.gamma_wide, []))
        return tasks

    @torch.no_grad()
    def _take_in(self, average: list[Tensor], step: int, gamma: float, buffers: list[tuple[Tensor, Tensor]]) -> None:
        torch._foreach_lerp_(average, self._source, 1 - self.beta(step, gamma))
        for mine, theirs in buffers:
            mine.copy_(theirs)

    def drop_wide(self) -> None:
        """Go on without the second average."""
        self.gamma_wide = None
        self.wide = {}
