"""A square to draw on, by pointer or keys: light on dark, as the data are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.keyboard_focus import KeyboardFocus
from gui.widgets.picture_parts import outline_dark

FINE = 10  # points of the drawing for each pixel of the picture
MOST_UNDO = 50
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class SketchPad(KeyboardFocus, QWidget):
    """`changed` after each stroke. Arrows move the pen; with Shift they draw; Backspace takes the last stroke back."""

    changed = Signal()
    drawing = Signal()  # while a stroke is drawn

    def __init__(self, side: int = 28, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self.brush = 2.0  # pixels of the picture
        self._image = self._blank()
        self._before: list[QImage] = []
        self._last: QPointF | None = None
        self._pen = QPointF(side / 2, side / 2)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Sketch")
        self._describe()
        theme().changed.connect(self.update)

    # ---- what is drawn ----

    def drawn(self) -> NDArray[np.uint8]:
        """The drawing, (side x 10, side x 10)."""
        image = self._image
        data = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
        return data[:, : image.width()].copy()

    def is_empty(self) -> bool:
        """Whether nothing was drawn."""
        return not self.drawn().any()

    def set_side(self, side: int) -> None:
        """Pictures of another size; what was drawn goes."""
        if side != self.side:
            self.side, self._before = side, []
            self._image = self._blank()
            self._pen = QPointF(side / 2, side / 2)
            self.update()

    def clear(self) -> None:
        """An empty sheet; it can be taken back."""
        self._keep()
        self._image = self._blank()
        self._done()

    def undo(self) -> None:
        """Without the last stroke."""
        if self._before:
            self._image = self._before.pop()
            self._done()

    def line(self, start: QPointF, end: QPointF) -> None:
        """A stroke between two points, in pixels of the picture."""
        painter = QPainter(self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor("white"), self.brush * FINE)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        if start == end:
            painter.drawPoint(start * FINE)
        else:
            painter.drawLine(start * FINE, end * FINE)
        painter.end()
        self._pen = end
        self.update()

    def stroke(self, points: list[QPointF]) -> None:
        """A whole stroke through points, as one step of undo."""
        self._keep()
        for start, end in zip(points, points[1:] or points, strict=False):
            self.line(start, end)
        self._done()

    def _blank(self) -> QImage:
        image = QImage(self.side * FINE, self.side * FINE, QImage.Format.Format_Grayscale8)
        image.fill(0)
        return image

    def _keep(self) -> None:
        self._before.append(self._image.copy())
        del self._before[:-MOST_UNDO]

    def _done(self) -> None:
        self._describe()
        self.update()
        self.changed.emit()

    def _describe(self) -> None:
        self.setAccessibleDescription("Empty" if self.is_empty() else f"{len(self._before)} strokes")

    # ---- paint and hands ----

    def sheet(self) -> QRectF:
        """Where the square lies."""
        side = float(max(1, min(self.width(), self.height()) // self.side) * self.side)  # as pictures beside it
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(224), theme().px(224))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(112), theme().px(112))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        sheet = self.sheet()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(sheet, self._image)
        outline_dark(painter, sheet)
        if self.keyboard_here:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRect(sheet.adjusted(1, 1, -1, -1))
            scale = sheet.width() / self.side
            painter.drawEllipse(sheet.topLeft() + self._pen * scale, self.brush / 2 * scale, self.brush / 2 * scale)
        painter.end()

    def _at(self, position: QPointF) -> QPointF:
        sheet = self.sheet()
        return (position - sheet.topLeft()) * (self.side / max(1.0, sheet.width()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._keyboard = False
            self._keep()
            self._last = self._at(event.position())
            self.line(self._last, self._last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            now = self._at(event.position())
            self.line(self._last, now)
            self._last = now
            self.drawing.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._last is not None:
            self._last = None
            self._done()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        move = ARROWS.get(Qt.Key(event.key()))
        if move is not None:
            self._keyboard = True
            target = QPointF(min(max(0.0, self._pen.x() + move[0]), self.side),
                             min(max(0.0, self._pen.y() + move[1]), self.side))
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.stroke([self._pen, target])
            self._pen = target
            self.update()
        elif event.key() == Qt.Key.Key_Backspace:
            self.undo()
        elif event.key() == Qt.Key.Key_Delete:
            self.clear()
        else:
            super().keyPressEvent(event)
