"""A job that fills the map of the time machine with pictures that say where they stand; and looks at them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot
from scripted import SIDE, no_more

from engine.compute import Job, Priority
from engine.events import Command, Event, JobProgress
from engine.measure.time_machine import Column, ColumnLost, ColumnsReady, FirstReady, TimeMachineRequest
from engine.runs import Run
from gui.pages.time_machine import TimeMachinePage

STEPS = (0, 10, 20, 40)
LEVELS = 25


def column(step: int, label: int, levels: int = LEVELS, bright: int = 0) -> Column:
    """A picture whose first pixel tells the step and its second the row; read from row 20 - step / 5 on."""
    x0 = np.zeros((levels, 1, SIDE, SIDE), dtype=np.uint8) + np.uint8(bright)
    x0[:, 0, 0, 0], x0[:, 0, 0, 1], x0[:, 0, 0, 2] = step, np.arange(levels), label
    x = np.zeros((levels, 1, SIDE, SIDE), dtype=np.float16)
    x[:, 0, 0, 0] = np.linspace(-2, 2, levels)
    read = np.arange(levels) >= 20 - step // 5
    return Column(step, label, tuple(range(levels)), x, x0, np.where(read, 0.96, 0.2).astype(np.float16),
                  np.where(read, label, (label + 1) % 10).astype(np.uint8), levels)


class Jobs:
    """Stands in for the job. `gate` holds it before the first column, `more` before the line."""

    def __init__(self) -> None:
        self.asked: list[TimeMachineRequest] = []
        self.gate, self.more = threading.Event(), threading.Event()
        self.gate.set()
        self.more.set()
        self.failure: Exception | None = None
        self.lost: set[int] = set()
        self.only: set[int] = set()  # columns that are drawn, where not all
        self.first = {0: [25] * 24, 10: [18, 19] * 12, 20: [16, 17] * 12, 40: [12, 13] * 12}
        self.bright: dict[str, int] = {}

    def time_machine_job(self, request: TimeMachineRequest, key: str = "time-machine") -> Job:
        self.asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(10, 100, "coarse")
            while not self.gate.wait(0.002):
                yield JobProgress(20, 100, "levels")
            labels = [request.class_label, *(c for c in range(10) if c != request.class_label)]
            done: set[tuple[Path, int]] = set()
            while missing := [(path, s.step) for path in request.runs for s in Run.open(path).snapshots()
                              if (path, s.step) not in done]:
                path, step = missing[-1]
                done.add((path, step))
                if step in self.lost:
                    from engine.errors import ErrorReport

                    yield ColumnLost(request, path, step, ErrorReport("BadRun", "It is damaged.", "", ""))
                    continue
                if self.only and step not in self.only:
                    continue
                bright = self.bright.get(path.name, 0)
                yield ColumnsReady(request, path, tuple(column(step, c, request.levels, bright) for c in labels))
            while not self.more.wait(0.002):
                yield JobProgress(5, 96, "seeds")
            if request.line_seeds >= 2:
                for path, step in sorted(done):
                    if step not in self.lost:
                        rows = [min(row, request.levels) for row in self.first.get(step, [10] * 24)]
                        yield FirstReady(request, path, step, tuple(rows))

        return Job(key, make, Priority.BACKGROUND)


def settle(qtbot: QtBot, page: TimeMachinePage) -> None:
    qtbot.waitUntil(no_more(lambda: not page.maps.filling and page.maps.filled() and not page.painter.waiting),
                    timeout=8000)


def pixel(page: TimeMachinePage, column_index: int, row: int, x: int = 0) -> tuple[int, int, int]:
    """A pixel of the map, of a cell's first line."""
    canvas = page.view.canvas
    colour = canvas.image().pixelColor(canvas.lefts[column_index] + x, row * (SIDE + 1))
    return colour.red(), colour.green(), colour.blue()


def centre(page: TimeMachinePage, column_index: int, row: int) -> QPoint:
    page.view.show_cell((column_index, row))
    return page.view.cell_rect((column_index, row)).center().toPoint()
