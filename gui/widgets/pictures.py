"""Pictures: one large or small, a picture button for a class, a grid to pick from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QMenu, QSizePolicy, QWidget

from engine.config import number
from gui.theme import theme
from gui.widgets.magnifier import ZOOM, Magnifier
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

KEYBOARD_REASONS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                    Qt.FocusReason.ShortcutFocusReason)


def outline_dark(painter: QPainter, rect: QRectF) -> None:
    """In the dark theme a picture ends in a 1 px line of 10 % white, so that black ends somewhere."""
    if theme().name == "dark":
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(255, 255, 255, 26), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0, 0, -1, -1))


def picture_menu(owner: QWidget, image: QImage, name: str) -> QMenu:
    """Copy or save a picture as it is shown."""
    menu = QMenu(owner)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def save() -> None:
        chosen, _ = QFileDialog.getSaveFileName(owner, "Save picture", f"{name}.png", "PNG picture (*.png)")
        if chosen:
            path = Path(chosen)
            image.save(str(path if path.suffix else path.with_suffix(".png")))

    menu.addAction("Copy picture").triggered.connect(lambda: QGuiApplication.clipboard().setImage(image))
    menu.addAction("Save picture…").triggered.connect(save)
    return menu


class Picture(QWidget):
    """One picture by whole device pixels. `factor` fixes the enlargement (at 100 %); None takes what fits."""

    clicked = Signal()

    def __init__(self, title: str, kind: Kind = "grey", factor: int | None = None,
                 parent: QWidget | None = None, shape: tuple[int, int] = (28, 28)) -> None:
        """title: what it is, for screen readers and file names. shape: (H, W) before a picture is set."""
        super().__init__(parent)
        self.title = title
        self.kind: Kind = kind
        self._factor = factor
        self._shape = shape
        self._values: NDArray[np.float32] | None = None
        self._pixels: Uint8 | None = None
        self._span: float | None = None
        self._pixmap: QPixmap | None = None
        self._drawn_with: tuple[object, ...] = ()
        self._keyboard = False
        self._pixel: tuple[int, int] | None = None
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy.Policy.Expanding if factor is None else QSizePolicy.Policy.Fixed
        self.setSizePolicy(policy, policy)
        theme().changed.connect(self._theme_changed)

    # ---- what is shown --------------------------------------------------------------------------------

    def set_image(self, image: NDArray | None) -> None:
        """float (C, H, W) in -1..1 or beyond, (H, W) likewise, or uint8; None empties it."""
        if image is None:
            self._values = self._pixels = self._pixmap = None
        else:
            values = as_values(image)
            if values.shape[1:] != self._shape:
                self._shape = (values.shape[1], values.shape[2])
                self.updateGeometry()
            self._values = values
            self._remake()
        self.update()

    def set_span(self, span: float | None) -> None:
        """Magnitude at the ramp's ends for signed pictures, noise and maps; None: by rule of the kind."""
        self._span = span
        if self._values is not None:
            self._remake()
            self.update()

    def set_kind(self, kind: Kind) -> None:
        """Change how values become colours."""
        self.kind = kind
        self.set_span(self._span)

    def set_factor(self, factor: int | None) -> None:
        """Change the fixed enlargement; None: the largest that fits."""
        if factor != self._factor:
            self._factor = factor
            policy = QSizePolicy.Policy.Expanding if factor is None else QSizePolicy.Policy.Fixed
            self.setSizePolicy(policy, policy)
            self.updateGeometry()
            self.update()

    @property
    def values(self) -> NDArray[np.float32] | None:
        """True values (C, H, W), unclipped."""
        return self._values

    def device_factor(self) -> int:
        """Device pixels for one picture pixel, as drawn now."""
        ratio = self.devicePixelRatioF()
        if self._factor is not None:
            return device_factor(self._factor, ratio)
        height, width = self._shape
        return max(1, int(min(self.width() * ratio / width, self.height() * ratio / height) + 1e-6))

    def picture_rect(self) -> QRectF:
        """Where the picture lies inside the widget."""
        scale = self.device_factor() / self.devicePixelRatioF()
        width, height = self._shape[1] * scale, self._shape[0] * scale
        return QRectF(int((self.width() - width) / 2), int((self.height() - height) / 2), width, height)

    def image(self) -> QImage:
        """The picture as shown, enlarged; a null image when empty."""
        return QImage() if self._pixels is None else to_image(enlarge(self._pixels, self.device_factor()))

    def sizeHint(self) -> QSize:
        factor = self._factor or 2
        ratio = self.devicePixelRatioF()
        scale = device_factor(factor, ratio) / ratio
        return QSize(int(self._shape[1] * scale + 0.999), int(self._shape[0] * scale + 0.999))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint() if self._factor is not None else QSize(self._shape[1], self._shape[0])

    # ---- inside ---------------------------------------------------------------------------------------

    def _remake(self) -> None:
        assert self._values is not None
        self._pixels = to_pixels(self._values, self.kind, self._span, theme().ramp())
        self._pixmap = None
        self._describe()

    def _describe(self) -> None:
        values = self._values
        if values is None:
            self.setAccessibleDescription("No picture yet")
            return
        low, high = float(values.min()), float(values.max())
        text = f"{values.shape[2]} by {values.shape[1]} pixels, values {number(round(low, 2))} to " \
               f"{number(round(high, 2))}"
        self.setAccessibleDescription(text)

    def _theme_changed(self) -> None:
        if self.kind == "map" and self._values is not None:
            self._remake()
        self.updateGeometry()
        self.update()

    def pixel_at(self, position: QPointF) -> tuple[int, int] | None:
        """(row, column) under a point of the widget."""
        rect = self.picture_rect()
        if self._pixels is None or not rect.contains(position):
            return None
        scale = rect.width() / self._shape[1]
        return (min(int((position.y() - rect.y()) / scale), self._shape[0] - 1),
                min(int((position.x() - rect.x()) / scale), self._shape[1] - 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = self.picture_rect()
        if self._pixels is None:
            painter.fillRect(rect, theme().color("sunken"))
        else:
            factor, ratio = self.device_factor(), self.devicePixelRatioF()
            if self._pixmap is None or self._drawn_with != (factor, ratio):
                self._pixmap = to_pixmap(self._pixels, factor, ratio)
                self._drawn_with = (factor, ratio)
            draw_aligned(painter, rect.x(), rect.y(), self._pixmap)
            outline_dark(painter, rect)
            if self._pixel is not None:
                scale = rect.width() / self._shape[1]
                painter.setPen(QPen(theme().color("accent"), 1))
                painter.drawRect(QRectF(rect.x() + self._pixel[1] * scale, rect.y() + self._pixel[0] * scale,
                                        scale - 1, scale - 1))
        if self._keyboard and self.hasFocus():
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self.pixel_at(event.position())
        if found is None or self._pixels is None or self._values is None:
            self._forget_pixel()
            return
        large = self.device_factor() / self.devicePixelRatioF() >= ZOOM
        Magnifier.shared().show_pixel(self, self._pixels, self._values, *found,
                                      event.globalPosition().toPoint(), enlarged=not large)
        if large and found != self._pixel:
            self._pixel = found
            self.update()

    def _forget_pixel(self) -> None:
        Magnifier.shared().leave(self)
        if self._pixel is not None:
            self._pixel = None
            self.update()

    def leaveEvent(self, event: object) -> None:
        self._forget_pixel()

    def hideEvent(self, event: object) -> None:
        self._forget_pixel()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._pixels is not None:
            self._forget_pixel()
            picture_menu(self, self.image(), self.title).popup(event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()


class PictureButton(QAbstractButton):
    """A class as a button: its picture at 2x over a dot of its colour and its name."""

    def __init__(self, index: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self._pixels: Uint8 | None = None
        self._pixmap: QPixmap | None = None
        self._ratio = 0.0
        self._shape = (28, 28)
        self._keyboard = False
        self.setText(name)
        self.setAccessibleName(f"Class {name}")
        self.setCheckable(True)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def set_image(self, image: NDArray | None) -> None:
        """float or uint8 picture; None: not there yet."""
        if image is None:
            self._pixels = None
        else:
            values = as_values(image)
            self._pixels = to_pixels(values)
            if values.shape[1:] != self._shape:
                self._shape = (values.shape[1], values.shape[2])
                self.updateGeometry()
        self._pixmap = None
        self.update()

    def _scale(self) -> int:
        return 2 if max(self._shape) <= 40 else 1

    def sizeHint(self) -> QSize:
        side = self._shape[1] * self._scale()
        text = self.fontMetrics().height() if self.font() else 0
        return QSize(side + 16, self._shape[0] * self._scale() + 10 + max(theme().px(18), text))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._shape[1] * self._scale() + 8, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        if chosen:
            ground = colours.color("soft")
        elif self.isDown():
            ground = colours.color("pressed")
        elif self.underMouse() and self.isEnabled():
            ground = colours.color("hover")
        else:
            ground = colours.color("bg")
        border = chosen or (self._keyboard and self.hasFocus())
        painter.setBrush(ground)
        painter.setPen(QPen(colours.color("accent"), 2) if border else Qt.PenStyle.NoPen)
        inset = 1.0 if border else 0.0
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 4, 4)

        ratio = self.devicePixelRatioF()
        factor = device_factor(self._scale(), ratio)
        width, height = self._shape[1] * factor / ratio, self._shape[0] * factor / ratio
        rect = QRectF(int((self.width() - width) / 2), 6, width, height)
        if self._pixels is None:
            painter.fillRect(rect, colours.color("sunken"))
        else:
            if self._pixmap is None or self._ratio != ratio:
                self._pixmap = to_pixmap(self._pixels, factor, ratio)
                self._ratio = ratio
            draw_aligned(painter, rect.x(), rect.y(), self._pixmap)
            outline_dark(painter, rect)

        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = (rect.bottom() + self.height()) / 2 - 0.5
        paint_class_dot(painter, QPointF(rect.left() + colours.px(6), middle), self.index)
        painter.setFont(colours.font(13, 600))
        painter.setPen(colours.color("accent" if chosen else "text" if self.isEnabled() else "disabled"))
        left = rect.left() + colours.px(14)
        room = QRectF(left, rect.bottom(), self.width() - left - 4, self.height() - rect.bottom() - 1)
        name = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()


def paint_class_dot(painter: QPainter, centre: QPointF, index: int, radius: float = 3.5) -> None:
    """A class's dot; the light theme's yellow needs a ring to be seen on white."""
    colours = theme()
    painter.setBrush(colours.class_color(index))
    ringed = colours.name == "light" and index == 4
    painter.setPen(QPen(colours.color("muted"), 0.6) if ringed else Qt.PenStyle.NoPen)
    painter.drawEllipse(centre, radius, radius)


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

    def set_images(self, images: list[NDArray] | NDArray, names: list[str] | None = None) -> None:
        """Up to rows x columns pictures; names are for screen readers."""
        images = list(images)[: self._rows * self._columns]
        self._values = [as_values(image) for image in images]
        self._pixels = [to_pixels(values) for values in self._values]
        self._names = names or [f"{self.title} {i + 1}" for i in range(len(images))]
        if images and self._values[0].shape[1:] != self._shape:
            self._shape = (self._values[0].shape[1], self._values[0].shape[2])
            self.updateGeometry()
        self._index = min(self._index, len(images) - 1)
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
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self._columns,
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


__all__ = ["Picture", "PictureButton", "PictureGrid", "outline_dark", "paint_class_dot", "picture_menu",
           "to_pixmap"]
