"""Asks the compute thread what the model makes of the noised picture, and keeps the last answers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs
from engine.compute import Compute, Message
from engine.diffusion.forward_view import film_levels
from engine.errors import ErrorReport
from engine.events import JobDone, JobFailed, JumpRequest, JumpsReady
from gui.session import Session

KEY = "forward"
NUM_STEPS = 25
KEPT = 64


@dataclass(frozen=True, slots=True)
class JumpPoint:
    """All an answer depends on. image: tells one picture from another."""

    run: Path
    run_id: str
    snapshot: int
    image: tuple[object, ...]
    seed: int
    schedule: str
    num_timesteps: int


class Jumps(QObject):
    """`answer` is of the point last wanted: None while nothing has come, growing until `complete`."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.point: JumpPoint | None = None
        self.failure: ErrorReport | None = None
        self._x0: NDArray[np.float32] | None = None
        self._answers: OrderedDict[JumpPoint, JumpsReady] = OrderedDict()
        self._asked: tuple[int, JumpPoint, Compute] | None = None  # job id, its point, where it runs
        self._ask = QTimer(self)  # several changes in one event become one request
        self._ask.setSingleShot(True)
        self._ask.setInterval(0)
        self._ask.timeout.connect(self._request)
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)
        session.trajectories_changed.connect(self._on_compute)

    @property
    def answer(self) -> JumpsReady | None:
        """What is known of the wanted point."""
        return self._answers.get(self.point) if self.point is not None else None

    def done(self) -> bool:
        """Whether nothing more will come for the wanted point."""
        answer = self.answer
        return self.point is None or self.failure is not None or (answer is not None and answer.complete)

    def want(self, image: tuple[object, ...], x0: NDArray[np.float32] | None) -> None:
        """Have the answer for this picture at the session's point; asks once for each point."""
        session = self.session
        run = session.run
        if run is None or not session.snapshots or x0 is None or x0.shape != session.image_shape:
            self.cancel()
            return
        shown = session.schedule
        point = JumpPoint(run.path, run.info.id, session.step, image, session.seed, shown.name, shown.num_timesteps)
        if point != self.point:
            self.point, self._x0, self.failure = point, x0, None
            self.changed.emit()
        if not self.done() and (self._asked is None or self._asked[1] != point):
            self._ask.start()

    def retry(self) -> None:
        """Ask again for what failed."""
        self.failure = None
        if self.point is not None:
            self._ask.start()
        self.changed.emit()

    def cancel(self) -> None:
        """Want nothing."""
        self.point = None
        self._ask.stop()
        if self._asked is not None:
            self.session.bridge.cancel(KEY)
            self._asked = None

    def _request(self) -> None:
        point = self.point
        if point is None or self._x0 is None or self.done() or (self._asked and self._asked[1] == point):
            return
        request = JumpRequest(
            run=point.run, snapshot=point.snapshot, x0=self._x0, class_label=self.session.class_label,
            seed=point.seed, timesteps=film_levels(point.num_timesteps), schedule=point.schedule,
            num_timesteps=point.num_timesteps, num_steps=NUM_STEPS)
        job_id = self.session.bridge.submit(jobs.jump_job(request, key=KEY))
        self._asked = (job_id, point, self.session.bridge.compute)

    def _on_picture(self, message: Message) -> None:
        event = message.event
        if not isinstance(event, JumpsReady) or self._asked is None or message.job_id != self._asked[0]:
            return
        point = self._asked[1]
        self._answers[point] = event
        self._answers.move_to_end(point)
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        if event.complete:
            self._asked = None
        if point == self.point:
            self.changed.emit()

    def _on_control(self, message: Message) -> None:
        event = message.event
        if message.key == "compute" and isinstance(event, JobFailed):
            self._fail(event.report)  # the session has said so already
            return
        if self._asked is None or message.job_id != self._asked[0]:
            return
        if isinstance(event, JobFailed):
            self._fail(event.report)
        elif isinstance(event, JobDone) and not event.done:
            self._asked = None

    def _fail(self, told: ErrorReport) -> None:
        self._asked = None
        if self.point is not None:
            self.failure = told
            self.changed.emit()

    def _on_compute(self) -> None:
        """Another compute thread (a change of device) knows nothing of what the old one was asked."""
        if self._asked is not None and self._asked[2] is not self.session.bridge.compute:
            self._asked = None
            if self.point is not None:
                self._ask.start()
