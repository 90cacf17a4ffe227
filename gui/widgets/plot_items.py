"""What a plot draws: grid and axis labels behind, curves and bars, markers and crosshair in front.

pyqtgraph's own axes draw their grid above the data and drop end labels beside one, so the grid and the
labels are drawn here, in pixels of the view box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from gui.theme import theme
from gui.widgets.plot_growth import SPILL
from gui.widgets.plot_numbers import Float64, clean, thin, value_at, visible

if TYPE_CHECKING:
    from gui.widgets.plot import Plot

RAW_ALPHA = 0.25
MINUS = "\u2212"
EMPTY: Float64 = np.zeros(0)


class Curve(pg.PlotCurveItem):
    """A PlotCurveItem that ignores the mouse and can be stroked in short pieces.

    One long antialiased stroke takes ten times as long as its pieces, which overlap by one point.
    """

    PIECE = 24

    def __init__(self) -> None:
        super().__init__(antialias=False, skipFiniteCheck=True)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.chunked = False
        self._pieces: list[QPolygonF] = []

    def set_points(self, x: Float64, y: Float64) -> None:
        """New points, finite."""
        self.setData(x, y, skipFiniteCheck=True)
        step = self.PIECE - 1
        self._pieces = [pg.functions.arrayToQPolygonF(x[i:i + self.PIECE], y[i:i + self.PIECE])
                        for i in range(0, max(0, len(x) - 1), step)] if self.chunked else []

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        if not self.chunked:
            super().paint(painter, option, widget)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.opts["pen"])
        for piece in self._pieces:
            painter.drawPolyline(piece)


class Line:
    """One curve of a plot. style: "solid", "dash", "raw" (1 px, 25 % alpha) or "thin" (faint dashes)."""

    def __init__(self, plot: Plot, name: str, token: str, width: float, style: str, legend: bool,
                 decimals: int | None, points: bool, between: bool) -> None:
        self.plot, self.name, self.token, self.style = plot, name, token, style
        self.width = 1.0 if style in ("raw", "thin") else width
        self.legend, self.decimals, self.points, self.between = legend, decimals, points, between
        self.x, self.y = EMPTY, EMPTY
        self.visible = True
        self._drawn: tuple[float, float, int, bool] | None = None  # what the curve item was last given
        self._widest: tuple[str, str] | None = None  # sign and whole digits of its largest value
        self.item = Curve()
        self.casing: Curve | None = None
        self.restyle()

    def set_data(self, x: ArrayLike, y: ArrayLike) -> None:
        """All points; x need not be sorted, points that are not finite are left out."""
        self.x, self.y = clean(x, y)
        self._drawn = self._widest = None
        self.plot.data_changed(self)

    def set_visible(self, shown: bool) -> None:
        """Hide without forgetting; also leaves the legend."""
        if shown != self.visible:
            self.visible = shown
            self.item.setVisible(shown)
            self.plot.data_changed(self)

    def set_name(self, name: str) -> None:
        """Its word in the legend."""
        self.name = name
        self.plot.refresh_legend()

    def value_at(self, x: float) -> float:
        """y under a place; nan outside the curve."""
        return value_at(self.x, self.y, x, self.between)

    def widest_value(self) -> str:
        """A text as wide as any of its values in the legend."""
        if len(self.y) == 0:
            return ""
        if self._widest is None:
            low, high = float(self.y.min()), float(self.y.max())
            self._widest = MINUS if low < 0 else "", "0" * len(str(int(max(abs(low), abs(high)))))
        sign, whole = self._widest
        return f"{sign}{whole}.{'0' * (self.decimals or 0)}"

    def color(self) -> QColor:
        """Its colour in the present theme; token may be "class:3"."""
        if self.token.startswith("class:"):
            return theme().class_color(int(self.token[6:]))
        return theme().color(self.token)

    def swatch_color(self) -> QColor:
        """Raw curves are drawn fainter than their colour."""
        colour = self.color()
        if self.style == "raw":
            colour.setAlphaF(0.35)
        elif self.style == "thin":
            colour.setAlphaF(0.65)
        return colour

    def restyle(self) -> None:
        """Pens of the present theme."""
        colour = self.color()
        if self.style == "raw":
            colour.setAlphaF(RAW_ALPHA)
        elif self.style == "thin":
            colour.setAlphaF(0.6)
        # The width of a cosmetic pen counts device pixels.
        pen = QPen(colour, self.width * self.plot.devicePixelRatioF())
        pen.setCosmetic(True)
        if self.style in ("dash", "thin"):
            pen.setDashPattern([4.0, 3.0] if self.style == "thin" else [4.0, 2.0])
        # Round caps close the seams between pieces.
        pen.setCapStyle(Qt.PenCapStyle.RoundCap if self.style == "solid" else Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
        self.item.chunked = self.style == "solid"
        self._drawn = None
        self.item.setPen(pen)
        self.item.opts["antialias"] = self.style != "raw"

    def draw(self, low: float, high: float, most: int) -> None:
        """Hand the visible part, thinned, to the curve item; nothing to do if it has it already."""
        wanted = (low, high, most, self.plot.axes.log_y)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        x, y = visible(self.x, self.y, low, high)
        if self.plot.axes.log_y:
            keep = y > 0
            x, y = x[keep], np.log10(y[keep])
        x, y = thin(x, y, most)
        self.item.set_points(x, y)


class Bars:
    """Bars of a histogram between `edges`. The view paints them between grid and curves, both of which it keeps."""

    def __init__(self, plot: Plot, token: str) -> None:
        self.plot, self.token = plot, token
        self.edges, self.heights = EMPTY, EMPTY

    def set_data(self, edges: ArrayLike, heights: ArrayLike) -> None:
        """n + 1 edges and n heights."""
        edges, heights = np.asarray(edges, dtype=np.float64), np.asarray(heights, dtype=np.float64)
        if len(edges) != len(heights) + 1:
            raise ValueError(f"{len(heights)} bars need {len(heights) + 1} edges")
        self.edges, self.heights = edges, heights
        axes = self.plot.axes
        if axes.x_range is None or axes.y_range is None:
            self.plot.data_changed(None)  # the axes may have to follow
        else:
            self.plot.view.marks_moved()

    def paint(self, painter: QPainter) -> None:
        """In pixels of the view, so that gaps are one pixel wide and edges are sharp."""
        if not len(self.heights):
            return
        axes = self.plot.axes
        (x0, x1), (y0, y1), box = axes.x_view, axes.y_view, axes.box
        share = (self.edges - x0) / (x1 - x0)
        across = np.rint(box.left() + box.width() * (1 - share if axes.reversed_x else share)).astype(int)
        left, right = np.minimum(across[:-1], across[1:]), np.maximum(across[:-1], across[1:])
        tops = np.rint(box.bottom() - box.height() * (self.heights - y0) / (y1 - y0)).astype(int)
        base = round(box.bottom() + box.height() * y0 / (y1 - y0))
        colour = theme().color(self.token)
        colour.setAlphaF(0.6)
        painter.save()
        painter.setClipRect(box.adjusted(-SPILL, -SPILL, SPILL, SPILL))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRects([QRect(x, y, max(1, end - x - 1), base - y) for x, end, y, height in zip(
            left.tolist(), right.tolist(), tops.tolist(), self.heights.tolist(), strict=True) if height > 0])
        painter.restore()


class BoxItem(QGraphicsItem):
    """Drawn in pixels over the whole view; takes no mouse."""

    def __init__(self, plot: Plot) -> None:
        super().__init__()
        self.plot = plot
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def boundingRect(self) -> QRectF:
        return self.plot.scene_rect()


class Grid(BoxItem):
    """Grid lines, the two axis lines and all labels, behind the data."""

    def __init__(self, plot: Plot) -> None:
        super().__init__(plot)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem,
              widget: QWidget | None = None) -> None:
        colours, plot = theme(), self.plot
        box = plot.axes.box
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = QPen(colours.color("grid"), 1)
        painter.setPen(pen)
        font = colours.font(11)
        metrics = QFontMetrics(font)
        rows = [(plot.axes.y_pixel(value), label) for value, label in plot.axes.y_labels()]
        columns = [(plot.axes.x_pixel(value), label) for value, label in plot.axes.x_labels()]
        for y, _ in rows:
            painter.drawLine(QLineF(box.left(), round(y), box.right(), round(y)))
        if plot.vertical_grid:
            for x, _ in columns:
                painter.drawLine(QLineF(round(x), box.top(), round(x), box.bottom()))
        painter.drawLine(QLineF(round(box.left()), box.top(), round(box.left()), box.bottom()))
        painter.drawLine(QLineF(box.left(), round(box.bottom()), box.right(), round(box.bottom())))
        painter.setFont(font)
        painter.setPen(colours.color("muted"))
        tall = metrics.height()
        for y, label in rows:
            painter.drawText(QRectF(0, y - tall / 2, box.left() - colours.px(7), tall),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
        taken = -1e9
        name = metrics.horizontalAdvance(plot.x_name) + colours.px(4) if plot.x_name else 0
        width = plot.scene_rect().width()
        for x, label in sorted(columns):
            wide = metrics.horizontalAdvance(label)
            left = min(max(x - wide / 2, name if name and x - wide / 2 < name else 0), width - wide)
            if left < taken + colours.px(4):
                continue
            painter.drawText(QRectF(left, box.bottom() + colours.px(5), wide + 2, tall),
                             Qt.AlignmentFlag.AlignLeft, label)
            taken = left + wide
        if plot.x_name:
            painter.drawText(QRectF(0, box.bottom() + colours.px(2), name, tall), Qt.AlignmentFlag.AlignLeft,
                             plot.x_name)


@dataclass
class Marks:
    """What stands at places of the x axis: the current point, the crosshair, events, snapshots."""

    current: float | None = None
    crosshair: float | None = None
    events: list[tuple[float, str]] = field(default_factory=list)
    small_ticks: list[float] = field(default_factory=list)
    verticals: list[tuple[float, str, str]] = field(default_factory=list)  # x, token, word


class Overlay:
    """Markers, crosshair and dots, in front of the data; the view paints it over its picture of the rest."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self._ticks = QPainterPath()
        self._ticks_of: tuple[object, ...] | None = None

    def paint(self, painter: QPainter) -> None:
        """In pixels of the view."""
        colours, plot, marks = theme(), self.plot, self.plot.marks
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(colours.font(11))
        metrics = colours.metrics(11)
        busy: list[tuple[float, float]] = []
        for x, word in marks.events:
            at = self._inside(x)
            if at is not None:
                pen = QPen(colours.color("text2"), 1)
                pen.setDashPattern([1, 2])
                self._vertical(painter, at, pen)
                self._word(painter, metrics, at, word, busy)
        for x, token, word in marks.verticals:
            at = self._inside(x)
            if at is not None:
                self._vertical(painter, at, QPen(colours.color(token), 1))
                self._word(painter, metrics, at, word, busy)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("text2"))
        painter.drawPath(self._small_ticks())
        for place, token in ((marks.current, "accent"), (marks.crosshair, "text2")):
            at = None if place is None else self._inside(place)
            if place is not None and at is not None:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                self._vertical(painter, at, QPen(colours.color(token), 1))
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                self._dots(painter, place, at)
        for line in plot.lines:
            if line.points and line.visible:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(line.color())
                for x, y in zip(line.x, line.y, strict=True):
                    at = self._inside(float(x))
                    if at is not None and not (plot.axes.log_y and y <= 0):
                        middle = plot.axes.y_pixel(plot.axes.to_view(float(y)))
                        painter.drawEllipse(QPointF(at, middle), 2.6, 2.6)

    def _small_ticks(self) -> QPainterPath:
        """A triangle for each of them, made anew only when they or the axes have changed."""
        axes = self.plot.axes
        made_of = (tuple(self.plot.marks.small_ticks), axes.x_view, axes.box.getRect())
        if made_of != self._ticks_of:
            self._ticks_of, self._ticks = made_of, QPainterPath()
            foot = axes.box.bottom()
            inside = (self._inside(x) for x in self.plot.marks.small_ticks)
            for at in (at for at in inside if at is not None):
                self._ticks.addPolygon(QPolygonF([QPointF(at, foot - 5.5), QPointF(at - 3, foot),
                                                  QPointF(at + 3, foot), QPointF(at, foot - 5.5)]))
            self._ticks.setFillRule(Qt.FillRule.WindingFill)  # where two overlap they stay filled
        return self._ticks

    def _inside(self, x: float) -> float | None:
        at, box = self.plot.axes.x_pixel(x), self.plot.axes.box
        return at if box.left() - 0.5 <= at <= box.right() + 0.5 else None

    def _vertical(self, painter: QPainter, at: float, pen: QPen) -> None:
        box = self.plot.axes.box
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(QLineF(round(at), box.top(), round(at), box.bottom()))

    def _word(self, painter: QPainter, metrics: QFontMetrics, at: float, word: str,
              busy: list[tuple[float, float]]) -> None:
        """Beside its line at the top, on the other side at the right edge, one lower where words meet."""
        if not word:
            return
        box, wide = self.plot.axes.box, metrics.horizontalAdvance(word)
        left = at + 5 if at + 5 + wide <= box.right() else at - 5 - wide
        level = sum(1 for a, b in busy if left < b + 4 and left + wide > a - 4)
        busy.append((left, left + wide))
        top = box.top() + 4 + level * metrics.height()
        if top + metrics.height() > box.bottom():
            return
        painter.setPen(theme().color("text2"))
        painter.drawText(QRectF(left, top, wide + 2, metrics.height()), Qt.AlignmentFlag.AlignLeft, word)

    def _dots(self, painter: QPainter, x: float, at: float) -> None:
        plot = self.plot
        for line in plot.lines:
            if not line.visible or line.style in ("raw", "thin") or not line.legend:
                continue
            value = line.value_at(x)
            if math.isnan(value) or (plot.axes.log_y and value <= 0):
                continue
            y = plot.axes.y_pixel(plot.axes.to_view(value))
            box = plot.axes.box
            if box.top() - 1 <= y <= box.bottom() + 1:
                painter.setPen(QPen(theme().color("surface"), 1.5))
                painter.setBrush(QBrush(line.color()))
                painter.drawEllipse(QPointF(round(at) + 0.5, y), 4.0, 4.0)
