"""Small run folders for the tests of this directory."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import SamplingConfig
from engine.events import Trajectory
from engine.runs import RunInfo, RunWriter


def info(**changes: Any) -> RunInfo:
    """The file of a small run."""
    values: dict[str, Any] = {"name": "digits", "num_steps": 100, "images": 60_000, "class_names": ("0", "1")}
    return RunInfo(**{**values, **changes})


def weights(seed: int, size: int = 24) -> dict[str, np.ndarray]:
    """Named arrays that differ by seed; one is a scalar, one holds integers."""
    rng = np.random.default_rng(seed)
    return {"in.weight": rng.standard_normal((4, size), dtype=np.float32),
            "scale": np.array(seed, dtype=np.float32), "count": np.array([seed, 2**40], dtype=np.int64)}


def new_run(path: Path, **changes: Any) -> RunWriter:
    """A writer of a new run with snapshots at 0 and 10, resume points at 5 and 10, samples and losses."""
    writer = RunWriter.create(path, info(**changes))
    writer.append_losses([1, 2, 3], [0.9, 0.5, 0.25], [0.1, 0.2, 0.3], 1e-3)
    for step in (0, 10):
        writer.save_snapshot(step, weights(step))
    for step in (5, 10):
        writer.save_state(step, weights(step), {"step": step, "rng": 2**100})
    writer.save_samples(10, np.full((2, 8, 8), 7, np.uint8), [0, 1], [3, 4])
    return writer


def trajectory(class_label: int, seed: int = 7, frames: int = 4) -> Trajectory:
    """A complete trajectory of small random pictures."""
    rng = np.random.default_rng(class_label)
    x, x0, eps, guidance = rng.standard_normal((4, frames, 1, 8, 8)).astype(np.float16)
    return Trajectory(class_label=class_label, seed=seed, snapshot=10, x=x, x0=x0, eps=eps, guidance=guidance,
                      sigma=np.linspace(80, 0, frames), t=np.linspace(1000, 0, frames).astype(np.int64),
                      filled=frames)


SAMPLING = SamplingConfig(num_steps=3)


class DiskFull:
    """Lets `os.write` and `os.fsync` fail from the k-th call on (or only there); counts the calls."""

    def __init__(self, fail_at: int = -1, *, once: bool = False) -> None:
        self.calls = 0
        self.fail_at = fail_at
        self.once = once

    def due(self) -> bool:
        """One call of the disk: whether it is one that fails."""
        k, self.calls = self.calls, self.calls + 1
        return self.fail_at >= 0 and (k == self.fail_at if self.once else k >= self.fail_at)

    def strike(self) -> None:
        """What happens there."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def tick(self) -> None:
        """One call that fails as a whole."""
        if self.due():
            self.strike()


class Killed(DiskFull):
    """Ends this process at the k-th call, as kill -9 does."""

    def strike(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def disk(full: DiskFull, *, names: bool = False) -> Iterator[DiskFull]:
    """Every write goes by way of `full`; a failing one has written half of its bytes before.

    names: so do `Path.write_bytes`, new folders, new names and `os.sync`, which then does nothing.
    """
    write, fsync, mkdir, write_bytes = os.write, os.fsync, os.mkdir, Path.write_bytes

    def half_write(descriptor: int, data: Any) -> int:
        if full.due():
            write(descriptor, memoryview(data)[: len(data) // 2])
            full.strike()
        return write(descriptor, data)

    def half_write_bytes(path: Path, data: Any) -> int:
        if full.due():
            write_bytes(path, data[: len(data) // 2])
            full.strike()
        return write_bytes(path, data)

    def ticking(call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **kwargs: Any) -> Any:
            full.tick()
            return call(*args, **kwargs)
        return failing

    def failing_mkdir(path: Any, *args: Any, **kwargs: Any) -> None:
        if not os.path.exists(path):  # else it says so, however full the disk is
            full.tick()
        mkdir(path, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", half_write)
        patch.setattr(os, "fsync", ticking(fsync))
        if names:
            patch.setattr(Path, "write_bytes", half_write_bytes)
            patch.setattr(os, "mkdir", failing_mkdir)
            patch.setattr(os, "replace", ticking(os.replace))
            patch.setattr(os, "rename", ticking(os.rename))
            patch.setattr(os, "sync", lambda: full.tick(), raising=False)
        yield full


def leftovers(folder: Path) -> list[str]:
    """Temporary names anywhere below a folder."""
    return [str(path) for path in folder.rglob(".tmp-*")]
