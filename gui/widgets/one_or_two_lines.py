"""Controls in one line, or in two where one has no room for them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

SPACING = 8


class OneOrTwoLines(QWidget):
    """`first` at the left and `second` at the right, or `second` below. `between` takes the room that is left in
    the line of `first`, and needs none.
    """

    def __init__(self, first: Sequence[QWidget], second: Sequence[QWidget], between: QWidget | None = None,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts, self._between = (*first, *second), between
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING)
        lines = (QHBoxLayout(), QHBoxLayout())
        for line, widgets in zip(lines, (first, second), strict=True):
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(SPACING)
            for widget in widgets:
                line.addWidget(widget)
        if between is not None:
            lines[0].addWidget(between, 1)
        lines[0].addStretch(0 if between is not None else 1)
        lines[1].addStretch(0)
        self._row.addLayout(lines[0], 1)
        self._row.addLayout(lines[1])

    def two(self) -> bool:
        """Whether there are two lines now."""
        return self._row.direction() is QBoxLayout.Direction.TopToBottom

    def two_at(self, width: int) -> bool:
        """Whether so much room needs two lines."""
        shown = [part for part in self._parts if not part.isHidden()]
        gaps = len(shown) - (1 if self._between is None else 0)
        return sum(part.sizeHint().width() for part in shown) + SPACING * gaps > width

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:  # a part came, went or has other words
            self._arrange()
        return done

    def _arrange(self) -> None:
        two = self.two_at(self.width())
        if two != self.two():
            self._row.setDirection(QBoxLayout.Direction.TopToBottom if two else QBoxLayout.Direction.LeftToRight)
