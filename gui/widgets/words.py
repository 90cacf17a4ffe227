"""Words in several weights and colours on one line, with room kept for digits that change."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import theme


def _widths(parts: Sequence[tuple[str, str, int, int, str]]) -> list[int]:
    """The width of each part, no less than its widest text."""
    advance = theme().advance
    return [max(advance(text, size, weight), advance(widest, size, weight))
            for text, _, weight, size, widest in parts]


class Words(QWidget):
    """A line of words in several weights and colours, each with its own reserved width.

    Parts are (text, token, weight, px, widest text or empty). Numbers keep their place as digits change.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[tuple[str, str, int, int, str]] = []
        self._kept = 0
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
        before = self._hint()
        self._parts = list(parts)
        self.setAccessibleName(self.text())
        if self._hint() != before:
            self.updateGeometry()
        self.update()

    def keep_room(self, *parts: tuple[str, str, int, int, str]) -> None:
        """Room for these words is always kept, so that saying them moves nothing else."""
        before = self._hint()
        self._kept = self._width_of(parts)
        if self._hint() != before:
            self.updateGeometry()

    def text(self) -> str:
        """All words in a row."""
        return " ".join(part[0] for part in self._parts)

    def _widths(self) -> list[int]:
        return _widths(self._parts)

    def _width_of(self, parts: Sequence[tuple[str, str, int, int, str]]) -> int:
        return sum(_widths(parts)) + theme().px(self.gap) * max(0, len(parts) - 1)

    def _hint(self) -> int:
        return max(self._kept, self._width_of(self._parts))

    def sizeHint(self) -> QSize:
        return QSize(self._hint(), theme().px(28))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        left = self.width() - self._width_of(self._parts) if self.align_right else 0
        for (text, token, weight, size, widest), width in zip(self._parts, self._widths(), strict=True):
            painter.setFont(theme().font(size, weight))
            painter.setPen(theme().color(token if self.isEnabled() else "disabled"))
            across = Qt.AlignmentFlag.AlignRight if widest else Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRectF(left, 0, width + 1, self.height()),
                             across | Qt.AlignmentFlag.AlignVCenter, text)
            left += width + theme().px(self.gap)
        painter.end()
