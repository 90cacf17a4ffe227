"""One picture under CLIP guidance, step by step: how sure the reader is of both predictions, and the weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.measure.clip_trace import Course
from gui.widgets.film import Film
from gui.widgets.plot import Plot
from gui.widgets.plot_numbers import tick_label
from gui.words import NARROW

X_NAME = "% denoised"
DENOISED_TICKS = (0.0, 25.0, 50.0, 75.0, 100.0)
WITH, WITHOUT = ("with class", "Dc"), ("without", "Du")


class CourseView(QWidget):
    """Two plots over % denoised and a film of the predictions; `step_chosen` when a picture is clicked."""

    step_chosen = Signal(int)  # of the course's steps

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.course: Course | None = None
        self._columns: list[int] = []  # which steps the film shows
        self._gradient = False
        self.chance = Plot("The reader sees the class", "%", X_NAME)
        self.weight = Plot("Weight w", "", X_NAME)
        self.chance.set_y_range(0, 100)
        self.chance.set_ticks(x=DENOISED_TICKS, y=(0.0, 50.0, 100.0))
        self.weight.set_ticks(x=DENOISED_TICKS)
        self.weight.axes.y_format = tick_label
        for plot in (self.chance, self.weight):
            plot.set_x_range(0, 100)
            plot.setProperty("explain", "clip-guidance")
        self.with_class = self.chance.add_line("with class", "accent", 2.0, decimals=1, points=True)
        self.without = self.chance.add_line("without", "text", 1.5, "dash", decimals=1, points=True)
        self.line = self.weight.add_line("w", "accent", 2.0, decimals=2, points=True, between=False)
        self.chance.crosshair_moved.connect(self.weight.set_crosshair)
        self.weight.crosshair_moved.connect(self.chance.set_crosshair)
        self.film = Film("Predictions of each step", [WITH, WITHOUT], 2)
        self.film.setProperty("explain", "clip-guidance")
        self.film.clicked.connect(lambda column: self.step_chosen.emit(self._columns[column]))
        self.film.capacity_changed.connect(lambda _: self._show_film())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.chance, 3)
        column.addWidget(self.weight, 2)
        column.addWidget(self.film)

    def set_small(self, small: bool) -> None:
        """Pictures at half the size where there is little room."""
        self.film.set_factor(1 if small else 2)

    def set_course(self, course: Course | None, method: str, w_max: float) -> None:
        """Another course, or more of it. method: of the settings, for the words."""
        self.course = course
        self._gradient = method == "gradient"
        self.weight.set_title("Length of the step" if self._gradient else "Weight a" if method == "blend" else
                              "Guidance w", "per pixel" if self._gradient else "")
        self.line.name = "step" if self._gradient else "a" if method == "blend" else "w"
        self.film.set_row_names([WITH] if self._gradient else [WITH, WITHOUT])
        if course is None:
            for line in (self.with_class, self.without, self.line):
                line.set_data([], [])
            self._show_film()
            return
        end = course.filled
        places = course.denoised[:end]
        for line, values in ((self.with_class, course.p_conditional), (self.without, course.p_unconditional)):
            known = np.isfinite(values[:end])
            line.set_data(places[known], 100 * values[:end][known])
        self.line.set_data(places, course.weight[:end])
        top = float(course.weight[:end].max()) if self._gradient else max(w_max if method == "scale" else 1.0, 1.0)
        self.weight.set_y_range(0 if self._gradient or method == "blend" else min(1.0, w_max), max(1.02 * top, 0.01))
        self.without.visible = not self._gradient
        self._show_film()

    def set_place(self, place: float | None, step: int) -> None:
        """Where the noise slider stands, in % denoised, and the step of the course next to it."""
        self.chance.set_current(place)
        self.weight.set_current(place)
        nearest = min(range(len(self._columns)), key=lambda i: abs(self._columns[i] - step), default=-1)
        self.film.set_index(nearest if step >= 0 else -1)

    def _show_film(self) -> None:
        course = self.course
        rows = 1 if self._gradient else 2
        if course is None:
            self._columns = []
            for row in range(rows):
                self.film.set_images(row, [])
            self.film.set_captions([])
            return
        self._columns = _spread(course, max(2, self.film.capacity()))
        shown = [i for i in self._columns if i < course.filled]
        pictures = (course.conditional, course.unconditional)
        for row in range(rows):
            images: Sequence[object] = [
                (pictures[row][i] if row == 0 or course.guided[i] else None) if i in shown else None
                for i in self._columns]
            self.film.set_images(row, list(images))  # type: ignore[arg-type]
        notes = {column: _note(course, i, self._gradient) for column, i in enumerate(self._columns) if i in shown}
        self.film.set_captions([f"{course.denoised[i]:.0f}{NARROW}%" for i in self._columns])
        self.film.setToolTip("")
        self.film.setAccessibleDescription("; ".join(notes.values()))


def _spread(course: Course, capacity: int) -> list[int]:
    """As many steps as have room, evenly, the last one among them."""
    count = min(capacity, len(course.sigma))
    return [round(i) for i in np.linspace(0, len(course.sigma) - 1, count)] if count > 1 else [len(course.sigma) - 1]


def _note(course: Course, step: int, gradient: bool) -> str:
    """One step in words."""
    words = f"{course.denoised[step]:.0f} percent denoised"
    if not course.guided[step]:
        return f"{words}, not guided"
    if np.isfinite(course.p_conditional[step]):
        words += f", with class {100 * course.p_conditional[step]:.0f} percent"
    if np.isfinite(course.p_unconditional[step]):
        words += f", without {100 * course.p_unconditional[step]:.0f} percent"
    return f"{words}, {'step' if gradient else 'weight'} {course.weight[step]:.2f}"
