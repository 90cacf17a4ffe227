"""Many pictures of a model, drawn as part of a long job. Imports no torch by itself."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.events import Command, Event, JobProgress, Tick

if TYPE_CHECKING:
    from engine.workspace import LoadedModel, Workspace

CPU_BATCH, GPU_BATCH = 50, 500  # pictures drawn at once: few enough for a slider that waits for one network call

T = TypeVar("T")
Drawing = Generator[Event, Command | None, NDArray[np.uint8]]


def ticking(work: Generator[None, None, T]) -> Generator[Event, Command | None, T]:
    """Work in parts, with a Tick after each; returns what the work returns."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
        yield Tick()


def draw(workspace: Workspace, model: LoadedModel, labels: Sequence[int], seeds: Sequence[int],
         sampling: SamplingConfig, *, begin: int = 0, total: int = 0) -> Drawing:
    """uint8 (N, C, H, W): picture i of class labels[i] and seed seeds[i], whatever the others are.

    A Tick after each network call and JobProgress after each batch, counted from `begin` of `total` (0: N). Raises
    BadSetting for a class that is not there or settings that do not fit the run.
    """
    from engine.diffusion.sample import to_pixels
    from engine.measure.drawing_many import batches

    size = CPU_BATCH if workspace.device.type == "cpu" else GPU_BATCH
    made, done = np.empty((len(labels), *model.shape), dtype=np.uint8), 0
    for x0 in batches(model.denoiser, labels, seeds, sampling, size=size, shape=model.shape,
                      num_classes=model.num_classes, device=workspace.device, weaker=workspace.weaker(model, sampling),
                      scorer=workspace.scorer(model, sampling)):
        yield Tick()
        if x0 is not None:
            made[done : done + len(x0)] = channels_first(to_pixels(x0))
            done += len(x0)
            yield JobProgress(begin + done, total or len(labels), "pictures")
    return made


def channels_first(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W) or (N, H, W, 3) as (N, C, H, W)."""
    return images[:, None] if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def channels_last(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, C, H, W) as (N, H, W) for grey, (N, H, W, 3) for colour."""
    return images[:, 0] if images.shape[1] == 1 else np.ascontiguousarray(images.transpose(0, 2, 3, 1))
