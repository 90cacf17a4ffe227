"""Races and measurements of the Compare page, scripted, and waiting for them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from scripted import SIDE, make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.config import SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import schedule
from engine.events import Command, Event, JobProgress
from engine.measure.race import LaneFrames, RaceReady, RaceRequest, deterministic
from engine.measure.race_quality import LaneQuality, RaceQualityReady, RaceQualityRequest
from engine.page_config import RaceConfig
from gui.pages.compare import ComparePage
from gui.session import Session
from gui.theme import apply_theme

LANES = RaceConfig().lanes
NAMES = ["DDPM", "DDIM", "Heun", "DPM++ 2M"]


def lane(sampling: SamplingConfig, seed: int = 11, share: float = 1.0, *, sure_from: int = 0, compared: bool = True,
         place: int = 1) -> LaneFrames:
    """Frames whose first pixel tells seed and frame; the judge is sure from one frame on."""
    frames = sampling.num_steps + 1
    total = network_evaluations(sampling, schedule("linear", 1000))
    filled = max(1, round(share * frames))
    pictures = np.zeros((frames, 1, SIDE, SIDE), dtype=np.float16)
    pictures[:, 0, 0, 0] = seed / 100 + np.arange(frames) / 1000
    nfe = np.rint(np.linspace(total / (frames - 1), total, frames - 1)).astype(np.int64)
    nfe = np.append(nfe, total)
    probability = np.where(np.arange(frames) >= sure_from, 0.99, 0.5).astype(np.float32)
    off = 0.5 / (1 + np.arange(frames)) if compared and deterministic(sampling) else np.full(frames, np.nan)
    return LaneFrames(sampling, total, int(nfe[filled - 1]), np.append(np.geomspace(80, 0.02, frames - 1), 0.0),
                      np.linspace(1000, 0, frames).round().astype(np.int64), pictures, pictures, nfe, nfe / 1000,
                      probability, off.astype(np.float32), filled, place if filled == frames else 0)


def ready(request: RaceRequest, share: float, complete: bool, judged: bool = True) -> RaceReady:
    lanes = [lane(s, request.seed, share, compared=complete) for s in request.lanes]
    totals = [one.total for one in lanes]
    placed = [lane(s, request.seed, share, compared=complete, place=1 + sum(t < one.total for t in totals))
              for s, one in zip(request.lanes, lanes, strict=True)]
    return RaceReady(request, request.snapshot or 0, tuple(placed), judged, complete)


def figures(sampling: SamplingConfig, n: int = 100, right: tuple[int, ...] = (90, 97, 99, 100, 100, 100),
            judged: bool = True) -> LaneQuality:
    counts = (3, 5, 8, 12, 20, 50)
    nfe = tuple(network_evaluations(sampling.model_copy(update={"num_steps": c}), schedule("linear", 1000))
                for c in counts)
    distance = tuple(0.3 / c for c in counts) if deterministic(sampling) else None
    share = tuple(k * n // 100 for k in right)
    return LaneQuality(counts, nfe, tuple(k / 1000 for k in nfe), share if judged else None, distance,
                       n if judged else None, n, "CPU, fp32", False)


class Races:
    """Stands in for the race's jobs. `gate` holds a race in its middle; `measure_gate` a measurement."""

    def __init__(self) -> None:
        self.asked: list[RaceRequest] = []
        self.priorities: list[Priority] = []
        self.measured: list[RaceQualityRequest] = []
        self.gate, self.measure_gate = threading.Event(), threading.Event()
        self.gate.set()
        self.measure_gate.set()
        self.failure: Exception | None = None
        self.judged = True

    def race_job(self, request: RaceRequest, key: str = "race", priority: Priority = Priority.INTERACTIVE) -> Job:
        self.asked.append(request)
        self.priorities.append(priority)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield ready(request, 0.5, False, self.judged)
            while not self.gate.wait(0.002):
                yield ready(request, 0.5, False, self.judged)
            yield ready(request, 1.0, False, self.judged)
            yield ready(request, 1.0, True, self.judged)

        return Job(key, make, priority)

    def race_quality_job(self, request: RaceQualityRequest, key: str = "race-quality") -> Job:
        self.measured.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(10, 100, "network calls")
            yield RaceQualityReady(request, 40, tuple(figures(s, 20) for s in request.lanes), False)
            while not self.measure_gate.wait(0.002):
                yield JobProgress(20, 100, "network calls")
            yield RaceQualityReady(request, 40, tuple(figures(s) for s in request.lanes), True)

        return Job(key, make, Priority.BACKGROUND)


def make_page(qtbot: QtBot, session: Session, tmp_path: Path) -> ComparePage:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = ComparePage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    return made


def wait_over(qtbot: QtBot, page: ComparePage) -> None:
    qtbot.waitUntil(lambda: page.ready() and page.races.answer is not None and page.races.answer.complete
                    and page.races.answer.request == page.races.wanted, timeout=8000)


def first_pixel(page: ComparePage, index: int) -> float:
    values = page.row.views[index].x0.values
    assert values is not None
    return float(values[0, 0, 0])


def pixel(seed: int, frame: int) -> float:
    return float(np.float16(seed / 100 + frame / 1000))
