"""Curves painted straight in pixels, without the scene: those over bars, and what has come to the end of others.

What is added to the picture that a plot keeps costs by the new part, not by the whole curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRect
from PySide6.QtGui import QPainter, QPen, QPixmap

from gui.theme import theme
from gui.widgets.plot_numbers import Float64, thin, visible

if TYPE_CHECKING:
    from gui.widgets.plot import Plot
    from gui.widgets.plot_items import Line

OVERLAP = 4  # px painted anew before the new part: joins and round ends of thick lines
SPILL = 3  # px that curves may paint above and below the axes
MOST_GROWN, SOME_GROWN = 1.05, 200  # times, or more than, the points of the last whole drawing: then all is drawn anew


class Growth:
    """Knows what the kept picture shows, and adds what has come since."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self._drawn: list[tuple[Line, int, float]] = []  # line, points and last x in the kept picture
        self._whole = 0  # points of the longest line when all was drawn
        self._view: tuple[object, ...] = ()
        self._rows: list[int] | None = None  # grid lines, in px; worked out when they are first wanted

    def note_whole(self) -> None:
        """Everything has just been drawn."""
        self._note()
        self._whole = max((count for _, count, _ in self._drawn), default=0)
        axes = self.plot.axes
        self._view = (axes.x_range, axes.x_view, axes.y_view)
        self._rows = None

    def paint(self, kept: QPixmap) -> QRect | None:
        """Add the new part; the box of the view that changed. None: this must be drawn as a whole."""
        axes = self.plot.axes
        shown = [line for line in self.plot.lines if line.visible]
        same = bool(shown) and [line for line, _, _ in self._drawn] == shown and \
            (axes.x_range, axes.x_view, axes.y_view) == self._view and axes.zoom is None
        grown = [(line, count, last) for line, count, last in self._drawn if len(line.x) != count]
        if not same or not grown or any(count < 2 or len(line.x) < count for line, count, _ in grown) \
                or self.plot.vertical_grid or self.plot.bars or self._much_grown(shown):
            return None
        if any(not self._fits(line.y[count:]) for line, count, _ in grown):
            return None
        first = min(axes.x_pixel(last) for _, _, last in grown)
        end = max(axes.x_pixel(float(line.x[-1])) for line, _, _ in grown)
        left, right = int(first) - OVERLAP, int(end) + OVERLAP
        box = axes.box.toAlignedRect()
        strip = QRect(left, box.top() - SPILL, right - left, box.height() + 2 * SPILL)
        painter = QPainter(kept)
        painter.setClipRect(strip)
        painter.fillRect(strip, theme().color("surface"))
        self._paint_grid(painter, strip)
        for line in shown:
            paint_line(painter, line, left, right)
        painter.end()
        self._note()
        return strip

    def _note(self) -> None:
        self._drawn = [(line, len(line.x), float(line.x[-1]) if len(line.x) else 0.0)
                       for line in self.plot.lines if line.visible]

    def _much_grown(self, shown: list[Line]) -> bool:
        """Whether thinning would by now leave out other points."""
        count = max(len(line.x) for line in shown)
        return count > max(MOST_GROWN * self._whole, self._whole + SOME_GROWN)

    def _fits(self, values: Float64) -> bool:
        """Whether new values lie on the present y axis."""
        low, high = self.plot.axes.y_view
        if self.plot.axes.log_y:
            values = values[values > 0]
            low, high = 10.0**low, 10.0**high
        return not len(values) or (float(values.min()) >= low and float(values.max()) <= high)

    def _paint_grid(self, painter: QPainter, strip: QRect) -> None:
        """The lines that cross the strip, as plot_items.Grid draws them."""
        axes = self.plot.axes
        box = axes.box
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(theme().color("grid"), 1))
        from_x, to_x = max(box.left(), strip.left() - 1.0), min(box.right(), strip.right() + 2.0)
        if self._rows is None:
            self._rows = [round(axes.y_pixel(value)) for value, _ in axes.y_labels()]
        for y in self._rows:
            painter.drawLine(QLineF(from_x, y, to_x, y))
        painter.drawLine(QLineF(from_x, round(box.bottom()), to_x, round(box.bottom())))
        if strip.left() <= box.left():
            painter.drawLine(QLineF(round(box.left()), box.top(), round(box.left()), box.bottom()))


def paint_line(painter: QPainter, line: Line, left: int, right: int) -> None:
    """The part of a curve between two pixels of the view, thinned; the painter may clip."""
    axes = line.plot.axes
    ends = sorted((axes.x_at(left), axes.x_at(right)))
    x, y = visible(line.x, line.y, ends[0], ends[1])
    if axes.log_y:
        good = y > 0
        x, y = x[good], np.log10(y[good])
    x, y = thin(x, y, 4 * max(1, right - left))
    (x0, x1), (y0, y1), box = axes.x_view, axes.y_view, axes.box
    share = (x - x0) / (x1 - x0)
    across = box.left() + box.width() * (1 - share if axes.reversed_x else share)
    down = box.bottom() - (y - y0) * (box.height() / (y1 - y0))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, bool(line.item.opts["antialias"]))
    painter.setPen(line.item.opts["pen"])
    piece = line.item.PIECE if line.item.chunked else len(x)
    for i in range(0, len(x) - 1, max(1, piece - 1)):
        painter.drawPolyline(pg.functions.arrayToQPolygonF(across[i:i + piece], down[i:i + piece]))
