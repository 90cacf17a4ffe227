"""Gradually or all at once: the noised picture, one guess from it, and many steps from it, at eleven levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.diffusion.forward_view import nearest_level
from engine.settings import number
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.film import Film
from gui.widgets.labels import Text

NOISED, ONE, MANY = 0, 1, 2
UNTRAINED = "not trained here"
LEAST_GAP = 4  # between two columns


class _Notes(QWidget):
    """Words below the film, under the columns they are about; no height when there are none."""

    def __init__(self, film: Film, parent: QWidget) -> None:
        super().__init__(parent)
        self._film = film
        self._groups: list[tuple[int, int]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def set_columns(self, columns: Sequence[int]) -> None:
        """Columns that were not trained; neighbours share a word."""
        groups: list[tuple[int, int]] = []
        for column in columns:
            if groups and groups[-1][1] == column - 1:
                groups[-1] = (groups[-1][0], column)
            else:
                groups.append((column, column))
        if groups != self._groups:
            self._groups = groups
            self.setVisible(bool(groups))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(60, QFontMetrics(theme().font(11)).height() + theme().px(1) if self._groups else 0)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme().font(11))
        painter.setPen(theme().color("text2"))
        wide = painter.fontMetrics().horizontalAdvance(UNTRAINED) + 2
        for first, last in self._groups:
            box = self._film.cell_rect(0, first).united(self._film.cell_rect(0, last))
            left = min(max(0.0, box.center().x() - wide / 2), float(self.width() - wide))
            painter.drawText(QRectF(left, 0, wide, self.height()), Qt.AlignmentFlag.AlignCenter, UNTRAINED)
        painter.end()


class JumpFilm(QWidget):
    """The film with its title; what has no model to draw it is a well that says so."""

    level_clicked = Signal(int)  # a t

    def __init__(self, num_steps: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._levels: tuple[int, ...] = ()
        self._trained: tuple[bool, ...] = ()
        self._rows: list[list[NDArray[Any] | None]] = [[], [], []]
        self._t = 0
        self._every = 1  # of the levels, as many as fit
        self.title = Text("Gradually or all at once", 13, 600, "text")
        self.note = Text("", 12, 400, "muted", elide=True)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.note, 1)
        self.film = Film("Gradually or all at once", [
            ("Noised", "xₜ"), ("One jump", "guess from t"), ("Many steps", f"{num_steps} from t")])
        self.film.setProperty("explain", "gradually")
        self.notes = _Notes(self.film, self)
        self.well: EmptyState | None = None
        self._well_key: tuple[str, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(4)
        column.addWidget(self.film)
        column.addWidget(self.notes)
        self.notes.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.film.clicked.connect(self._clicked)
        self.film.installEventFilter(self)

    # ---- what is shown ----

    def set_levels(self, levels: tuple[int, ...], trained: tuple[bool, ...]) -> None:
        """The t of each column and whether the run was trained there."""
        if (levels, trained) != (self._levels, self._trained):
            self._levels, self._trained = levels, trained
            self._fit(anew=True)

    def set_row(self, row: int, pictures: Sequence[NDArray[Any] | None]) -> None:
        """One picture a level, None where there is none yet."""
        self._rows[row] = list(pictures)
        self.film.set_images(row, self._rows[row][::self._every])

    def set_missing(self, title: str, sentence: str = "",
                    actions: Sequence[tuple[str, Callable[[], object]]] = ()) -> None:
        """Say in the model's rows what is missing; empty words take the well away."""
        key = (title, sentence, *(label for label, _ in actions))
        if key == self._well_key:
            return
        self._well_key = key
        if self.well is not None:
            self.well.hide()
            self.well.deleteLater()
            self.well = None
        if title:
            self.well = EmptyState(title, sentence, actions, parent=self.film)
            layout = self.well.layout()
            if layout is not None:
                layout.setContentsMargins(16, 4, 16, 4)
            self.well.show()
            self._place_well()

    def set_t(self, t: int) -> None:
        """Light the column nearest to t."""
        self._t = t
        shown = self._levels[::self._every]
        self.film.set_index(nearest_level(shown, t) if shown else -1)

    def set_note(self, words: str) -> None:
        """Smaller words after the title."""
        self.note.setText(words)

    def nearest(self) -> int:
        """Index into all levels of the lit column; -1 for none."""
        index = self.film.index()
        return index * self._every if index >= 0 else -1

    def least_width(self, factor: int) -> int:
        """Width at which every level has its column, the pictures enlarged by `factor`."""
        first = self.film.cell_rect(0, 0)
        wide = first.width() * factor / self.film.factor()
        return int(first.x() + len(self._levels) * (wide + LEAST_GAP))

    def height_for(self, factor: int) -> int:
        """Height with the pictures enlarged by `factor`."""
        tall = self.film.cell_rect(0, 0).height()
        return int(self.sizeHint().height() + len(self._rows) * tall * (factor / self.film.factor() - 1))

    def capacity(self) -> int:
        """How many columns fit."""
        first = self.film.cell_rect(0, 0)
        return max(1, int((self.film.width() - first.x() + LEAST_GAP) / (first.width() + LEAST_GAP)))

    # ---- inside ----

    def _fit(self, anew: bool = False) -> None:
        """As many columns as the width has room for: all, every second, every fifth."""
        count = len(self._levels)
        if not count:
            return
        capacity = self.capacity()
        every = next((n for n in (1, 2, 5) if (count - 1) // n + 1 <= capacity), count - 1)
        if every == self._every and not anew:
            return
        self._every = every
        trained = self._trained[::every]
        off = [i for i, good in enumerate(trained) if not good]
        self.film.set_captions([number(t) for t in self._levels[::every]], dict.fromkeys(off, UNTRAINED))
        self.notes.set_columns(off)
        for row, pictures in enumerate(self._rows):
            if pictures:
                self.film.set_images(row, pictures[::every])
        self.set_t(self._t)

    def _clicked(self, column: int) -> None:
        shown = self._levels[::self._every]
        if 0 <= column < len(shown):
            self.level_clicked.emit(shown[column])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.film and event.type() == QEvent.Type.Resize:
            self._fit()
            self._place_well()
            self.notes.update()
        return False

    def _place_well(self) -> None:
        if self.well is not None:
            last = max(0, self.film.columns() - 1)
            box = self.film.cell_rect(ONE, 0).united(self.film.cell_rect(MANY, last))
            self.well.setGeometry(box.toRect().adjusted(0, 0, 0, 2))  # over the lower edge of the lit column
            self.well.raise_()
