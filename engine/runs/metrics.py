"""metrics.jsonl: the loss curve and its markers, one JSON object a line, only ever appended to.

A chunk of losses:  {"kind":"loss","step":[1,2],"loss":[0.9,null],"eps_mse":[0.3,null],"seconds":[0.1,0.2],
                     "lr":0.003}, on one line
A marker:           {"kind":"paused","step":2,"seconds":0.2,"text":"Paused"}
A resume:           {"kind":"resume","step":1}   what was logged beyond step 1 happened in a lost future

What is not finite is null; lines of earlier versions have no eps_mse. A last line without its end is not read
yet; a broken line is left out.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.runs.atomic import save_error, saving, write_all
from engine.runs.jsontext import canonical

METRICS_FILE = "metrics.jsonl"
LOSS = "loss"
RESUME = "resume"
# What reading a line that somebody broke may raise.
ODD = (ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError)


@dataclass(frozen=True, eq=False)
class Metrics:
    """The training curve: equal-length arrays with rising steps, and markers in order.

    seconds are of training, pauses left out; lr is the learning rate of each point; eps_mse is the batch's
    noise-prediction error E|eps - eps_hat|^2, NaN where it was not logged. A marker is a dict with kind, step,
    seconds and text. skipped counts lines that could not be read.
    """

    steps: NDArray[np.int64]
    losses: NDArray[np.float32]
    seconds: NDArray[np.float32]
    lr: NDArray[np.float64]
    eps_mse: NDArray[np.float32]
    markers: list[dict[str, Any]]
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.steps)


def _short(values: NDArray[np.float32]) -> list[float | None]:
    """The shortest decimals that read back as the same float32; null where not finite."""
    return [float(str(v)) if np.isfinite(v) else None for v in values]


def loss_line(steps: ArrayLike, losses: ArrayLike, seconds: ArrayLike, lr: float,
              eps_mse: ArrayLike | None = None) -> bytes:
    """One line for a chunk of points (equal-length, steps rising)."""
    step_values = np.asarray(steps, dtype=np.int64).reshape(-1)
    loss_values = np.asarray(losses, dtype=np.float32).reshape(-1)
    second_values = np.asarray(seconds, dtype=np.float32).reshape(-1)
    if not len(step_values) == len(loss_values) == len(second_values):
        raise ValueError("steps, losses and seconds must be equally many")
    row = {"kind": LOSS, "step": step_values.tolist(), "loss": _short(loss_values),
           "seconds": _short(second_values), "lr": lr}
    if eps_mse is not None:
        error_values = np.asarray(eps_mse, dtype=np.float32).reshape(-1)
        if len(error_values) != len(step_values):
            raise ValueError("eps_mse must be as many as the steps")
        row["eps_mse"] = _short(error_values)
    return canonical(row) + b"\n"


class MetricsLog:
    """The writing side. One writer; what could not be written is kept and tried again with the next line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[bytes] = []
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        with saving(path):
            self._descriptor = os.open(path, flags, 0o666)
        self._size = os.fstat(self._descriptor).st_size
        # A line cut short by a crash must not swallow the next one.
        self._torn = False
        if self._size:
            os.lseek(self._descriptor, self._size - 1, os.SEEK_SET)
            self._torn = os.read(self._descriptor, 1) != b"\n"

    def append(self, line: bytes) -> None:
        """Add a line. Raises SaveFailed; the line is then kept for the next call."""
        self._pending.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what is pending. Raises SaveFailed."""
        if not self._pending:
            return
        data = (b"\n" if self._torn else b"") + b"".join(self._pending)
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            try:
                os.ftruncate(self._descriptor, self._size)
            except OSError:
                self._torn = True
                with suppress(OSError):
                    self._size = os.fstat(self._descriptor).st_size
            raise save_error(self.path, error) from error
        self._size += len(data)
        self._torn = False
        self._pending.clear()

    def sync(self) -> None:
        """Flush and make it last through a power cut. Raises SaveFailed."""
        self.flush()
        with saving(self.path):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Flush, sync and close; twice does no harm. Raises SaveFailed, closed all the same."""
        if self._descriptor < 0:
            return
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(slots=True)
class _Points:
    steps: NDArray[np.int64]
    losses: NDArray[np.float32]
    seconds: NDArray[np.float32]
    lr: NDArray[np.float64]
    eps_mse: NDArray[np.float32]

    def select(self, keep: NDArray[np.bool_] | slice) -> _Points:
        return _Points(self.steps[keep], self.losses[keep], self.seconds[keep], self.lr[keep], self.eps_mse[keep])


def _join(parts: list[_Points]) -> _Points:
    if not parts:
        return _Points(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32),
                       np.empty(0, np.float64), np.empty(0, np.float32))
    if len(parts) == 1:
        return parts[0]
    return _Points(np.concatenate([p.steps for p in parts]), np.concatenate([p.losses for p in parts]),
                   np.concatenate([p.seconds for p in parts]), np.concatenate([p.lr for p in parts]),
                   np.concatenate([p.eps_mse for p in parts]))


def _points(rows: list[dict[str, Any]]) -> _Points:
    """Rows of losses as one chunk. Raises one of ODD unless each is whole and the steps rise throughout."""
    counts = [len(row["step"]) for row in rows]
    for row, count in zip(rows, counts, strict=True):
        if not isinstance(row["step"], list) or not count == len(row["loss"]) == len(row["seconds"]):
            raise ValueError("not a chunk of losses")
    steps = np.array([step for row in rows for step in row["step"]], dtype=np.int64)
    losses, seconds = (_column([row[name] for row in rows]) for name in ("loss", "seconds"))
    errors = [row.get("eps_mse", [None] * count) for row, count in zip(rows, counts, strict=True)]
    if [len(values) for values in errors] != counts:
        raise ValueError("not a chunk of losses")
    eps_mse = _column(errors)
    if not steps.ndim == losses.ndim == seconds.ndim == eps_mse.ndim == 1 or (np.diff(steps) <= 0).any():
        raise ValueError("not a chunk of losses")
    rates = [np.nan if (lr := row.get("lr")) is None else float(lr) for row in rows]
    return _Points(steps, losses, seconds, np.repeat(np.array(rates, dtype=np.float64), counts), eps_mse)


def _column(lists: list[list[float | None]]) -> NDArray[np.float32]:
    return np.array([np.nan if value is None else value for values in lists for value in values], dtype=np.float32)


@dataclass(slots=True)
class MetricsReader:
    """The reading side; each `read` parses only what was added since. Any thread."""

    path: Path
    _offset: int = 0
    _parts: list[_Points] = field(default_factory=list)
    _markers: list[dict[str, Any]] = field(default_factory=list)
    _skipped: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> Metrics:
        """The curve as it stands; empty without a file."""
        with self._lock:
            losses: list[dict[str, Any]] = []
            for line in self._new_lines():
                if not line.strip():
                    continue
                try:
                    row = json.loads(line.decode("utf-8", "surrogatepass"))
                    kind = row["kind"]
                except ODD:
                    self._skipped += 1
                    continue
                if kind == LOSS:
                    losses.append(row)
                    continue
                self._take_losses(losses)
                losses = []
                self._take_marker(row)
            self._take_losses(losses)
            self._parts = [points := _join(self._parts)]
            return Metrics(points.steps, points.losses, points.seconds, points.lr, points.eps_mse,
                           list(self._markers), self._skipped)

    def _new_lines(self) -> list[bytes]:
        try:
            with open(self.path, "rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:  # not the file we knew
                    self._offset, self._parts, self._markers, self._skipped = 0, [], [], 0
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].splitlines()

    def _take_marker(self, row: dict[str, Any]) -> None:
        try:
            kind, step = row["kind"], int(row["step"])
            marker = {"kind": str(kind), "step": step, "seconds": float(row.get("seconds") or 0.0),
                      "text": str(row.get("text") or "")}
        except ODD:
            self._skipped += 1
            return
        if kind == RESUME:
            self._forget_after(step)
        if kind != RESUME or marker["text"]:
            self._markers.append(marker)

    def _take_losses(self, rows: list[dict[str, Any]]) -> None:
        """All at once where nothing is odd, for one by one takes long; else in halves down to the odd row."""
        if not rows:
            return
        try:
            points = _points(rows)
        except ODD:
            if len(rows) == 1:
                self._skipped += 1
                return
            half = len(rows) // 2
            self._take_losses(rows[:half])
            self._take_losses(rows[half:])
            return
        if not len(points.steps):
            return
        if self._parts and len(self._parts[-1].steps) and points.steps[0] <= self._parts[-1].steps[-1]:
            self._forget_after(int(points.steps[0]) - 1, markers=False)  # a resume whose own row was lost
        self._parts.append(points)

    def _forget_after(self, step: int, *, markers: bool = True) -> None:
        points = _join(self._parts)
        self._parts = [points.select(points.steps <= step)]
        if markers:
            self._markers = [marker for marker in self._markers if marker["step"] <= step]
