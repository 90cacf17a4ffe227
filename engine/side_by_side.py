"""Work of one kind in parts side by side, one CPU thread each that splits nothing further.

Small operations are quicker so: divided over threads, they wait longer for each other than they work. Parts wait for
each other once, at their end (docs/benchmarks.md).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self, TypeVar

import torch

NICENESS = 4  # of the threads

T = TypeVar("T")


class SideBySide:
    """`count` threads; with one, everything happens in the caller's."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ThreadPoolExecutor | None = None
        if count > 1:
            self._pool = ThreadPoolExecutor(count, thread_name_prefix="side", initializer=_begin)

    def each(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What each task returns, in order. No more than `count` run at a time."""
        if self._pool is None:
            return [task() for task in tasks]
        return list(self._pool.map(_call, tasks))

    def close(self) -> None:
        """End the threads; twice does no harm."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _call(task: Callable[[], T]) -> T:
    return task()


def _begin() -> None:
    torch.set_num_threads(1)  # each thread's own count
    if sys.platform == "linux":
        # Threads have their own niceness there: a window that wakes up is served before the work goes on.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
