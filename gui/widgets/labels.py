"""Text in the theme's type: a label that keeps size, weight and colour through theme and scale changes."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.words import bound


class Text(QLabel):
    """A label of px and weight in a token's colour. With `elide` it is cut at the end, and the tooltip has it all."""

    def __init__(self, text: str = "", px: int = 13, weight: int = 400, token: str = "text2", *,
                 wrap: bool = False, elide: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(bound(text), parent)
        self._words = text
        self._px, self._weight, self._token = px, weight, token
        self._elide = elide
        self._help = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(text)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_token(self, token: str) -> None:
        """Another colour."""
        if token != self._token:
            self._token = token
            self._restyle()

    def set_width(self, width: int) -> None:
        """A column of `width` px."""
        self.setFixedWidth(width)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        """All of it, cut or not."""
        return self._words

    def setText(self, text: str) -> None:
        if text == self._words:
            return
        if not self._elide or bool(text) != bool(self._words):
            super().setText(bound(text))
        else:
            # It takes what room there is: new words need no new layout of all that is around it, which
            # QLabel would ask for.
            self.update()
        self._words = text
        self.setAccessibleName(text)
        self._note()

    def setToolTip(self, text: str) -> None:
        self._help = text
        self._note()

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(0, hint.height()) if self._elide else hint

    def _cut(self) -> str:
        return QFontMetrics(self.font()).elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())

    def _note(self) -> None:
        cut = self._elide and bool(self.text()) and self._cut() != self.text()
        QLabel.setToolTip(self, tip("\n".join(filter(None, (self.text() if cut else "", self._help)))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._elide:
            self._note()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._elide:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(self.rect(), int(self.alignment() | Qt.TextFlag.TextSingleLine), self._cut())

    def _restyle(self) -> None:
        style = theme()
        self.setFont(style.font(self._px, self._weight))
        palette = self.palette()
        palette.setColor(QPalette.ColorGroup.All, QPalette.ColorRole.WindowText, style.color(self._token))
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText, style.color("disabled"))
        self.setPalette(palette)
        self._note()


class Hairline(QFrame):
    """A 1 px line in the line colour."""

    def __init__(self, parent: QWidget | None = None, vertical: bool = False) -> None:
        super().__init__(parent)
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
        theme().changed.connect(self.update)

    def paintEvent(self, _: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme().color("line"))
