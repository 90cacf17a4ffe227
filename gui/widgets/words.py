"""Words in several weights and colours on one line, with room kept for digits that change."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme


class Words(QWidget):
    """A line of words in several weights and colours, each with its own reserved width.

    Parts are (text, token, weight, px, widest text or empty). Numbers keep their place as digits change.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[tuple[str, str, int, int, str]] = []
        self.align_right = False
        self.gap = 6
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def set_parts(self, *parts: tuple[str, str, int, int, str]) -> None:
        """Change what it says; the layout is told only when the room needed changes."""
        if list(parts) == self._parts:
            return
        before = self._width()
        self._parts = list(parts)
        self.setAccessibleName(self.text())
        if self._width() != before:
            self.updateGeometry()
        self.update()

    def text(self) -> str:
        """All words in a row."""
        return " ".join(part[0] for part in self._parts)

    def _widths(self) -> list[int]:
        widths = []
        for text, _, weight, size, widest in self._parts:
            metrics = QFontMetrics(theme().font(size, weight))
            widths.append(max(metrics.horizontalAdvance(text), metrics.horizontalAdvance(widest)))
        return widths

    def _width(self) -> int:
        return sum(self._widths()) + theme().px(self.gap) * max(0, len(self._parts) - 1)

    def sizeHint(self) -> QSize:
        return QSize(self._width(), theme().px(28))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        left = self.width() - self._width() if self.align_right else 0
        for (text, token, weight, size, widest), width in zip(self._parts, self._widths(), strict=True):
            painter.setFont(theme().font(size, weight))
            painter.setPen(theme().color(token if self.isEnabled() else "disabled"))
            across = Qt.AlignmentFlag.AlignRight if widest else Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRectF(left, 0, width + 1, self.height()),
                             across | Qt.AlignmentFlag.AlignVCenter, text)
            left += width + theme().px(self.gap)
        painter.end()
