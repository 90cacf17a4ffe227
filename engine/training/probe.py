"""Which number format and memory layout train fastest on this machine: measured for about a second.

CPU flags alone do not tell: with AVX512_BF16 bfloat16 wins, with AVX2 it is many times slower.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser, Losses
from engine.training.batches import Batch
from engine.training.graphed import WARM_UP, GraphedStep
from engine.training.shards import Shards


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


# A first step also sets kernels up, so it may take this many times the quickest without meaning anything.
HOPELESS = 6.0


def candidates(precision: str, memory_layout: str, device: torch.device) -> list[Layout]:
    """What is worth trying on a device; the first is the one that always works."""
    formats = ["fp32", "bf16"] if precision == "auto" else [precision]
    if device.type == "mps" and precision == "auto":
        formats = ["fp32"]
    orders = (False, True) if memory_layout == "auto" else (memory_layout == "channels-last",)
    return [Layout(p, last) for p in formats for last in orders]


def probe(denoiser: Denoiser, batch: Batch, layouts: Sequence[Layout], *,
          seconds: float = 1.0) -> Iterator[Layout | None]:
    """Time training steps of each candidate on copies; yields None while busy, the fastest last.

    Candidates take turns and the quickest step of each counts, so that another program's burst of work
    decides nothing. One that is far behind after its first step is asked no more: it must not cost seconds. On a GPU
    steps are recorded as they are in training, so that its own time counts and not how fast Python starts kernels.
    """
    if len(layouts) == 1:
        yield layouts[0]
        return
    device = batch.x0.device
    on_gpu = device.type == "cuda"
    best: dict[Layout, float] = {}
    trials: dict[Layout, Callable[[Batch], object]] = {}
    made = []
    for layout in layouts:
        copied = copy.deepcopy(denoiser).to(memory_format=layout.memory_format)
        copied.precision = layout.dtype
        shards = Shards(copied, torch.get_num_threads() if device.type == "cpu" else 1)
        made.append(shards)
        trials[layout] = partial(_recorded(shards), rate=0.0) if on_gpu else shards.backward
    try:
        rounds, began = 0, time.perf_counter()
        settled = WARM_UP + 2 if on_gpu else 0  # rounds of a GPU that set kernels up and record
        while rounds < settled + 4 or time.perf_counter() - began < seconds:
            for layout, trial in list(trials.items()):
                x0 = batch.x0.to(memory_format=layout.memory_format)
                start = time.perf_counter()
                trial(batch._replace(x0=x0))
                if on_gpu:
                    torch.cuda.synchronize()
                taken = time.perf_counter() - start
                if rounds >= settled:
                    best[layout] = min(taken, best.get(layout, taken))
                    if taken > HOPELESS * min(best.values()):
                        del trials[layout]
                yield None
            rounds += 1
    finally:
        for shards in made:
            shards.close()
    yield min(best, key=lambda layout: best[layout])


def _recorded(shards: Shards) -> GraphedStep:
    def work(batch: Batch, _: Tensor) -> Losses:
        losses = shards.backward(batch).losses
        shards.drop_gradients()
        return losses

    return GraphedStep(work)
