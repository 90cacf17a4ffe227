"""Loss and gradients of a batch whose parts are computed side by side, one CPU thread each.

Splitting each operation over threads makes them wait for each other some hundred times a step; whole parts of
a batch wait once. On two cores that trained as fast as spinning threads with nothing else running, and half
as fast again as sleeping ones beside one busy program (docs/benchmarks.md). The sum runs in a fixed order, so
a step is repeatable bit for bit for the same number of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser, Losses
from engine.side_by_side import SideBySide
from engine.training.batches import Batch


class Gradient(NamedTuple):
    """Of one batch: its losses, detached, and the length () of the gradient over all parameters."""

    losses: Losses
    norm: Tensor


class Shards(SideBySide):
    """`count` threads that share one denoiser; with one part everything happens in the caller's thread."""

    def __init__(self, denoiser: Denoiser, count: int) -> None:
        super().__init__(count)
        self._denoiser = denoiser
        self._parameters = [p for p in denoiser.parameters() if p.requires_grad]
        self._chunks = _chunks([p.numel() for p in self._parameters], count)

    def backward(self, batch: Batch) -> Gradient:
        """Leave the gradient of the batch's mean loss in the parameters' `grad`."""
        count = min(self.count, len(batch.x0))
        if count == 1:
            losses = self._denoiser.losses(*batch)
            # Not `backward`: what it would leave behind in the parameters belongs to the stream of the first call.
            norm = self._sum([torch.autograd.grad(losses.loss, self._parameters)], self._parameters)
            return Gradient(Losses(losses.loss.detach(), losses.eps_mse), norm)
        results = self.each(self._parts(batch, count))
        norms = self.each([partial(self._sum, [gradients[chunk] for _, gradients in results], self._parameters[chunk])
                           for chunk in self._chunks])
        losses = Losses(*(torch.stack(values).sum() for values in zip(*(part for part, _ in results), strict=True)))
        return Gradient(losses, torch.linalg.vector_norm(torch.stack(norms)))

    def in_turn(self, batch: Batch) -> None:
        """Losses and gradients of the same parts in the same threads, one after the other, kept nowhere. What a first
        call prepares, as torch.compile does, is then prepared once; in two threads at a time torch waits for ever.
        """
        for part in self._parts(batch, min(self.count, len(batch.x0))):
            self.each([part])

    def drop_gradients(self) -> None:
        """Let go of what `backward` left."""
        for parameter in self._parameters:
            parameter.grad = None

    def _parts(self, batch: Batch, count: int) -> list[Callable[[], tuple[Losses, Sequence[Tensor]]]]:
        parts = [Batch(*values) for values in zip(*(value.chunk(count) for value in batch), strict=True)]
        return [partial(self._part, part, len(part.x0) / len(batch.x0)) for part in parts]

    def _part(self, part: Batch, weight: float) -> tuple[Losses, Sequence[Tensor]]:
        """Losses and gradient of a part, times its share of the batch."""
        losses = self._denoiser.losses(*part)
        gradients = torch.autograd.grad(losses.loss, self._parameters, losses.loss.new_tensor(weight))
        return Losses(losses.loss.detach() * weight, losses.eps_mse * weight), gradients

    @staticmethod
    def _sum(parts: Sequence[Sequence[Tensor]], parameters: Sequence[Tensor]) -> Tensor:
        """Leave the parts' sum in `grad`; its length ()."""
        total = list(parts[0])
        for part in parts[1:]:
            torch._foreach_add_(total, list(part))
        for parameter, gradient in zip(parameters, total, strict=True):
            parameter.grad = gradient
        return torch.nn.utils.get_total_norm(total, foreach=True)


def _chunks(sizes: Sequence[int], count: int) -> list[slice]:
    """Slices that cover all sizes, about the same total in each."""
    ends: list[int] = []
    done = 0
    for place, size in enumerate(sizes):
        done += size
        if done * count >= sum(sizes) * (len(ends) + 1):
            ends.append(place + 1)
    return [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
