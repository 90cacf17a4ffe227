"""Beside the map: the cell under the pointer, or the current one, enlarged, and the judge's curve of its column."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from engine.measure.time_machine import Column
from engine.settings import number
from gui.pages.reverse_heading import Heading
from gui.pages.time_machine_maps import RunMap
from gui.theme import theme, tip
from gui.widgets.picture import Picture
from gui.widgets.plot import Plot
from gui.widgets.words import Words

LARGEST, SMALLEST = 8, 3
PLOT_HEIGHT, LEAST_PLOT = 150, 112  # px at 100 %


class SidePanel(QWidget):
    """Predicted x0 above the x_t it is predicted from, then the judge's curve."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Words()
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        # Other words then ask for no new layout of the page under a moving pointer.
        self.title.keep_room(("Step 00 000 000", "text", 600, 13, ""),
                             ("t 0 000, 000 % denoised", "text2", 400, 12, ""))
        self.x0 = Picture("Predicted x₀", factor=LARGEST)
        self.x_t = Picture("xₜ", factor=LARGEST)
        self.heading = Heading("x<sub>t</sub>", "it is predicted from")
        self.plot = Plot("Judge")
        self.plot.setToolTip(tip("How sure the judge is of the class in xₜ, by percent denoised: at this training "
                                 "step, and dashed at the last one."))
        self.here = self.plot.add_line("", "accent", decimals=None)
        self.last = self.plot.add_line("", "text", 1.5, "dash", decimals=None)
        self.plot.set_x_range(0, 100)
        self.plot.set_y_range(0, 1)
        self.plot.set_ticks((0, 50, 100), (0, 0.5, 1))
        self.plot.axes.x_format = lambda x: f"{x:.0f}" + ("\u202f%" if x == 100 else "")
        self._shown: tuple[object, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        for widget in (self.title, self.x0, self.heading, self.x_t):
            self._column.addWidget(widget)
        self._column.addSpacing(4)
        self._column.addWidget(self.plot, 1)
        self.x0.setToolTip(tip("What the snapshot predicts from the xₜ below; −1 to 1, clipped."))
        self.x_t.setToolTip(tip("What the snapshot's own sampler holds at this noise level; −1 to 1, clipped."))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def fit(self, height: int, shape: tuple[int, int]) -> None:
        """The largest pictures that leave the plot its room."""
        style = theme()
        heads = self.title.sizeHint().height() + self.heading.sizeHint().height() + 20
        least = style.px(LEAST_PLOT if height < style.px(520) else PLOT_HEIGHT)
        factor = (height - heads - least) // (2 * shape[0])
        factor = min(LARGEST, max(SMALLEST, int(factor))) * 28 // max(28, shape[1])
        for picture in (self.x0, self.x_t):
            picture.set_factor(max(1, factor))
        self.setFixedWidth(max(style.px(200), self.x0.sizeHint().width()))

    def clear(self) -> None:
        """Nothing is there."""
        self._shown = ()
        self.title.set_parts(("", "text", 600, 13, ""))
        self.x0.set_image(None)
        self.x_t.set_image(None)
        self.here.set_data([], [])
        self.last.set_data([], [])

    def show_cell(self, each: RunMap, step: int, row: int, column: Column | None, last: Column | None,
                  class_name: str) -> None:
        """A cell of a map; column and last: of its training step and of the last one, None while not there."""
        t = int(each.t[row])
        percent = each.schedule.percent_denoised(t)
        words = f"t {number(t)}, {percent:.0f}\u202f%" + (" denoised" if self.width() >= theme().px(190) else "")
        self.title.set_parts((f"Step {number(step)}", "text", 600, 13, ""), (words, "text2", 400, 12, ""))
        frame = column.frame(row) if column is not None else -1
        there = column if frame >= 0 else None
        self.x0.set_image(None if there is None else there.x0[frame])
        self.x_t.set_image(None if there is None else there.x[frame])
        self._show_curves(each, column, last, row, percent, class_name)

    def _show_curves(self, each: RunMap, column: Column | None, last: Column | None, row: int, percent: float,
                     class_name: str) -> None:
        shown = (id(each), column, last)
        if shown != self._shown:
            self._shown = shown
            for line, of in ((self.here, column), (self.last, last)):
                if of is None or of.probability is None:
                    line.set_data([], [])
                else:
                    line.set_data(each.places[list(of.rows)], of.probability.astype(np.float64))
                line.set_visible(of is not None and (line is self.here or last is not column))
                line.set_name("" if of is None else f"step {number(of.snapshot)}")
        frame = column.frame(row) if column is not None else -1
        self.plot.set_title(f"Judge reads {class_name}")
        read = column.probability if column is not None else None
        self.plot.set_subtitle("not read" if read is None or frame < 0 else f"{100 * read[frame]:.0f}\u202f% here")
        self.plot.set_current(percent)
