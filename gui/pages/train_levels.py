"""Loss by noise level: a map of noise level over training, from the validation losses of the snapshots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.diffusion.schedules import Schedule
from engine.measure.learning import LearningPoint
from engine.settings import number
from gui.theme import theme, tip
from gui.widgets.plot_export import offer_saving
from gui.widgets.plot_numbers import linear_ticks

Float64 = NDArray[np.float64]
LABELLED = (1.0, 0.6, 0.3, 0.2, 0.1, 0.05, 0.02, 0.005)  # shares of T that are written beside the map
SCALE_WIDTH, SCALE_HEIGHT = 56, 8


class LevelMap(QWidget):
    """Columns are snapshots, each as wide as half the way to its neighbours; rows are noise levels, most noise on top.

    The colour is the loss by its logarithm. `level_chosen` tells the noise level t of a row that was clicked or
    reached by the arrow keys.
    """

    level_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: Float64 = np.empty(0)
        self.losses: Float64 = np.empty((0, 0))  # (levels, snapshots), rising sigma
        self.sigma: Float64 = np.empty(0)
        self.chosen = 0  # row
        self._timesteps: list[int] = []  # t of each level
        self._marks: list[tuple[float, str]] = []  # rows and words of the labels
        self._end = 1.0
        self._current: float | None = None
        self._hovered: tuple[int, int] | None = None  # row, column
        self._picture: QImage | None = None
        self._keyboard = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Loss by noise level")
        self.setProperty("explain", "loss-by-level")
        offer_saving(self, "loss-by-level")
        self.setToolTip(tip("Validation loss at 20 noise levels over training, by its logarithm.\nClick or arrow keys: "
                            "the noise level, here and everywhere; its curve stands below."))
        theme().changed.connect(self._restyle)

    # ---- contents ----

    def set_points(self, points: Sequence[LearningPoint], schedule: Schedule) -> None:
        """The snapshots whose validation loss is known, by rising step; the schedule names the levels."""
        known = [(p.step, p.validation) for p in points if p.validation is not None]
        self.steps = np.array([step for step, _ in known], dtype=np.float64)
        self._picture, self._hovered = None, None
        if known:
            self.sigma = np.array(known[-1][1].sigma)
            self.losses = np.array([loss.loss for _, loss in known]).T
            self._timesteps = [max(1, schedule.t_of_sigma(sigma)) for sigma in self.sigma]
            self._marks = _marks(self.sigma, schedule)
        else:
            self.sigma, self.losses, self._timesteps, self._marks = np.empty(0), np.empty((0, 0)), [], []
        self.chosen = min(self.chosen, max(0, len(self.sigma) - 1))
        self._describe()
        self.update()

    def set_end(self, step: float) -> None:
        """The last training step of the x axis."""
        if step != self._end:
            self._end = step
            self._picture = None
            self.update()

    def set_current(self, step: float | None) -> None:
        """The training step that is looked at."""
        if step != self._current:
            self._current = step
            self._describe()
            self.update()

    def set_sigma(self, sigma: float) -> None:
        """Choose the row nearest to a noise level; no signal."""
        if len(self.sigma):
            row = int(np.abs(np.log(self.sigma) - np.log(max(sigma, 1e-9))).argmin())
            if row != self.chosen:
                self.chosen = row
                self._describe()
                self.update()

    def timestep(self, row: int) -> int:
        """The noise level t of a row; 0 without any."""
        return self._timesteps[row] if row < len(self._timesteps) else 0

    def span(self) -> tuple[float, float]:
        """The losses at the two ends of the colours."""
        good = self.losses[np.isfinite(self.losses) & (self.losses > 0)]
        return (float(good.min()), float(good.max())) if good.size else (0.1, 1.0)

    def colours(self) -> NDArray[np.uint8]:
        """(levels, snapshots, 3): what is painted, most noise first."""
        low, high = np.log(self.span())
        safe = np.where(np.isfinite(self.losses) & (self.losses > 0), self.losses, np.exp(high))
        share = (np.log(safe) - low) / max(high - low, 1e-9)
        found: NDArray[np.uint8] = theme().ramp()[np.rint(share * 255).astype(int)[::-1]]
        return found

    # ---- painting ----

    def _box(self) -> QRect:
        """Of the map, in px of the widget."""
        px, metrics = theme().px, theme().metrics(11)
        left = max([theme().advance(word, 11) for _, word in self._marks], default=px(20)) + px(8)
        left = max(left, theme().advance("step", 11) + px(8))
        top = self._head() + px(4)
        right = theme().advance(number(round(self._end)), 11) // 2 + 2
        return QRect(left, top, max(10, self.width() - left - right),
                     max(10, self.height() - top - metrics.height() - px(8)))

    def _head(self) -> int:
        """Height of the two lines of words above the map."""
        return theme().metrics(13, 600).height() + theme().px(6) + theme().metrics(12).height() + theme().px(2)

    def _edges(self, box: QRect) -> list[int]:
        """Where columns begin and end, in px: one more than there are columns."""
        middles = (self.steps[:-1] + self.steps[1:]) / 2
        ends = np.concatenate([self.steps[:1], middles, [min(self._end, self.steps[-1])]])
        places = np.rint(box.left() + box.width() * ends / max(1.0, self._end)).astype(int)
        places[-1] = max(places[-1], places[-2] + 3)
        return [int(place) for place in places]

    def _map(self, box: QRect) -> QImage:
        """The map at its size in px of the screen, made when data, size or theme have changed."""
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            wide, tall = round(box.width() * ratio), round(box.height() * ratio)
            edges = np.rint((np.array(self._edges(box)) - box.left()) * ratio).astype(int)
            columns = np.searchsorted(edges[1:-1], np.arange(max(1, min(wide, edges[-1]))), side="right")
            rows = np.arange(tall) * len(self.sigma) // tall
            pixels = np.ascontiguousarray(self.colours()[rows][:, columns])
            image = QImage(pixels.data, pixels.shape[1], tall, 3 * pixels.shape[1], QImage.Format.Format_RGB888)
            self._picture = image.copy()
            self._picture.setDevicePixelRatio(ratio)
        return self._picture

    def paintEvent(self, event: QPaintEvent) -> None:
        style, px = theme(), theme().px
        painter = QPainter(self)
        painter.fillRect(event.rect(), style.color("surface"))
        box = self._box()
        self._paint_words(painter, box)
        if len(self.steps):
            painter.drawImage(QPointF(box.left(), box.top()), self._map(box))
        painter.setPen(QPen(style.color("grid"), 1))
        painter.drawLine(box.left(), box.bottom() + 1, box.right(), box.bottom() + 1)
        painter.drawLine(box.left() - 1, box.top(), box.left() - 1, box.bottom() + 1)
        painter.setFont(style.font(11))
        painter.setPen(style.color("muted"))
        metrics, taken = style.metrics(11), 1e9
        for row, word in sorted(self._marks):
            at = box.bottom() + 1 - (row + 0.5) * box.height() / len(self.sigma)
            if at > taken - metrics.height():
                continue
            taken = at
            painter.drawText(QRectF(0, at - metrics.height() / 2, box.left() - px(7), metrics.height()),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, word)
        name = style.advance("step", 11) + px(4)
        painter.drawText(QRectF(0, box.bottom() + px(2), name, metrics.height()), Qt.AlignmentFlag.AlignLeft, "step")
        right = float(name) - px(4)
        for tick in linear_ticks(0.0, self._end, max(2, box.width() // px(60))):
            word, at = number(round(tick)), box.left() + box.width() * tick / max(1.0, self._end)
            wide = style.advance(word, 11)
            left = min(max(at - wide / 2, name if at - wide / 2 < name else 0), self.width() - wide)
            if left >= right + px(4):
                painter.drawText(QRectF(left, box.bottom() + px(5), wide + 2, metrics.height()),
                                 Qt.AlignmentFlag.AlignLeft, word)
                right = left + wide
        self._paint_place(painter, box)
        painter.end()

    def _paint_words(self, painter: QPainter, box: QRect) -> None:
        style, px = theme(), theme().px
        metrics, small = style.metrics(13, 600), style.metrics(12)
        tall = metrics.height() + px(6)
        painter.setFont(style.font(13, 600))
        painter.setPen(style.color("text"))
        painter.drawText(QRect(0, 0, self.width(), tall), Qt.AlignmentFlag.AlignVCenter, "Loss by noise level t")
        painter.setFont(style.font(12))
        painter.setPen(style.color("muted"))
        line = QRect(0, tall, box.right() + 1, small.height())
        low, high = (f"{value:.2g}" for value in self.span())
        wide = style.advance(high, 12)
        if len(self.steps):
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, high)
            scale = QRect(line.right() - wide - px(6) - px(SCALE_WIDTH), line.center().y() - px(SCALE_HEIGHT) // 2,
                          px(SCALE_WIDTH), px(SCALE_HEIGHT))
            ramp = np.ascontiguousarray(style.ramp()[None])
            painter.drawImage(scale, QImage(ramp.data, 256, 1, 768, QImage.Format.Format_RGB888))
            line.setRight(scale.left() - px(6))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, low)
            line.setRight(line.right() - style.advance(low, 12) - px(8))
        words = small.elidedText(self._readout(), Qt.TextElideMode.ElideRight, max(0, line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        if self._keyboard and self.hasFocus():
            painter.setPen(QPen(style.color("accent"), 2))
            painter.drawLine(0, tall - 2, 24, tall - 2)

    def _readout(self) -> str:
        """What lies under the pointer, else what a click does."""
        if not len(self.steps):
            return "measured from the first snapshot on"
        if self._hovered is None:
            return "click a level for its curve"
        row, column = self._hovered
        return f"t {self.timestep(row)}, step {number(round(self.steps[column]))}: {self.losses[row, column]:.3g}"

    def _paint_place(self, painter: QPainter, box: QRect) -> None:
        """The chosen row, and the training step that is looked at."""
        if not len(self.sigma):
            return
        painter.setPen(QPen(theme().color("text"), 1))
        at = round(box.bottom() + 1 - (self.chosen + 0.5) * box.height() / len(self.sigma))
        painter.drawLine(box.left(), at, box.right(), at)
        if self._current is not None and 0 <= self._current <= self._end:
            painter.setPen(QPen(theme().color("accent"), 1))
            x = round(box.left() + box.width() * self._current / max(1.0, self._end))
            painter.drawLine(x, box.top(), x, box.bottom())

    def _restyle(self) -> None:
        self._picture = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._picture = None

    def sizeHint(self) -> QSize:
        return QSize(theme().px(240), theme().px(200))

    # ---- hands ----

    def _place(self, at: QPointF) -> tuple[int, int] | None:
        """Row and column under a point."""
        box = self._box()
        if not len(self.steps) or not box.contains(at.toPoint()):
            return None
        row = int((box.bottom() + 1 - at.y()) * len(self.sigma) / box.height())
        edges = self._edges(box)
        if at.x() > edges[-1]:
            return None
        column = int(np.searchsorted(edges[1:-1], at.x(), side="right"))
        return min(max(row, 0), len(self.sigma) - 1), column

    def choose(self, row: int) -> None:
        """A hand chose a row."""
        if len(self.sigma):
            self.chosen = min(max(row, 0), len(self.sigma) - 1)
            self._describe()
            self.update()
            self.level_chosen.emit(self.timestep(self.chosen))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._place(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            self.choose(found[0])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._place(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, found: tuple[int, int] | None) -> None:
        if found != self._hovered:
            self._hovered = found
            self.update(0, 0, self.width(), self._head())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if step is not None and len(self.sigma):
            self.choose(self.chosen + step)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                                            Qt.FocusReason.ShortcutFocusReason)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def _describe(self) -> None:
        if not len(self.steps):
            self.setAccessibleDescription("nothing measured yet")
            return
        column = len(self.steps) - 1 if self._current is None else int(np.abs(self.steps - self._current).argmin())
        self.setAccessibleDescription(
            f"noise level t {self.timestep(self.chosen)}, step {number(round(self.steps[column]))}: "
            f"loss {self.losses[self.chosen, column]:.3g}")


def _marks(sigma: Float64, schedule: Schedule) -> list[tuple[float, str]]:
    """Rows (may lie between two) and words of the labels: round noise levels t."""
    last = schedule.num_timesteps
    found = []
    for t in dict.fromkeys(max(1, round(share * last)) for share in LABELLED):
        row = float(np.interp(np.log(schedule.sigma[t]), np.log(sigma), np.arange(len(sigma))))
        found.append((row, number(t)))
    return found
