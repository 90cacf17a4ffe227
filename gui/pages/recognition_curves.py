"""Ten small plots: how sure the judge is of each class as the noise goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import theme, tip
from gui.widgets.keyboard_focus import KeyboardFocus
from gui.widgets.plot_export import offer_saving

COLUMNS = 5
BAND_ALPHA = 0.18
YELLOW = 4  # the class whose line needs a casing on white


@dataclass(frozen=True, eq=False)
class Curve:
    """One class, or all together (class_label -1). x, mean, low, high: (F,). first: where it is first readable on
    average, and in words. dashed (F,): what it is compared with.
    """

    class_label: int
    name: str
    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    first: float | None
    first_words: str
    help: str
    dashed: NDArray[np.float64] | None = None


def polygon(x: NDArray[np.float64], y: NDArray[np.float64], box: QRectF, span: tuple[float, float]) -> QPolygonF:
    """Points of a curve in pixels; y runs from 0 at the bottom to 1."""
    low, high = span
    across = box.left() + box.width() * (x - low) / (high - low)
    up = box.bottom() - box.height() * y
    return QPolygonF([QPointF(a, b) for a, b in zip(across.tolist(), up.tolist(), strict=True)])


class CurveGrid(KeyboardFocus, QWidget):
    """`class_chosen` when a plot is clicked, or reached with an arrow key."""

    class_chosen = Signal(int)

    def __init__(self, columns: int = COLUMNS, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = columns
        self.curves: list[Curve] = []
        self.span = (0.0, 100.0)
        self.ticks: Sequence[float] = ()
        self.current: float | None = None
        self.chosen = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Chance of reading each class")
        offer_saving(self, "recognition-curves")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme().changed.connect(self.update)

    def set_curves(self, curves: Sequence[Curve], span: tuple[float, float], ticks: Sequence[float]) -> None:
        """Other curves, and the range of x with its labels."""
        self.curves, self.span, self.ticks = list(curves), span, list(ticks)
        self._describe()
        self.update()

    def set_current(self, x: float | None) -> None:
        """Where the noise slider stands."""
        if x != self.current:
            self.current = x
            self.update()

    def set_chosen(self, class_label: int) -> None:
        """The class that is looked at."""
        if class_label != self.chosen:
            self.chosen = class_label
            self._describe()
            self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(next((c.help for c in self.curves if c.class_label == self.chosen), ""))

    # ---- places ----

    def _rows(self) -> int:
        return max(1, -(-len(self.curves) // self.columns))

    def _left(self) -> int:
        return theme().advance("0.5", 11) + theme().px(8)

    def cell(self, index: int) -> QRectF:
        """The whole of a plot, title and labels included."""
        left = self._left()
        gap = theme().px(14)
        width = (self.width() - left + gap) / self.columns
        foot = theme().metrics(11).height() + theme().px(4)
        height = (self.height() - foot) / self._rows()
        return QRectF(left + (index % self.columns) * width, (index // self.columns) * height, width - gap, height)

    def box(self, index: int) -> QRectF:
        """The axes of a plot."""
        cell, head = self.cell(index), theme().metrics(12, 600).height() + theme().px(4)
        return QRectF(round(cell.left()), round(cell.top() + head), round(cell.width()),
                      max(8, round(cell.height() - head - theme().px(8))))

    def at(self, position: QPointF) -> Curve | None:
        """The plot under a place."""
        return next((c for i, c in enumerate(self.curves) if self.cell(i).contains(position)), None)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(600), theme().px(250))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(300), theme().px(120))

    # ---- painting ----

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, curve in enumerate(self.curves):
            self._paint_plot(painter, i, curve)
        self.paint_focus(painter)

    def _paint_plot(self, painter: QPainter, index: int, curve: Curve) -> None:
        style, box, cell = theme(), self.box(index), self.cell(index)
        alone = curve.class_label < 0
        colour = style.color("accent") if alone else style.class_color(curve.class_label)
        head = QRectF(cell.left(), cell.top(), cell.width(), style.metrics(12, 600).height())
        dot = style.px(7)
        painter.setPen(QPen(style.color("muted"), 0.6) if curve.class_label == YELLOW else Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(head.left() + 1, head.center().y() - dot / 2, dot, dot))
        painter.setFont(style.font(12, 600))
        painter.setPen(style.color("accent" if curve.class_label == self.chosen and not alone else "text"))
        painter.drawText(head.adjusted(dot + style.px(6), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, curve.name)
        painter.setPen(style.color("text"))
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, curve.first_words)
        self._paint_grid(painter, index, box)

        painter.save()
        painter.setClipRect(box.adjusted(-1, -1.5, 1, 1.5))
        painter.setPen(QPen(style.color("line"), 1))
        for other in self.curves:
            if other is not curve:
                painter.drawPolyline(polygon(other.x, other.mean, box, self.span))
        band = QPainterPath()
        band.addPolygon(polygon(np.concatenate([curve.x, curve.x[::-1]]),
                                np.concatenate([curve.low, curve.high[::-1]]), box, self.span))
        fill = QColor(colour)
        fill.setAlphaF(0.4 if curve.class_label == YELLOW and style.name == "light" else BAND_ALPHA)
        painter.fillPath(band, fill)
        line = polygon(curve.x, curve.mean, box, self.span)
        if curve.class_label == YELLOW and style.name == "light":
            painter.setPen(QPen(style.color("casing"), 3.4))
            painter.drawPolyline(line)
        painter.setPen(QPen(colour, 2))
        painter.drawPolyline(line)
        if curve.dashed is not None:
            pen = QPen(style.color("text"), 1.5)
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            painter.drawPolyline(polygon(curve.x, curve.dashed, box, self.span))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if curve.first is not None:
            pen = QPen(style.color("text"), 1)
            pen.setDashPattern([4, 2])
            self._vertical(painter, box, curve.first, pen)
        if self.current is not None:
            self._vertical(painter, box, self.current, QPen(style.color("accent"), 1))
        painter.restore()

    def _vertical(self, painter: QPainter, box: QRectF, x: float, pen: QPen) -> None:
        low, high = self.span
        if low <= x <= high:
            at = round(box.left() + box.width() * (x - low) / (high - low))
            painter.setPen(pen)
            painter.drawLine(QLineF(at, box.top(), at, box.bottom()))

    def _paint_grid(self, painter: QPainter, index: int, box: QRectF) -> None:
        style = theme()
        metrics = style.metrics(11)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setFont(style.font(11))
        for share, label in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
            y = round(box.bottom() - box.height() * share)
            painter.setPen(QPen(style.color("grid" if share else "line"), 1))
            painter.drawLine(QLineF(box.left(), y, box.right(), y))
            if index % self.columns == 0:
                painter.setPen(style.color("muted"))
                painter.drawText(QRectF(0, y - metrics.height() / 2, box.left() - style.px(6), metrics.height()),
                                 Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
        if index // self.columns == self._rows() - 1 or index + self.columns >= len(self.curves):
            painter.setPen(style.color("muted"))
            low, high = self.span
            for tick in self.ticks:
                label = f"{tick:.0f}".replace("-", "\u2212")
                wide = style.advance(label, 11)
                at = box.left() + box.width() * (tick - low) / (high - low)
                left = min(max(at - wide / 2, box.left()), box.right() - wide)
                painter.drawText(QRectF(left, box.bottom() + style.px(3), wide + 2, metrics.height()), 0, label)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    # ---- hands ----

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), tip(found.help) if found is not None else "", self)
            return True
        return super().event(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        found = self.at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None and found.class_label >= 0:
            self.class_chosen.emit(found.class_label)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns,
                Qt.Key.Key_Down: self.columns}.get(Qt.Key(event.key()))
        labels = [curve.class_label for curve in self.curves]
        if step is None or self.chosen not in labels:
            super().keyPressEvent(event)
            return
        index = labels.index(self.chosen) + step
        if 0 <= index < len(labels):
            self.class_chosen.emit(labels[index])
