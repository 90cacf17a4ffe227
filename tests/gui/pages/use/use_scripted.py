"""Jobs of the Use page, scripted."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.events import Command, Event, JobProgress, JumpRequest, JumpsReady
from engine.export.data_card import Facts
from engine.export.handwriting_job import HandReady, HandRequest
from engine.export.synthetic_set import SyntheticReady, SyntheticRequest, SyntheticSample, SyntheticSet
from engine.measure.augmentation import Augmentation, AugmentationReady, AugmentationRequest, Cell
from engine.measure.classification_score import Score, ScoreReady, ScoreRequest
from engine.measure.nearest import Nearest, NearestReady, NearestRequest, Neighbours
from engine.runs import Run
from gui.pages.use import UsePage
from gui.session import Session

SIDE = 8
Work = Generator[Event, Command | None, None]


class Jobs:
    """Stands in for the engine's jobs. `gate` holds those that take long."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.suspect = False

    def _job(self, request: Any, key: str, work: Any, priority: Priority = Priority.BACKGROUND) -> Job:
        self.asked.append(request)

        def make(_: Any) -> Work:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(1, 10, "pictures")
            while not self.gate.wait(0.002):
                yield JobProgress(2, 10, "pictures")
            yield from work()

        return Job(key, make, priority)

    def hand_job(self, request: HandRequest, key: str = "handwriting",
                 priority: Priority = Priority.INTERACTIVE) -> Job:
        def work() -> Work:
            frames = np.full((3, len(request.class_labels), 1, SIDE, SIDE), -1, np.float16)
            frames[:, :, :, 2:6, 3:5] = 1
            yield HandReady(request, 40, frames[:1], False)
            yield HandReady(request, 40, frames, True)

        return self._job(request, key, work, priority)

    def jump_job(self, request: JumpRequest, key: str = "forward") -> Job:
        def work() -> Work:
            rows = np.repeat(request.x0[None].astype(np.float16), len(request.timesteps), axis=0)
            yield JumpsReady(request, 40, rows, rows, (True,) * len(rows), True)

        return self._job(request, key, work, Priority.INTERACTIVE)

    def synthetic_job(self, request: SyntheticRequest, key: str = "synthetic-set") -> Job:
        def work() -> Work:
            images = np.zeros((4, 1, SIDE, SIDE), np.uint8)
            yield SyntheticSample(request, images, (0, 1, 2, 3))
            count = request.config.per_class
            near = Nearest(0, Neighbours((1,), (0.5,), 0.4), None, 0.6, None)
            facts = Facts(Run.open(request.run), 40, None, request.sampling, request.config, (count,) * 10,
                          (count,) * 10, 9 * count, {"test_accuracy": 0.99}, (near,))
            made = SyntheticSet(images, np.zeros(4, np.int64), np.zeros(4, np.int64), None, facts)
            yield SyntheticReady(request, made, 12)

        return self._job(request, key, work)

    def augmentation_job(self, request: AugmentationRequest, key: str = "augmentation") -> Job:
        def work() -> Work:
            for seeds in (1, 2):
                yield AugmentationReady(request, augmentation(request, seeds))

        return self._job(request, key, work)

    def score_job(self, request: ScoreRequest, key: str = "score") -> Job:
        def work() -> Work:
            yield ScoreReady(request, Score(40, None, request.sampling, 10_000, 60_000, 10_000, 0.98, (0.98,) * 10,
                                            0.994, (0.994,) * 10, {}))

        return self._job(request, key, work)

    def nearest_job(self, request: NearestRequest, key: str = "nearest") -> Job:
        def work() -> Work:
            share = 0.0 if self.suspect else 0.6
            one = Nearest(request.class_labels[0], Neighbours((4, 9), (1.0, 2.0), share),
                          Neighbours((9, 4), (3.0, 4.0), 0.5), 1.5, 2.5)
            image = np.zeros((1, SIDE, SIDE), np.uint8)
            yield NearestReady(request, (one,), {4: image, 9: image}, {4: 3, 9: 3})

        return self._job(request, key, work, Priority.INTERACTIVE)


def augmentation(request: AugmentationRequest, seeds: int) -> Augmentation:
    cells = tuple(Cell(100, m, tuple(0.7 + 0.01 * s + bonus for s in range(seeds)))
                  for m, bonus in ((0, 0.0), (500, 0.1), (2000, 0.2)))
    return Augmentation(40, None, request.sampling, request.config.model_copy(update={"seeds": 2}), 640, 10_000, {},
                        cells)


def make_page(qtbot: QtBot, session: Session) -> UsePage:
    made = UsePage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    return made


def part(page: UsePage, name: str) -> Any:
    page.show_part(name)
    return page.part
