"""A run folder for looking at: snapshots, metrics, samples, recordings, measurements.

Needs no lock and changes nothing but measurements, so it may read what another process is writing. Anything
that thinning took away meanwhile is answered by BadRun with a sentence, never by a traceback.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import paths
from engine.diffusion.schedules import Schedule, schedule
from engine.errors import BadRun
from engine.events import Trajectory
from engine.runs.foreign import refuse_foreign
from engine.runs.info import RunInfo, read_info
from engine.runs.lock import left_by, locked_by
from engine.runs.manifest import MANIFEST, StepFolder, read_files, read_manifest, step_folders
from engine.runs.measurements import MEASUREMENTS, read_measurement, read_measurements, write_measurement
from engine.runs.metrics import METRICS_FILE, Metrics, MetricsReader
from engine.runs.recorded import (
    Recording,
    read_recording,
    read_samples,
    recorded_as,
    recording_paths,
    sample_steps,
)
from engine.runs.tensors import Arrays, as_float32, decode

SNAPSHOTS = "snapshots"
STATE = "state"
WEIGHTS_FILE = "ema.safetensors"
WIDE_FILE = "ema-wide.safetensors"  # the second average, where it is kept


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The averaged weights of a step. manual: saved by hand, never thinned. wide: the second average is there."""

    step: int
    path: Path
    manual: bool = False
    wide: bool = False


class Run:
    """One run folder, opened for looking. `info` is as of the last `refresh`."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        self.path = path
        self.info = info
        self._metrics = MetricsReader(path / METRICS_FILE)
        self._snapshots: dict[Path, tuple[int, Snapshot]] = {}

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run folder. Raises BadRun with one sentence for whatever else the path is."""
        folder = Path(path).expanduser()
        refuse_foreign(folder)
        return cls(folder, read_info(folder))

    @property
    def name(self) -> str:
        """The name a person gave it."""
        return self.info.name

    @property
    def read_only(self) -> bool:
        """Whether it cannot be trained on, renamed or trashed: it ships, or the folder cannot be written."""
        return paths.is_bundled(self.path) or not os.access(self.path, os.W_OK)

    def refresh(self) -> None:
        """Read run.json again. Raises BadRun; `info` then stays as it was."""
        self.info = read_info(self.path)

    def is_locked(self) -> str:
        """Who is writing this run, in words ("process 4711 on anvil"), or empty."""
        holder = locked_by(self.path)
        return holder.words() if holder else ""

    def left_open(self) -> str:
        """In words, who wrote this run and was gone before closing it; empty if it was closed or is being written."""
        holder = left_by(self.path)
        return holder.ended() if holder else ""

    # ---- what follows from the settings ----

    def schedule(self) -> Schedule:
        """The schedule that labels this run's t axis."""
        diffusion = self.info.config.diffusion
        return schedule(diffusion.schedule, diffusion.num_timesteps, diffusion.zero_terminal_snr)

    @property
    def sigma_max(self) -> float:
        """The largest noise level it was trained at: that of T on its schedule."""
        return self.schedule().sigma_max

    @property
    def steps_per_epoch(self) -> int:
        """Training steps that see as many images as the training set has."""
        return max(1, math.ceil(self.info.images / self.info.config.training.batch_size))

    # ---- snapshots ----

    def snapshots(self) -> list[Snapshot]:
        """Snapshots there are now, by rising step. One whose manifest is damaged is listed all the same."""
        found: dict[int, Snapshot] = {}
        known: dict[Path, tuple[int, Snapshot]] = {}
        for folder in step_folders(self.path / SNAPSHOTS):
            if folder.step in found:  # an older save of the same step
                continue
            try:
                changed = (folder.path / MANIFEST).stat().st_mtime_ns
            except OSError:
                changed = 0
            remembered = self._snapshots.get(folder.path)
            if remembered is None or remembered[0] != changed:
                remembered = (changed, _read_snapshot(folder))
            known[folder.path] = remembered
            found[folder.step] = remembered[1]
        self._snapshots = known
        return [found[step] for step in sorted(found)]

    def _find(self, step: int | None) -> Snapshot:
        there = self.snapshots()
        if not there:
            raise BadRun(f"{self.path.name} has no snapshot yet.", "Train it for a moment first.")
        if step is None:
            return there[-1]
        for snapshot in there:
            if snapshot.step == step:
                return snapshot
        raise BadRun(f"{self.path.name} has no snapshot at step {step}.",
                     f"It has {len(there)}, from step {there[0].step} to {there[-1].step}.")

    def load_snapshot(self, step: int | None = None, *, wide: bool = False) -> tuple[int, Arrays]:
        """Averaged weights of a step (None: the newest) as float32, checked against their sha256.

        wide: the second average. Raises BadRun naming the snapshot when it is missing, thinned away meanwhile,
        or damaged.
        """
        for _ in range(3):
            snapshot = self._find(step)
            arrays = self.read_snapshot(snapshot, wide=wide)
            if arrays is not None:
                return snapshot.step, arrays
        raise BadRun(f"The snapshot at step {step} of {self.path.name} was just thinned away.",
                     "Choose another one.")

    def read_snapshot(self, snapshot: Snapshot, *, wide: bool = False) -> Arrays | None:
        """The averaged weights of a listed snapshot, as `load_snapshot`; None when it is not there any more.

        It was thinned, or saved anew, since it was listed. Raises BadRun when it is damaged.
        """
        name = WIDE_FILE if wide else WEIGHTS_FILE
        try:
            files, _facts = read_files(snapshot.path, [name])
            arrays, _metadata = decode(files[name])
        except FileNotFoundError:
            if snapshot.path.exists():
                raise self._damaged(snapshot, "a file is missing", wide) from None
            return None
        except KeyError:
            if not wide:
                raise self._damaged(snapshot, "its manifest lacks the weights") from None
            raise BadRun(f"The snapshot at step {snapshot.step} of {self.path.name} keeps one average only.",
                         "Choose a snapshot that has both.") from None
        except ValueError as error:
            raise self._damaged(snapshot, str(error), wide) from None
        except OSError as error:
            raise self._damaged(snapshot, str(error.strerror or error), wide) from None
        return as_float32(arrays)

    def _damaged(self, snapshot: Snapshot, reason: str, wide: bool = False) -> BadRun:
        if wide:
            return BadRun(f"The second average of the snapshot at step {snapshot.step} of {self.path.name} is damaged: "
                          f"{reason}.", "The stored averages can be used; those made with it cannot.")
        return BadRun(f"The snapshot at step {snapshot.step} of {self.path.name} is damaged: {reason}.",
                      "Choose another snapshot; the others are checked one by one when used.")

    def weights_hash(self, step: int | None = None) -> str:
        """The sha256 of a snapshot's weights file, for measurement keys. Raises BadRun."""
        snapshot = self._find(step)
        try:
            return str(read_manifest(snapshot.path)["files"][WEIGHTS_FILE]["sha256"])
        except (OSError, ValueError, KeyError) as error:
            raise self._damaged(snapshot, str(error)) from None

    # ---- curves and pictures ----

    def metrics(self) -> Metrics:
        """The training curve and its markers, without what a resume superseded."""
        return self._metrics.read()

    def sample_strips(self) -> list[int]:
        """Steps with a strip of samples, rising."""
        return sample_steps(self.path)

    def load_samples(self, step: int) -> tuple[NDArray[np.uint8], tuple[int, ...], tuple[int, ...]]:
        """Images uint8 (N, H, W) or (N, H, W, 3), classes and seeds. Raises BadRun."""
        return read_samples(self.path, step)

    def recorded_seeds(self, snapshot: int) -> list[int]:
        """Seeds with recorded trajectories of a snapshot, as the files' names say."""
        named = [recorded_as(path) for path in recording_paths(self.path)]
        return [known[1] for known in named if known is not None and known[0] == snapshot]

    def recordings(self, seed: int | None = None) -> list[Recording]:
        """Recorded trajectories (None: of every seed) with their sampling settings; damaged ones are left out (see
        `verify`).
        """
        found = []
        for path in recording_paths(self.path):
            known = recorded_as(path)
            if seed is not None and known is not None and known[1] != seed:
                continue
            try:
                found.append(read_recording(path))
            except BadRun:
                continue
        return found

    def recorded(self) -> list[dict[int, Trajectory]]:
        """Recorded trajectories by class label, one dict a recording."""
        return [recording.trajectories for recording in self.recordings()]

    # ---- measurements ----

    def measurement(self, key: str) -> dict[str, Any] | None:
        """What was measured under this key (see `measurement_key`), here or in the user's data folder."""
        for folder in (self.path / MEASUREMENTS, paths.measurements_dir(self.info.id)):
            values = read_measurement(folder, key)
            if values is not None:
                return values
        return None

    def measurements(self, kind: str) -> list[dict[str, Any]]:
        """The values of every measurement of a kind, whatever its weights and settings, here or in the user's data
        folder.
        """
        return [values for folder in (self.path / MEASUREMENTS, paths.measurements_dir(self.info.id))
                for values in read_measurements(folder, kind)]

    def save_measurement(self, key: str, values: Mapping[str, Any]) -> Path:
        """Save a measurement: in the run, or where that may not be written in the user's data folder.

        Raises SaveFailed.
        """
        holder = locked_by(self.path)
        elsewhere = self.read_only or (holder is not None and not holder.here)
        folder = paths.measurements_dir(self.info.id) if elsewhere else self.path / MEASUREMENTS
        return write_measurement(folder, key, values)

    # ---- the whole ----

    def verify(self) -> list[str]:
        """One sentence for each damaged part; empty when all is well. Reads every file."""
        problems = []
        try:
            read_info(self.path)
        except BadRun as error:
            problems.append(error.headline)
        for snapshot in self.snapshots():
            for wide in (False, True) if snapshot.wide else (False,):
                try:
                    self.load_snapshot(snapshot.step, wide=wide)
                except BadRun as error:
                    problems.append(error.headline)
        for folder in step_folders(self.path / STATE):
            try:
                read_files(folder.path)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                problems.append(
                    f"The resume point at step {folder.step} of {self.path.name} is damaged: {error}.")
        if skipped := self.metrics().skipped:
            problems.append(f"{skipped} lines of metrics.jsonl of {self.path.name} cannot be read.")
        for step in self.sample_strips():
            try:
                self.load_samples(step)
            except BadRun as error:
                problems.append(error.headline)
        for path in recording_paths(self.path):
            try:
                read_recording(path)
            except BadRun as error:
                problems.append(error.headline)
        return problems


def _read_snapshot(folder: StepFolder) -> Snapshot:
    try:
        manifest = read_manifest(folder.path)
    except (OSError, ValueError):
        return Snapshot(folder.step, folder.path)
    return Snapshot(folder.step, folder.path, bool(manifest["facts"].get("manual", False)),
                    WIDE_FILE in manifest["files"])
