"""The one timer between compute thread and window: it pulls what jobs said and turns it into Qt signals.

No Qt signal ever crosses a thread. Control events come out in order and none is lost; of each picture
mailbox only the newest; the loss buffer is read by whoever wants it after `losses`.
"""

from __future__ import annotations

import queue
import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from engine.compute import Compute, Job
from engine.events import Command

TICK_MS = 33
WORK_MS = 125  # only training or background work goes on: each look takes a core from a step for a moment
IDLE_MS = 250  # nothing is running: only a crash of the compute thread could still be waiting
IDLE_AFTER_TICKS = 10
CONTROL_BUDGET_S = 0.005  # of one tick; what is left over comes with the next


class Bridge(QObject):
    """Drains the compute thread's three outlets. All signals are emitted in the window's thread."""

    control = Signal(object)  # engine.compute.Message with a control event
    picture = Signal(object)  # engine.compute.Message, the newest of its mailbox
    losses = Signal()  # the loss buffer has grown or begun anew

    def __init__(self, compute: Compute, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.compute = compute
        self._loss_mark = (compute.losses.epoch, 0)
        self._quiet_ticks = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        self._timer.start(TICK_MS)

    def submit(self, job: Job) -> int:
        """Hand a job to the compute thread and look at its answers at full rate; its id."""
        self.wake()
        return self.compute.submit(job)

    def send(self, key: str, command: Command) -> None:
        """Post a command to a running job."""
        self.wake()
        self.compute.send(key, command)

    def cancel(self, key: str) -> None:
        """Close a job between two of its events."""
        self.wake()
        self.compute.cancel(key)

    def wake(self) -> None:
        """Back to full rate."""
        self._quiet_ticks = 0
        self._pace(TICK_MS)

    def _pace(self, milliseconds: int) -> None:
        if self._timer.interval() != milliseconds:
            self._timer.start(milliseconds)

    def stop(self) -> None:
        """No more ticks: the window is closing."""
        self._timer.stop()

    def tick(self) -> None:
        """Read everything once."""
        spoke = self._drain_control()
        for _, box in self.compute.mailboxes():
            message = box.take()
            if message is not None:
                spoke = True
                self.picture.emit(message)
        mark = (self.compute.losses.epoch, len(self.compute.losses))
        if mark != self._loss_mark:
            self._loss_mark = mark
            spoke = True
            self.losses.emit()
        if self.compute.awaited():
            self.wake()
            return
        self._quiet_ticks += 1
        if self._quiet_ticks >= IDLE_AFTER_TICKS:
            self._pace(WORK_MS if spoke or self.compute.busy() else IDLE_MS)

    def _drain_control(self) -> bool:
        spoke = False
        deadline = time.perf_counter() + CONTROL_BUDGET_S
        while time.perf_counter() < deadline:
            try:
                message = self.compute.control.get_nowait()
            except queue.Empty:
                break
            spoke = True
            self.control.emit(message)
        return spoke
