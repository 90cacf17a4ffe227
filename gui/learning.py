"""Asks the compute thread how the open run learned, snapshot by snapshot, and keeps what is known of it."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QObject, QTimer

from engine import jobs
from engine.measure.learning import LearningKnown, LearningPoint, LearningRequest
from gui.run_job import RunJob
from gui.session import Session

LEARNING = "learning"  # job key
SHARE = 0.01  # of the time while a run is trained here: what a measurement took, this many times over, is waited for


class Learning(RunJob):
    """`points` are of the open run's snapshots, by rising step; they fill from the newest while somebody `want`s them.

    While this window trains, one measurement is made at a time, and then none until they have taken at most SHARE of
    the time; else the job goes on until all are made. `changed`: points, judged, missing, or whether it is measuring.
    """

    KEY = LEARNING

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        self.stopped = False  # by hand: until somebody starts it again, or another run is opened
        self._asked_for: frozenset[int] = frozenset()  # the snapshots there were when the job was asked
        self._forget()
        super().__init__(session, parent)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self._consider)

    @property
    def measuring(self) -> bool:
        """Whether a measurement is under way."""
        return self.running

    def stop(self) -> None:
        """Measure no more of this run."""
        self.stopped = True
        self._end()
        self.changed.emit()

    def start(self) -> None:
        """Go on after `stop`, or after a failure."""
        self.stopped, self.failure, self._next_at = False, None, 0.0
        self._consider()
        self.changed.emit()

    def _end(self) -> None:
        self._wait.stop()
        super()._end()

    def _forget(self) -> None:
        self.points: tuple[LearningPoint, ...] = ()
        self.missing = 0  # measurements that are still to be made
        self.judged = False
        self.known = False  # whether the compute thread has said what was measured before
        self.stopped = False
        self._next_at = 0.0
        self._complete: frozenset[int] = frozenset()  # snapshots of which nothing is left to be measured

    def _consider(self) -> None:
        path = self._path()
        if not self.wanted or self.failure is not None or path is None or (self.stopped and self.known):
            return
        live = self.session.training
        request = LearningRequest(path, 0 if self.stopped else 1 if live else None)
        if self.running:
            if (self.asked.run, self.asked.most) == (request.run, request.most):
                return
            self._end()  # training has begun or ended: at another pace
        elif self.known and self._complete >= set(self.session.snapshots):
            return
        wait = self._next_at - time.monotonic() if live else 0.0
        if wait > 0:
            if not self._wait.isActive():
                self._wait.start(round(1000 * wait))
            return
        self._wait.stop()
        self._asked_for = frozenset(self.session.snapshots)
        self._submit(request, jobs.learning_job(request, LEARNING))

    def _hear(self, event: Any) -> None:
        if isinstance(event, LearningKnown) and event.run_id == self._run_id:
            self.points, self.missing, self.judged, self.known = event.points, event.missing, event.judged, True
            if event.seconds:
                self._next_at = time.monotonic() + event.seconds / SHARE
            self.changed.emit()

    def _finished(self, done: bool) -> None:
        if done and not self.missing:
            self._complete = self._asked_for
