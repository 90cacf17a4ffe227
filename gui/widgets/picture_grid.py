"""Rows of small pictures to pick one from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, picture_menu
from gui.widgets.picture_values import (
    Uint8,
    as_values,
    device_factor,
    draw_aligned,
    enlarge,
    to_image,
    to_pixels,
    to_pixmap,
)


class PictureGrid(QWidget):
    """Rows of small pictures to pick one from, by pointer or arrow keys."""

    selected = Signal(int)

    GAP = 2

    def __init__(self, title: str, rows: int = 4, columns: int = 4, factor: int = 2,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self._rows, self._columns, self._factor = rows, columns, factor
        self._shape = (28, 28)
        self._values: list[NDArray[np.float32]] = []
        self._pixels: list[Uint8] = []
        self._names: list[str] = []
        self._index = -1
        self._keyboard = False
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def set_images(self, images: Sequence[NDArray[Any]] | NDArray[Any], names: list[str] | None = None) -> None:
        """Up to rows x columns pictures; names are for screen readers."""
        shown = list(images)[: self._rows * self._columns]
        self._values = [as_values(image) for image in shown]
        self._pixels = [to_pixels(values) for values in self._values]
        self._names = names or [f"{self.title} {i + 1}" for i in range(len(shown))]
        if shown and self._values[0].shape[1:] != self._shape:
            self._shape = (self._values[0].shape[1], self._values[0].shape[2])
            self.updateGeometry()
        self._index = min(self._index, len(shown) - 1)
        self.update()

    def index(self) -> int:
        """The chosen picture; -1: none of these."""
        return self._index

    def set_index(self, index: int) -> None:
        """Choose without a signal; -1 for none."""
        self._index = index if 0 <= index < len(self._pixels) else -1
        self.setAccessibleDescription(self._names[self._index] if self._index >= 0 else "none chosen")
        self.update()

    def _cell(self) -> tuple[float, float]:
        scale = device_factor(self._factor, self.devicePixelRatioF()) / self.devicePixelRatioF()
        return self._shape[1] * scale, self._shape[0] * scale

    def cell_rect(self, index: int) -> QRectF:
        """Where picture `index` lies; spare width goes into the gaps."""
        width, height = self._cell()
        row, column = divmod(index, self._columns)
        spare = (self.width() - self._columns * width) / max(1, self._columns - 1)
        gap = min(max(self.GAP, int(spare)), theme().px(16))
        return QRectF(column * (width + gap), row * (height + self.GAP), width, height)

    def sizeHint(self) -> QSize:
        width, height = self._cell()
        return QSize(int(self._columns * width + (self._columns - 1) * self.GAP + 0.999),
                     int(self._rows * height + (self._rows - 1) * self.GAP + 0.999))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def index_at(self, position: QPointF) -> int:
        """The picture under a point; -1 between them."""
        return next((i for i in range(len(self._pixels)) if self.cell_rect(i).contains(position)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        factor = device_factor(self._factor, ratio)
        for i in range(self._rows * self._columns):
            rect = self.cell_rect(i)
            if i < len(self._pixels):
                draw_aligned(painter, rect.x(), rect.y(), to_pixmap(self._pixels[i], factor, ratio))
                outline_dark(painter, rect)
            if i == self._index:
                painter.setPen(QPen(theme().color("accent"), 3 if self._keyboard and self.hasFocus() else 2))
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
        painter.end()

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._pixels) and index != self._index:
            self.set_index(index)
            self.selected.emit(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._keyboard = False
            self._choose(self.index_at(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position())
        if index < 0:
            Magnifier.shared().leave(self)
            return
        rect = self.cell_rect(index)
        scale = rect.width() / self._shape[1]
        row = min(int((event.position().y() - rect.y()) / scale), self._shape[0] - 1)
        column = min(int((event.position().x() - rect.x()) / scale), self._shape[1] - 1)
        Magnifier.shared().show_pixel(self, self._pixels[index], self._values[index], row, column,
                                      event.globalPosition().toPoint(), enlarged=True)

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves: dict[int, int] = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._columns,
                 Qt.Key.Key_Down: self._columns}
        if event.key() in moves:
            self._keyboard = True
            start = self._index if self._index >= 0 else -moves[event.key()]
            self._choose(start + moves[event.key()])
        elif event.key() == Qt.Key.Key_Home:
            self._choose(0)
        elif event.key() == Qt.Key.Key_End:
            self._choose(len(self._pixels) - 1)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.index_at(QPointF(event.pos()))
        if index < 0:
            index = self._index
        if index >= 0:
            Magnifier.shared().leave(self)
            factor = device_factor(self._factor, self.devicePixelRatioF())
            image = to_image(enlarge(self._pixels[index], factor))
            picture_menu(self, image, self._names[index]).popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()
