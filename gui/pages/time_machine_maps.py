"""What the map of the time machine holds: columns of one run, or of two, filled by the compute thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine import jobs
from engine.compute import Compute, Message
from engine.config import SamplingConfig
from engine.diffusion.schedules import Schedule
from engine.errors import BadSetting, DiffuscopeError, ErrorReport
from engine.events import JobDone, JobFailed, JobProgress
from engine.measure.time_machine import (
    Column,
    ColumnLost,
    ColumnsReady,
    FirstReady,
    TimeMachineRequest,
    chosen_steps,
    map_levels,
)
from engine.measure.time_machine_line import Comparison, LinePoint, compare, line, percents
from engine.runs import Run
from gui.session import Notice, Session

KEY = "time-machine"


class RunMap:
    """The columns of one run that are there, and what is the same for all of them."""

    def __init__(self, run: Run, request: TimeMachineRequest) -> None:
        self.run = run
        self.schedule: Schedule = run.schedule()
        self.sigma, self.t = map_levels(request, self.schedule)
        self.steps: list[int] = []  # of the columns, rising
        self.columns: dict[tuple[int, int], Column] = {}  # by snapshot and class
        self.first: dict[int, tuple[int, ...]] = {}  # by snapshot, of the request's class
        self.lost: dict[int, ErrorReport] = {}

    @property
    def places(self) -> NDArray[np.float64]:
        """Percent denoised at each row, and nan for never."""
        return percents(self.t, self.schedule.num_timesteps)

    def t_on(self, shown: Schedule, row: int) -> int:
        """t of a row on the schedule that is on display."""
        own = self.schedule
        same = (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps)
        return int(self.t[row]) if same else shown.t_of_sigma(float(self.sigma[row]))

    def line(self) -> list[LinePoint]:
        """The line over seeds, as far as it is measured."""
        return line({s: self.first[s] for s in self.steps if s in self.first}, self.places)

    def comparison(self) -> Comparison | None:
        """What the line says; None before all of it is there."""
        if not self.steps or any(step not in self.first for step in self.steps if step not in self.lost):
            return None
        return compare({s: self.first[s] for s in self.steps if s in self.first}, self.places)

    def own_line(self, class_label: int) -> list[LinePoint]:
        """The line of the map's own seed."""
        points = []
        for step in self.steps:
            column = self.columns.get((step, class_label))
            row = column.first if column is not None and len(column.rows) == len(self.t) else None
            if row is not None:
                points += line({step: (row,)}, self.places)
        return points


class Maps(QObject):
    """`maps` are of `request`, the open run's first. Filling goes on while somebody wants it."""

    changed = Signal(object)  # set of (map, snapshot) whose column of the class has more; None: everything
    measured = Signal()  # the line has more
    progressed = Signal(object)  # JobProgress
    state_changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.request: TimeMachineRequest | None = None
        self.maps: list[RunMap] = []
        self.failure: ErrorReport | None = None
        self.fault = ""  # why there can be no map with these settings
        self.stopped = False  # by hand, until another map is wanted
        self._job: tuple[int, TimeMachineRequest, Compute] | None = None
        self._listed: tuple[tuple[int, ...], ...] = ()  # columns when the job was asked for
        self._complete: tuple[TimeMachineRequest, tuple[tuple[int, ...], ...]] | None = None
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    @property
    def filling(self) -> bool:
        """Whether the maps are being filled."""
        return self._job is not None and self._job[2] is self.session.bridge.compute

    def column(self, number: int, step: int) -> Column | None:
        """The column of the class that is looked at; None while it is not there."""
        if self.request is None or number >= len(self.maps):
            return None
        return self.maps[number].columns.get((step, self.request.class_label))

    def filled(self) -> bool:
        """Whether every column of the class has every level."""
        request = self.request
        return request is not None and bool(self.maps) and all(
            (column := self.column(number, step)) is not None and column.filled == request.levels
            for number, each in enumerate(self.maps) for step in each.steps if step not in each.lost)

    # ---- what is wanted ----

    def look(self, other: Run | None) -> None:
        """Look at the session's class and seed, and fill what is missing."""
        session, run, config = self.session, self.session.run, self.session.time_machine
        if run is None or not session.snapshots:
            self.leave()
            self.request, self.maps = None, []
            self.changed.emit(None)
            return
        runs = [run] if other is None else [run, other]
        request = TimeMachineRequest(
            tuple(each.path for each in runs), _plain(session.sampling), session.class_label, session.seed,
            config.levels, config.columns, line_seeds=config.line_seeds if config.line else 0)
        if request != self.request:
            self._take(request, runs)
        self._list_columns()
        self._fill()

    def _take(self, request: TimeMachineRequest, runs: Sequence[Run]) -> None:
        before, kept = self.request, {each.run.path: each for each in self.maps}
        self.request, self.failure, self.fault, self.stopped = request, None, "", False
        same = before is not None and (before.drawn_with, before.seed) == (request.drawn_with, request.seed)
        try:
            made = [RunMap(run, request) for run in runs]
        except (BadSetting, DiffuscopeError) as error:
            self.fault, self.maps = error.headline, []
            self.leave()
            self.changed.emit(None)
            return
        for each in made:
            if same and (old := kept.get(each.run.path)) is not None and old.run.info.id == each.run.info.id:
                each.columns, each.lost = old.columns, old.lost
                if before is not None and (before.class_label, before.line_seeds) == \
                        (request.class_label, request.line_seeds):
                    each.first = old.first
        self.maps = made
        self.changed.emit(None)
        self.measured.emit()

    def _list_columns(self) -> None:
        """The snapshots there are now."""
        assert self.request is not None
        for number, each in enumerate(self.maps):
            if number:
                steps = [s.step for s in each.run.snapshots()]
            else:
                steps = list(self.session.snapshots)
            steps = chosen_steps([s for s in steps if s not in each.lost], self.request.columns)
            if steps != each.steps:
                each.steps = steps
                self.changed.emit(None)

    def _fill(self) -> None:
        request = self.request
        if request is None or not self.maps or self.failure is not None or self.stopped:
            return
        if self.filling and self._job is not None and self._job[1] == request:
            return  # it looks for new snapshots by itself
        steps = tuple(tuple(each.steps) for each in self.maps)
        if self._complete == (request, steps):
            return
        bridge, self._listed = self.session.bridge, steps
        self._job = bridge.submit(jobs.time_machine_job(request, KEY)), request, bridge.compute
        self.state_changed.emit()

    def leave(self) -> None:
        """Nobody looks any more; what is finished is kept."""
        if self._job is not None:
            self.session.bridge.cancel(KEY)
            self._job = None
            self.state_changed.emit()

    def stop(self) -> None:
        """By hand: fill no more until another map is wanted, or `go_on`."""
        self.stopped = True
        self.leave()
        self.state_changed.emit()

    def go_on(self) -> None:
        """Fill again after `stop` or a failure."""
        self.stopped, self.failure = False, None
        self._fill()
        self.state_changed.emit()

    # ---- what comes ----

    def _on_picture(self, message: Message) -> None:
        if isinstance(message.event, JobProgress) and self._job is not None and message.job_id == self._job[0]:
            self.progressed.emit(message.event)

    def _number(self, path: Path) -> int | None:
        return next((number for number, each in enumerate(self.maps) if each.run.path == path), None)

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if self._job is None or not (lost or message.job_id == self._job[0]):
            return
        if isinstance(event, ColumnsReady | FirstReady | ColumnLost):
            if event.request == self.request and (number := self._number(event.run)) is not None:
                self._add(number, event)
        elif isinstance(event, JobFailed):
            self.failure, self._job = event.report, None
            self.session.message.emit(Notice(KEY, "error", event.report.headline, event.report.advice,
                                             event.report.details))
            self.state_changed.emit()
        elif isinstance(event, JobDone):
            self._ended(event.done)

    def _add(self, number: int, event: ColumnsReady | FirstReady | ColumnLost) -> None:
        each, request = self.maps[number], self.request
        assert request is not None
        if isinstance(event, FirstReady):
            each.first[event.snapshot] = event.first
            self.measured.emit()
            return
        if isinstance(event, ColumnLost):
            each.lost[event.snapshot] = event.report
            self._list_columns()
            return
        for column in event.columns:
            each.columns[column.snapshot, column.class_label] = column
        if {c.snapshot for c in event.columns} - set(each.steps):
            self._list_columns()
        changed = {(number, c.snapshot) for c in event.columns if c.class_label == request.class_label}
        if changed:
            self.changed.emit(changed)

    def _ended(self, done: bool) -> None:
        job, self._job = self._job, None
        if done and job is not None:
            steps = tuple(tuple(each.steps) for each in self.maps)
            self.session.message_cleared.emit(KEY)
            if steps == self._listed or self.filled():
                self._complete = job[1], steps
            else:  # a snapshot that came as the job looked for the last time
                self._fill()
        self.state_changed.emit()
        if done:
            self.changed.emit(set())


def _plain(sampling: SamplingConfig) -> SamplingConfig:
    """Without what a map leaves out, so that changing that asks for no other map."""
    return TimeMachineRequest((), sampling, 0, 0).drawn_with
