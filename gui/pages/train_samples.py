"""The strip of sample digits: one a class, above each what it was at earlier steps, exactly as wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
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
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.settings import number
from gui.theme import theme
from gui.widgets.magnifier import Magnifier
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, paint_class_dot, picture_menu
from gui.widgets.picture_values import (
    Uint8,
    as_values,
    enlarge,
    to_image,
    to_pixels,
    to_pixmap,
)

EARLIER_RATIO = 0.58  # of one state's step to the next one's
MOST_EARLIER = 5
LARGEST = 6  # times, at 100 %
ROW_GAP = 2
LEAST_GAP = 2  # between columns
SAMPLES, EARLIER = 0, 1  # the two rows
SHARE_OF_HEIGHT = 0.45  # of the page


def earlier_steps(steps: Sequence[int], current: int, count: int) -> list[int]:
    """At most `count` steps before `current`, rising, each about 0.58 of the next."""
    chosen: list[int] = []
    below = [s for s in steps if s < current]
    target = float(current)
    while below and len(chosen) < count:
        target *= EARLIER_RATIO
        chosen.append(min(below, key=lambda s: abs(s - target)))
        below = [s for s in below if s < chosen[-1]]
    return chosen[::-1]


@lru_cache(maxsize=32)
def layout_factor(width: float, height: float, ratio: float, columns: int, shape: tuple[int, int]) -> tuple[int, int]:
    """(device pixels for one pixel of a sample, earlier states above it) that fit.

    The states are as wide together as the sample: their number divides its factor.
    """
    room = (width * ratio - (columns - 1) * LEAST_GAP) / columns
    least = max(1, int(ratio))
    for factor in range(min(int(room / shape[1]), int(LARGEST * ratio)), 0, -1):
        for count in range(min(3, factor), MOST_EARLIER + 1):
            small = factor // count
            tall = (factor + small) * shape[0]
            if factor % count == 0 and small >= min(least, factor) and (tall <= height * ratio or factor <= 2):
                return factor, count
    return 1, 1


class SampleStrip(QWidget):
    """Ten columns. A click on a sample chooses its class, on an earlier state the training step."""

    class_clicked = Signal(int)
    step_clicked = Signal(int)
    earlier_changed = Signal()  # another number of earlier states fits

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.height_limit = 400.0
        self._shape = (28, 28)
        self._names: tuple[str, ...] = tuple("0123456789")
        self._labels: tuple[int, ...] = tuple(range(10))
        self._step = 0
        self._images: list[Uint8] = []  # (H, W) or (H, W, 3)
        self._earlier: list[tuple[int, list[Uint8]]] = []
        self._pixmaps: dict[int, QPixmap] = {}  # a whole row, its pictures side by side
        self._drawn_with: tuple[float, int, int] = (0.0, 0, 0)
        self._chosen = -1
        self._keyboard = False
        self._count = 3
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("explain", "samples")
        self._describe()
        theme().changed.connect(self._theme_changed)

    # ---- what is shown ----

    def set_classes(self, names: Sequence[str], shape: tuple[int, int]) -> None:
        """Class names and (H, W) of the run."""
        if (tuple(names), shape) != (self._names, self._shape):
            self._names, self._shape = tuple(names), shape
            self._labels = tuple(range(len(names)))
            self.set_strips(0, None, (), [])
            self._fit()

    def set_strips(self, step: int, images: NDArray[np.uint8] | None, labels: Sequence[int],
                   earlier: Sequence[tuple[int, NDArray[np.uint8]]]) -> None:
        """The strip of a step (None: not there yet) and those before it, rising."""
        self._step = step
        self._images = [] if images is None else [_pixels(image) for image in images]
        self._earlier = [(at, [_pixels(image) for image in strip]) for at, strip in earlier]
        if labels:
            self._labels = tuple(labels)
        self._pixmaps.clear()
        Magnifier.shared().leave(self)
        self._describe()
        self.update()

    def set_chosen(self, class_label: int) -> None:
        """The class looked at: its digit is marked."""
        if class_label != self._chosen:
            self._chosen = class_label
            self._describe()
            self.update()

    def earlier_count(self) -> int:
        """How many earlier states there is room for."""
        return self._count

    def steps(self) -> list[int]:
        """Steps shown, the earlier ones first."""
        return [*(at for at, _ in self._earlier), *([self._step] if self._images else [])]

    def _describe(self) -> None:
        if not self._images:
            words = "no samples yet"
        else:
            words = f"samples of step {number(self._step)}"
            if 0 <= self._chosen < len(self._names):
                words += f", class {self._names[self._chosen]} chosen"
        self.setAccessibleName(f"Sample pictures, {words}")
        self.setAccessibleDescription("Left and right choose the class. A click on an earlier state goes to "
                                      "its training step.")

    # ---- geometry ----

    def _factors(self) -> tuple[int, int]:
        return layout_factor(self.width(), self.height_limit, self.devicePixelRatioF(), len(self._labels),
                             self._shape)

    def set_height_limit(self, page_height: float) -> None:
        """Room on the page; the strip takes less than half."""
        limit = page_height * SHARE_OF_HEIGHT
        if limit != self.height_limit:
            self.height_limit = limit
            self._fit()

    def _fit(self) -> None:
        _, count = self._factors()
        self.updateGeometry()
        self.update()
        if count != self._count:
            self._count = count
            self.earlier_changed.emit()

    def _sizes(self) -> tuple[float, float, float, float]:
        """Width and height of a sample, of an earlier state, in logical pixels."""
        factor, count = self._factors()
        ratio = self.devicePixelRatioF()
        tall, wide = self._shape
        small = factor // count
        return wide * factor / ratio, tall * factor / ratio, wide * small / ratio, tall * small / ratio

    def sample_rect(self, column: int) -> QRectF:
        """Where a sample lies; spare pixels are in the gaps."""
        wide, tall, _, small = self._sizes()
        columns = len(self._labels)
        left = round((self.width() - wide) * column / (columns - 1)) if columns > 1 else 0
        return QRectF(left, small + ROW_GAP, wide, tall)

    def earlier_rect(self, column: int, place: int) -> QRectF:
        """Where an earlier state lies, place 0 being the earliest there is room for."""
        _, _, wide, tall = self._sizes()
        return QRectF(self.sample_rect(column).left() + place * wide, 0, wide, tall)

    def _caption_height(self) -> int:
        return QFontMetrics(theme().font(12, 600)).height() + theme().px(6)

    def sizeHint(self) -> QSize:
        _, tall, _, small = self._sizes()
        return QSize(400, int(tall + small + ROW_GAP + self._caption_height() + 0.999))

    def minimumSizeHint(self) -> QSize:
        return QSize(len(self._labels) * (self._shape[1] + LEAST_GAP), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._fit()

    # ---- painting ----

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        factor, count = self._factors()
        ratio = self.devicePixelRatioF()
        if self._drawn_with != (ratio, factor, count):
            self._drawn_with = (ratio, factor, count)
            self._pixmaps.clear()
        sunken = theme().color("sunken")
        for column in range(len(self._labels)):
            self._paint_earlier(painter, column, count, factor // count)
            rect = self.sample_rect(column)
            if self._images:
                self._paint_part(painter, rect, SAMPLES, column, factor, 1)
                outline_dark(painter, rect)
            else:
                painter.fillRect(rect, sunken)
            self._paint_caption(painter, rect, column)

    def _paint_earlier(self, painter: QPainter, column: int, count: int, factor: int) -> None:
        """The earlier states side by side, the latest at the right; what is missing is an empty well."""
        shift = count - len(self._earlier)
        first = self.earlier_rect(column, 0)
        if shift > 0:
            painter.fillRect(QRectF(first.topLeft(), QSizeF(shift * first.width(), first.height())),
                             theme().color("sunken"))
        if self._earlier:
            self._paint_part(painter, self.earlier_rect(column, shift), EARLIER, column, factor,
                             len(self._earlier))

    def _paint_part(self, painter: QPainter, rect: QRectF, row: int, column: int, factor: int,
                    pictures: int) -> None:
        """One column of a row; the row is one pixmap, so that a new strip costs two of them and not forty."""
        pixmap = self._pixmaps.get(row)
        if pixmap is None:
            strips = [self._images] if row == SAMPLES else [strip for _, strip in self._earlier]
            side_by_side = [picture for states in zip(*strips, strict=True) for picture in states]
            pixmap = to_pixmap(np.concatenate(side_by_side, axis=1), factor, self.devicePixelRatioF())
            self._pixmaps[row] = pixmap
        tall, wide = self._shape[0] * factor, self._shape[1] * factor * pictures
        draw_part(painter, rect.topLeft(), pixmap, QRectF(column * wide, 0, wide, tall))

    def _paint_caption(self, painter: QPainter, rect: QRectF, column: int) -> None:
        colours = theme()
        label = self._labels[column]
        chosen = label == self._chosen
        tall = self._caption_height()
        middle = rect.bottom() + colours.px(4) + tall / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius = colours.px(7) / 2
        paint_class_dot(painter, QPointF(rect.left() + radius + 0.5, middle), label, radius)
        painter.setFont(colours.font(12, 600))
        painter.setPen(colours.color("accent" if chosen else "text"))
        name = self._names[label] if label < len(self._names) else str(label)
        left = rect.left() + colours.px(14)
        room = rect.width() - colours.px(14)
        shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(left, middle - tall / 2, room, tall), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if chosen and self._keyboard and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    # ---- pointer and keyboard ----

    def _find(self, position: QPointF) -> tuple[int, int] | None:
        """(row, column) under a point: row -1 the sample, else the index of an earlier strip."""
        shift = self._count - len(self._earlier)
        for column in range(len(self._labels)):
            rect = self.sample_rect(column)
            if rect.left() <= position.x() < rect.right():
                if position.y() >= rect.top():
                    return -1, column
                for row in range(len(self._earlier)):
                    if self.earlier_rect(column, row + shift).contains(position):
                        return row, column
        return None

    def _pixels_at(self, row: int, column: int) -> Uint8 | None:
        strip = self._images if row < 0 else self._earlier[row][1]
        return strip[column] if column < len(strip) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._find(event.position())
        if event.button() != Qt.MouseButton.LeftButton or found is None:
            return
        self._keyboard = False
        Magnifier.shared().leave(self)
        row, column = found
        if row >= 0:
            self.step_clicked.emit(self._earlier[row][0])
        else:
            self.class_clicked.emit(self._labels[column])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._find(event.position())
        pixels = self._pixels_at(*found) if found else None
        if found is None or pixels is None:
            Magnifier.shared().leave(self)
            return
        row, column = found
        rect = self.sample_rect(column) if row < 0 else \
            self.earlier_rect(column, row + self._count - len(self._earlier))
        if not rect.contains(event.position()):
            Magnifier.shared().leave(self)
            return
        scale = rect.width() / self._shape[1]
        y = min(int((event.position().y() - rect.y()) / scale), self._shape[0] - 1)
        x = min(int((event.position().x() - rect.x()) / scale), self._shape[1] - 1)
        Magnifier.shared().show_pixel(self, pixels, as_values(pixels), y, x,
                                      event.globalPosition().toPoint(), enlarged=True)

    def leaveEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def hideEvent(self, event: object) -> None:
        Magnifier.shared().leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        labels = self._labels
        at = labels.index(self._chosen) if self._chosen in labels else 0
        target = {Qt.Key.Key_Left: at - 1, Qt.Key.Key_Right: at + 1, Qt.Key.Key_Home: 0,
                  Qt.Key.Key_End: len(labels) - 1}.get(Qt.Key(event.key()))
        if target is None:
            super().keyPressEvent(event)
            return
        self._keyboard = True
        self.update()
        if 0 <= target < len(labels):
            self.class_clicked.emit(labels[target])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        found = self._find(QPointF(event.pos()))
        pixels = self._pixels_at(*found) if found else None
        if found is None or pixels is None:
            return
        Magnifier.shared().leave(self)
        row, column = found
        factor, _ = self._factors()
        step = self._step if row < 0 else self._earlier[row][0]
        image = to_image(enlarge(pixels, factor))
        picture_menu(self, image, f"step {step} class {self._names[self._labels[column]]}").popup(
            event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()


def draw_part(painter: QPainter, at: QPointF, pixmap: QPixmap, part: QRectF) -> None:
    """Draw a part (in device pixels) at the device pixel nearest to a point."""
    transform = painter.deviceTransform()
    inverse, invertible = transform.inverted()
    if invertible:
        place = transform.map(at)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawPixmap(inverse.map(QPointF(round(place.x()), round(place.y()))), pixmap, part)


def _pixels(image: NDArray[np.uint8]) -> Uint8:
    """As it is shown: the strip's bytes are the picture's."""
    return image if image.dtype == np.uint8 else to_pixels(as_values(image))
