"""Asks the compute thread for what the guidance part of the CLIP page shows, and keeps the last answers."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Compute, Job, Message, Priority
from engine.errors import ErrorReport
from engine.events import Event, JobDone, JobFailed
from engine.measure.clip_study import Study, StudyReady, StudyRequest, stored_study
from engine.measure.clip_study_summary import StudySummary, summarise
from engine.measure.clip_trace import Course, CourseReady, CourseRequest, GridReady, GridRequest
from engine.runs import Run
from gui.pages.kept_measurement import KeptMeasurement
from gui.session import Session

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


Known = tuple[Study, StudySummary]


class Studies(KeptMeasurement[StudyRequest, Known]):
    """The study at the session's weights."""

    key = STUDY

    def make_request(self, run: Run) -> StudyRequest:
        return StudyRequest(run.path, self.session.sampling.clip_model, snapshot=self.session.step)

    def stored(self, run: Run, request: StudyRequest) -> Known | None:
        found = stored_study(run, request)
        return None if found is None else (found, summarise(found))

    def job(self, request: StudyRequest) -> Job:
        return jobs.clip_study_job(request, STUDY)

    def answer(self, event: Event) -> tuple[Path, StudyRequest, Known] | None:
        if not isinstance(event, StudyReady):
            return None
        return event.request.run, event.request, (event.study, summarise(event.study))


def course_of(answer: Any) -> Course | None:
    """The course of an answer."""
    return answer.course if isinstance(answer, CourseReady) else None
