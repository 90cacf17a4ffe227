"""One piece of work on data sets at a time: a download, an import, judges. Shared by the windows that ask for it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.compute import Compute, Job, Message
from engine.errors import ErrorReport
from engine.events import Event, JobDone, JobFailed, JobProgress
from gui.session import Session

KEY = "data"
LOOKING, IMPORTING = "Look at the pictures", "Import"  # what the two kinds of work of an import are called


class DataWork(QObject):
    """`start` a job with the key KEY; what it says comes out as signals until it ends."""

    began = Signal(str)  # what it is, in a few words
    progressed = Signal(object)  # JobProgress
    arrived = Signal(object)  # any other event of the job
    failed = Signal(object)  # ErrorReport
    ended = Signal(bool)  # whether it came to its end

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._job: tuple[int, Compute] | None = None
        self.what = ""
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None and self._job[1] is self._session.bridge.compute

    def start(self, job: Job, what: str) -> bool:
        """Begin, unless something else is under way; whether it did."""
        if self.busy:
            return False
        bridge = self._session.bridge
        self.what = what
        self._job = bridge.submit(job), bridge.compute
        self.began.emit(what)
        return True

    def cancel(self) -> None:
        """Close it between two of its events."""
        if self._job is not None:
            self._session.bridge.cancel(KEY)
            self._end(False)

    def _on_picture(self, message: Message) -> None:
        if isinstance(message.event, JobProgress) and self._is_mine(message):
            self.progressed.emit(message.event)

    def _on_control(self, message: Message) -> None:
        event: Event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or self._is_mine(message)):
            return
        if isinstance(event, JobFailed):
            report: ErrorReport = event.report
            self._end(False)
            self.failed.emit(report)
        elif isinstance(event, JobDone):
            self._end(event.done)
        else:
            self.arrived.emit(event)

    def _is_mine(self, message: Message) -> bool:
        return self._job is not None and message.job_id == self._job[0]

    def _end(self, done: bool) -> None:
        self._job = None
        self.ended.emit(done)
