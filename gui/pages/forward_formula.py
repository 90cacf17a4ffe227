"""The formula as pictures: a weight times the image, plus a weight times the noise, is x_t."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.theme import theme, tip
from gui.widgets.picture import Picture

SMALLEST, LARGEST = 3, 16
LEAST_GAP = 6
WIDEST = "0.000"
SIGNAL_NAME, NOISE_NAME = "√ᾱₜ", "√(1−ᾱₜ)"
HELP = ("Colours of xₜ and x₀: −1 black to 1 white, what lies beyond is shown clipped; the arithmetic uses the full "
        "values. Noise: dark −2.6 to light 2.6 standard deviations.")


class FormulaRow(QWidget):
    """Three pictures with the terms between them painted; `factor` is the whole enlargement of all three."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = Picture("x0, the image", factor=7, parent=self)
        self.noise = Picture("Noise", "noise", factor=7, parent=self)
        self.mixed = Picture("x_t, the noised image", factor=7, parent=self)
        self.pictures = (self.image, self.noise, self.mixed)
        self._factor = 7
        self._shape = (28, 28)
        self._weights = ("1.000", "0.000")
        self._source = ""
        self._captions = ("the image", "one draw of noise", "")
        self._laid_out: tuple[tuple[object, ...], list[QRectF]] = ((), [])
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for picture in self.pictures:
            picture.setProperty("explain", "forward")
        self.noise.setProperty("explain", "seed")
        theme().changed.connect(self._theme_changed)

    # ---- what is shown ----

    def set_image(self, values: NDArray[np.float32] | None, caption: str, source: str = "") -> None:
        """x0, the words above it, and where it comes from (for its tooltip)."""
        self._source = source
        self.image.set_image(values)
        self._caption(0, caption)
        if values is not None and values.shape[1:] != self._shape:
            self._shape = (values.shape[1], values.shape[2])
            self._place()

    def set_noise(self, values: NDArray[np.float32] | None, caption: str) -> None:
        """The draw of noise."""
        self.noise.set_image(values)
        self._caption(1, caption)

    def set_mixed(self, values: NDArray[np.float32] | None, caption: str, signal: float, noise: float) -> None:
        """x_t with the two weights that make it."""
        self.mixed.set_image(values)
        self._caption(2, caption)
        weights = (f"{signal:.3f}", f"{noise:.3f}")
        if weights != self._weights:
            self._weights = weights
            boxes = self._boxes()
            for box in (boxes[0], boxes[4]):
                self.update(box.adjusted(-4, 0, 4, 0).toAlignedRect())
        self.setAccessibleName(f"{weights[0]} times the image plus {weights[1]} times the noise is x_t {caption}")

    def weights(self) -> tuple[str, str]:
        """What the two readouts say."""
        return self._weights

    def captions(self) -> tuple[str, str, str]:
        """The words above the pictures."""
        return self._captions

    def _caption(self, index: int, words: str) -> None:
        if self._captions[index] != words:
            made = list(self._captions)
            made[index] = words
            self._captions = (made[0], made[1], made[2])
            # Only these words: the slider changes them many times a second, and pictures lie below them.
            left = int(self._boxes()[(2, 6, 8)[index]].x())
            right = self.width() if index == 2 else int(self._boxes()[(3, 7)[index]].x())
            self.update(left, 0, right - left, self._head())

    # ---- sizes ----

    def set_factor(self, factor: int) -> None:
        """Enlarge all three by so many whole pixels."""
        if factor != self._factor:
            self._factor = factor
            for picture in self.pictures:
                picture.set_factor(factor)
            self._place()

    def factor(self) -> int:
        """The enlargement."""
        return self._factor

    def height_for(self, factor: int) -> int:
        """Height of the row at an enlargement."""
        return self._head() + factor * self._shape[0]

    def width_for(self, factor: int, gap: int = LEAST_GAP) -> int:
        """Width at an enlargement with `gap` px between two terms."""
        return 3 * factor * self._shape[1] + sum(self._words_widths()) + 8 * theme().px(gap)

    def largest_factor(self, width: int, height: int) -> int:
        """The largest enlargement that fits."""
        fits = [f for f in range(SMALLEST, LARGEST + 1)
                if self.width_for(f) <= width and self.height_for(f) <= height]
        return fits[-1] if fits else SMALLEST

    def _head(self) -> int:
        return theme().metrics(14, 600).height() + theme().px(6)

    def _words_widths(self) -> tuple[int, int, int, int, int, int]:
        """Of the two readouts and the four operators, from left to right: a x _ + a x _ = _."""
        advance = theme().advance
        sign = advance("×", 20)
        readouts = [max(advance(WIDEST, 20, 600), advance(name, 12)) for name in (SIGNAL_NAME, NOISE_NAME)]
        return readouts[0], sign, sign, readouts[1], sign, sign

    def sizeHint(self) -> QSize:
        return QSize(self.width_for(self._factor), self.height_for(self._factor))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.width_for(SMALLEST), self.height_for(SMALLEST))

    def _boxes(self) -> list[QRectF]:
        """Nine boxes from left to right: readout, times, image, plus, readout, times, noise, equals, x_t."""
        made_for = (self.size(), self._factor, self._shape, self._head())
        if self._laid_out[0] != made_for:
            self._laid_out = (made_for, self._lay_out())
        return self._laid_out[1]

    def _lay_out(self) -> list[QRectF]:
        side = self._factor * self._shape[1]
        a, t1, plus, b, t2, equals = self._words_widths()
        wide = [a, t1, side, plus, b, t2, side, equals, side]
        gap = max(0.0, (self.width() - sum(wide)) / 8)
        close = min(gap, float(theme().px(10)))  # a weight stays by what it weighs
        rest = (8 * gap - 4 * close) / 4
        gaps = [close, close, rest, rest, close, close, rest, rest]
        boxes, x = [], 0.0
        for i, width in enumerate(wide):
            boxes.append(QRectF(round(x), self._head(), width, self.height() - self._head()))
            x += width + (gaps[i] if i < 8 else 0)
        return boxes

    def _place(self) -> None:
        boxes = self._boxes()
        for picture, box in zip(self.pictures, (boxes[2], boxes[6], boxes[8]), strict=True):
            picture.resize(picture.sizeHint())
            picture.move(int(box.x()), int(box.y()))
        self.updateGeometry()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _theme_changed(self) -> None:
        self._laid_out = ((), [])
        self._place()

    # ---- painting ----

    def paintEvent(self, event: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        boxes = self._boxes()
        dirty = event.region()
        tall = float(self._factor * self._shape[0])
        middle = self._head() + tall / 2
        for box, words, name, token in ((boxes[0], self._weights[0], SIGNAL_NAME, "signal"),
                                        (boxes[4], self._weights[1], NOISE_NAME, "noise")):
            if not dirty.intersects(box.toAlignedRect()):
                continue
            painter.setFont(style.font(20, 600))
            painter.setPen(style.color(token))
            high = painter.fontMetrics().height()
            painter.drawText(QRectF(box.x(), middle - high, box.width(), high),
                             Qt.AlignmentFlag.AlignCenter, words)
            painter.setFont(style.font(12))
            painter.setPen(style.color("text2"))
            painter.drawText(QRectF(box.x() - 20, middle + style.px(1), box.width() + 40,
                                    painter.fontMetrics().height()), Qt.AlignmentFlag.AlignHCenter, name)
        painter.setFont(style.font(20))
        painter.setPen(style.color("text2"))
        high = painter.fontMetrics().height()
        for index, sign in ((1, "×"), (3, "+"), (5, "×"), (7, "=")):
            box = boxes[index]
            if not dirty.intersects(box.toAlignedRect()):
                continue
            painter.drawText(QRectF(box.x() - 4, middle - high / 2, box.width() + 8, high),
                             Qt.AlignmentFlag.AlignCenter, sign)
        for index, symbol, words, end in ((2, "x₀", self._captions[0], boxes[3].left()),
                                          (6, "ε", self._captions[1], boxes[7].left()),
                                          (8, "xₜ", self._captions[2], self.width())):
            x = boxes[index].x()
            if dirty.intersects(QRect(int(x), 0, int(end - x), self._head())):
                self._paint_head(painter, x, end, symbol, words)
        painter.end()

    def _paint_head(self, painter: QPainter, x: float, end: float, symbol: str, words: str) -> None:
        style = theme()
        base = style.metrics(14, 600).ascent() + style.px(1)
        painter.setFont(style.font(14, 600))
        painter.setPen(style.color("text"))
        painter.drawText(QPointF(x, base), symbol)
        left = x + style.advance(symbol, 14, 600) + style.px(8)
        painter.setFont(style.font(12))
        painter.setPen(style.color("text2"))
        room = int(end - left)
        painter.drawText(QPointF(left, base), painter.fontMetrics().elidedText(
            words, Qt.TextElideMode.ElideRight, max(0, room)))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            over = self.childAt(event.pos())
            if over is None:  # pictures have their magnifier
                QToolTip.showText(event.globalPos(), tip(self._help_at(event.pos().x(), event.pos().y())), self)
            return True
        return super().event(event)

    def _help_at(self, x: int, y: int) -> str:
        if y < self._head():
            boxes = self._boxes()
            if boxes[2].left() <= x <= boxes[2].right() and self._source:
                return f"{self._source}\n{HELP}"
            return HELP
        boxes = self._boxes()
        if boxes[0].left() <= x <= boxes[1].right():
            return "Weight of the image at this t: the root of ᾱₜ, from 1 at t 0 down to almost 0 at T."
        if boxes[4].left() <= x <= boxes[5].right():
            return "Weight of the noise at this t: the root of 1 − ᾱₜ. The squares of both weights sum to 1."
        return "xₜ is the weighted sum of image and noise, pixel by pixel."
