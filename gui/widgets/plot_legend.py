"""The legend of a plot is its readout: a stroke, a name and the value under the crosshair."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme


@dataclass(frozen=True)
class Entry:
    """One curve in the legend. value is empty where there is none; widest keeps room for its digits."""

    name: str
    value: str
    color: QColor
    width: float
    dashed: bool
    widest: str = ""


class Legend(QWidget):
    """Entries in a row; those that do not fit are left out from the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self.setAccessibleName("Legend")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def set_entries(self, entries: list[Entry]) -> None:
        """Show these."""
        if entries != self._entries:
            self._entries = entries
            self.update()

    def text(self) -> str:
        """What it says, e.g. for screen readers."""
        return ", ".join(f"{e.name} {e.value}".strip() for e in self._entries)

    def sizeHint(self) -> QSize:
        return QSize(60, theme().metrics(11).height() + theme().px(4))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(colours.font(11))
        x, middle = 0.0, self.height() / 2
        stroke, gap = colours.px(16), colours.px(6)
        for entry in self._entries:
            name, value = colours.advance(entry.name, 11), colours.advance(entry.value, 11)
            room = max(value, colours.advance(entry.widest, 11))
            if x and x + stroke + gap + name + gap + value > self.width():
                break
            pen = QPen(entry.color, max(1.4, entry.width))
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if entry.dashed:
                dash = 5.5 / max(1.4, entry.width)
                pen.setDashPattern([dash, 2.0 / max(1.4, entry.width)])
            painter.setPen(pen)
            painter.drawLine(QPointF(x, middle), QPointF(x + stroke, middle))
            x += stroke + gap
            painter.setPen(colours.color("text2"))
            painter.drawText(QRectF(x, 0, name + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, entry.name)
            x += name
            if room:
                x += gap
                painter.drawText(QRectF(x, 0, value + 2, self.height()), Qt.AlignmentFlag.AlignVCenter,
                                 entry.value)
                x += room
            x += colours.px(12)
        painter.end()
