"""The score over training and over denoising, beside real pictures and, for a probability, the recognition curve."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine.measure.clip_course import DENOISING, TRAINING, Course
from engine.measure.clip_summary import PROBABILITY
from engine.measure.recognition import Recognition
from gui.widgets.empty_state import EmptyState
from gui.widgets.plot import Plot

TITLES = {TRAINING: "over training", DENOISING: "over denoising"}
OF = {TRAINING: "", DENOISING: "of predicted x₀; "}
PLACES = {TRAINING: "training step", DENOISING: "% denoised"}
METRIC_NAMES = {"score": "CLIPScore", PROBABILITY: "p(class)"}


class CoursePlot(QWidget):
    """One course, or what stands in its place."""

    follow_asked = Signal(str)
    place_chosen = Signal(float)

    def __init__(self, over: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.over = over
        self.course: Course | None = None
        self.plot = Plot(f"Score {TITLES[over]}", "", PLACES[over])
        self.plot.double_click_resets = False
        self.plot.setProperty("explain", "clip-course")
        self.mean = self.plot.add_line("generated", "accent", 2.0, points=True)
        self.low = self.plot.add_line("low", "accent", 1.0, "thin", legend=False)
        self.high = self.plot.add_line("high", "accent", 1.0, "thin", legend=False)
        self.real = self.plot.add_line("real", "text", 1.5, "dash")
        self.judge = self.plot.add_line("judge reads it", "signal", 1.5, "dash") if over == DENOISING else None
        self.plot.point_double_clicked.connect(self.place_chosen)
        self.empty = EmptyState("", "", [("Follow", lambda: self.follow_asked.emit(over))])
        self._either = QStackedLayout(self)
        self._either.setContentsMargins(0, 0, 0, 0)
        self._either.addWidget(self.empty)
        self._either.addWidget(self.plot)

    def set_course(self, course: Course | None, metric: str, recognition: Recognition | None = None) -> None:
        """Draw a course; None: it was not followed. recognition: of the same point, on the predicted x0 or x_t."""
        self.course = course
        if course is None or not course.points:
            self._either.setCurrentWidget(self.empty)
            return
        x = np.array([point.place for point in course.points], dtype=np.float64)
        means = [point.overall[metric] for point in course.points]
        middle = np.array([np.nan if one.mean is None else one.mean for one in means])
        ends = np.array([(np.nan, np.nan) if one.ci95 is None else one.ci95 for one in means]).reshape(-1, 2)
        self.mean.set_data(x, middle)
        self.low.set_data(x, ends[:, 0])
        self.high.set_data(x, ends[:, 1])
        real = course.real[metric].mean
        span = np.array([x[0], x[-1] if x[-1] > x[0] else x[0] + 1])
        self.real.set_data(span, np.full(2, np.nan if real is None else real))
        tops = [middle, ends.ravel(), [] if real is None else [real]]
        if self.judge is not None:
            shown = recognition is not None and metric == PROBABILITY
            if recognition is not None and shown:
                places = 100 * (1 - np.array(recognition.t, dtype=np.float64) / recognition.num_timesteps)
                chance = recognition.probability.astype(np.float64).mean(axis=0)
                self.judge.set_data(places, chance)
                tops.append(chance)
            self.judge.set_visible(shown)
        values = np.concatenate([np.asarray(part, dtype=np.float64) for part in tops])
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        room = 0.06 * (high - low) or 0.05
        self.plot.set_x_range(float(span[0]), float(span[1]))
        self.plot.set_y_range(low - room, high + room)
        self.plot.set_title(f"{METRIC_NAMES[metric]} {TITLES[self.over]}")
        self.plot.set_subtitle(f"{OF[self.over]}mean, 95 % interval, n = {means[0].n}")
        self._either.setCurrentWidget(self.plot)

    def set_place(self, place: float | None) -> None:
        """The point that is looked at."""
        self.plot.set_current(place)

    def set_words(self, title: str, sentence: str, can: bool) -> None:
        """What stands where there is no course."""
        self.empty.set_texts(title, sentence)
        self.empty.buttons[0].setVisible(can)


class CoursesView(QWidget):
    """Both courses side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plots = {TRAINING: CoursePlot(TRAINING), DENOISING: CoursePlot(DENOISING)}
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        for plot in self.plots.values():
            row.addWidget(plot, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row, 1)
