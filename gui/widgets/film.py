"""A film: columns of small pictures, noise at the left and the picture at the right, one column lit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, picture_menu
from gui.widgets.picture_values import (
    Kind,
    Uint8,
    as_values,
    device_factor,
    draw_aligned,
    enlarge,
    to_image,
    to_pixels,
    to_pixmap,
)

ROW_GAP = 2
FRAME = 2  # of the lit column, outside its pictures
FRAME_ROOM, CAPTION_ROOM = 4, 30  # px beside a column that its frame and its caption may take
MIN_GAP = 8


class Film(QWidget):
    """Rows of pictures in shared columns with a caption below each column.

    The first column is flush left (after the row names), the last flush right; spare pixels are gaps.
    """

    clicked = Signal(int)
    capacity_changed = Signal(int)

    def __init__(self, title: str, rows: Sequence[tuple[str, str]] | int = 1, factor: int = 2,
                 kind: Kind = "grey", parent: QWidget | None = None) -> None:
        """rows: how many, or for each (name, smaller second line) shown at the left."""
        super().__init__(parent)
        self.title = title
        self.kind: Kind = kind
        self._names = [("", "")] * rows if isinstance(rows, int) else list(rows)
        self._factor = factor
        self._shape = (28, 28)
        self._values: list[list[NDArray[np.float32] | None]] = [[] for _ in self._names]
        self._pixels: list[list[Uint8 | None]] = [[] for _ in self._names]
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}
        self._ratio = 0.0
        self._captions: list[str] = []
        self._notes: dict[int, str] = {}
        self._index = -1
        self._keyboard = False
        self._capacity = 0
        self._wide: int | None = None  # of the row names; measured when asked for
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    # ---- what is shown --------------------------------------------------------------------------------

    def set_images(self, row: int, images: Sequence[NDArray[Any] | None]) -> None:
        """The pictures of one row, one a column; None where it is not there yet."""
        self._values[row] = [None if image is None else as_values(image) for image in images]
        self._pixels[row] = [None if v is None else to_pixels(v, self.kind) for v in self._values[row]]
        for key in [key for key in self._pixmaps if key[0] == row]:
            del self._pixmaps[key]
        shape = next((v.shape[1:] for v in self._values[row] if v is not None), self._shape)
        if shape != self._shape:
            self._shape = (shape[0], shape[1])
            self.updateGeometry()
            self._count()
        self.update()

    def set_column(self, column: int, images: Sequence[NDArray[Any] | None], caption: str) -> None:
        """The pictures of one column, top row first, and its caption; the others keep what was made for them."""
        for row, image in enumerate(images):
            values = self._values[row][column] = None if image is None else as_values(image)
            self._pixels[row][column] = None if values is None else to_pixels(values, self.kind)
            self._pixmaps.pop((row, column), None)
        self._captions[column] = caption
        self._describe()
        self._update_column(column)

    def set_captions(self, captions: Sequence[str], notes: dict[int, str] | None = None) -> None:
        """A word below each column (its t). notes: column -> sentence, shown as tooltip and by a fainter
        caption, e.g. "not trained here"."""
        self._captions = list(captions)
        self._notes = dict(notes or {})
        self._describe()
        self.update()

    def set_factor(self, factor: int) -> None:
        """Another enlargement (at 100 %)."""
        if factor != self._factor:
            self._factor = factor
            self._pixmaps.clear()
            self.updateGeometry()
            self._count()
            self.update()

    def factor(self) -> int:
        """The enlargement."""
        return self._factor

    def set_row_names(self, names: Sequence[tuple[str, str]]) -> None:
        """(name, second line) for each row."""
        self._names = list(names)
        self._wide = None
        self.updateGeometry()
        self._count()
        self.update()

    def set_index(self, index: int) -> None:
        """Light a column; -1 for none. No signal."""
        if index != self._index:
            self._update_column(self._index)
            self._index = index
            self._describe()
            self._update_column(index)

    def _update_column(self, column: int) -> None:
        """Paint one column anew: moving a slider lights another one many times a second."""
        if 0 <= column < self.columns():
            cell, foot = self.cell_rect(0, column), self._foot()
            for room, top, bottom in ((FRAME_ROOM, 0.0, foot), (theme().px(CAPTION_ROOM), foot, self.height())):
                self.update(QRectF(cell.x() - room, top, cell.width() + 2 * room, bottom - top).toAlignedRect())

    def _foot(self) -> float:
        """Where pictures and frame end and captions begin."""
        return self.cell_rect(len(self._names) - 1, 0).bottom() + FRAME

    def index(self) -> int:
        """The lit column; -1 for none."""
        return self._index

    def columns(self) -> int:
        """How many columns there are now."""
        return max([len(self._captions), *(len(row) for row in self._values)])

    def capacity(self) -> int:
        """How many columns fit into the present width."""
        width, _ = self._cell()
        return max(1, int((self.width() - self._name_width() + MIN_GAP) / (width + MIN_GAP)))

    def _describe(self) -> None:
        lit = self._captions[self._index] if 0 <= self._index < len(self._captions) else "none"
        self.setAccessibleDescription(f"{self.columns()} columns, lit: {lit}")

    # ---- geometry -------------------------------------------------------------------------------------

    def _theme_changed(self) -> None:
        self._wide = None
        self.updateGeometry()
        self._count()
        self.update()

    def _cell(self) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        scale = device_factor(self._factor, ratio) / ratio
        return self._shape[1] * scale, self._shape[0] * scale

    def _name_width(self) -> int:
        if self._wide is None:
            style = theme()
            widest = max(max(style.advance(a, 12, 500), style.advance(b, 12)) for a, b in self._names)
            self._wide = widest + style.px(20) if any(name for name, _ in self._names) else 0
        return self._wide

    def _caption_height(self) -> int:
        return theme().metrics(11, 600).height() + theme().px(6)

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a picture lies."""
        width, height = self._cell()
        return QRectF(self._left(column, self.columns(), width), FRAME + row * (height + ROW_GAP), width, height)

    def _left(self, column: int, count: int, width: float) -> int:
        """Where a column of `count` begins, its pictures `width` wide."""
        left = self._name_width()
        room = self.width() - left - width
        return left + (round(room * column / (count - 1)) if count > 1 else 0)

    def sizeHint(self) -> QSize:
        width, height = self._cell()
        rows = len(self._names)
        tall = 2 * FRAME + rows * height + (rows - 1) * ROW_GAP + self._caption_height()
        return QSize(int(self._name_width() + 10 * (width + MIN_GAP)), int(tall + 0.999))

    def minimumSizeHint(self) -> QSize:
        return QSize(int(self._name_width() + 4 * (self._cell()[0] + MIN_GAP)), self.sizeHint().height())

    def _count(self) -> None:
        capacity = self.capacity()
        if capacity != self._capacity:
            self._capacity = capacity
            self.capacity_changed.emit(capacity)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._count()

    def column_at(self, position: QPointF) -> int:
        """The column nearest to a point, gaps shared; -1 over the row names or when there is none."""
        count = self.columns()
        if count == 0 or position.x() < self._name_width() - MIN_GAP:
            return -1
        middles = [self.cell_rect(0, column).center().x() for column in range(count)]
        return int(np.abs(np.array(middles) - position.x()).argmin())

    # ---- painting -------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        if ratio != self._ratio:
            self._pixmaps.clear()
            self._ratio = ratio
        factor = device_factor(self._factor, ratio)
        rows, count = len(self._names), self.columns()
        width, height = self._cell()
        lefts = [self._left(column, count, width) for column in range(count)]
        dirty = event.region()
        foot = self._foot()
        touched = self._touched(dirty.intersected(QRect(0, 0, self.width(), math.ceil(foot))), lefts, FRAME_ROOM)
        named = dirty.boundingRect().left() < self._name_width()
        for row in range(rows):
            if named:
                self._paint_name(painter, row)
            for column in touched:
                rect = QRectF(lefts[column], FRAME + row * (height + ROW_GAP), width, height)
                pixels = self._pixels[row][column] if column < len(self._pixels[row]) else None
                if pixels is None:
                    painter.fillRect(rect, colours.color("sunken"))
                    continue
                pixmap = self._pixmaps.get((row, column))
                if pixmap is None:
                    pixmap = self._pixmaps[row, column] = to_pixmap(pixels, factor, ratio)
                draw_aligned(painter, rect.x(), rect.y(), pixmap)
                outline_dark(painter, rect)
        captions = dirty.intersected(QRect(0, int(foot), self.width(), self.height()))
        for column in self._touched(captions, lefts, theme().px(CAPTION_ROOM)):
            if column >= len(self._captions):
                break
            lit = column == self._index
            painter.setFont(colours.font(11, 600 if lit else 400))
            faint = column in self._notes
            painter.setPen(colours.color("accent" if lit else "disabled" if faint else "muted"))
            below = QRectF(lefts[column] - 30, foot, width + 60, self._caption_height())
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self._captions[column])
        if 0 <= self._index < count:
            top, bottom = self.cell_rect(0, self._index), self.cell_rect(rows - 1, self._index)
            wide = 3 if self._keyboard and self.hasFocus() else FRAME
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("accent"), wide, Qt.PenStyle.SolidLine,
                                Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin))
            # The outer columns end where the widget does: there the frame lies on the pictures.
            inside = QRectF(self.rect()).adjusted(1, 1, -1, -1)
            painter.drawRect(top.united(bottom).adjusted(-1, -1, 1, 1).intersected(inside))
        painter.end()

    def _touched(self, dirty: QRegion, lefts: Sequence[int], room: int) -> list[int]:
        """Columns, which begin at `lefts`, that reach into a region with `room` at both sides."""
        wide = math.ceil(self._cell()[0]) + room
        return [column for column, x in enumerate(lefts)
                if dirty.intersects(QRect(x - room, 0, wide + room, self.height()))]

    def _paint_name(self, painter: QPainter, row: int) -> None:
        name, second = self._names[row]
        if not name:
            return
        colours = theme()
        rect = self.cell_rect(row, 0)
        middle = rect.center().y()
        painter.setFont(colours.font(12, 500))
        tall = painter.fontMetrics().height()
        if 2.1 * tall > rect.height() + 2 * ROW_GAP:
            second = ""  # with very large text it would reach into the next row
        shift = 0 if second else tall / 2
        painter.setPen(colours.color("text"))
        painter.drawText(QPointF(0, middle - tall * 0.3 + shift), name)
        painter.setFont(colours.font(12))
        painter.setPen(colours.color("text2"))
        painter.drawText(QPointF(0, middle + tall * 0.85), second)

    # ---- pointer and keyboard -------------------------------------------------------------------------

    def _click(self, column: int) -> None:
        if column >= 0 and column != self._index:
            self.set_index(column)
            self.clicked.emit(column)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._keyboard = False
            column = self.column_at(event.position())
            if column >= 0:
                self.set_index(column)
                self.clicked.emit(column)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            Magnifier.shared().leave(self)
            self._click(self.column_at(event.position()))
            return
        found = self._picture_at(event.position())
        if found is None:
            Magnifier.shared().leave(self)
            return
        row, column = found
        rect = self.cell_rect(row, column)
        pixels, values = self._pixels[row][column], self._values[row][column]
        assert pixels is not None
        assert values is not None
        scale = rect.width() / self._shape[1]
        y = min(int((event.position().y() - rect.y()) / scale), self._shape[0] - 1)
        x = min(int((event.position().x() - rect.x()) / scale), self._shape[1] - 1)
        Magnifier.shared().show_pixel(self, pixels, values, y, x, event.globalPosition().toPoint(), True)

    def _picture_at(self, position: QPointF) -> tuple[int, int] | None:
        column = self.column_at(position)
        for row in range(len(self._names)):
            if column >= 0 and self.cell_rect(row, column).contains(position) \
                    and column < len(self._pixels[row]) and self._pixels[row][column] is not None:
                return row, column
        return None

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = self.columns()
        target = {Qt.Key.Key_Left: self._index - 1, Qt.Key.Key_Right: self._index + 1,
                  Qt.Key.Key_Home: 0, Qt.Key.Key_End: count - 1}.get(Qt.Key(event.key()))
        if target is None:
            super().keyPressEvent(event)
        elif 0 <= target < count:
            self._keyboard = True
            self._click(target)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        found = self._picture_at(QPointF(event.pos()))
        if found is None:
            return
        pixels = self._pixels[found[0]][found[1]]
        assert pixels is not None
        Magnifier.shared().leave(self)
        factor = device_factor(self._factor, self.devicePixelRatioF())
        caption = self._captions[found[1]] if found[1] < len(self._captions) else str(found[1])
        image = to_image(enlarge(pixels, factor))
        picture_menu(self, image, f"{self.title} {caption}").popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()
