"""The lower half of the Train page: loss, loss by noise level, and what a judge reads of the samples."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from engine.diffusion.schedules import Schedule
from engine.measure.judge_files import judge_file, judge_record
from engine.measure.learning import LearningPoint
from engine.measure.sample_check import NUM_SAMPLES
from gui.pages.train_levels import LevelMap
from gui.pages.train_loss import LossPlot
from gui.theme import theme, tip
from gui.widgets.plot import Plot

NARROW = "\u202f"
BOTTOM = 128  # px of the small plots
ROOM_FOR_BOTTOM, ROOM_FOR_MAP = 350, 160  # px of height from which they are there
WIDTH_FOR_MAP = 620  # px from which the map is there
LEFT, RIGHT = 2, 1  # shares of the width


class JudgedPlot(Plot):
    """Share of the samples read right over training, and how varied they are beside real pictures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Samples judged", "%", x_name="step", parent=parent)
        self.dataset = "mnist"  # whose judge reads them
        self.double_click_resets = False
        self.right = self.add_line("read right", "text", 1.5, decimals=0, points=True)
        self.coverage = self.add_line("coverage", "accent", 1.5, decimals=0, points=True)
        self.real = self.add_line("coverage by real ones", "accent", 1.0, "thin", decimals=None)
        self.set_y_range(0.0, 104.0)
        self.set_ticks(y=(0.0, 50.0, 100.0))
        self.setProperty("explain", "judged")
        self.setToolTip(tip(f"Of {NUM_SAMPLES} samples of each snapshot: the share that the judge reads as the class "
                            "asked, and the share of real pictures that have a sample near them. Faint: what real "
                            "training pictures cover in the samples' place."))

    def set_points(self, points: tuple[LearningPoint, ...], missing: int) -> None:
        """The snapshots whose samples were checked; missing: measurements still to come."""
        known = [(p.step, p.samples) for p in points if p.samples is not None]
        steps = [step for step, _ in known]
        self.right.set_data(steps, [100 * s.accuracy for _, s in known])
        self.coverage.set_data(steps, [100 * s.coverage for _, s in known])
        self.real.set_data(steps, [100 * s.floor for _, s in known])
        wrong = 100 * (1 - float(judge_record(judge_file(self.dataset)).get("test_accuracy", 1.0)))
        words = f"{NUM_SAMPLES} samples a snapshot; the judge itself errs on {wrong:.1f}{NARROW}%"
        self.set_subtitle(words + (f"; {missing} still to measure" if missing else ""))


class Course(QWidget):
    """Places them by the room there is: the small plots below go first, then the map."""

    level_chosen = Signal(int)  # noise level t

    def __init__(self, plot: LossPlot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = plot
        self.levels = LevelMap()
        self.judged = JudgedPlot()
        self.level = Plot("Loss at t", x_name="step", log_y=True)
        self.level.double_click_resets = False
        self.level_line = self.level.add_line("validation", "accent", 2.0, legend=False)
        self.level.setProperty("explain", "loss-by-level")
        self.level.setToolTip(tip("Validation loss at the chosen noise level alone, over training."))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.addWidget(self.plot, 0, 0)
        self._grid.addWidget(self.levels, 0, 1)
        self._grid.addWidget(self.judged, 1, 0)
        self._grid.addWidget(self.level, 1, 1)
        self._grid.setColumnStretch(0, LEFT)
        self._grid.setColumnStretch(1, RIGHT)
        self._grid.setRowStretch(0, 1)
        self._points: tuple[LearningPoint, ...] = ()
        self._judged = False
        self.levels.level_chosen.connect(self._chosen)
        for small in (self.judged, self.level):
            small.point_double_clicked.connect(self.plot.point_double_clicked)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_points(self, points: tuple[LearningPoint, ...], schedule: Schedule, judged: bool, missing: int) -> None:
        """What is known of the snapshots; the schedule names the noise levels."""
        self._points, self._judged = points, judged
        known = [(p.step, p.validation.mean) for p in points if p.validation is not None]
        self.plot.set_validation([step for step, _ in known], [mean for _, mean in known])
        self.levels.set_points(points, schedule)
        self.judged.set_points(points, missing)
        self._show_level()
        self._place()

    def set_end(self, step: float) -> None:
        """The last training step of the small plots; the map ends at the newest snapshot."""
        self.judged.set_x_range(0.0, step)
        newest = max((p.step for p in self._points), default=1)
        self.levels.set_end(float(max(1, newest)))
        self.level.set_x_range(0.0, float(max(1, newest)))

    def set_current(self, step: float | None) -> None:
        """The training step that is looked at."""
        self.levels.set_current(step)
        self.level.set_current(step)
        self.judged.set_current(step)

    def set_sigma(self, sigma: float) -> None:
        """The noise level that is looked at."""
        before = self.levels.chosen
        self.levels.set_sigma(sigma)
        if self.levels.chosen != before:
            self._show_level()

    def _chosen(self, t: int) -> None:
        self._show_level()
        self.level_chosen.emit(t)

    def _show_level(self) -> None:
        """The curve of the chosen row."""
        row = self.levels.chosen
        self.level.set_title(f"Loss at t {self.levels.timestep(row)}" if len(self.levels.sigma) else "Loss at t")
        losses = self.levels.losses[row] if len(self.levels.sigma) else np.empty(0)
        self.level_line.set_data(self.levels.steps, losses)

    # ---- places ----

    def _place(self) -> None:
        px = theme().px
        there = bool(self._points)
        room = self.width() >= px(WIDTH_FOR_MAP) and self.height() >= px(ROOM_FOR_MAP) and there
        below = self.height() >= px(ROOM_FOR_BOTTOM) and there
        self.levels.setVisible(room)
        self._grid.setColumnStretch(1, RIGHT if room else 0)  # an empty column would keep its share
        self.level.setVisible(room and below)
        self.judged.setVisible(below and self._judged)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _restyle(self) -> None:
        px = theme().px
        self._grid.setHorizontalSpacing(px(20))
        self._grid.setVerticalSpacing(px(8))
        for small in (self.judged, self.level):
            small.setFixedHeight(px(BOTTOM))
        self._place()
