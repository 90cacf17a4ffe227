"""A written word, drawn from its outlines: smooth at any size."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.export.handwriting import Word
from gui.theme import theme

INK, PAPER = ("#16191b", "#ffffff"), ("#ffffff", "#000000")  # ink and ground


class WordView(QWidget):
    """The word as large as fits, in the middle of its sheet."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word: Word | None = None
        self.paper = True
        self._path = QPainterPath()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Handwriting")
        theme().changed.connect(self.update)

    def set_word(self, word: Word | None, text: str, paper: bool) -> None:
        """Another word; None: nothing yet."""
        self.word, self.paper = word, paper
        self._path = QPainterPath()
        self._path.setFillRule(Qt.FillRule.OddEvenFill)
        for line in word.outlines() if word is not None else []:
            self._path.addPolygon(QPolygonF([QPointF(float(x), float(y)) for x, y in line]))
        self.setAccessibleDescription(f"“{text}” as written" if word is not None else "Nothing written yet")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(420), theme().px(200))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(120), theme().px(80))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink, ground = INK if self.paper else PAPER
        painter.fillRect(self.rect(), QColor(ground))
        painter.setPen(theme().color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        if self.word is not None and self.word.glyphs:
            scale = min(self.width() / self.word.width, self.height() / self.word.height)
            painter.translate((self.width() - self.word.width * scale) / 2,
                              (self.height() - self.word.height * scale) / 2)
            painter.scale(scale, scale)
            painter.fillPath(self._path, QColor(ink))
        painter.end()
