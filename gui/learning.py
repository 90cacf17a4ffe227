"""Asks the compute thread how the open run learned, snapshot by snapshot, and keeps what is known of it."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Compute, Message
from engine.errors import ErrorReport
from engine.events import JobDone, JobFailed
from engine.measure.learning import LearningKnown, LearningPoint, LearningRequest
from gui.session import Session

LEARNING = "learning"  # job key
SHARE = 0.02  # of the time while a run is trained here: what a measurement took, this many times over, is waited for


class Learning(QObject):
    """`points` are of the open run's snapshots, by rising step; they fill from the newest while somebody `want`s them.

    While this window trains, one measurement is made at a time, and then none until they have taken at most SHARE of
    the time; else the job goes on until all are made.
    """

    changed = Signal()  # points, judged, missing, or whether it is measuring

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.points: tuple[LearningPoint, ...] = ()
        self.missing = 0  # measurements that are still to be made
        self.judged = False
        self.known = False  # whether the compute thread has said what was measured before
        self.stopped = False  # by hand: until somebody starts it again, or another run is opened
        self.failure: ErrorReport | None = None
        self.wanted = False
        self._run_id = ""
        self._job: tuple[int, LearningRequest, Compute] | None = None
        self._asked_for: frozenset[int] = frozenset()  # the snapshots there were when the job was asked
        self._complete: frozenset[int] = frozenset()  # those of which nothing is left to be measured
        self._next_at = 0.0
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self._consider)
        session.bridge.control.connect(self._on_control)
        session.run_changed.connect(self._on_run)
        session.snapshots_changed.connect(self._consider)
        session.training_changed.connect(self._consider)

    @property
    def measuring(self) -> bool:
        """Whether a measurement is under way."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    def want(self) -> None:
        """Somebody looks: read what there is, measure what is missing."""
        if not self.wanted:
            self.wanted = True
            self._on_run()
            self._consider()

    def leave(self) -> None:
        """Nobody looks any more; what is half measured is lost, and nothing else."""
        self.wanted = False
        self._end()

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
        if self._job is not None:
            self.session.bridge.cancel(LEARNING)
            self._job = None

    def _path(self) -> Path | None:
        """Of the run to measure: none while the run that is trained has not taken the place of the one before."""
        session = self.session
        if session.run is None or not session.snapshots:
            return None
        return session.run.path if not session.training or session.run.path == session.training_path else None

    def _on_run(self) -> None:
        run = self.session.run
        run_id = run.info.id if run is not None else ""
        if run_id == self._run_id:
            return
        self._run_id = run_id
        self._end()
        self.points, self.missing, self.known, self.stopped, self.failure = (), 0, False, False, None
        self._next_at, self._complete = 0.0, frozenset()
        self.changed.emit()
        self._consider()

    def _consider(self) -> None:
        """Ask for what is missing, now or when it is time."""
        path = self._path()
        if not self.wanted or self.failure is not None or path is None or (self.stopped and self.known):
            return
        live = self.session.training
        asked = LearningRequest(path, 0 if self.stopped else 1 if live else None)
        if self.measuring and self._job is not None:
            if (self._job[1].run, self._job[1].most) == (asked.run, asked.most):
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
        bridge = self.session.bridge
        self._asked_for = frozenset(self.session.snapshots)
        self._job = bridge.submit(jobs.learning_job(asked, LEARNING)), asked, bridge.compute
        self.changed.emit()

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, LearningKnown):
            if event.run_id == self._run_id:
                self.points, self.missing, self.judged, self.known = event.points, event.missing, event.judged, True
                if event.seconds:
                    self._next_at = time.monotonic() + event.seconds / SHARE
                self.changed.emit()
        elif isinstance(event, JobFailed):
            self._job, self.failure = None, event.report
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            if event.done and not self.missing:
                self._complete = self._asked_for
            self.changed.emit()
            if event.done:
                self._consider()
