"""The history of samples: a row of pictures for each snapshot, all from one seed, as one painted picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.settings import number
from gui.pages.train_samples import draw_part
from gui.theme import theme
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, paint_class_dot, picture_menu
from gui.widgets.picture_values import as_values, device_factor, enlarge, to_image, to_pixmap

Uint8 = NDArray[np.uint8]

GAP = 1  # px between pictures
PAGE = 10  # rows of Page up and Page down


class HistoryGrid(QWidget):
    """Rows are snapshots, untrained above; columns are classes. What has no picture yet is an empty well.

    Arrows move in step and class, Home and End to the first and last snapshot. A click goes there.
    """

    step_chosen = Signal(int)
    class_chosen = Signal(int)
    row_lit = Signal(QRect)  # where the row of the viewed snapshot lies

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: tuple[int, ...] = ()
        self._rows: dict[int, Uint8] = {}  # (K, H, W) or (K, H, W, 3)
        self._pixmaps: dict[int, QPixmap] = {}  # a whole row
        self._drawn_with: tuple[int, float] = (0, 0.0)
        self._names: tuple[str, ...] = tuple("0123456789")
        self._shape = (28, 28)
        self._factor = 1
        self._step, self._class = -1, -1
        self._keyboard = False
        self._label_wide: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setProperty("explain", "sample-history")
        self.setProperty("plays", "step")  # what Space plays while this has focus
        self.setAccessibleName("History of samples")
        theme().changed.connect(self._resized)

    # ---- what is shown ----

    def set_classes(self, names: Sequence[str], shape: tuple[int, int]) -> None:
        """Class names and (H, W) of the run."""
        if (tuple(names), shape) != (self._names, self._shape):
            self._names, self._shape = tuple(names), shape
            self.set_rows((), {})

    def set_rows(self, steps: Sequence[int], rows: Mapping[int, Uint8]) -> None:
        """Training steps, rising, and the pictures that are there."""
        for step in [step for step, row in self._rows.items() if rows.get(step) is not row]:
            self._pixmaps.pop(step, None)
        grown = tuple(steps) != self._steps
        self._steps, self._rows = tuple(steps), dict(rows)
        if grown:
            self._resized()
            self.light()
        self._describe()
        self.update()

    def set_current(self, step: int, class_label: int) -> None:
        """The snapshot and the class that are looked at."""
        if (step, class_label) == (self._step, self._class):
            return
        moved = step != self._step
        self._step, self._class = step, class_label
        self._describe()
        self.update()
        if moved:
            self.light()

    def light(self) -> None:
        """Say where the row of the viewed snapshot lies."""
        if self._step in self._steps:
            self.row_lit.emit(self.row_rect(self._steps.index(self._step)).toAlignedRect())

    def set_factor(self, factor: int) -> None:
        """Enlargement at 100 %."""
        if factor != self._factor:
            self._factor = factor
            self._resized()

    def width_for(self, factor: int) -> int:
        """Width with that enlargement."""
        wide = self._shape[1] * device_factor(factor, self.devicePixelRatioF()) / self.devicePixelRatioF()
        return int(self.label_width() + len(self._names) * (wide + GAP) - GAP + 0.999)

    def _describe(self) -> None:
        there = sum(step in self._rows for step in self._steps)
        name = self._names[self._class] if 0 <= self._class < len(self._names) else "none"
        self.setAccessibleDescription(
            f"{there} of {len(self._steps)} snapshots drawn; step {number(self._step)}, class {name} chosen. Up and "
            "down move through training, left and right through the classes.")

    # ---- geometry ----

    def _cell(self) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        scale = device_factor(self._factor, ratio) / ratio
        return self._shape[1] * scale, self._shape[0] * scale

    def label_width(self) -> int:
        """Of the steps at the left."""
        if self._label_wide is None:
            last = number(self._steps[-1]) if self._steps else ""
            self._label_wide = max(theme().advance(last, 11, 600), theme().px(30)) + theme().px(10)
        return self._label_wide

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a picture lies."""
        wide, tall = self._cell()
        return QRectF(self.label_width() + column * (wide + GAP), row * (tall + GAP), wide, tall)

    def row_rect(self, row: int) -> QRectF:
        """A whole row, with its label."""
        _, tall = self._cell()
        return QRectF(0, row * (tall + GAP), self.width(), tall)

    def sizeHint(self) -> QSize:
        _, tall = self._cell()
        return QSize(self.width_for(self._factor), int(max(1, len(self._steps)) * (tall + GAP) - GAP + 0.999))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _resized(self) -> None:
        self._label_wide = None
        self.updateGeometry()
        self.resize(self.sizeHint())
        self.update()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        style, ratio = theme(), self.devicePixelRatioF()
        factor = device_factor(self._factor, ratio)
        if self._drawn_with != (factor, ratio):
            self._drawn_with = (factor, ratio)
            self._pixmaps.clear()
        _, tall = self._cell()
        first = max(0, int(event.rect().top() // (tall + GAP)))
        last = min(len(self._steps), int(event.rect().bottom() // (tall + GAP)) + 1)
        for row in range(first, last):
            step = self._steps[row]
            chosen = step == self._step
            painter.setFont(style.font(11, 600 if chosen else 400))
            painter.setPen(style.color("accent" if chosen else "muted"))
            label = self.row_rect(row)
            label.setWidth(self.label_width() - style.px(7))
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number(step))
            self._paint_row(painter, row, step, factor, ratio)
        if self._step in self._steps:
            self._paint_chosen(painter, self._steps.index(self._step))
        painter.end()

    def _paint_row(self, painter: QPainter, row: int, step: int, factor: int, ratio: float) -> None:
        pictures = self._rows.get(step)
        begin = self.cell_rect(row, 0)
        if pictures is None or len(pictures) != len(self._names):
            begin.setRight(self.cell_rect(row, len(self._names) - 1).right())
            painter.fillRect(begin, theme().color("sunken"))
            return
        pixmap = self._pixmaps.get(step)
        if pixmap is None:
            pixmap = self._pixmaps[step] = to_pixmap(np.concatenate(list(pictures), axis=1), factor, ratio)
        tall, wide = self._shape[0] * factor, self._shape[1] * factor
        for column in range(len(self._names)):
            rect = self.cell_rect(row, column)
            draw_part(painter, rect.topLeft(), pixmap, QRectF(column * wide, 0, wide, tall))
            outline_dark(painter, rect)

    def _paint_chosen(self, painter: QPainter, row: int) -> None:
        style = theme()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        line = self.row_rect(row)
        line.setLeft(self.label_width())
        painter.setPen(QPen(style.color("accent"), 1))
        painter.drawRect(line.adjusted(0.5, 0.5, -0.5, -0.5))
        if 0 <= self._class < len(self._names):
            wide = 3 if self._keyboard and self.hasFocus() else 2
            painter.setPen(QPen(style.color("accent"), wide))
            painter.drawRect(self.cell_rect(row, self._class).adjusted(1, 1, -1, -1))

    # ---- pointer and keyboard ----

    def _find(self, position: QPointF) -> tuple[int, int]:
        """(row, column) under a point; column -1 over the labels, row -1 below all."""
        wide, tall = self._cell()
        row = int(position.y() // (tall + GAP))
        column = int((position.x() - self.label_width()) // (wide + GAP))
        inside = 0 <= row < len(self._steps)
        return (row if inside else -1), (column if 0 <= column < len(self._names) else -1)

    def _pixels_at(self, row: int, column: int) -> Uint8 | None:
        pictures = self._rows.get(self._steps[row]) if row >= 0 else None
        return pictures[column] if pictures is not None and 0 <= column < len(pictures) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row, column = self._find(event.position())
        if event.button() != Qt.MouseButton.LeftButton or row < 0:
            return
        self._keyboard = False
        Magnifier.shared().leave(self)
        self.step_chosen.emit(self._steps[row])
        if column >= 0:
            self.class_chosen.emit(column)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row, column = self._find(event.position())
        pixels = self._pixels_at(row, column)
        rect = self.cell_rect(row, column)
        if pixels is None or not rect.contains(event.position()):
            Magnifier.shared().leave(self)
            return
        scale = rect.width() / self._shape[1]
        y = min(int((event.position().y() - rect.y()) / scale), self._shape[0] - 1)
        x = min(int((event.position().x() - rect.x()) / scale), self._shape[1] - 1)
        Magnifier.shared().show_pixel(self, pixels, as_values(pixels), y, x, event.globalPosition().toPoint(),
                                      enlarged=True)

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, steps = Qt.Key(event.key()), self._steps
        at = steps.index(self._step) if self._step in steps else len(steps) - 1
        row = {Qt.Key.Key_Up: at - 1, Qt.Key.Key_Down: at + 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(steps) - 1,
               Qt.Key.Key_PageUp: max(0, at - PAGE), Qt.Key.Key_PageDown: min(at + PAGE, len(steps) - 1)}.get(key)
        column = {Qt.Key.Key_Left: self._class - 1, Qt.Key.Key_Right: self._class + 1}.get(key)
        if row is None and column is None:
            super().keyPressEvent(event)
            return
        self._keyboard = True
        self.update()
        if row is not None and 0 <= row < len(steps):
            self.step_chosen.emit(steps[row])
        elif column is not None and 0 <= column < len(self._names):
            self.class_chosen.emit(column)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row, column = self._find(QPointF(event.pos()))
        pixels = self._pixels_at(row, column)
        if pixels is None:
            return
        Magnifier.shared().leave(self)
        name = f"step {self._steps[row]} class {self._names[column]}"
        factor = device_factor(self._factor, self.devicePixelRatioF())
        picture_menu(self, to_image(enlarge(pixels, factor)), name).popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()


class HistoryHead(QWidget):
    """The classes above the columns of a grid."""

    class_chosen = Signal(int)

    def __init__(self, grid: HistoryGrid, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = grid
        self._names: tuple[str, ...] = tuple("0123456789")
        self._class = -1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)

    def set_classes(self, names: Sequence[str]) -> None:
        """Class names of the run."""
        self._names = tuple(names)
        self.update()

    def set_current(self, class_label: int) -> None:
        """The class that is looked at."""
        if class_label != self._class:
            self._class = class_label
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._grid.sizeHint().width(), theme().metrics(11, 600).height() + theme().px(6))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter, style = QPainter(self), theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, radius = self.height() / 2, style.px(6) / 2
        for label, name in enumerate(self._names):
            rect = self._grid.cell_rect(0, label)
            painter.setFont(style.font(11, 600))
            wide = painter.fontMetrics().horizontalAdvance(name)
            room = rect.width() - 2 * radius - style.px(3)
            begin = rect.left() + max(0.0, (room - wide) / 2)
            paint_class_dot(painter, QPointF(begin + radius, middle), label, radius)
            painter.setPen(style.color("accent" if label == self._class else "text"))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QRectF(begin + 2 * radius + style.px(3), 0, room, self.height()),
                             Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for label in range(len(self._names)):
            rect = self._grid.cell_rect(0, label)
            if rect.left() <= event.position().x() < rect.right():
                self.class_chosen.emit(label)

