"""What is known at the session's point of something that is measured once and kept: read from the run, or measured by
the compute thread.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from engine.compute import Compute, Job, Message
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import Event, JobDone, JobFailed, JobProgress
from engine.runs import Run
from gui.session import Notice, Session

KEPT = 16

R = TypeVar("R")  # a request
K = TypeVar("K")  # what is known


class WatchedJob(QObject, Generic[R]):
    """One background job at a time: asks for it, hears what it says, tells where it failed.

    Subclasses say what they make of its events (`heard`) and of its end (`ended`).
    """

    changed = Signal()
    progressed = Signal(object)  # JobProgress

    key: str = ""  # of the job, and of what is told of it

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.request: R | None = None  # what is looked at now
        self.failure: ErrorReport | None = None
        self._job: tuple[int, R, Compute] | None = None
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    def heard(self, event: Event, request: R) -> None:
        """An event of the job that was asked for with `request`."""
        raise NotImplementedError

    def ended(self, done: bool) -> None:
        """The job is over; not done: it was cancelled."""
        self.changed.emit()

    @property
    def measuring(self) -> bool:
        """Whether a measurement is under way, of this point or of another."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    @property
    def measuring_this(self) -> bool:
        """Whether what is looked at is being measured."""
        return self.measuring and self._job is not None and self._job[1] == self.request

    def submit(self, job: Job, request: R) -> None:
        """Have this done for this request."""
        self.failure = None
        bridge = self.session.bridge
        self._job = bridge.submit(job), request, bridge.compute
        self.changed.emit()

    def cancel(self) -> None:
        """End the measurement; nothing of it is saved."""
        if self._job is not None:
            self.session.bridge.cancel(self.key)
            self._job = None
        self.ended(False)

    def _on_picture(self, message: Message) -> None:
        if isinstance(message.event, JobProgress) and self._job is not None and message.job_id == self._job[0]:
            self.progressed.emit(message.event)

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, JobFailed):
            told = self.failure = event.report
            self._job = None
            self.session.message.emit(Notice(self.key, "error", told.headline, told.advice, told.details))
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            if event.done:
                self.session.message_cleared.emit(self.key)
            self.ended(event.done)
        else:
            self.heard(event, self._job[1])


class KeptMeasurement(WatchedJob[R], Generic[R, K]):
    """`known` is of `request`, what is looked at now; None where that was not measured.

    Subclasses say what is asked for at the point, where it is kept, which job measures it and what its answer is.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.known: K | None = None
        self._cache: OrderedDict[tuple[str, R], K] = OrderedDict()

    def make_request(self, run: Run) -> R | None:
        """What is asked for at the session's point."""
        raise NotImplementedError

    def stored(self, run: Run, request: R) -> K | None:
        """What was measured before."""
        raise NotImplementedError

    def job(self, request: R) -> Job:
        """What measures it."""
        raise NotImplementedError

    def answer(self, event: Event) -> tuple[Any, R, K] | None:
        """Run folder, request and answer of the event that brings it; None for other events."""
        raise NotImplementedError

    def look(self) -> None:
        """Read what was measured at the session's point."""
        session, run = self.session, self.session.run
        request = self.make_request(run) if run is not None and session.snapshots else None
        if request is None or run is None:
            self.request = self.known = None
            return
        if request == self.request:
            return
        self.request, self.failure = request, None
        self.known = self.find(run, request)

    def find(self, run: Run, request: R) -> K | None:
        """What was measured of this, here or before."""
        key = (run.info.id, request)
        if key not in self._cache:
            try:
                found = self.stored(run, request)
            except (DiffuscopeError, OSError):
                found = None
            if found is not None:
                self._keep(key, found)
        return self._cache.get(key)

    def _keep(self, key: tuple[str, R], found: K) -> None:
        self._cache[key] = found
        while len(self._cache) > KEPT:
            self._cache.popitem(last=False)

    def measure(self) -> None:
        """Measure what is looked at."""
        if self.request is not None and not self.measuring:
            self.submit(self.job(self.request), self.request)

    def heard(self, event: Event, request: R) -> None:
        """The answer; it may be of a point that is no longer looked at."""
        found = self.answer(event)
        run = self.session.run
        if found is None or run is None or run.path != found[0]:
            return
        _, asked, known = found
        self._keep((run.info.id, asked), known)
        if asked == self.request:
            self.known = known
            self.changed.emit()
