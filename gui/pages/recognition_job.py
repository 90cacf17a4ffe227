"""What is known of recognition at the session's point: read from the run, or measured by the compute thread."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from engine import jobs
from engine.compute import Compute, Message
from engine.config import RecognitionConfig
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import JobDone, JobFailed, JobProgress
from engine.measure.recognition import Recognition, RecognitionReady, RecognitionRequest, stored_recognition
from engine.measure.recognition_summary import Summary, summarise
from gui.session import Notice, Session

KEY = "recognition"
KEPT = 16


@dataclass(frozen=True, eq=False)
class Known:
    """A measurement and what it says."""

    recognition: Recognition
    summary: Summary


class Recognitions(QObject):
    """`known` is of `request`, what the page looks at now; None where that was not measured."""

    changed = Signal()
    progressed = Signal(object)  # JobProgress

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.config = RecognitionConfig()
        self.request: RecognitionRequest | None = None
        self.known: Known | None = None
        self.failure: ErrorReport | None = None
        self._cache: OrderedDict[tuple[str, RecognitionRequest], Known] = OrderedDict()
        self._job: tuple[int, RecognitionRequest, Compute] | None = None
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    @property
    def measuring(self) -> bool:
        """Whether a measurement is under way, of this point or of another."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    @property
    def measuring_this(self) -> bool:
        """Whether what is looked at is being measured."""
        return self.measuring and self._job is not None and self._job[1] == self.request

    def look(self) -> None:
        """Read what was measured at the session's point."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            self.request = self.known = None
            return
        config = self.config
        request = RecognitionRequest(run.path, session.sampling, session.step, seeds=config.seeds,
                                     reading=config.reading, unconditional=config.unconditional,
                                     average_percent=session.average())
        if request == self.request:
            return
        self.request, self.failure = request, None
        key = (run.info.id, request)
        if key not in self._cache:
            try:
                found = stored_recognition(run, request)
            except (DiffuscopeError, OSError):
                found = None
            if found is not None:
                self._keep(key, found)
        self.known = self._cache.get(key)

    def _keep(self, key: tuple[str, RecognitionRequest], found: Recognition) -> None:
        self._cache[key] = Known(found, summarise(found))
        while len(self._cache) > KEPT:
            self._cache.popitem(last=False)

    def measure(self) -> None:
        """Measure what is looked at."""
        if self.request is None or self.measuring:
            return
        self.failure = None
        bridge = self.session.bridge
        self._job = bridge.submit(jobs.recognition_job(self.request, KEY)), self.request, bridge.compute
        self.changed.emit()

    def cancel(self) -> None:
        """End the measurement; nothing of it is saved."""
        if self._job is not None:
            self.session.bridge.cancel(KEY)
            self._job = None
        self.changed.emit()

    def _on_picture(self, message: Message) -> None:
        if isinstance(message.event, JobProgress) and self._job is not None and message.job_id == self._job[0]:
            self.progressed.emit(message.event)

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, RecognitionReady):
            run = self.session.run
            if run is not None and run.path == event.request.run:
                self._keep((run.info.id, event.request), event.recognition)
                if event.request == self.request:
                    self.known = self._cache[run.info.id, event.request]
                    self.changed.emit()
        elif isinstance(event, JobFailed):
            self.failure, self._job = event.report, None
            self.session.message.emit(Notice(KEY, "error", event.report.headline, event.report.advice,
                                             event.report.details))
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            if event.done:
                self.session.message_cleared.emit(KEY)
            self.changed.emit()
