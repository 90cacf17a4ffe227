"""Asks the compute thread for what the guidance part of the CLIP page shows, and keeps the last answers."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Compute, Job, Message, Priority
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import JobDone, JobFailed, JobProgress
from engine.measure.clip_study import Study, StudyReady, StudyRequest, stored_study
from engine.measure.clip_study_summary import StudySummary, summarise
from engine.measure.clip_trace import Course, CourseReady, CourseRequest, GridReady, GridRequest
from gui.session import Notice, Session

COURSE, GRID, STUDY = "clip-course", "clip-grid", "clip-study"  # job keys
KEPT = 24
SETTLE_MS = 60  # several moves of a slider become one request


class Drawings(QObject):
    """One kind of drawing: `answer` is of the request last wanted, growing until it is complete."""

    changed = Signal()

    def __init__(self, session: Session, key: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.key = session, key
        self.wanted: CourseRequest | GridRequest | None = None
        self.answer: Any = None
        self.failure: ErrorReport | None = None
        self._kept: OrderedDict[object, Any] = OrderedDict()
        self._job: tuple[int, Compute] | None = None
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(SETTLE_MS)
        self._ask.timeout.connect(self._submit)
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    def busy(self) -> bool:
        """Whether something is being drawn or about to be."""
        return self._ask.isActive() or (self._job is not None and self._job[1] is self.session.bridge.compute)

    def want(self, request: CourseRequest | GridRequest | None) -> None:
        """Have this; what is there or under way is not drawn again."""
        if request == self.wanted:
            return
        self.wanted, self.failure = request, None
        self.answer = self._kept.get(request)
        if request is None or self.answer is not None:
            self.stop()
        else:
            self._ask.start()
        self.changed.emit()

    def again(self) -> None:
        """Ask once more for what failed or was stopped."""
        self.failure = None
        if self.wanted is not None and self.answer is None:
            self._ask.start()

    def stop(self) -> None:
        """End what is under way."""
        self._ask.stop()
        if self._job is not None:
            self.session.bridge.cancel(self.key)
            self._job = None

    def _submit(self) -> None:
        request = self.wanted
        if request is None:
            return
        session, bridge = self.session, self.session.bridge
        # Nobody waits for what follows training from snapshot to snapshot.
        priority = Priority.BACKGROUND if session.training and session.following else Priority.INTERACTIVE
        job: Job = jobs.clip_course_job(request, self.key, priority) if isinstance(request, CourseRequest) else \
            jobs.clip_grid_job(request, self.key, priority)
        self._job = bridge.submit(job), bridge.compute

    def _on_picture(self, message: Message) -> None:
        event = message.event
        if not isinstance(event, CourseReady | GridReady) or event.request != self.wanted:
            return
        complete = event.course.complete if isinstance(event, CourseReady) else event.complete
        self.answer = event
        if complete:
            self._kept[event.request] = event
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self.changed.emit()

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, JobFailed):
            self.failure, self._job = event.report, None
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            self.changed.emit()


class Studies(QObject):
    """`known` is of `request`, the study at the session's weights; None where there was none."""

    changed = Signal()
    progressed = Signal(object)  # JobProgress

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.request: StudyRequest | None = None
        self.known: tuple[Study, StudySummary] | None = None
        self.failure: ErrorReport | None = None
        self._job: tuple[int, StudyRequest, Compute] | None = None
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    @property
    def measuring(self) -> bool:
        """Whether a study is under way, of these weights or of others."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    def look(self) -> None:
        """Read what was studied at the session's weights."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            self.request = self.known = None
            return
        request = StudyRequest(run.path, session.sampling.clip_model, snapshot=session.step)
        if request == self.request:
            return
        self.request, self.known, self.failure = request, None, None
        with contextlib.suppress(DiffuscopeError, OSError):
            self._take(stored_study(run, request))

    def _take(self, study: Study | None) -> None:
        self.known = None if study is None else (study, summarise(study))

    def measure(self) -> None:
        """Make the study of what is looked at."""
        if self.request is None or self.measuring:
            return
        self.failure = None
        bridge = self.session.bridge
        self._job = bridge.submit(jobs.clip_study_job(self.request, STUDY)), self.request, bridge.compute
        self.changed.emit()

    def cancel(self) -> None:
        """End it; nothing of it is saved."""
        if self._job is not None:
            self.session.bridge.cancel(STUDY)
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
        if isinstance(event, StudyReady):
            if event.request == self.request:
                self._take(event.study)
                self.changed.emit()
        elif isinstance(event, JobFailed):
            self.failure, self._job = event.report, None
            self.session.message.emit(Notice(STUDY, "error", event.report.headline, event.report.advice,
                                             event.report.details))
            self.changed.emit()
        elif isinstance(event, JobDone):
            self._job = None
            if event.done:
                self.session.message_cleared.emit(STUDY)
            self.changed.emit()


def course_of(answer: Any) -> Course | None:
    """The course of an answer."""
    return answer.course if isinstance(answer, CourseReady) else None
