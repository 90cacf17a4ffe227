"""A training step recorded once as a CUDA graph and replayed.

A small network's step is hundreds of short kernels. Started one by one by Python they leave a GPU waiting between any
two; a recorded step is started by one call. What is recorded reads and writes the same memory each time, so a step's
batch and learning rate are copied to where the recording looks for them.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.denoiser import Losses
from engine.training.batches import Batch

WARM_UP = 3  # steps done one kernel at a time first: libraries choose their kernels, the optimiser makes its state
MOST_AHEAD = 2  # steps that are queued on a GPU and not yet done

Work = Callable[[Batch, Tensor], Losses]
Recorded = tuple[Losses, Callable[[], None]]


def record_on_gpu(work: Callable[[], Losses]) -> Recorded:
    """Record what `work` queues on the GPU, without doing it: where its losses will be, and what does it once."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        losses = work()
    return losses, graph.replay


class GraphedStep:
    """`work(batch, rate)` as a recording, once WARM_UP steps were done without one.

    Batches must keep their shapes and memory format. What cannot be recorded goes on being done kernel by kernel;
    `refused` then says why. record: how work is recorded (a test takes the GPU's place with it).
    """

    def __init__(self, work: Work, record: Callable[[Callable[[], Losses]], Recorded] = record_on_gpu) -> None:
        self._work = work
        self._record = record
        self._batch: Batch | None = None
        self._rate = torch.empty(())
        self._recorded: Recorded | None = None
        self._done = 0
        self.refused = ""

    def __call__(self, batch: Batch, rate: float) -> Losses:
        """One step at this learning rate; its losses, on the device."""
        mine = self._take(batch, rate)
        if self._recorded is None and self._done >= WARM_UP and not self.refused:
            self._try_recording(mine)
        self._done += 1
        if self._recorded is None:
            return self._work(mine, self._rate)
        losses, replay = self._recorded
        replay()
        return Losses(losses.loss.clone(), losses.eps_mse.clone())  # the next step writes over them

    def forget(self) -> None:
        """Let go of the recording and of its memory."""
        self._recorded = self._batch = None
        self._done = 0

    def _take(self, batch: Batch, rate: float) -> Batch:
        if self._batch is None:
            self._batch = Batch(*(value.clone() for value in batch))
            self._rate = torch.empty((), device=batch.x0.device)
        else:
            for mine, value in zip(self._batch, batch, strict=True):
                mine.copy_(value)
        self._rate.fill_(rate)
        return self._batch

    def _try_recording(self, batch: Batch) -> None:
        try:
            self._recorded = self._record(lambda: self._work(batch, self._rate))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # an operation that waits for the GPU, or that a library does not let be recorded
            self.refused = f"{type(error).__name__}: {error}".splitlines()[0]
            gc.collect()  # half a recording and its memory


class Ahead:
    """Keeps the host at most MOST_AHEAD steps before a GPU.

    Without it the host would queue steps for as long as nothing is read, and the next read, or a picture that
    somebody waits for, would stand behind all of them.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._queued: deque[torch.cuda.Event] = deque()

    def wait(self) -> None:
        """To be called after each step: returns when no more than MOST_AHEAD are under way."""
        if self._device.type != "cuda":
            return
        done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        done.record()
        self._queued.append(done)
        if len(self._queued) > MOST_AHEAD:
            self._queued.popleft().synchronize()
