"""One picture, large or small, by whole device pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.settings import number
from gui.theme import theme
from gui.widgets.magnifier import ZOOM, Magnifier
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
        self._describe()
        theme().changed.connect(self._theme_changed)

    # ---- what is shown --------------------------------------------------------------------------------

    def set_image(self, image: NDArray[Any] | None) -> None:
        """float (C, H, W) in -1..1 or beyond, (H, W) likewise, or uint8; None empties it."""
        if image is None:
            self._values = self._pixels = self._pixmap = None
            self._describe()
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
