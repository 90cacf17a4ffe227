"""One job at a time for a part of the window: what it says as signals, and whether it still runs."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.compute import Compute, Job, Message
from engine.errors import ErrorReport
from engine.events import JobDone, JobFailed, JobProgress
from gui.session import Notice, Session


class JobRunner(QObject):
    """`said` carries each event but progress and end; `ended` whether it was done to the end.

    A failure is told in a banner under `key` and kept in `failure` until the next start.
    """

    said = Signal(object)
    progressed = Signal(object)  # JobProgress
    ended = Signal(bool)
    changed = Signal()  # running or failure is another

    def __init__(self, session: Session, key: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.key = session, key
        self.failure: ErrorReport | None = None
        self._id = 0  # whose events are heard: a picture may come after the word that its job is done
        self._job: tuple[int, Compute] | None = None
        session.bridge.picture.connect(self._on_message)
        session.bridge.control.connect(self._on_message)

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None and self._job[1] is self.session.bridge.compute

    def start(self, job: Job) -> None:
        """Hand a job of this runner's key over; one that runs gives way."""
        self.failure = None
        self.session.message_cleared.emit(self.key)
        bridge = self.session.bridge
        self._id = bridge.submit(job)
        self._job = self._id, bridge.compute
        self.changed.emit()

    def cancel(self) -> None:
        """End the job between two events."""
        if self._job is not None:
            self.session.bridge.cancel(self.key)
            self._job, self._id = None, 0
            self.ended.emit(False)
            self.changed.emit()

    def _on_message(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed) and self._job is not None
        if not lost and (message.key != self.key or message.job_id != self._id):
            return
        if isinstance(event, JobProgress):
            self.progressed.emit(event)
        elif isinstance(event, JobFailed):
            self.failure, self._job = event.report, None
            if not lost:
                told = event.report
                self.session.message.emit(Notice(self.key, "error", told.headline, told.advice, told.details))
            self.ended.emit(False)
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            self.ended.emit(event.done)
            self.changed.emit()
        else:
            self.said.emit(event)
