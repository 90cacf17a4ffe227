"""How the pictures of one seed changed over training: a row of all classes for each snapshot of a run.

Drawn as the strip of samples is, so that a row costs a fraction of a second. Rows come from the snapshot that is
looked at outwards; each is saved with the run at once, so the job may end at any moment. It looks again for new
snapshots before each row, and so serves a run that is still trained, here or by another process. Imports no torch by
itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.config import STRIP_SAMPLING, SamplingConfig
from engine.errors import BadRun
from engine.events import Command, Event, Tick
from engine.runs import Run, SaveFailed, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

Uint8 = NDArray[np.uint8]

METHOD = 1  # raised when the same weights would give other pictures
READ_AT_ONCE = 8  # stored rows between two pauses


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Rows for every snapshot of a run: each class from `seed`. around: the snapshot to begin with, None the newest."""

    run: Path
    seed: int = 0
    around: int | None = None
    sampling: SamplingConfig = STRIP_SAMPLING


@dataclass(frozen=True, slots=True)
class LookAround(Command):
    """Go on with the rows nearest to this training step."""

    step: int


@dataclass(frozen=True, eq=False)
class HistoryRows(Event):
    """New rows by training step: uint8 (K, H, W) or (K, H, W, 3), one picture a class.

    steps: of all snapshots that can be drawn, rising. missing: how many of them have no row yet.
    """

    request: HistoryRequest
    run_id: str
    steps: tuple[int, ...]
    rows: dict[int, Uint8] = field(repr=False)
    missing: int


def history_key(run: Run, step: int, request: HistoryRequest) -> str:
    """Under what a row is saved: equal for equal weights, seed, settings and method. Raises BadRun."""
    settings = {"sampling": request.sampling.model_dump(), "seed": request.seed,
                "classes": len(run.info.class_names), "method": METHOD}
    return measurement_key("history", run.weights_hash(step), settings)


def stored_row(run: Run, step: int, request: HistoryRequest) -> Uint8 | None:
    """The row of a snapshot if it was drawn before. Raises BadRun for one that is not there."""
    values = run.measurement(history_key(run, step, request))
    return None if values is None else _unpacked(values, len(run.info.class_names), run.info.image_shape)


def nearest_first(missing: Sequence[int], steps: Sequence[int], around: int | None) -> int | None:
    """Which of `missing` comes next: the fewest snapshots away from the one nearest to `around`, later ones first."""
    if not missing:
        return None
    if around is None:
        return max(missing)
    places = {step: place for place, step in enumerate(steps)}
    middle = min(range(len(steps)), key=lambda i: abs(steps[i] - around))
    return min(missing, key=lambda step: (abs(places[step] - middle), -step))


def draw_history(workspace: Workspace, request: HistoryRequest) -> Generator[Event, Command | None, None]:
    """What is stored at once, then row by row; a Tick after each network call. Obeys LookAround. Raises BadRun.

    A snapshot that cannot be read (damaged, or thinned away meanwhile) has no row. Raises SaveFailed at the end where
    something could not be saved.
    """
    yield from _History(workspace, request).draw()


class _History:
    """The rows so far."""

    def __init__(self, workspace: Workspace, request: HistoryRequest) -> None:
        self.workspace, self.request = workspace, request
        self.run = Run.open(request.run)
        self.around = request.around
        self.there: set[int] = set()
        self.looked: set[int] = set()
        self.unreadable: set[int] = set()
        self.failed: SaveFailed | None = None

    def draw(self) -> Generator[Event, Command | None, None]:
        told = False
        while True:
            steps = self._steps()
            if (new := [step for step in steps if step not in self.looked]) or not told:
                found = yield from self._read(new)
                steps = self._steps()
                told = True
                yield from self._say(steps, found)
            step = nearest_first([s for s in steps if s not in self.there], steps, self.around)
            if step is None:
                break
            try:
                row = yield from self._row(step)
            except BadRun:
                self.unreadable.add(step)
                yield from self._say(self._steps(), {})
                continue
            self.there.add(step)
            yield from self._say(self._steps(), {step: row})
        if self.failed is not None:
            raise self.failed

    def _steps(self) -> list[int]:
        return [s.step for s in self.run.snapshots() if s.step not in self.unreadable]

    def _obey(self, command: Command | None) -> None:
        if isinstance(command, LookAround):
            self.around = command.step

    def _say(self, steps: list[int], rows: dict[int, Uint8]) -> Generator[Event, Command | None, None]:
        missing = sum(step not in self.there for step in steps)
        self._obey((yield HistoryRows(self.request, self.run.info.id, tuple(steps), rows, missing)))

    def _read(self, steps: list[int]) -> Generator[Event, Command | None, dict[int, Uint8]]:
        """Stored rows of these snapshots."""
        found: dict[int, Uint8] = {}
        for count, step in enumerate(steps, start=1):
            self.looked.add(step)
            try:
                row = stored_row(self.run, step, self.request)
            except BadRun:
                self.unreadable.add(step)
                continue
            if row is not None:
                found[step] = row
                self.there.add(step)
            if count % READ_AT_ONCE == 0:
                self._obey((yield Tick()))
        return found

    def _row(self, step: int) -> Generator[Event, Command | None, Uint8]:
        """Draw one snapshot's row, and save it."""
        from engine.diffusion.sample import denoising_steps, to_pixels

        model = self.workspace.model(self.request.run, step)
        labels = list(range(model.num_classes))
        x0 = None
        for x0 in denoising_steps(model.denoiser, labels, [self.request.seed] * len(labels), self.request.sampling,
                                  shape=model.shape, num_classes=model.num_classes, device=self.workspace.device):
            self._obey((yield Tick()))
        assert x0 is not None
        row = to_pixels(x0)
        try:
            self.run.save_measurement(history_key(self.run, step, self.request), _packed(row))
        except SaveFailed as error:
            self.failed = error
        return row


def _packed(row: Uint8) -> dict[str, Any]:
    """The pictures side by side as a PNG, which any program can show, in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.concatenate(list(row), axis=1))).save(file, "PNG", optimize=True)
    return {"png": base64.b64encode(file.getvalue()).decode("ascii")}


def _unpacked(values: dict[str, Any], count: int, shape: tuple[int, int, int]) -> Uint8 | None:
    """`count` pictures (C, H, W); None where the values are of another shape."""
    from PIL import Image

    channels, height, width = shape
    try:
        with Image.open(io.BytesIO(base64.b64decode(values["png"])), formats=("PNG",)) as picture:
            if picture.size != (count * width, height) or picture.mode != ("L" if channels == 1 else "RGB"):
                return None
            pixels = np.array(picture)
    except (KeyError, TypeError, ValueError, OSError, SyntaxError):
        return None
    return np.ascontiguousarray(np.stack(np.split(pixels, count, axis=1)))
