"""Asks the compute thread for races and for measurements over many pictures, and keeps the last answers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Compute, Message, Priority
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import Event, JobDone, JobFailed
from engine.measure.race import RaceReady, RaceRequest
from engine.measure.race_quality import LaneQuality, RaceQualityReady, RaceQualityRequest, stored_lanes
from gui.pages.kept_measurement import WatchedJob
from gui.session import Session

RACE, QUALITY = "race", "race-quality"  # job keys
KEPT = 64


class Races(QObject):
    """`answer` is of the race last wanted: None while nothing has come, growing until it is complete."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.wanted: RaceRequest | None = None
        self.answer: RaceReady | None = None
        self.failure: ErrorReport | None = None
        self._job: tuple[int, Compute] | None = None
        self._ask = QTimer(self)  # several changes in one event become one race
        self._ask.setSingleShot(True)
        self._ask.setInterval(0)
        self._ask.timeout.connect(self._submit)
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)
        session.trajectories_changed.connect(self._on_compute)

    def running(self) -> bool:
        """Whether a race is under way or about to begin."""
        return self._ask.isActive() or self._job is not None

    def want(self, request: RaceRequest) -> None:
        """Have this race; one that is there or under way is not run again."""
        if request != self.wanted:
            self.wanted = request
            self.again()

    def again(self) -> None:
        """From the start."""
        self.failure = None
        if self.wanted is not None:
            self._ask.start()

    def stop(self) -> None:
        """End the race under way; what it has shown stays."""
        self._ask.stop()
        if self._job is not None:
            self.session.bridge.cancel(RACE)
            self._job = None
        self.changed.emit()

    def forget(self) -> None:
        """Want nothing."""
        self._ask.stop()
        if self._job is not None:
            self.session.bridge.cancel(RACE)
        self._job = self.wanted = self.answer = self.failure = None

    def _submit(self) -> None:
        if self.wanted is None:
            return
        session = self.session
        # Going along with training nobody waits for the race, so it takes the background's share.
        live = session.training and session.following
        priority = Priority.BACKGROUND if live else Priority.INTERACTIVE
        self._job = session.bridge.submit(jobs.race_job(self.wanted, RACE, priority)), session.bridge.compute
        self.changed.emit()

    def _on_picture(self, message: Message) -> None:
        if isinstance(message.event, RaceReady) and self._job is not None and message.job_id == self._job[0]:
            self.answer = message.event
            if message.event.complete:
                self._job = None
            self.changed.emit()

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, JobFailed):
            self._job, self.failure = None, event.report
            self.changed.emit()
        elif isinstance(event, JobDone) and not event.done:
            self._job = None
            self.changed.emit()

    def _on_compute(self) -> None:
        """Another compute thread (a change of device) knows nothing of what the old one was asked."""
        if self._job is not None and self._job[1] is not self.session.bridge.compute:
            self._job = None
            self._ask.start()


class Measurements(WatchedJob[RaceQualityRequest]):
    """What is known of the lanes over many pictures: `lanes` has one entry for each, None where not measured."""

    key = QUALITY

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.lanes: list[LaneQuality | None] = []
        self.complete = True  # False while `lanes` holds what a measurement has so far
        self._known: OrderedDict[tuple[str, RaceQualityRequest], list[LaneQuality | None]] = OrderedDict()

    @property
    def measured(self) -> bool:
        """Whether every lane has figures."""
        return bool(self.lanes) and all(lane is not None for lane in self.lanes)

    def look(self) -> None:
        """Read what was measured of the session's lanes at its point."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            self.request, self.lanes, self.complete = None, [], True
            return
        race = session.race
        request = RaceQualityRequest(run.path, session.step, race.lanes, race.pictures,
                                     average_percent=session.average())
        if request == self.request:
            return
        self.request, self.complete, self.failure = request, True, None
        key = (run.info.id, request)
        if key not in self._known:
            try:
                found = stored_lanes(run, request)
            except (DiffuscopeError, OSError):
                found = [None] * len(race.lanes)
            self._keep(key, found)
        self.lanes = self._known[key]

    def _keep(self, key: tuple[str, RaceQualityRequest], lanes: list[LaneQuality | None]) -> None:
        self._known[key] = lanes
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def measure(self) -> None:
        """Measure the lanes that are looked at: those that are not known, or all of them again."""
        if self.request is None or self.measuring:
            return
        missing = tuple(lane for lane, known in zip(self.request.lanes, self.lanes, strict=True) if known is None)
        asked = replace(self.request, lanes=missing or self.request.lanes, beside_training=self.session.training)
        self.submit(jobs.race_quality_job(asked, QUALITY), self.request)

    def ended(self, done: bool) -> None:
        """Cancelled: what the measurement had so far is shown no more."""
        if not done:
            self.request = None
            self.look()
        self.changed.emit()

    def heard(self, event: Event, request: RaceQualityRequest) -> None:
        """New figures, of this request or of one that is no longer looked at."""
        if isinstance(event, RaceQualityReady):
            self._take(event, request)

    def _take(self, event: RaceQualityReady, request: RaceQualityRequest) -> None:
        run = self.session.run
        if run is None or run.path != request.run:
            return
        key = (run.info.id, request)
        new = dict(zip(event.request.lanes, event.lanes, strict=True))
        before = self._known.get(key, [None] * len(request.lanes))
        lanes = [new.get(lane, known) for lane, known in zip(request.lanes, before, strict=True)]
        if event.complete:
            self._keep(key, lanes)
        if request == self.request:
            self.lanes, self.complete = lanes, event.complete
            self.changed.emit()
