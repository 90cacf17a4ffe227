"""Every class's mean score beside that of real pictures, and the table of agreement with the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from engine.measure.clip_summary import SCORE, Agreement, ClassScores, ClipSummary, Mean
from engine.measure.clip_words import signed
from gui.theme import theme, tip
from gui.widgets.keyboard_focus import KeyboardFocus
from gui.widgets.labels import Text
from gui.widgets.picture_parts import paint_class_dot
from gui.widgets.plot_export import offer_saving
from gui.widgets.plot_numbers import linear_ticks
from gui.words import NARROW

OFFSET = 4.0  # px that the real one's line lies below the generated one's


@dataclass(frozen=True, eq=False)
class Row:
    """One class: means with intervals, the words at its right, the sentence of its tooltip."""

    class_label: int
    name: str
    own: Mean
    real: Mean
    words: str
    help: str
    sure: bool  # the difference is


class ClassMeans(KeyboardFocus, QWidget):
    """A row a class: the generated pictures' mean in the accent, the real ones' in ink, each with its interval."""

    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self.chosen = -1
        self._span, self._ticks = (0.0, 1.0), [0.0, 1.0]
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Mean score of each class, generated and real")
        self.setProperty("explain", "clip-score")
        offer_saving(self, "clip-classes")
        theme().changed.connect(self.update)

    def set_summary(self, summary: ClipSummary, metric: str) -> None:
        """Show the means of a metric."""
        self.rows = [_row(c, found, metric) for c, found in enumerate(summary.classes)]
        ends = [end for row in self.rows for mean in (row.own, row.real)
                for end in (*(mean.ci95 or ()), mean.mean) if end is not None]
        low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
        room = max(0.02, 0.06 * (high - low))
        low, high = low - room, high + room
        if metric != SCORE:
            low, high = max(0.0, low), min(1.0, high)
        self._span, self._ticks = (low, high), list(linear_ticks(low, high, 5))
        self.setAccessibleDescription("; ".join(row.help for row in self.rows))
        self.update()

    def set_chosen(self, class_label: int) -> None:
        """The class that is looked at."""
        if class_label != self.chosen:
            self.chosen = class_label
            self.update()

    # ---- places ----

    def axes(self) -> QRectF:
        """Where means lie."""
        px, style = theme().px, theme()
        left = px(16) + max([style.advance(row.name, 12, 600) for row in self.rows], default=0) + px(12)
        right = max([style.advance(row.words, 12, 600) for row in self.rows], default=0) + px(14)
        foot = style.metrics(11).height() + px(4)
        return QRectF(left, 0, max(20, self.width() - left - right), max(10, self.height() - foot))

    def _line(self, index: int) -> float:
        box = self.axes()
        return box.top() + box.height() * (index + 0.5) / max(1, len(self.rows))

    def _across(self, box: QRectF, value: float) -> float:
        low, high = self._span
        return box.left() + box.width() * (value - low) / (high - low)

    def row_at(self, y: float) -> int:
        """The row at a height; -1 below them."""
        box = self.axes()
        index = int((y - box.top()) / box.height() * len(self.rows)) if self.rows else -1
        return index if 0 <= index < len(self.rows) else -1

    def sizeHint(self) -> QSize:
        return QSize(theme().px(420), theme().px(260))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(240), theme().px(150))

    # ---- painting ----

    def paintEvent(self, _: QPaintEvent) -> None:
        style, box = theme(), self.axes()
        painter = QPainter(self)
        painter.setFont(style.font(11))
        metrics = style.metrics(11)
        digits = max((len(f"{tick:.4g}".partition(".")[2]) for tick in self._ticks), default=0)
        for tick in self._ticks:
            x = round(self._across(box, tick))
            painter.setPen(QPen(style.color("grid"), 1))
            painter.drawLine(QLineF(x, box.top(), x, box.bottom()))
            painter.setPen(style.color("muted"))
            text = f"{tick:.{digits}f}".replace("-", "\u2212")
            wide = metrics.horizontalAdvance(text)
            painter.drawText(QPointF(min(max(0, x - wide / 2), self.width() - wide),
                                     box.bottom() + metrics.ascent() + style.px(3)), text)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, row in enumerate(self.rows):
            self._paint_row(painter, box, index, row)
        self.paint_focus(painter)

    def _paint_row(self, painter: QPainter, box: QRectF, index: int, row: Row) -> None:
        style, y = theme(), self._line(index)
        if row.class_label == self.chosen:
            height = box.height() / len(self.rows)
            painter.fillRect(QRectF(0, y - height / 2, self.width(), height), style.color("soft"))
        paint_class_dot(painter, QPointF(style.px(6), y), row.class_label)
        painter.setFont(style.font(12, 600))
        painter.setPen(style.color("text"))
        half = style.metrics(12).ascent() / 2 - 1
        painter.drawText(QPointF(style.px(16), y + half), row.name)
        painter.setPen(style.color("text" if row.sure else "muted"))
        painter.drawText(QPointF(box.right() + style.px(14), y + half), row.words)
        shift = min(style.px(OFFSET), 0.2 * box.height() / len(self.rows))
        for mean, token, dy in ((row.real, "text", shift), (row.own, "accent", -shift)):
            if mean.mean is None:
                continue
            at = QPointF(self._across(box, mean.mean), y + dy)
            if mean.ci95 is not None:
                painter.setPen(QPen(style.color(token), 2))
                low, high = (self._across(box, end) for end in mean.ci95)
                painter.drawLine(QLineF(low, at.y(), high, at.y()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(style.color(token))
            painter.drawEllipse(at, 3.5, 3.5)

    # ---- hands ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self.class_chosen.emit(self.rows[index].class_label)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        places = [row.class_label for row in self.rows]
        now = places.index(self.chosen) if self.chosen in places else -1
        target = {Qt.Key.Key_Up: now - 1, Qt.Key.Key_Down: now + 1, Qt.Key.Key_Home: 0,
                  Qt.Key.Key_End: len(places) - 1}.get(Qt.Key(event.key()))
        if target is None or not 0 <= target < len(places):
            super().keyPressEvent(event)
        else:
            self._keyboard = True
            self.class_chosen.emit(places[target])

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.row_at(event.pos().y())
            QToolTip.showText(event.globalPos(), tip(self.rows[index].help) if index >= 0 else "", self)
            return True
        return super().event(event)


def _row(class_label: int, found: ClassScores, metric: str) -> Row:
    gap = found.difference[metric]
    sure = gap.ci95 is not None and (gap.ci95[1] < 0 or gap.ci95[0] > 0)
    own, real = found.own[metric], found.real[metric]
    ends = "" if gap.ci95 is None else f", 95{NARROW}% {signed(gap.ci95[0])} to {signed(gap.ci95[1])}"
    help_text = (f"{found.name}: mean {_figure(own.mean)} of {own.n} generated, {_figure(real.mean)} of {real.n} real; "
                 f"difference {signed(gap.mean)}{ends}. CLIP puts the class first for {100 * found.first:.1f}{NARROW}% "
                 f"and {100 * found.real_first:.1f}{NARROW}%; mean rank {found.mean_rank:.2f}.")
    return Row(class_label, found.name, own, real, signed(gap.mean), help_text, sure)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


class AgreementTable(QWidget):
    """Two by two: whether CLIP puts the asked class first, and whether the judge reads it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = Text(title, 13, 600, "text")
        self.note = Text("", 12, 400, "text2", wrap=True)
        self.cells = [[Text("", 13, 400, "text") for _ in range(2)] for _ in range(2)]
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(2)
        for column, words in enumerate(("judge right", "judge wrong"), 1):
            head = Text(words, 12, 400, "muted")
            head.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(head, 0, column)
        for row, words in enumerate(("CLIP right", "CLIP wrong")):
            grid.addWidget(Text(words, 12, 400, "muted"), row + 1, 0)
            for column in range(2):
                self.cells[row][column].setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(self.cells[row][column], row + 1, column + 1)
        grid.setColumnStretch(0, 1)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.setSpacing(4)
        column_layout.addWidget(self.title)
        column_layout.addLayout(grid)
        column_layout.addWidget(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setToolTip(tip("Right: the class that was asked for (of a real picture, its label) is the one that CLIP "
                            "puts first, or that the judge reads."))

    def set_agreement(self, found: Agreement | None) -> None:
        """Show counts; None where there is no judge."""
        values: Sequence[Sequence[int | None]] = [[None, None], [None, None]] if found is None else \
            [[found.both, found.clip_only], [found.judge_only, found.neither]]
        for row, cells in zip(values, self.cells, strict=True):
            for value, cell in zip(row, cells, strict=True):
                cell.setText("" if value is None else f"{value:,}".replace(",", NARROW))
        if found is None:
            self.note.setText("There is no judge of these pictures.")
        else:
            low, high = (100 * np.array(found.same_ci95)).tolist()
            self.note.setText(f"Both name the same class in {100 * found.same:.1f}{NARROW}% of {found.n} "
                              f"(95{NARROW}% {low:.1f} to {high:.1f}).")
        self.setAccessibleName(f"{self.title.text()}: {self.note.text()}")
