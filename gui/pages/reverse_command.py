"""A well with a command in it; pressing copies it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.widgets.buttons import fill_box

PAD_X, PAD_Y = 10, 8


class CommandWell(QAbstractButton):
    """Lines in the fixed font, each cut in its middle where it is too long; the tooltip has it whole.

    Not reached by the keyboard: the copy button beside the title does the same.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: list[str] = []
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Command")
        theme().changed.connect(self._theme_changed)

    def set_lines(self, lines: Sequence[str], whole: str) -> None:
        """What is shown, and the command as one line."""
        if list(lines) != self._lines or whole != self.accessibleDescription():
            tall = len(lines) != len(self._lines)
            self._lines = list(lines)
            self.setAccessibleDescription(whole)
            self.setToolTip(tip(f"{whole}\nPress to copy.") if whole else "")
            if tall:
                self.updateGeometry()
            self.update()

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def _line_height(self) -> int:
        return QFontMetrics(theme().font(11, mono=True)).height()

    def sizeHint(self) -> QSize:
        px = theme().px
        return QSize(px(200), len(self._lines) * self._line_height() + 2 * px(PAD_Y))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill_box(painter, QRectF(self.rect()), style.color("pressed" if self.isDown() else "sunken"))
        font = style.font(11, mono=True)
        painter.setFont(font)
        painter.setPen(style.color("text2"))
        metrics = QFontMetrics(font)
        left, room = style.px(PAD_X), self.width() - 2 * style.px(PAD_X)
        for i, line in enumerate(self._lines):
            shown = metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QPointF(left, style.px(PAD_Y) + i * self._line_height() + metrics.ascent()), shown)
        painter.end()
