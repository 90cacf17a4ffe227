"""The film of a trajectory: x_t above, predicted x0 below, from noise to picture."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.events import Trajectory
from engine.settings import number
from gui.pages.reverse_heading import Heading
from gui.widgets.film import Film
from gui.widgets.words import Words

FEWEST, MOST = 2, 40  # columns


def spread(frames: int, columns: int) -> list[int]:
    """Frames for the columns: evenly spaced, the first and the last among them."""
    columns = min(frames, columns)
    if columns < 2:
        return list(range(columns))
    return [round(i * (frames - 1) / (columns - 1)) for i in range(columns)]


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


class ReverseFilm(QWidget):
    """As many columns as fit. The lit column shows the very frame that is looked at, the others stay."""

    frame_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trajectory: Trajectory | None = None
        self._filled = 0
        self._frame = -1
        self._even: list[int] = []  # frames of the columns by rule
        self._shown: list[int] = []  # what they show: the lit one may differ
        self.head = Heading("Film", "", self)
        self.way = Words(self)
        self.way.set_parts(("noise", "noise", 500, 12, ""), ("→", "muted", 400, 12, ""),
                           ("picture", "signal", 500, 12, ""))
        self.film = Film("Film", rows=2, factor=2)
        self.film.setToolTip("What the sampler went through: above x_t, below predicted x₀.\n"
                             "Press or drag to go there; arrows, Home, End.")
        self.way.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self.head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.head, 1)
        row.addWidget(self.way)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.film)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("explain", "film")
        self.film.clicked.connect(self._clicked)
        self.film.capacity_changed.connect(lambda _: self._lay())

    def set_trajectory(self, trajectory: Trajectory | None) -> None:
        """Show a trajectory as far as it is filled; None empties the film."""
        filled = trajectory.filled if trajectory is not None else 0
        if trajectory is self._trajectory and filled == self._filled:
            return
        same_times = (trajectory is not None and self._trajectory is not None
                      and len(trajectory.t) == len(self._trajectory.t))
        self._trajectory, self._filled = trajectory, filled
        if same_times and self._even:
            self._fill(self._shown)
        else:
            self._lay()

    def set_frame(self, frame: int) -> None:
        """Light the column of a frame, which then shows just that frame; -1 for none."""
        if frame == self._frame:
            return
        self._frame = frame
        wanted = self._with_frame()
        changed = [i for i, (a, b) in enumerate(zip(wanted, self._shown, strict=True)) if a != b]
        self._shown = wanted
        for column in changed:
            self.film.set_column(column, self._pair(wanted[column]), self._caption(wanted[column]))
        self.film.set_index(self._column())

    def columns(self) -> list[int]:
        """The frames shown."""
        return list(self._shown)

    def _column(self) -> int:
        """The lit column."""
        if self._frame < 0 or not self._even:
            return -1
        return min(range(len(self._even)), key=lambda i: abs(self._even[i] - self._frame))

    def _with_frame(self) -> list[int]:
        shown = list(self._even)
        if (column := self._column()) >= 0:
            shown[column] = self._frame
        return shown

    def _lay(self) -> None:
        """Choose the columns anew."""
        trajectory = self._trajectory
        count = len(trajectory.t) if trajectory is not None else 0
        self._even = spread(count, max(FEWEST, min(MOST, self.film.capacity())))
        self._frame = min(self._frame, count - 1)
        self._fill(self._with_frame())
        self._say(count)

    def _fill(self, shown: list[int]) -> None:
        self._shown = shown
        pairs = [self._pair(frame) for frame in shown]
        for row in (0, 1):
            self.film.set_images(row, [pair[row] for pair in pairs])
        self.film.set_captions([self._caption(frame) for frame in shown])
        self.film.set_index(self._column())

    def _pair(self, frame: int) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
        trajectory = self._trajectory
        if trajectory is None or frame >= self._filled:
            return None, None
        return trajectory.x[frame], trajectory.x0[frame]

    def _caption(self, frame: int) -> str:
        return number(int(self._trajectory.t[frame])) if self._trajectory is not None else ""

    def _say(self, count: int) -> None:
        columns = len(self._even)
        if count < 2:
            self.head.set_short("")
            return
        every = round((count - 1) / max(1, columns - 1))
        which = f"every {ordinal(every)} of {number(count)} frames"
        if every == 1:
            which = f"all {number(count)} frames" if columns == count else f"{columns} of {number(count)} frames"
        self.head.set_short(f"{which}, with its t; above xₜ, below predicted x₀")

    def _clicked(self, column: int) -> None:
        if 0 <= column < len(self._shown) and self._shown[column] < self._filled:
            self.frame_clicked.emit(self._shown[column])
        self.film.set_index(self._column())
