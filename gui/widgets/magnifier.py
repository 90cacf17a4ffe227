"""What a pointer over any picture shows: its surroundings at 8x and the pixel's true value."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from gui.theme import theme
from gui.widgets.picture_values import Uint8, device_factor, to_pixmap, value_text

ZOOM = 8
REACH = 7  # pixels to each side of the one pointed at
GAP = 16  # from the pointer


class Magnifier(QWidget):
    """One small window for all pictures; it takes no clicks and no focus."""

    _shared: ClassVar[Magnifier | None] = None

    def __init__(self) -> None:
        super().__init__(None, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint
                         | Qt.WindowType.WindowTransparentForInput)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Pixel under the pointer")
        self.text = ""
        self._pixmap: QPixmap | None = None
        self._mark = QRect()
        self._owner: QWidget | None = None

    @classmethod
    def shared(cls) -> Magnifier:
        """The one magnifier, made when first needed."""
        if cls._shared is None:
            cls._shared = cls()
            application = QGuiApplication.instance()
            if application is not None:
                application.aboutToQuit.connect(cls.dispose)
        return cls._shared

    @classmethod
    def dispose(cls) -> None:
        """Close and forget the shared window."""
        if cls._shared is not None:
            cls._shared.close()
            cls._shared.deleteLater()
            cls._shared = None

    def show_pixel(self, owner: QWidget, pixels: Uint8, values: NDArray[Any], row: int, column: int,
                   pointer: QPoint, enlarged: bool) -> None:
        """Show pixel (row, column) of a picture; pointer in screen coordinates.

        enlarged False leaves the 8x part out: for pictures that are that large already.
        """
        self._owner = owner
        self.text = f"row {row}, column {column}   {value_text(values, row, column)}"
        if np.abs(values[:, row, column]).max() > 1:
            self.text += "   (shown clipped)"
        if enlarged:
            side = 2 * REACH + 1
            height, width = pixels.shape[:2]
            top = min(max(0, row - REACH), max(0, height - side))
            left = min(max(0, column - REACH), max(0, width - side))
            crop = pixels[top:top + side, left:left + side]
            ratio = owner.devicePixelRatioF()
            factor = device_factor(ZOOM, ratio)
            self._pixmap = to_pixmap(crop, factor, ratio)
            unit = factor / ratio
            self._mark = QRect(round((column - left) * unit), round((row - top) * unit),
                               round(unit), round(unit))
        else:
            self._pixmap = None
        self._place(pointer)
        self.update()
        if not self.isVisible():
            self.show()

    def leave(self, owner: QWidget) -> None:
        """Hide, if it is this owner's pixel that is shown."""
        if self._owner is owner:
            self._owner = None
            self.hide()

    def _place(self, pointer: QPoint) -> None:
        self.setFont(theme().font(11))
        metrics = self.fontMetrics()
        pad = theme().px(6)
        width = metrics.horizontalAdvance(self.text) + 2 * pad
        height = metrics.height() + pad
        if self._pixmap is not None:
            size = self._pixmap.deviceIndependentSize()
            width = max(width, round(size.width()) + 2 * pad)
            height += round(size.height()) + pad
        self.resize(width, height)
        at = pointer + QPoint(GAP, GAP)
        screen = QGuiApplication.screenAt(pointer)
        if screen is not None:
            area = screen.availableGeometry()
            if at.x() + width > area.right():
                at.setX(pointer.x() - GAP - width)
            if at.y() + height > area.bottom():
                at.setY(pointer.y() - GAP - height)
        self.move(at)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.fillRect(self.rect(), colours.color("surface"))
        painter.setPen(QPen(colours.color("ctl"), 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        pad = colours.px(6)
        top = pad
        if self._pixmap is not None:
            painter.drawPixmap(pad, pad, self._pixmap)
            painter.setPen(QPen(colours.color("accent"), 1))
            painter.drawRect(self._mark.translated(pad, pad).adjusted(-1, -1, 0, 0))
            top += round(self._pixmap.deviceIndependentSize().height()) + pad // 2
        painter.setPen(colours.color("text"))
        painter.drawText(QRect(pad, top - pad // 2, self.width() - pad, self.height() - top),
                         Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text)
        painter.end()
