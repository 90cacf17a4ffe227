"""What the model makes of a noised picture, scripted, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import numpy as np
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from shown import show_beside_sections

from engine.compute import Job
from engine.data.catalogue import load_dataset
from engine.diffusion.forward import noise_like, noised, to_float
from engine.diffusion.forward_view import film_levels
from engine.events import JumpRequest, JumpsReady
from gui.pages.forward import ForwardPage
from gui.session import Notice, Session
from gui.theme import apply_theme

LEVELS = film_levels(1000)


class Jumpers:
    """Stands in for engine.jobs.jump_job: every picture of a row is one grey that tells level and snapshot."""

    def __init__(self) -> None:
        self.asked: list[JumpRequest] = []
        self.fail: Exception | None = None
        self.hold = False

    def job(self, request: JumpRequest, key: str = "forward") -> Job:
        self.asked.append(request)
        return Job(key, lambda _: self.run(request))

    def run(self, request: JumpRequest) -> Generator[Any, Any, None]:
        if self.fail is not None:
            raise self.fail
        count = len(request.timesteps)
        one = np.stack([np.full_like(request.x0, t / 2000, dtype=np.float16) for t in request.timesteps])
        for step in range(3):
            yield JumpsReady(request, request.snapshot or 0, one, one * np.float16((step + 1) / 3),
                             (True,) * count, step == 2)
            while self.hold and step == 1:
                time.sleep(0.001)
                yield JumpsReady(request, request.snapshot or 0, one, one, (True,) * count, False)


def make_page(qtbot: QtBot, session: Session) -> ForwardPage:
    """The page in front, and its sections in something like a dock."""
    apply_theme(QGuiApplication.instance())
    page = ForwardPage(session)
    show_beside_sections(qtbot, page, page.setup_sections(), (904, 683))  # 1440 x 900 with both docks
    page.activate()
    return page


def wait_ready(qtbot: QtBot, page: ForwardPage) -> None:
    qtbot.waitUntil(page.ready, timeout=8000)


def x_t(page: ForwardPage) -> np.ndarray:
    assert page.formula.mixed.values is not None
    return page.formula.mixed.values


def expected(page: ForwardPage, t: int) -> np.ndarray:
    assert page.images.pixels is not None
    x0 = to_float(page.images.pixels)
    return noised(x0, noise_like(x0.shape, page.session.seed), page.session.schedule, t)


def eights() -> np.ndarray:
    mnist = load_dataset("mnist")
    return mnist.test_images[mnist.test_labels == 8]


def notices(session: Session) -> list[Notice]:
    heard: list[Notice] = []
    session.message.connect(heard.append)
    return heard
