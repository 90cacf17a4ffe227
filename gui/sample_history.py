"""Asks the compute thread for the classes of the current seed at every snapshot of the open run, and keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from engine import jobs
from engine.measure.sample_history import HistoryRequest, HistoryRows, LookAround
from gui.run_job import RunJob
from gui.session import Session


class SampleHistory(RunJob):
    """`rows` are uint8 (K, H, W) or (K, H, W, 3) by training step; they fill from the viewed snapshot outwards.

    Only while somebody `want`s them. `steps`: snapshots that can be drawn, `missing`: those without a row. Another seed
    or run begins anew. `changed`: rows, steps, or whether it is drawing.
    """

    KEY = "history"

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        self._looked: frozenset[int] = frozenset()  # the snapshots that the last job knew
        self._asked_for: frozenset[int] = frozenset()  # those there were when it began
        self.stopped = False  # by hand: until another seed or run
        self._forget()
        super().__init__(session, parent)
        session.seed_changed.connect(self._restart_if_wanted)
        session.step_changed.connect(self._look_around)

    def want(self) -> None:
        if not self.wanted and self._of_seed != self.session.seed:
            self._forget()
        super().want()

    def stop(self) -> None:
        """Draw no more of these."""
        self.stopped = True
        self._end()
        self.changed.emit()

    def start(self) -> None:
        """Go on after `stop`, or after a failure."""
        self.stopped, self.failure = False, None
        self._consider()
        self.changed.emit()

    def _restart_if_wanted(self, *_: object) -> None:
        if self.wanted:
            self._restart()

    def _forget(self) -> None:
        self.rows: dict[int, NDArray[np.uint8]] = {}
        self.steps: tuple[int, ...] = ()
        self.missing = 0
        self.stopped = False
        self._looked = frozenset()
        self._of_seed: int | None = None

    def _consider(self) -> None:
        path = self._path()
        if not self.wanted or self.failure is not None or self.stopped or path is None or self.running \
                or self._looked >= set(self.session.snapshots):
            return
        session = self.session
        self._of_seed = session.seed
        self._asked_for = frozenset(session.snapshots)
        request = HistoryRequest(path, session.seed, session.step)
        self._submit(request, jobs.history_job(request, self.KEY))

    def _look_around(self, *_: object) -> None:
        if self.running:
            self.session.bridge.send(self.KEY, LookAround(self.session.step))

    def _hear(self, event: Any) -> None:
        if isinstance(event, HistoryRows) and event.run_id == self._run_id:
            self.rows.update(event.rows)
            self.steps, self.missing = event.steps, event.missing
            for gone in self.rows.keys() - set(event.steps):
                del self.rows[gone]
            self.changed.emit()

    def _finished(self, done: bool) -> None:
        if done:
            # One that was saved since the job last looked is not known yet; one that cannot be read is not asked again.
            self._looked = frozenset() if self.missing else self._asked_for | frozenset(self.steps)
