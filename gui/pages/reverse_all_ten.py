"""All classes of one seed at the same noise level: x_t and predicted x0 of each, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.buttons import fill_box, outline_box
from gui.widgets.keyboard_focus import KeyboardFocus
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import outline_dark, paint_class_dot, picture_menu
from gui.widgets.picture_values import (
    Uint8,
    as_values,
    draw_aligned,
    enlarge,
    to_image,
    to_pixels,
    to_pixmap,
)

COLUMNS = 5
GAP = 2  # between x_t and x0 of a class


class AllTenButton(KeyboardFocus, QAbstractButton):
    """Beside the class buttons: the same card without a picture, or an outlined button where they form a grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outlined = False
        self._count = 10
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("x_t and predicted x₀ of every class at this noise level,\nall from the same noise")
        theme().changed.connect(self.update)
        self._name()

    def set_count(self, count: int) -> None:
        """How many classes the run has."""
        self._count = count
        self._name()

    def set_outlined(self, outlined: bool) -> None:
        """True where it lies below a grid of class buttons."""
        if outlined != self._outlined:
            self._outlined = outlined
            self._name()

    def _name(self) -> None:
        all_of = "All ten" if self._count == 10 else "All"
        self.setText(f"{all_of} classes" if self._outlined else all_of)
        self.setAccessibleName(f"{all_of} classes")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(72), theme().height(28))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        chosen = self.isChecked()
        ground = "soft" if chosen else "pressed" if self.isDown() else "hover" if self.underMouse() \
            else "" if self._outlined else "bg"
        if ground:
            fill_box(painter, box, style.color(ground))
        if chosen or self.keyboard_here:
            outline_box(painter, box, style.color("accent"), 2)
        elif self._outlined:
            outline_box(painter, box, style.color("ctl"), 1)
        painter.setFont(style.font(13, 500 if self._outlined else 600))
        painter.setPen(style.color("accent" if chosen else "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, painter.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.width() - 8))
        painter.end()


class AllTen(KeyboardFocus, QWidget):
    """Five columns of classes; each a name over x_t and predicted x0. `picked` when one is pressed."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: list[str] = []
        self._values: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._pixels: dict[tuple[int, int], Uint8] = {}
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}
        self._drawn_with: tuple[int, float] = (0, 0.0)
        self._shape = (28, 28)
        self._laid_for: tuple[object, ...] = ()
        self._head = theme().height(22)
        self._cells: list[QRectF] = []
        self._index = -1
        self.setAccessibleName("All classes at this noise level")
        self.setToolTip("Left x_t, right predicted x₀, all from the same noise.\nPress one to look at it alone.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self._laid_for = ()
        self.update()

    def set_class_names(self, names: Sequence[str]) -> None:
        """Names of the run's classes."""
        self._names = list(names)
        self._values.clear()
        self._pixels.clear()
        self._pixmaps.clear()
        self.update()

    def set_pair(self, class_label: int, x: NDArray[Any] | None, x0: NDArray[Any] | None) -> None:
        """x_t and predicted x0 of a class; None: not there yet."""
        for part, image in enumerate((x, x0)):
            key = (class_label, part)
            self._pixmaps.pop(key, None)
            if image is None:
                self._values.pop(key, None)
                self._pixels.pop(key, None)
                continue
            values = self._values[key] = as_values(image)
            self._pixels[key] = to_pixels(values)
            self._shape = (values.shape[1], values.shape[2])
        self.update()

    def set_index(self, class_label: int) -> None:
        """The class of the current point."""
        if class_label != self._index:
            self._index = class_label
            name = self._names[class_label] if 0 <= class_label < len(self._names) else "none"
            self.setAccessibleDescription(f"{len(self._names)} classes, current: {name}")
            self.update()

    # ---- geometry ----

    def _rows(self) -> int:
        return max(1, -(-len(self._names) // COLUMNS))

    def factor(self) -> int:
        """Device pixels for a picture pixel: the largest that fits."""
        ratio = self.devicePixelRatioF()
        height, width = self._shape
        wide = (self.width() - (COLUMNS - 1) * 4) / COLUMNS - GAP
        tall = self.height() / self._rows() - self._head
        return max(1, int(min(wide * ratio / (2 * width), tall * ratio / height) + 1e-6))

    def cell_rect(self, class_label: int) -> QRectF:
        """Name and both pictures of a class; spare room goes into the gaps."""
        laid_for = (self.width(), self.height(), self.devicePixelRatioF(), self._shape, len(self._names))
        if laid_for != self._laid_for:
            self._laid_for = laid_for
            self._head = theme().height(22)
            self._cells = [self._place(label) for label in range(len(self._names))]
        return self._cells[class_label]

    def _place(self, class_label: int) -> QRectF:
        scale = self.factor() / self.devicePixelRatioF()
        wide = 2 * self._shape[1] * scale + GAP
        tall = self._head + self._shape[0] * scale
        row, column = divmod(class_label, COLUMNS)
        across = (self.width() - wide) / (COLUMNS - 1)
        down = min(self.height() / self._rows() - tall, theme().px(40))
        return QRectF(round(column * across), round(row * (tall + down)), wide, tall)

    def picture_rect(self, class_label: int, part: int) -> QRectF:
        """x_t (part 0) or predicted x0 (part 1) of a class."""
        cell = self.cell_rect(class_label)
        wide = (cell.width() - GAP) / 2
        return QRectF(cell.x() + part * (wide + GAP), cell.y() + self._head, wide,
                      cell.height() - self._head)

    def _at(self, position: QPointF) -> int:
        return next((i for i in range(len(self._names)) if self.cell_rect(i).contains(position)), -1)

    # ---- paint ----

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        ratio, factor = self.devicePixelRatioF(), self.factor()
        if self._drawn_with != (factor, ratio):
            self._pixmaps.clear()
            self._drawn_with = (factor, ratio)
        for label, name in enumerate(self._names):
            cell = self.cell_rect(label)
            middle = cell.y() + self._head / 2
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_class_dot(painter, QPointF(cell.x() + style.px(5), middle), label)
            painter.setFont(style.font(13, 600))
            painter.setPen(style.color("accent" if label == self._index else "text"))
            painter.drawText(QRectF(cell.x() + style.px(14), cell.y(), cell.width() - style.px(14), self._head),
                             Qt.AlignmentFlag.AlignVCenter, name)
            for part in (0, 1):
                rect = self.picture_rect(label, part)
                pixels = self._pixels.get((label, part))
                if pixels is None:
                    painter.fillRect(rect, style.color("sunken"))
                    continue
                pixmap = self._pixmaps.get((label, part))
                if pixmap is None:
                    pixmap = self._pixmaps[label, part] = to_pixmap(pixels, factor, ratio)
                draw_aligned(painter, rect.x(), rect.y(), pixmap)
                outline_dark(painter, rect)
            if self.keyboard_here and label == self._index:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(style.color("accent"), 2))
                painter.drawRect(cell.adjusted(1, self._head + 1, -1, -1))
        painter.end()

    # ---- hands ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._keyboard = False
        found = self._at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found >= 0:
            Magnifier.shared().leave(self)
            self.picked.emit(found)

    def _picture_at(self, position: QPointF) -> tuple[int, int] | None:
        label = self._at(position)
        for part in (0, 1):
            if label >= 0 and (label, part) in self._pixels and self.picture_rect(label, part).contains(position):
                return label, part
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._picture_at(event.position())
        if found is None:
            Magnifier.shared().leave(self)
            return
        rect = self.picture_rect(*found)
        scale = rect.width() / self._shape[1]
        row = min(int((event.position().y() - rect.y()) / scale), self._shape[0] - 1)
        column = min(int((event.position().x() - rect.x()) / scale), self._shape[1] - 1)
        Magnifier.shared().show_pixel(self, self._pixels[found], self._values[found], row, column,
                                      event.globalPosition().toPoint(), True)

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._index >= 0:
            self.picked.emit(self._index)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        found = self._picture_at(QPointF(event.pos()))
        if found is None:
            return
        Magnifier.shared().leave(self)
        image = to_image(enlarge(self._pixels[found], self.factor()))
        name = f"class {self._names[found[0]]} {'predicted x0' if found[1] else 'x_t'}"
        picture_menu(self, image, name).popup(event.globalPos())
