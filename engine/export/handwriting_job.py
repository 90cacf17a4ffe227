"""Drawing the characters of a word, as a job whose pictures grow while it runs. Imports no torch by itself."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.events import Command, Event, Tick

if TYPE_CHECKING:
    from engine.workspace import Workspace

SHOWN_EVERY = 0.03  # s


@dataclass(frozen=True, slots=True)
class HandRequest:
    """Which characters: one class label each, all from the noise of one seed (see `engine.diffusion.hand`)."""

    run: Path
    snapshot: int | None
    class_labels: tuple[int, ...]
    seed: int
    variation: float
    sampling: SamplingConfig
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class HandReady(Event):
    """The characters so far. frames: predicted x0 after each step, float16 (F, N, C, H, W); the last is the newest."""

    channel: ClassVar[str] = "picture"
    request: HandRequest
    snapshot: int
    frames: NDArray[np.float16]
    complete: bool


def write_hand(workspace: Workspace, request: HandRequest) -> Generator[Event, Command | None, None]:
    """Draw, as a job: HandReady now and then, and at the end. Raises BadRun, BadSetting."""
    from engine.diffusion.hand import hand_steps
    from engine.diffusion.schedules import sampling_sigmas

    model = workspace.model(request.run, request.snapshot, request.average_percent)
    total = len(sampling_sigmas(request.sampling, model.denoiser.schedule)) - 1
    frames: list[NDArray[np.float16]] = []
    shown = 0.0
    for x0 in hand_steps(model.denoiser, request.class_labels, request.seed, request.variation, request.sampling,
                         shape=model.shape, device=workspace.device, weaker=workspace.weaker(model, request.sampling),
                         scorer=workspace.scorer(model, request.sampling)):
        frames.append(x0.clamp(-1, 1).cpu().numpy().astype(np.float16))
        complete, now = len(frames) == total, time.perf_counter()
        if complete or now - shown >= SHOWN_EVERY:
            shown = now
            yield HandReady(request, model.snapshot, np.stack(frames), complete)
        else:
            yield Tick()
