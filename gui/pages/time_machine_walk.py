"""The point that is looked at follows a hand over the map, and walks along the way that the hand drew."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from gui.pages.time_machine_maps import Maps
from gui.pages.time_machine_paper import Cell
from gui.pages.time_machine_view import MapView
from gui.preferences import load_preferences
from gui.session import Session
from gui.widgets.play_clock import PlayClock

PATH = "path"  # row of the play clock
PATH_SPEED = 0.5  # of 24 cells a second


class Walk(QObject):
    """`way`: the cells of the last drag; `clock` plays it."""

    drawn = Signal()  # a hand drew another way

    def __init__(self, session: Session, maps: Maps, view: MapView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.maps, self.view = session, maps, view
        self.way: list[Cell] = []
        self.clock = PlayClock(self)
        self.clock.loop = False
        self.clock.set_speed(PATH_SPEED)
        self._before: tuple[int, int] | None = None  # step and t when a drag began
        self.clock.moved.connect(self._played)
        view.chosen.connect(self._go)
        view.drawn.connect(self._on_drawn)

    def play(self) -> None:
        """Walk along the way, from its start."""
        if len(self.way) > 1:
            self.clock.stop()
            self.clock.set_stops(PATH, range(len(self.way)))
            self.clock.set_value(PATH, len(self.way) - 1)  # at its end it begins anew
            self.clock.play(PATH)

    def stop(self) -> None:
        """Stand still."""
        self.clock.stop()

    def _go(self, cell: Cell, final: bool) -> None:
        """To a cell: both sliders go there. A drag is one step of undo."""
        session = self.session
        self.clock.stop()
        session.bridge.compute.hand.moved()
        if self._before is None:
            self._before = session.step, session.t
        self._move_to(cell)
        if final:
            (step, t), self._before = self._before, None
            session.set_step(session.step)  # by hand: looking back stops following
            for name, before, after in (("step", step, session.step), ("t", t, session.t)):
                if before != after:
                    session.edited.emit(name, before, after)

    def _move_to(self, cell: Cell) -> None:
        place, session = self.view.canvas.places[cell[0]], self.session
        session.set_step(place.step, by_hand=False)
        session.set_noise_level(self.maps.maps[place.number].t_on(session.schedule, cell[1]), by_hand=False)

    def _on_drawn(self, way: list[Cell]) -> None:
        self.way = way
        self.drawn.emit()
        if not load_preferences().reduced_motion:
            self.play()

    def _played(self, _: str, index: int) -> None:
        if index < len(self.way) and self.way[index][0] < len(self.view.canvas.places):
            self._move_to(self.way[index])
