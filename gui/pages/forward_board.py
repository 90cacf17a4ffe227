"""Where the parts of the Forward page lie: one below the other, or side by side where height is short."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from gui.pages.forward_film import JumpFilm
from gui.pages.forward_formula import FormulaRow
from gui.pages.forward_plots import ForwardPlots
from gui.theme import theme

GAP = 12
PLOT, TALLEST_PLOT = 146, 240  # px of height at 100 %
SMALL_PLOT, NARROW_PLOT = 104, 176  # where plots stand beside the film
LARGE_TEXT, LEAST_FOR_TEXT = 1.4, 6  # from this text scale on the film grows as soon as the formula has this
LEAST_FACTOR = 5  # of the formula's pictures in one column; below it parts go side by side


@dataclass(frozen=True, slots=True)
class Plan:
    """Boxes of formula, film and the three plots, the enlargements, and the height all take together."""

    factor: int
    film_factor: int
    height: int
    formula: QRect
    film: QRect
    plots: tuple[QRect, QRect, QRect]


class ForwardBoard(QWidget):
    """Lays out by hand: enlargements are whole numbers, so the sizes come in steps."""

    def __init__(self, formula: FormulaRow, film: JumpFilm, plots: ForwardPlots,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.formula, self.film, self.plots = formula, film, plots
        self.setObjectName("transparent")
        for widget in (formula, film, *plots.all):
            widget.setParent(self)
            widget.show()

    def plan(self, width: int, height: int) -> Plan:
        """The layout for a room of this size; it may turn out higher than the room."""
        for film_factor in (4, 3):
            if self.film.least_width(film_factor) <= width:
                large = self._column(width, height, film_factor)
                least = LEAST_FOR_TEXT if theme().scale >= LARGE_TEXT else 3 * film_factor
                if large.height <= height and large.factor >= least:
                    return large
        below = self._column(width, height, 2)
        if below.factor > LEAST_FACTOR or below.height <= height:
            return below
        return self._beside(width, height) or below

    def _column(self, width: int, height: int, film_factor: int) -> Plan:
        px = theme().px
        gap, film = px(GAP), self.film.height_for(film_factor)
        room = height - film - 2 * gap - px(PLOT)
        factor = max(LEAST_FACTOR, self.formula.largest_factor(width, room))
        while factor > 3 and self.formula.width_for(factor) > width:
            factor -= 1
        tall = self.formula.height_for(factor)
        spare = max(0, height - tall - film - 2 * gap - px(PLOT))
        plot = px(PLOT) + min(spare, px(TALLEST_PLOT - PLOT))
        gap += min(px(16), max(0, spare - (plot - px(PLOT))) // 2)
        y = tall + gap
        plots_y = y + film + gap
        between = px(24)
        wide = (width - 2 * between) / 3
        boxes = [QRect(round(i * (wide + between)), plots_y, round(wide), plot) for i in range(3)]
        return Plan(factor, film_factor, plots_y + plot, QRect(0, 0, width, tall), QRect(0, y, width, film),
                    (boxes[0], boxes[1], boxes[2]))

    def _beside(self, width: int, height: int) -> Plan | None:
        """Formula beside the shares, film beside the two other plots; None where that is too narrow."""
        px = theme().px
        gap, between, film = px(GAP), px(20), self.film.height_for(2)
        right = width - self.film.least_width(2) - between
        if right < px(NARROW_PLOT):
            return None
        lower = max(film, 2 * px(SMALL_PLOT) + px(8))
        room = max(height - lower - gap, self.formula.height_for(4))
        factor = self.formula.largest_factor(width - px(NARROW_PLOT) - between, room)
        tall = max(self.formula.height_for(factor), px(SMALL_PLOT))
        formula = max(self.formula.width_for(factor), width - right - between)
        below = tall + gap
        half = (max(lower, height - below) - px(8)) // 2
        left = width - right
        return Plan(factor, 2, below + max(lower, 2 * half + px(8)), QRect(0, 0, formula, tall),
                    QRect(0, below, width - right - between, film),
                    (QRect(formula + between, 0, width - formula - between, tall),
                     QRect(left, below, right, half), QRect(left, below + half + px(8), right, half)))

    def place(self, plan: Plan) -> None:
        """Put the parts where the plan says."""
        self.formula.set_factor(plan.factor)
        self.film.film.set_factor(plan.film_factor)
        self.formula.setGeometry(plan.formula)
        self.film.setGeometry(plan.film)
        for plot, box in zip(self.plots.all, plan.plots, strict=True):
            plot.setGeometry(box)
        self.plots.fit()


class BoardArea(QScrollArea):
    """Gives the board the page's room; scrolls only where even the smallest layout is too high."""

    def __init__(self, board: ForwardBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = board
        self.setWidget(board)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Pictures and plots")
        self.viewport().setAutoFillBackground(False)
        board.setAutoFillBackground(False)
        self._later = QTimer(self)  # after the parts know their own new sizes
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.fit)
        theme().changed.connect(self._later.start)

    def fit(self) -> None:
        """Lay out anew."""
        width, height = self.width(), self.height()
        plan = self.board.plan(width, height)
        if plan.height > height:
            width -= self.verticalScrollBar().sizeHint().width() + 2
            plan = self.board.plan(width, height)
        self.board.resize(width, max(plan.height, height))
        self.board.place(plan)

    def fit_later(self) -> None:
        """Lay out once after this event: a part has another height."""
        self._later.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(860), theme().px(560))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(300), theme().px(200))
