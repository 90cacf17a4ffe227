"""Asks the compute thread for trajectories that are looked at and not there: few requests, newest first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Message, Priority
from engine.events import JobDone, JobFailed, TrajectoriesReady, Trajectory, TrajectoryRequest
from gui.bridge import Bridge
from gui.trajectories import Point, TrajectoryCache, is_complete

ONE, ALL = "reverse", "reverse-all"  # job keys: the current class alone, and the others together

PointOf = Callable[[int | None], Point | None]


class TrajectoryRequests(QObject):
    """A cache that fills itself: `get` gives what is there and notes what is missing.

    Several moves in one event become one request. The current class is asked for alone, so that it is there
    first; the others follow together. What failed is not asked for again before `retry`.
    """

    changed = Signal()  # there is more than before
    failed = Signal(object)  # ErrorReport

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cache = TrajectoryCache()
        self.wanted: set[int] = set()  # classes of the current point
        self.priority = Priority.INTERACTIVE  # of what is asked for from now on
        self._bridge = bridge
        self._run: tuple[str, Path] | None = None  # id and folder
        self._point_of: PointOf = lambda _: None
        self._in_flight: dict[str, tuple[int, frozenset[Point]]] = {}  # job key -> job id, what was asked
        self._answered: set[Point] = set()  # asked for and done, not yet seen: never asked for in a circle
        self._failed: set[Point] = set()
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(0)
        self.timer.timeout.connect(self._request)

    def use(self, run_id: str, path: Path, point_of: PointOf) -> None:
        """Look at this run; point_of(class) is the point that is looked at."""
        self._run = (run_id, path)
        self._point_of = point_of
        self._failed.clear()
        self._answered.clear()

    def get(self, point: Point) -> Trajectory | None:
        """What there is of a point; what is missing will be asked for."""
        found = self.cache.get(point)
        if not is_complete(found) and point not in self._failed:
            self.wanted.add(point.class_label)
            if not self.timer.isActive():
                self.timer.start()
        return found

    def busy(self) -> bool:
        """Whether something is being recorded or about to be asked for."""
        return bool(self._in_flight) or self.timer.isActive()

    def point_moved(self) -> None:
        """What is under way is of another point now: the other classes are stopped."""
        self.wanted.clear()
        self.priority = Priority.INTERACTIVE
        if ALL in self._in_flight:
            self._bridge.cancel(ALL)
            del self._in_flight[ALL]

    def retry(self) -> None:
        """Ask again for what failed, once somebody looks."""
        self._failed.clear()
        self._answered.clear()
        self.changed.emit()

    def forget(self) -> None:
        """The compute thread is another one: what was asked of the old one will not come."""
        self._in_flight.clear()
        self.retry()

    def stop(self) -> None:
        """Ask for nothing more."""
        self.timer.stop()

    def hear(self, message: Message) -> None:
        """Whatever a job said; what is not an answer to a request is left alone."""
        event = message.event
        if isinstance(event, TrajectoriesReady):
            self._take(event)
            return
        flight = self._in_flight.get(message.key)
        if flight is None or flight[0] != message.job_id:
            return
        if isinstance(event, JobFailed):
            self._failed |= flight[1]
            self.failed.emit(event.report)
        elif isinstance(event, JobDone):
            del self._in_flight[message.key]
            if event.done:
                self._answered |= flight[1]
            if self.wanted:
                # The last picture is taken later in this very tick; the request looks after that.
                self.timer.start()
            self.changed.emit()

    def _take(self, event: TrajectoriesReady) -> None:
        if self._run is None or event.request.run != self._run[1]:
            return
        for label, trajectory in event.trajectories.items():
            self.cache.put(Point(self._run[0], trajectory.snapshot, label, event.request.seed,
                                 event.request.sampling, event.request.average_percent), trajectory)
        self.changed.emit()

    def _request(self) -> None:
        wanted = [p for label in sorted(self.wanted) if (p := self._point_of(label)) is not None]
        self._failed |= self._answered.intersection(self.cache.missing(wanted))
        self._answered.clear()
        missing = {p for p in self.cache.missing(wanted) if p not in self._failed}
        current = self._point_of(None)
        if current in missing:
            if not self._asked(ONE, current):
                self._submit(ONE, [current])
            return  # the others follow when this one is done
        missing -= self._in_flight.get(ALL, (0, frozenset()))[1]
        if missing:
            self._submit(ALL, sorted(missing, key=lambda p: p.class_label))

    def _asked(self, key: str, point: Point) -> bool:
        return key in self._in_flight and point in self._in_flight[key][1]

    def _submit(self, key: str, points: list[Point]) -> None:
        assert self._run is not None
        first = points[0]
        request = TrajectoryRequest(self._run[1], first.snapshot, tuple(p.class_label for p in points),
                                    first.seed, first.sampling, first.average_percent)
        job_id = self._bridge.submit(jobs.trajectory_job(request, key, self.priority))
        self._in_flight[key] = (job_id, frozenset(points))
