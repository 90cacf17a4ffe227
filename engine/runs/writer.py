"""The one writer of a run. It holds the lock from `create` or `reopen` to `close`."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import paths
from engine.config import SamplingConfig
from engine.errors import BadRun
from engine.events import Trajectory
from engine.runs import library
from engine.runs.atomic import fsync_folder, remove, remove_leftovers, save_error, saving, temporary_beside
from engine.runs.info import RunInfo, upgrade_info, write_info
from engine.runs.jsontext import canonical
from engine.runs.lock import RunLock
from engine.runs.manifest import drop_file, read_manifest, rewrite_facts, step_folders, write_step
from engine.runs.measurements import MEASUREMENTS
from engine.runs.metrics import LOSS, METRICS_FILE, RESUME, MetricsLog, loss_line
from engine.runs.reader import SNAPSHOTS, WEIGHTS_FILE, WIDE_FILE, Run, Snapshot
from engine.runs.recorded import RECORDED, SAMPLES, sample_path, sample_steps, write_recording, write_samples
from engine.runs.state import STATE, read_state, write_state
from engine.runs.tensors import Arrays, as_float16, encode
from engine.runs.thinning import evenly, steps_to_remove

SUBFOLDERS = (SNAPSHOTS, STATE, SAMPLES, RECORDED, MEASUREMENTS)
STRIPS_KEPT = 240  # strips of samples; a long run would otherwise gather thousands of little files


class RunWriter:
    """Writes one run folder; every save raises SaveFailed at worst and leaves what was saved before.

    notice: a sentence for the person when a stale lock was taken over or a damaged resume point skipped.
    Not for several threads at once.
    """

    def __init__(self, path: Path, info: RunInfo, lock: RunLock) -> None:
        """Use `create` or `reopen`."""
        self.path = path
        self._info = info
        self._lock = lock
        self.notice = lock.notice
        self._log: MetricsLog | None = MetricsLog(path / METRICS_FILE)
        self._resumed_at: int | None = None
        self._newest_snapshot = -1
        self._reader = Run(path, info)

    # ---- opening and closing ----

    @classmethod
    def create(cls, path: str | Path, info: RunInfo) -> Self:
        """Make a run folder where there is nothing, or an empty folder, and take its lock.

        Raises BadRun when something is there already or nothing can be written, SaveFailed.
        """
        folder = Path(path).expanduser()
        refuse_bundled(folder)
        with saving(folder):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise BadRun(f"{folder} is there already.", "Resume that run, or choose another name.")
            folder.parent.mkdir(parents=True, exist_ok=True)
        # Whole from its first moment: built beside its place, then renamed.
        staging = temporary_beside(folder)
        lock = RunLock(staging)
        try:
            with saving(folder):
                staging.mkdir()
                for name in SUBFOLDERS:
                    (staging / name).mkdir()
                write_info(staging, info)
                lock.acquire()
                if os.name == "nt" and folder.exists():
                    folder.rmdir()
                os.rename(staging, folder)
        except BaseException:
            lock.release()
            shutil.rmtree(staging, ignore_errors=True)
            raise
        lock.moved(folder)
        with suppress(OSError):
            fsync_folder(folder.parent)
        return cls._start(folder, info, lock)

    @classmethod
    def reopen(cls, path: str | Path) -> Self:
        """Take the lock of an existing run to go on writing it; what a dead process left half-done goes.

        Raises BadRun, RunLocked, SaveFailed.
        """
        folder = Path(path).expanduser()
        Run.open(folder)
        refuse_bundled(folder)
        lock = RunLock(folder)
        lock.acquire()
        try:
            for name in ("", SNAPSHOTS, STATE, SAMPLES, RECORDED):
                remove_leftovers(folder / name, all_of_them=True)
            remove_leftovers(folder / MEASUREMENTS, all_of_them=False)
            with saving(folder):
                for name in SUBFOLDERS:
                    (folder / name).mkdir(exist_ok=True)
            info = upgrade_info(folder)
        except BaseException:
            lock.release()
            raise
        return cls._start(folder, info, lock)

    @classmethod
    def _start(cls, folder: Path, info: RunInfo, lock: RunLock) -> Self:
        try:
            return cls(folder, info, lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Sync the log and give the lock back; twice does no harm. Raises SaveFailed, closed all the same."""
        log, self._log = self._log, None
        try:
            if log is not None:
                log.close()
        finally:
            self._lock.release()

    def discard(self) -> Path:
        """Close, and move the run to the trash; returns where it went."""
        with suppress(Exception):
            self.close()
        return library.trash_run(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    # ---- run.json ----

    @property
    def info(self) -> RunInfo:
        """run.json as last written."""
        return self._info

    def update(self, **changes: Any) -> RunInfo:
        """Change values of run.json, e.g. `update(step=1200, state="paused")`."""
        info = self._info.changed(**changes)
        write_info(self.path, info)
        self._info = info
        return info

    # ---- metrics ----

    def append_losses(self, steps: ArrayLike, losses: ArrayLike, seconds: ArrayLike, lr: float,
                      eps_mse: ArrayLike | None = None) -> None:
        """Log a chunk of points (steps rising). On SaveFailed they are kept and written with the next."""
        self._append(loss_line(steps, losses, seconds, lr, eps_mse))

    def append_marker(self, kind: str, step: int, seconds: float, text: str = "") -> None:
        """Log an event of the curve: "paused", "resumed", "lr", "plan", ..."""
        if kind == LOSS:
            raise ValueError("a marker cannot be of kind loss")
        if kind == RESUME:
            self._resumed_at = None
        self._append(canonical({"kind": kind, "step": step, "seconds": seconds, "text": text}) + b"\n")

    def _append(self, line: bytes) -> None:
        if self._log is None:
            raise save_error(self.path / METRICS_FILE, OSError("the run is closed"))
        if self._resumed_at is not None:
            # Rows past the resume point happened in a future that is no more.
            line = canonical({"kind": RESUME, "step": self._resumed_at}) + b"\n" + line
            self._resumed_at = None
        self._log.append(line)

    # ---- snapshots ----

    def save_snapshot(self, step: int, tensors: Mapping[str, NDArray[Any]], manual: bool = False, *,
                      wide: Mapping[str, NDArray[Any]] | None = None,
                      dtype: Literal["float32", "float16"] = "float32") -> Snapshot:
        """Save the averaged weights of a step. manual: never thinned. float16 halves the size, for looking.

        wide: the second average, None for none. Saving the same weights of a step again costs nothing; others
        replace them.
        """
        files = {WEIGHTS_FILE: tensors} if wide is None else {WEIGHTS_FILE: tensors, WIDE_FILE: wide}
        buffers = {name: encode(as_float16(arrays) if dtype == "float16" else arrays)
                   for name, arrays in files.items()}
        existing = self._same_snapshot(step, buffers)
        if existing is not None:
            if manual and not existing.manual:
                rewrite_facts(existing.path, {"manual": True})
                existing = replace(existing, manual=True)
            self._newest_snapshot = step
            return existing
        manual = manual or any(s.manual for s in self._reader.snapshots() if s.step == step)
        path = write_step(self.path / SNAPSHOTS, step, buffers, {"manual": manual})
        self._newest_snapshot = step
        return Snapshot(step, path, manual, wide is not None)

    def _same_snapshot(self, step: int, buffers: Mapping[str, Sequence[bytes | memoryview]]) -> Snapshot | None:
        folders = [folder for folder in step_folders(self.path / SNAPSHOTS) if folder.step == step]
        if not folders:
            return None
        try:
            manifest = read_manifest(folders[0].path)
            if manifest["files"].keys() != buffers.keys():
                return None
            for name, pieces in buffers.items():
                digest = hashlib.sha256()
                for piece in pieces:
                    digest.update(piece)
                stored = (folders[0].path / name).read_bytes()
                if not manifest["files"][name]["sha256"] == digest.hexdigest() == hashlib.sha256(stored).hexdigest():
                    return None
            return Snapshot(step, folders[0].path, bool(manifest["facts"].get("manual", False)), WIDE_FILE in buffers)
        except (OSError, ValueError, KeyError):
            return None  # damaged: replace it

    def keep_wide(self, keep: int) -> list[int]:
        """Keep the second average on `keep` snapshots, evenly over training and the last among them.

        Returns the steps that have it still. Raises SaveFailed, ValueError (a manifest is damaged).
        """
        having = [snapshot for snapshot in self._reader.snapshots() if snapshot.wide]
        kept = evenly([snapshot.step for snapshot in having], keep)
        for snapshot in having:
            if snapshot.step not in kept:
                drop_file(snapshot.path, WIDE_FILE)
        return sorted(kept)

    def snapshots(self) -> list[Snapshot]:
        """Snapshots there are now, by rising step."""
        return self._reader.snapshots()

    def thin(self, keep: int, planned: int = 0, pinned: Iterable[int] = ()) -> list[int]:
        """Remove snapshots so that about `keep` stay, close together early; returns the steps removed.

        The first and the last stay, so do those saved by hand, the pinned, and the newest of this writer.
        """
        there = self._reader.snapshots()
        spared = {snapshot.step for snapshot in there if snapshot.manual} | set(pinned)
        if self._newest_snapshot >= 0:
            spared.add(self._newest_snapshot)
        removed = []
        for step in steps_to_remove([snapshot.step for snapshot in there], keep, spared):
            for folder in step_folders(self.path / SNAPSHOTS):
                if folder.step == step and remove(folder.path):
                    removed.append(step)
        return sorted(removed)

    # ---- resume points ----

    def save_state(self, step: int, tensors: Mapping[str, NDArray[Any]], extra: Mapping[str, Any]) -> Path:
        """Save a resume point; the newest two are kept. The log up to here is made to last first."""
        if self._log is not None:
            self._log.sync()
        return write_state(self.path, step, tensors, extra)

    def load_state(self) -> tuple[int, Arrays, dict[str, Any]]:
        """Step, tensors and extra of the newest resume point that is whole; `notice` says if one was skipped.

        Rows of the log past that step are superseded from the next row on. Raises BadRun when there is none.
        """
        step, tensors, extra, notice = read_state(self.path)
        if notice:
            self.notice = f"{self.notice} {notice}".strip()
        self.resume_from(step)
        return step, tensors, extra

    def resume_from(self, step: int) -> None:
        """Training goes on from `step`: rows of the log past it are superseded from the next row on.

        `load_state` calls it; call it again to begin earlier than the resume point that was loaded.
        """
        self._resumed_at = step

    # ---- pictures ----

    def save_samples(self, step: int, images: NDArray[np.uint8], classes: Sequence[int],
                     seeds: Sequence[int]) -> Path:
        """Save a strip of samples: uint8 (N, H, W) or (N, H, W, 3), a class and a seed each."""
        path = write_samples(self.path, step, images, classes, seeds)
        steps = sample_steps(self.path)
        if len(steps) > 1.25 * STRIPS_KEPT:
            for old in steps_to_remove(steps, STRIPS_KEPT, (step,)):
                remove(sample_path(self.path, old))
        return path

    def save_recorded(self, trajectories: Mapping[int, Trajectory],
                      sampling: SamplingConfig | None = None) -> Path:
        """Save complete trajectories of one snapshot and seed; sampling None is the run's own settings."""
        return write_recording(self.path, trajectories, sampling or self._info.config.sampling)


def refuse_bundled(path: Path) -> None:
    """Raise BadRun for a place among the runs that ship with the program."""
    if paths.is_bundled(path):
        raise BadRun(f"{path.name} ships with Diffuscope and is read-only.",
                     "Start a new run, or copy its folder to your runs.")
