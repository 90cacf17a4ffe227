"""A class as a button that shows its picture."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.picture_parts import KEYBOARD_REASONS, outline_dark, paint_class_dot
from gui.widgets.picture_values import (
    Uint8,
    as_values,
    device_factor,
    draw_aligned,
    to_pixels,
    to_pixmap,
)


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

    def set_image(self, image: NDArray[Any] | None) -> None:
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
