"""A hand that moves something in the window: what nobody waits for pauses meanwhile, so that it is seen at once."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HOLD_S = 0.12  # after each move
MOST_HELD_S = 15.0  # of one thread's imports, in all: somebody may be waiting for what they bring


class Hand:
    """When something was last moved by hand. The window tells, other threads ask."""

    def __init__(self) -> None:
        self._until = 0.0

    def moved(self) -> None:
        """Something has just been moved."""
        self._until = time.monotonic() + HOLD_S

    def held(self) -> float:
        """Seconds to wait before anything is begun that nobody waits for; 0 when nothing moves."""
        return max(0.0, self._until - time.monotonic())

    @contextmanager
    def pausing_imports(self) -> Iterator[None]:
        """Imports of this thread pause between two modules while something moves."""
        pauses = Pauses(self.held)
        sys.meta_path.insert(0, pauses)
        try:
            yield
        finally:
            sys.meta_path.remove(pauses)


class Pauses:
    """A finder that finds nothing: before a module is loaded, its thread waits as long as `held` says."""

    def __init__(self, held: Callable[[], float]) -> None:
        self._held = held
        self._thread = threading.get_ident()
        self._left = MOST_HELD_S

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Nothing, a little later."""
        if threading.get_ident() != self._thread:
            return
        while self._left > 0 and (wait := min(self._held(), self._left)) > 0:
            self._left -= wait
            time.sleep(wait)
