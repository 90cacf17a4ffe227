"""The time machine: the same picture from the same noise by every snapshot of a run, at every noise level.

A column of the map is one snapshot's own denoising path from the seed: x_t at a level is what that snapshot's sampler
holds there, predicted x0 is its answer to that x_t, and the noise judge reads that x_t. So a row compares what
snapshots make of the same noise when each has walked its own way down to that level, not their answers to one x_t.
Nothing is guided against a snapshot or by CLIP here: a column then depends on its own weights and the settings alone.

This module says what can be asked, what comes back and how it is kept; `engine.measure.time_machine_job` makes it.
Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.schedules import Schedule, sampling_sigmas
from engine.errors import BadSetting, ErrorReport
from engine.events import Event
from engine.measure.judge_files import judge_for, judge_record
from engine.measure.path_coding import packed_path, unpacked_path
from engine.measure.recognition_summary import first_recognition
from engine.runs import Run, measurement_key

METHOD = 1  # raised when the same settings would give other pictures
COARSE = 4  # every so many levels at first


@dataclass(frozen=True, slots=True)
class TimeMachineRequest:
    """Maps of one class and seed, one for each run. levels: noise levels, even in t, the picture among them.

    columns: so many snapshots, spread evenly, 0 for all. others: the other classes too, once this one is done.
    line_seeds: over so many seeds 0, 1, ... it is measured where the class is first read; below 2 only in the map.
    """

    runs: tuple[Path, ...]
    sampling: SamplingConfig
    class_label: int
    seed: int
    levels: int = 25
    columns: int = 0
    others: bool = True
    line_seeds: int = 24

    def __post_init__(self) -> None:
        if self.levels < 1 + COARSE or (self.levels - 1) % COARSE:
            raise BadSetting(f"A map has {1 + COARSE}, {1 + 2 * COARSE}, {1 + 3 * COARSE} and so on noise levels; "
                             f"{self.levels} is not among them.")

    @property
    def drawn_with(self) -> SamplingConfig:
        """The settings of a column: the sampler's own, with steps even in t, so that rows are the same for all."""
        asked = self.sampling
        return SamplingConfig(
            sampler=asked.sampler, num_steps=self.levels - 1, eta=asked.eta, guidance_scale=asked.guidance_scale,
            grid="timesteps", guidance_sigma_low=asked.guidance_sigma_low,
            guidance_sigma_high=asked.guidance_sigma_high, guidance_rescale=asked.guidance_rescale,
            clip_x0=asked.clip_x0)


@dataclass(frozen=True, eq=False)
class Column:
    """One snapshot's path for one class: F frames at the map's rows `rows`, most noise first.

    x (F, C, H, W): x_t, not clipped, to 1/256. x0 uint8 (F, C, H, W): predicted from it, -1..1 clipped. probability
    (F,): of the class, read in x_t; top (F,) the class that is read. Both None before they are read, or without a
    judge. filled: so many frames are there.
    """

    snapshot: int
    class_label: int
    rows: tuple[int, ...]
    x: NDArray[np.float16]
    x0: NDArray[np.uint8]
    probability: NDArray[np.float16] | None
    top: NDArray[np.uint8] | None
    filled: int

    def frame(self, row: int) -> int:
        """The frame that stands for a row of the map: the nearest one above it; -1 while that is not there."""
        frame = int(np.searchsorted(self.rows, row, side="right")) - 1
        return frame if frame < self.filled else -1

    @property
    def first(self) -> int | None:
        """The row from which on the class is read to the end, the number of rows where never; None if not read."""
        if self.probability is None:
            return None
        frame = int(first_recognition(self.probability[None].astype(np.float32))[0])
        return self.rows[frame] if frame < len(self.rows) else self.rows[-1] + 1


@dataclass(frozen=True, eq=False)
class ColumnsReady(Event):
    """Columns of one run, new ones or more of known ones."""

    request: TimeMachineRequest
    run: Path
    columns: tuple[Column, ...]


@dataclass(frozen=True, eq=False)
class FirstReady(Event):
    """Where one snapshot's pictures of the class are first read: a row of the map for each seed 0, 1, ..., its number
    of rows where never."""

    request: TimeMachineRequest
    run: Path
    snapshot: int
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ColumnLost(Event):
    """A snapshot cannot be read: damaged, or thinned away meanwhile."""

    request: TimeMachineRequest
    run: Path
    snapshot: int
    report: ErrorReport


def map_levels(request: TimeMachineRequest, schedule: Schedule) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """sigma and t of the rows of a run's map. Raises BadSetting where its schedule has fewer timesteps."""
    sigma = np.array(sampling_sigmas(request.drawn_with, schedule))
    return sigma, np.array([schedule.t_of_sigma(s) for s in sigma], dtype=np.int64)


def chosen_steps(steps: Sequence[int], columns: int) -> list[int]:
    """`columns` of the steps, evenly by their places, both ends among them; 0: all."""
    if columns <= 0 or columns >= len(steps):
        return list(steps)
    places = np.rint(np.linspace(0, len(steps) - 1, max(2, columns))).astype(int)
    return [steps[place] for place in places]


def map_key(run: Run, step: int, request: TimeMachineRequest) -> str:
    """Under what the columns of a snapshot are saved, all classes together. Raises BadRun."""
    return measurement_key("time-machine", run.weights_hash(step), {**_settings(run, request), "seed": request.seed})


def line_key(run: Run, step: int, request: TimeMachineRequest) -> str:
    """Under what it is saved where the class is first read. Raises BadRun."""
    return measurement_key("first-readable", run.weights_hash(step), {
        **_settings(run, request), "class": request.class_label, "seeds": request.line_seeds})


def _settings(run: Run, request: TimeMachineRequest) -> dict[str, Any]:
    file = judge_for(run, "noise")
    return {"sampling": request.drawn_with.model_dump(), "judge": judge_record(file).get("sha256", "") if file else "",
            "method": METHOD}


def stored_columns(run: Run, step: int, request: TimeMachineRequest) -> dict[int, Column]:
    """The columns of a snapshot that were made before, by class. Raises BadRun."""
    values = run.measurement(map_key(run, step, request))
    sigma, found = map_levels(request, run.schedule())[0], {}
    for name, told in (values or {}).get("classes", {}).items():
        try:
            column = _column(step, int(name), told, sigma, run.info.image_shape)
        except (ValueError, TypeError, AttributeError):
            continue  # made again
        found[column.class_label] = column
    return found


def _column(step: int, label: int, told: dict[str, Any], sigma: NDArray[np.float64],
            shape: Sequence[int]) -> Column:
    x, x0 = unpacked_path(told["path"], sigma)
    if x.shape[1:] != tuple(shape):
        raise ValueError("pictures of another shape")
    probability, top = told.get("probability"), told.get("top")
    rows = tuple(range(len(x)))
    if probability is None or top is None:
        return Column(step, label, rows, x, x0, None, None, len(x))
    if len(probability) != len(x) or len(top) != len(x):
        raise ValueError("probabilities of other levels")
    return Column(step, label, rows, x, x0, np.array(probability, dtype=np.float16), np.array(top, dtype=np.uint8),
                  len(x))


def save_columns(run: Run, request: TimeMachineRequest, step: int, columns: Sequence[Column]) -> None:
    """Keep columns of a snapshot beside those of other classes. Raises BadRun, SaveFailed."""
    key, sigma = map_key(run, step, request), map_levels(request, run.schedule())[0]
    there = (run.measurement(key) or {}).get("classes", {})
    run.save_measurement(key, {"classes": {**there, **{str(c.class_label): _packed(c, sigma) for c in columns}}})


def stored_line(run: Run, step: int, request: TimeMachineRequest) -> tuple[int, ...] | None:
    """The `first` of FirstReady where it was measured before. Raises BadRun."""
    values = run.measurement(line_key(run, step, request))
    try:
        first = tuple(int(row) for row in (values or {})["first"])
    except (KeyError, TypeError, ValueError):
        return None
    there = all(0 <= row <= request.levels for row in first)
    return first if there and len(first) == request.line_seeds else None


def _packed(column: Column, sigma: NDArray[np.float64]) -> dict[str, Any]:
    read = {} if column.probability is None or column.top is None else {
        # Enough digits to give the same float16 again.
        "probability": [float(f"{p:.5g}") for p in column.probability.tolist()], "top": column.top.tolist()}
    return {"path": packed_path(column.x, column.x0, sigma), **read}
