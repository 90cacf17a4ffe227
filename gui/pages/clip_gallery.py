"""The gallery of scored pictures, best or worst first; only what is in sight is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from gui.theme import theme
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, picture_menu
from gui.widgets.picture_values import (
    as_values,
    device_factor,
    draw_aligned,
    enlarge,
    to_image,
    to_pixels,
    to_pixmap,
)

GAP, CAPTION_GAP = 6, 2
LEAST_WIDTH = 62  # px of a cell, for its caption


class Gallery(QAbstractScrollArea):
    """`chosen` carries the place of a picture, as they were given, when it is clicked or reached by the arrow keys."""

    chosen = Signal(int)

    def __init__(self, title: str, factor: int = 2, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self._factor = title, factor
        self._images: NDArray[np.uint8] = np.empty((0, 28, 28), np.uint8)
        self._captions: Sequence[str] = ()
        self._wrong: Sequence[bool] = ()
        self._names: Sequence[str] = ()
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._pixmaps: dict[int, QPixmap] = {}
        self._ratio = 0.0
        self._index = -1  # in the order shown
        self._keyboard = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(title)
        theme().changed.connect(self._theme_changed)

    # ---- contents ----

    def set_pictures(self, images: NDArray[np.uint8], captions: Sequence[str], wrong: Sequence[bool],
                     names: Sequence[str]) -> None:
        """Other pictures (N, H, W) or (N, H, W, 3). wrong: CLIP puts another class first. names: for screen readers."""
        self._images, self._captions, self._wrong, self._names = images, captions, wrong, names
        self._pixmaps.clear()
        self.set_order(np.arange(len(images)))

    def set_order(self, order: NDArray[np.int64]) -> None:
        """Which of them are shown, in this order."""
        kept = self.picture()
        self._order = order
        places = np.flatnonzero(order == kept)
        self._index = int(places[0]) if len(places) else -1
        self._make_room()
        self.viewport().update()

    def order(self) -> NDArray[np.int64]:
        """The places shown, in order."""
        return self._order

    def picture(self) -> int:
        """The place of the chosen picture; -1 for none."""
        return int(self._order[self._index]) if 0 <= self._index < len(self._order) else -1

    # ---- places ----

    def _picture_size(self) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        scale = device_factor(self._factor, ratio) / ratio
        return self._images.shape[2] * scale, self._images.shape[1] * scale

    def _cell(self) -> tuple[float, float]:
        width, height = self._picture_size()
        px = theme().px
        return max(width, px(LEAST_WIDTH)) + px(GAP), height + px(CAPTION_GAP) + theme().metrics(11).height() + px(GAP)

    def columns(self) -> int:
        """How many stand side by side."""
        return max(1, int((self.viewport().width() + theme().px(GAP)) / self._cell()[0]))

    def _spare(self) -> float:
        """What is left of the width, for each gap; nothing where the pictures do not fill a row."""
        count = self.columns()
        left = self.viewport().width() + theme().px(GAP) - count * self._cell()[0]
        return int(left / (count - 1)) if count > 1 and len(self._order) >= count else 0

    def cell_rect(self, index: int) -> QRectF:
        """Where picture `index` of the order lies, in the viewport."""
        width, height = self._picture_size()
        across, down = self._cell()
        row, column = divmod(index, self.columns())
        across += self._spare()
        return QRectF(column * across, row * down - self.verticalScrollBar().value(), width, height)

    def _make_room(self) -> None:
        _, down = self._cell()
        rows = -(-len(self._order) // self.columns())
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(int(down))
        bar.setRange(0, max(0, int(rows * down - theme().px(GAP) - self.viewport().height())))

    def index_at(self, position: QPoint) -> int:
        """The picture under a point; -1 between them."""
        across, down = self._cell()
        column = int(position.x() // (across + self._spare()))
        row = int((position.y() + self.verticalScrollBar().value()) // down)
        index = row * self.columns() + column
        inside = column < self.columns() and 0 <= index < len(self._order)
        return index if inside and self.cell_rect(index).contains(position.toPointF()) else -1

    def sizeHint(self) -> QSize:
        return QSize(theme().px(500), theme().px(300))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(160), theme().px(90))

    # ---- painting ----

    def paintEvent(self, _: QPaintEvent) -> None:
        style, ratio = theme(), self.devicePixelRatioF()
        if ratio != self._ratio:
            self._pixmaps.clear()
            self._ratio = ratio
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), style.color("surface"))
        painter.setFont(style.font(11))
        factor, down = device_factor(self._factor, ratio), self._cell()[1]
        first = max(0, int(self.verticalScrollBar().value() // down)) * self.columns()
        metrics = QFontMetrics(style.font(11))
        for index in range(first, len(self._order)):
            rect = self.cell_rect(index)
            if rect.top() > self.viewport().height():
                break
            place = int(self._order[index])
            if place not in self._pixmaps:
                self._pixmaps[place] = to_pixmap(to_pixels(as_values(self._images[place])), factor, ratio)
            draw_aligned(painter, rect.x(), rect.y(), self._pixmaps[place])
            outline_dark(painter, rect)
            if index == self._index:
                painter.setPen(QPen(style.color("accent"), 3 if self._keyboard and self.hasFocus() else 2))
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
            painter.setPen(style.color("error" if self._wrong[place] else "text2"))
            text = QRectF(rect.x(), rect.bottom() + style.px(CAPTION_GAP), self._cell()[0] - style.px(2),
                          metrics.height())
            painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._captions[place])
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _theme_changed(self) -> None:
        self._pixmaps.clear()
        self._make_room()
        self.viewport().update()

    # ---- hands ----

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._order) and index != self._index:
            self._index = index
            rect, bar = self.cell_rect(index), self.verticalScrollBar()
            if rect.top() < 0:
                bar.setValue(bar.value() + int(rect.top()))
            elif rect.bottom() + theme().px(20) > self.viewport().height():
                bar.setValue(bar.value() + int(rect.bottom() + theme().px(20) - self.viewport().height()))
            self.setAccessibleDescription(self._names[self.picture()])
            self.viewport().update()
            self.chosen.emit(self.picture())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._keyboard = False
            self._choose(self.index_at(event.position().toPoint()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self.index_at(event.position().toPoint())
        if index < 0:
            Magnifier.shared().leave(self)
            return
        rect, place = self.cell_rect(index), int(self._order[index])
        values = as_values(self._images[place])
        scale = rect.width() / self._images.shape[2]
        row = min(int((event.position().y() - rect.y()) / scale), self._images.shape[1] - 1)
        column = min(int((event.position().x() - rect.x()) / scale), self._images.shape[2] - 1)
        Magnifier.shared().show_pixel(self, to_pixels(values), values, row, column, event.globalPosition().toPoint(),
                                      enlarged=True)

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        page = self.columns() * max(1, int(self.viewport().height() // self._cell()[1]))
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns(),
                 Qt.Key.Key_Down: self.columns(), Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        self._keyboard = True
        if event.key() in moves:
            last = len(self._order) - 1
            step = moves[Qt.Key(event.key())]
            self._choose(min(last, max(0, self._index + step)) if self._index >= 0 else 0)
        elif event.key() == Qt.Key.Key_Home:
            self._choose(0)
        elif event.key() == Qt.Key.Key_End:
            self._choose(len(self._order) - 1)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        index = self.index_at(event.pos())
        index = index if index >= 0 else self._index
        if index >= 0:
            Magnifier.shared().leave(self)
            place = int(self._order[index])
            factor = device_factor(self._factor, self.devicePixelRatioF())
            image = to_image(enlarge(to_pixels(as_values(self._images[place])), factor))
            picture_menu(self, image, self._names[place]).popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        if self._keyboard and self._index < 0 and len(self._order):
            self._index = 0
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.viewport().update()
