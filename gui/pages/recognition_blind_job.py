"""The blind test's pictures: drawn by the compute thread, and what the person said of them, kept with the run."""

from __future__ import annotations

import secrets
from contextlib import suppress

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine import jobs
from engine.compute import Message
from engine.errors import DiffuscopeError
from engine.events import JobFailed
from engine.measure.blind_test import (
    BlindReady,
    BlindRequest,
    BlindTest,
    blind_key,
    hidden,
    stored_blind,
)
from engine.runs import Run
from gui.session import Notice, Session

KEY = "blind"


class BlindTests(QObject):
    """`test` is of the session's point. While a test goes on, it stays with the point at which it began."""

    changed = Signal()  # other trials
    drawn = Signal(object)  # BlindReady
    failed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.test = BlindTest()
        self.running = False
        self.generator = np.random.default_rng(secrets.randbits(64))
        self._run: Run | None = None
        self._asked: BlindRequest | None = None  # of the test that goes on: its point, with class and seed
        self._drawn: BlindReady | None = None
        self._job = 0
        session.bridge.control.connect(self._on_control)

    def look(self) -> None:
        """Read what was seen at the session's point."""
        session, run = self.session, self.session.run
        if self.running:
            return
        self.test = BlindTest()
        if run is None or not session.snapshots:
            return
        with suppress(DiffuscopeError, OSError):
            self.test = stored_blind(run, session.sampling, session.step, session.average())

    def start(self) -> bool:
        """Begin at the session's point; whether there is one."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            return False
        self.look()
        self.running, self._run = True, run
        self._asked = BlindRequest(run.path, session.sampling, 0, 0, session.step, session.average())
        self.draw()
        return True

    def draw(self) -> None:
        """Draw the next hidden picture."""
        asked, run = self._asked, self._run
        if not self.running or asked is None or run is None:
            return
        class_label, seed = hidden(self.generator, len(run.info.class_names))
        self._drawn = None
        self._asked = BlindRequest(asked.run, asked.sampling, class_label, seed, asked.snapshot,
                                   asked.average_percent)
        self._job = self.session.bridge.submit(jobs.blind_job(self._asked, KEY))

    def keep(self, frame: int, answer: int) -> BlindTest:
        """Keep what was seen and said of the picture that was drawn; the test with it."""
        drawn, run = self._drawn, self._run
        if drawn is None or run is None:
            return self.test
        self._drawn = None
        self.test = self.test.with_trial(drawn, run, frame, answer)
        asked = drawn.request
        try:
            run.save_measurement(blind_key(run, asked.sampling, asked.snapshot, asked.average_percent),
                                 self.test.values())
        except DiffuscopeError as error:
            self.session.message.emit(Notice(KEY, "error", error.headline, error.advice))
        self.changed.emit()
        return self.test

    def end(self) -> None:
        """Leave the test; a digit that was not answered counts as none."""
        if self.running:
            self.running = False
            self.session.bridge.cancel(KEY)
            self._asked = self._drawn = self._run = None
            self._job = 0

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if not self.running or not (lost or (self._job and message.job_id == self._job)):
            return
        if isinstance(event, BlindReady):
            self._drawn = event
            self.session.message_cleared.emit(KEY)
            self.drawn.emit(event)
        elif isinstance(event, JobFailed):
            self.end()
            self.session.message.emit(Notice(KEY, "error", event.report.headline, event.report.advice,
                                             event.report.details))
            self.failed.emit()
