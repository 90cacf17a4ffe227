"""A background job about the open run's snapshots, while somebody looks: what two of them have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import QObject, Signal

from engine.compute import Compute, Job, Message
from engine.errors import ErrorReport
from engine.events import JobDone, JobFailed
from gui.session import Session


class RunJob(QObject):
    """Runs between `want` and `leave`; another run begins anew. Subclasses say when to ask, and hear the answers."""

    KEY: ClassVar[str] = ""  # of the job

    changed = Signal()  # what is known, or whether the job runs

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.failure: ErrorReport | None = None
        self.wanted = False
        self._run_id = ""
        self._job: tuple[int, Any, Compute] | None = None  # its id, what was asked, and whom
        session.bridge.control.connect(self._on_control)
        session.run_changed.connect(self._on_run)
        session.snapshots_changed.connect(self._consider)
        session.training_changed.connect(self._consider)

    @property
    def running(self) -> bool:
        """Whether the job is under way."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    @property
    def asked(self) -> Any:
        """The request of the job under way; None without one."""
        return self._job[1] if self._job is not None and self.running else None

    def want(self) -> None:
        """Somebody looks: read what there is, make what is missing."""
        if not self.wanted:
            self.wanted = True
            self._on_run()
            self._consider()

    def leave(self) -> None:
        """Nobody looks any more; what is half made is lost, and nothing else."""
        self.wanted = False
        self._end()

    def _end(self) -> None:
        if self._job is not None:
            self.session.bridge.cancel(self.KEY)
            self._job = None

    def _submit(self, request: Any, job: Job) -> None:
        bridge = self.session.bridge
        self._job = bridge.submit(job), request, bridge.compute
        self.changed.emit()

    def _path(self) -> Path | None:
        """Of the run to work on: none while the run that is trained has not taken the place of the one before."""
        session = self.session
        if session.run is None or not session.snapshots or session.trains_another:
            return None
        return session.run.path

    def _on_run(self) -> None:
        run = self.session.run
        run_id = run.info.id if run is not None else ""
        if run_id != self._run_id:
            self._run_id = run_id
            self._restart()

    def _restart(self) -> None:
        """Nothing is known."""
        self._end()
        self.failure = None
        self._forget()
        self.changed.emit()
        self._consider()

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, JobFailed):
            self._job, self.failure = None, event.report
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            self._finished(event.done)
            self.changed.emit()
            if event.done:
                self._consider()
        else:
            self._hear(event)

    # ---- for subclasses ----

    def _consider(self) -> None:
        """Ask for what is missing, if it is wanted and time."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Another run, or another question: what was known is not of it."""
        raise NotImplementedError

    def _hear(self, event: Any) -> None:
        """An event of the job under way."""
        raise NotImplementedError

    def _finished(self, done: bool) -> None:
        """The job has ended; done: by itself."""
