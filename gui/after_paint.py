"""What can wait until the window is on the screen, done then: in short steps, so that it answers meanwhile."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from engine.hand import Hand
    from gui.page_stack import PageStack

POLL_MS = 10
STEP_MS = 30  # between two steps the window answers


class AfterPaint(QObject):
    """Loads the code of the other pages, builds those pages one by one, then starts the compute thread.

    In this order, for pages take a moment and torch seconds. Side by side with torch's loading, which lets the
    window's thread work only now and then, a page took half a second; and no two threads ever load code at once.
    All of it waits while a hand moves something.
    """

    def __init__(self, stack: PageStack, start_compute: Callable[[], None], hand: Hand,
                 parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stack = stack
        self._hand = hand
        self._start_compute = start_compute
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)

    def start(self) -> None:
        """The window has been painted."""
        gc.enable()  # main.py left it off: while everything is being made there is nothing to collect
        if self._stack.missing():
            self._thread = threading.Thread(target=self._load, name="pages")
            self._thread.start()
        self._timer.start(POLL_MS)

    def stop(self) -> None:
        """The window closes."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        with self._hand.pausing_imports():
            self._stack.load_missing()

    def _step(self) -> None:
        if (self._thread is not None and self._thread.is_alive()) or self._hand.held():
            return
        missing = self._stack.missing()
        if missing:
            self._stack.page(missing[0])
            self._timer.start(STEP_MS)
        else:
            self._timer.stop()
            self._start_compute()
