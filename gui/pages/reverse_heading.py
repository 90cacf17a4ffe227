"""The line above a picture: its symbol, what it is in words, and a note at the right."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QTextDocument
from PySide6.QtWidgets import QWidget

from gui.theme import theme


class Heading(QWidget):
    """Symbol (rich text: sub, sup) 14/600, words 13, note 12 at the right; words are cut where room ends."""

    def __init__(self, symbol: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._symbol, self._words, self._note = symbol, words, ""
        self._document: QTextDocument | None = None
        self._name()
        theme().changed.connect(self._theme_changed)

    def set_symbol(self, symbol: str) -> None:
        """Another symbol."""
        if symbol != self._symbol:
            self._symbol = symbol
            self._theme_changed()

    def set_short(self, words: str) -> None:
        """Other words for it, as room allows."""
        if words != self._words:
            self._words = words
            self._name()
            self.update()

    def set_note(self, note: str) -> None:
        """What stands at the right; "" for nothing."""
        if note != self._note:
            self._note = note
            self._name()
            self.update()

    def note(self) -> str:
        """What stands at the right."""
        return self._note

    def _name(self) -> None:
        plain = self._symbol.replace("<sub>", " ").replace("</sub>", "")
        self.setAccessibleName(f"{plain}: {self._words}" + (f", {self._note}" if self._note else ""))

    def _theme_changed(self) -> None:
        self._document = None
        self._name()
        self.update()

    def _made(self) -> QTextDocument:
        if self._document is None:
            document = QTextDocument()
            document.setDocumentMargin(0)
            document.setDefaultFont(theme().font(14, 600))
            colour = theme().color("text").name()
            document.setHtml(f'<span style="color:{colour}">{self._symbol}</span>')
            self._document = document
        return self._document

    def sizeHint(self) -> QSize:
        words = theme().advance(self._words, 13)
        return QSize(round(self._made().idealWidth()) + theme().px(8) + words, theme().height(24, 14))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(20), self.sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        document = self._made()
        painter.save()
        baseline = self.height() / 2 + style.metrics(13).capHeight() / 2
        painter.translate(0, baseline - style.metrics(14, 600).ascent())
        document.drawContents(painter)
        painter.restore()
        left = document.idealWidth() + style.px(8)
        right = float(self.width())
        if self._note:
            painter.setFont(style.font(12))
            painter.setPen(style.color("muted"))
            wide = style.advance(self._note, 12)
            if left + wide <= right:
                painter.drawText(QRectF(right - wide - 1, 0, wide + 2, self.height()),
                                 Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._note)
                right -= wide + style.px(8)
        painter.setFont(style.font(13))
        painter.setPen(style.color("text2"))
        metrics = style.metrics(13)
        shown = metrics.elidedText(self._words, Qt.TextElideMode.ElideRight, max(0, int(right - left) + 1))
        painter.drawText(QRectF(left, baseline - metrics.ascent(), right - left + 2, metrics.height()),
                         Qt.AlignmentFlag.AlignLeft, shown)
        painter.end()

