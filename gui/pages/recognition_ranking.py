"""The ranking of classes: every seed as a dot, the mean with its interval, earliest class first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import theme, tip
from gui.widgets.keyboard_focus import KeyboardFocus
from gui.widgets.plot_export import offer_saving

GOLDEN = 0.6180339887  # of seeds one after the other it spreads dots evenly
REACH = 6.0  # px within which a click takes a dot
DOT_ALPHA = 0.6
NEVER, NEVER_GAP = "never", 20  # px between the axes and what was never read
STEPS, MOST_LABELS = (5.0, 10.0, 20.0, 50.0), 6  # of the labels


@dataclass(frozen=True, eq=False)
class Row:
    """One class. places: (S,) of its pictures, infinite for never; seeds likewise."""

    class_label: int
    name: str
    places: NDArray[np.float64]
    seeds: NDArray[np.int64]
    mean: float | None
    ci95: tuple[float, float] | None
    words: str
    help: str


class Ranking(KeyboardFocus, QWidget):
    """`picture_chosen` (class, seed, place) when a dot is clicked, `class_chosen` for the rest of a row."""

    picture_chosen = Signal(int, object, float)
    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self.claim: float | None = None
        self.chosen = -1
        self._span, self._ticks = (0.0, 100.0), [0.0, 50.0, 100.0]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Classes by when they are first readable")
        offer_saving(self, "first-readable")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme().changed.connect(self.update)

    def set_rows(self, rows: Sequence[Row], claim: float | None, beside: Sequence[Row] = ()) -> None:
        """Other rows, earliest first. claim: where the common claim has the mean, None on other scales. beside: rows of
        another ranking that has the same axis.
        """
        self.rows, self.claim = list(rows), claim
        ends = [row.places[np.isfinite(row.places)] for row in (*rows, *beside)]
        values = np.concatenate([*ends, [claim] if claim is not None else []])
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 100.0)
        step = next((s for s in STEPS if (high - low) / s <= MOST_LABELS), STEPS[-1])
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
        self._span = (low, high if high > low else low + step)
        self._ticks = np.arange(self._span[0], self._span[1] + step / 2, step).tolist()
        self.setAccessibleDescription("; ".join(row.help for row in rows))
        self.update()

    def set_chosen(self, class_label: int) -> None:
        """The class that is looked at."""
        if class_label != self.chosen:
            self.chosen = class_label
            self.update()

    # ---- places ----

    def some_never(self) -> bool:
        """Whether any picture was never read."""
        return any(np.isinf(row.places).any() for row in self.rows)

    def axes(self) -> QRectF:
        """Where dots lie; those of never stand right of it."""
        px, style = theme().px, theme()
        left = px(16) + max([style.advance(row.name, 12, 600) for row in self.rows], default=0) + px(12)
        right = max([style.advance(row.words, 12, 600) for row in self.rows], default=0) + px(14)
        if self.some_never():
            right += style.advance(NEVER, 11) + px(NEVER_GAP)
        foot = style.metrics(11).height() + px(4)
        return QRectF(left, 0, max(20, self.width() - left - right), max(10, self.height() - foot))

    def line(self, index: int) -> float:
        """The middle of a row."""
        box = self.axes()
        return box.top() + box.height() * (index + 0.5) / max(1, len(self.rows))

    def dot(self, index: int, k: int) -> QPointF:
        """The middle of a picture's dot; equal places are spread over the row's height by their seeds."""
        box, row = self.axes(), self.rows[index]
        room = min(theme().px(7), 0.36 * box.height() / max(1, len(self.rows)))
        spread = 2 * math.modf(GOLDEN * float(row.seeds[k] % 100_000))[0] - 1
        return QPointF(self._across(box, float(row.places[k])), self.line(index) + room * spread)

    def _across(self, box: QRectF, place: float) -> float:
        if math.isinf(place):
            return box.right() + theme().px(NEVER_GAP) + theme().advance(NEVER, 11) / 2
        low, high = self._span
        return box.left() + box.width() * (place - low) / (high - low)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(420), theme().px(120))  # beside wrapped words a layout takes it as the least

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(220), theme().px(120))

    # ---- painting ----

    def paintEvent(self, _: QPaintEvent) -> None:
        style, box = theme(), self.axes()
        painter = QPainter(self)
        metrics = style.metrics(11)
        painter.setFont(style.font(11))
        for tick in self._ticks:
            x = round(self._across(box, tick))
            painter.setPen(QPen(style.color("grid"), 1))
            painter.drawLine(QLineF(x, box.top(), x, box.bottom()))
            label = f"{tick:.0f}".replace("-", "\u2212")
            painter.setPen(style.color("muted"))
            self._label(painter, x, label, box.bottom() + style.px(3), metrics.height())
        if self.some_never():
            self._label(painter, self._across(box, math.inf), NEVER, box.bottom() + style.px(3), metrics.height())
        if self.claim is not None:
            x = round(self._across(box, self.claim))
            pen = QPen(style.color("text2"), 1)
            pen.setDashPattern([4, 2])
            painter.setPen(pen)
            painter.drawLine(QLineF(x, box.top(), x, box.bottom()))
            painter.setFont(style.font(11, 600))
            painter.setPen(style.color("text2"))
            painter.drawText(QPointF(x + style.px(4), box.top() + metrics.ascent()), "claim")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for i, row in enumerate(self.rows):
            self._paint_row(painter, i, row, box)
        self.paint_focus(painter)

    @staticmethod
    def _label(painter: QPainter, x: float, label: str, top: float, height: int) -> None:
        wide = theme().advance(label, 11)
        painter.drawText(QRectF(x - wide / 2, top, wide + 2, height), 0, label)

    def _paint_row(self, painter: QPainter, index: int, row: Row, box: QRectF) -> None:
        style, y = theme(), self.line(index)
        colour = style.class_color(row.class_label)
        ring = QPen(style.color("muted"), 0.6) if row.class_label == 4 else Qt.PenStyle.NoPen
        painter.setPen(ring)
        painter.setBrush(colour)
        swatch = style.px(7)
        painter.drawEllipse(QRectF(1, y - swatch / 2, swatch, swatch))
        faint = style.class_color(row.class_label)
        faint.setAlphaF(DOT_ALPHA)
        painter.setBrush(faint)
        for k in range(len(row.places)):
            if math.isinf(row.places[k]):
                painter.setPen(QPen(colour, 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            else:
                painter.setPen(ring)
                painter.setBrush(faint)
            painter.drawEllipse(self.dot(index, k), 2.2, 2.2)
        high = style.metrics(12, 600).height()
        painter.setFont(style.font(12, 600))
        painter.setPen(style.color("accent" if row.class_label == self.chosen else "text"))
        painter.drawText(QRectF(style.px(16), y - high / 2, box.left(), high), Qt.AlignmentFlag.AlignVCenter, row.name)
        painter.setPen(style.color("text"))
        painter.drawText(QRectF(0, y - high / 2, self.width(), high),
                         Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, row.words)
        if row.mean is None:
            return
        if row.ci95 is not None:
            painter.setPen(QPen(style.color("text"), 2))
            painter.drawLine(QLineF(max(box.left(), self._across(box, row.ci95[0])), y,
                                    min(box.right(), self._across(box, row.ci95[1])), y))
        painter.setPen(QPen(style.color("surface"), 1))
        painter.setBrush(style.color("text"))
        painter.drawEllipse(QPointF(self._across(box, row.mean), y), 4.5, 4.5)

    # ---- hands ----

    def row_at(self, position: QPointF) -> int | None:
        """The row under a place."""
        box = self.axes()
        index = int((position.y() - box.top()) / box.height() * max(1, len(self.rows)))
        return index if 0 <= index < len(self.rows) and box.top() <= position.y() < box.bottom() else None

    def dot_at(self, position: QPointF) -> tuple[int, int] | None:
        """Row and picture of the nearest dot within reach."""
        best, found = REACH, None
        index = self.row_at(position)
        if index is None:
            return None
        for k in range(len(self.rows[index].places)):
            away = self.dot(index, k) - position
            distance = math.hypot(away.x(), away.y())
            if distance <= best:
                best, found = distance, (index, k)
        return found

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if (found := self.dot_at(event.position())) is not None:
            row = self.rows[found[0]]
            self.picture_chosen.emit(row.class_label, int(row.seeds[found[1]]), float(row.places[found[1]]))
        elif (index := self.row_at(event.position())) is not None:
            self.class_chosen.emit(self.rows[index].class_label)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = ""
            if (found := self.dot_at(QPointF(event.pos()))) is not None:
                row = self.rows[found[0]]
                words = f"{row.name}, seed {row.seeds[found[1]]}\nClick: look at this picture there."
            elif (index := self.row_at(QPointF(event.pos()))) is not None:
                words = self.rows[index].help
            QToolTip.showText(event.globalPos(), tip(words), self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        labels = [row.class_label for row in self.rows]
        if step is None or self.chosen not in labels:
            super().keyPressEvent(event)
            return
        index = labels.index(self.chosen) + step
        if 0 <= index < len(labels):
            self.class_chosen.emit(labels[index])
