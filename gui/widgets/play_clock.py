"""The timeline's play: one timer that walks one of its rows through that row's stops, leaving none out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal

FRAMES_PER_SECOND = 24.0
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)


class PlayClock(QObject):
    """`moved(row, value)` for each frame of the row being played. The timer runs only while playing.

    loop alone: from the end back to the start. bounce alone: there and back once; both: for ever.
    With reduced motion one pass is all.
    """

    moved = Signal(str, int)
    playing_changed = Signal(str)  # the row, empty when it stopped

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.loop = True
        self.bounce = False
        self.reduced_motion = False
        self.may_show: Callable[[str, int], bool] | None = None  # False: wait for that frame
        self._speed = 1.0
        self._row = ""
        self._stops: dict[str, list[int]] = {}
        self._values: dict[str, int] = {}
        self._direction = 1
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.advance)

    @property
    def row(self) -> str:
        """The row being played; empty at rest."""
        return self._row

    @property
    def running(self) -> bool:
        """Whether the timer runs."""
        return self._timer.isActive()

    @property
    def interval(self) -> int:
        """Milliseconds between two frames."""
        return round(1000 / (FRAMES_PER_SECOND * self._speed))

    def set_speed(self, speed: float) -> None:
        """0.25 to 4 times 24 frames a second."""
        self._speed = min(4.0, max(0.25, float(speed)))
        self._timer.setInterval(self.interval)

    def set_stops(self, row: str, stops: Sequence[int]) -> None:
        """The values of a row in the order of playing."""
        self._stops[row] = [int(stop) for stop in stops]
        if row == self._row and len(stops) < 2:
            self.stop()

    def set_value(self, row: str, value: int) -> None:
        """Where a row stands."""
        self._values[row] = value

    def play(self, row: str) -> bool:
        """Play a row (another one that played stops); from the start if it stands at the end."""
        stops = self._stops.get(row, [])
        if len(stops) < 2:
            return False
        self._direction = 1
        self._row = row
        if self._nearest(row) == len(stops) - 1:
            self._go(row, 0)
        self._timer.start(self.interval)
        self.playing_changed.emit(row)
        return True

    def stop(self) -> None:
        """Rest."""
        if self._row:
            self._row = ""
            self._timer.stop()
            self.playing_changed.emit("")

    def advance(self) -> None:
        """One frame on."""
        row = self._row
        stops = self._stops.get(row, [])
        if len(stops) < 2:
            self.stop()
            return
        following = self._nearest(row) + self._direction
        if not 0 <= following < len(stops):
            following = self._turn(len(stops))
        if following < 0:
            self.stop()
        elif self.may_show is None or self.may_show(row, stops[following]):
            self._go(row, following)

    def _nearest(self, row: str) -> int:
        stops, value = self._stops[row], self._values.get(row, 0)
        return min(range(len(stops)), key=lambda i: abs(stops[i] - value))

    def _go(self, row: str, index: int) -> None:
        self._values[row] = self._stops[row][index]
        self.moved.emit(row, self._values[row])

    def _turn(self, count: int) -> int:
        if self.bounce:
            if self._direction < 0 and (not self.loop or self.reduced_motion):
                return -1
            self._direction = -self._direction
            return count - 2 if self._direction < 0 else 1
        return 0 if self.loop and not self.reduced_motion else -1
