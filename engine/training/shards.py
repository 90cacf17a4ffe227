"""Loss and gradients of a batch whose parts are computed side by side, one CPU thread each.

Splitting each operation over threads makes them wait for each other some hundred times a step; whole parts of
a batch wait once. On two cores that trained as fast as spinning threads with nothing else running, and half
as fast again as sleeping ones beside one busy program (docs/benchmarks.md). The sum runs in a fixed order, so
a step is repeatable bit for bit for the same number of parts.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser, Losses
from engine.training.batches import Batch

NICENESS = 4  # of the threads that train


class Shards:
    """`count` threads that share one denoiser; with one part everything happens in the caller's thread."""

    def __init__(self, denoiser: Denoiser, count: int) -> None:
        self.count = count
        self._denoiser = denoiser
        self._parameters = [p for p in denoiser.parameters() if p.requires_grad]
        self._pool: ThreadPoolExecutor | None = None
        if count > 1:
            self._pool = ThreadPoolExecutor(count, thread_name_prefix="shard", initializer=_begin)

    def backward(self, batch: Batch) -> Losses:
        """Leave the gradient of the batch's mean loss in the parameters' `grad`; the losses, detached."""
        count = min(self.count, len(batch.x0))
        if self._pool is None or count == 1:
            losses = self._denoiser.losses(*batch)
            losses.loss.backward()  # type: ignore[no-untyped-call]
            return Losses(losses.loss.detach(), losses.eps_mse)
        parts = [Batch(*values) for values in zip(*(value.chunk(count) for value in batch), strict=True)]
        results = list(self._pool.map(self._part, parts))
        weights = [len(part.x0) / len(batch.x0) for part in parts]
        first, total = results[0][0], list(results[0][1])
        loss, eps_mse = first.loss * weights[0], first.eps_mse * weights[0]
        torch._foreach_mul_(total, weights[0])
        for weight, (part_losses, gradients) in zip(weights[1:], results[1:], strict=True):
            torch._foreach_add_(total, list(gradients), alpha=weight)
            loss, eps_mse = loss + weight * part_losses.loss, eps_mse + weight * part_losses.eps_mse
        for parameter, gradient in zip(self._parameters, total, strict=True):
            parameter.grad = gradient
        return Losses(loss, eps_mse)

    def _part(self, part: Batch) -> tuple[Losses, Sequence[Tensor]]:
        losses = self._denoiser.losses(*part)
        return Losses(losses.loss.detach(), losses.eps_mse), torch.autograd.grad(losses.loss, self._parameters)

    def close(self) -> None:
        """End the threads; twice does no harm."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None


def _begin() -> None:
    torch.set_num_threads(1)  # each thread's own count: no part splits its operations further
    if sys.platform == "linux":
        # Threads have their own niceness there: a window that wakes up is served before training goes on.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
