"""Which number format and memory layout train fastest on this machine: measured for about a second.

CPU flags alone do not tell: with AVX512_BF16 bfloat16 wins, with AVX2 it is many times slower.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from engine.diffusion.denoiser import Denoiser
from engine.training.batches import Batch


@dataclass(frozen=True, slots=True)
class Layout:
    """precision "fp32" or "bf16", and whether pictures are stored channels last."""

    precision: str
    channels_last: bool

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def candidates(precision: str, memory_layout: str, device: torch.device) -> list[Layout]:
    """What is worth trying on a device; the first is the one that always works."""
    formats = ["fp32", "bf16"] if precision == "auto" else [precision]
    if device.type == "mps" and precision == "auto":
        formats = ["fp32"]
    orders = (False, True) if memory_layout == "auto" else (memory_layout == "channels-last",)
    return [Layout(p, last) for p in formats for last in orders]


def probe(denoiser: Denoiser, batch: Batch, layouts: Sequence[Layout], *,
          seconds: float = 0.2) -> Iterator[Layout | None]:
    """Time a few training steps of each candidate on a copy; yields None while busy, the fastest last."""
    if len(layouts) == 1:
        yield layouts[0]
        return
    device = batch.x0.device
    best: tuple[float, Layout] | None = None
    for layout in layouts:
        trial = copy.deepcopy(denoiser).to(memory_format=layout.memory_format)
        trial.precision = layout.dtype
        x0 = batch.x0.to(memory_format=layout.memory_format)
        times: list[float] = []
        began = time.perf_counter()
        while len(times) < 4 or time.perf_counter() - began < seconds:
            start = time.perf_counter()
            trial.loss(x0, batch.eps, batch.sigma, batch.class_labels, batch.class_mask).backward()  # type: ignore[no-untyped-call]
            trial.zero_grad()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
            yield None
            if best is not None and times[-1] > 4 * best[0] and len(times) <= 2:
                break  # hopeless: a slow format must not cost seconds (a first step is slower, so 4)
        kept = times[1:] or times  # the first step sets kernels up
        fastest = sorted(kept)[len(kept) // 2]
        if best is None or fastest < best[0]:
            best = (fastest, layout)
    assert best is not None
    yield best[1]
