"""Puts the columns that came on the map, several in one paint."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer, Signal

from gui.pages.time_machine_maps import Maps
from gui.pages.time_machine_paper import MapPaper
from gui.session import Session

PAINT_MS = 80  # several columns in one paint


class ColumnPainter(QObject):
    """A column that is not there yet is shown by the nearest one of its run, faintly."""

    painted = Signal()  # everything that came is on the map

    def __init__(self, session: Session, maps: Maps, paper: MapPaper, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.maps, self.paper = session, maps, paper
        self._stale: set[tuple[int, int]] = set()  # (map, snapshot) to paint anew
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAINT_MS)
        self._soon.timeout.connect(self._paint)

    @property
    def waiting(self) -> bool:
        """Whether columns are about to be painted."""
        return self._soon.isActive()

    def paint_soon(self, columns: Iterable[tuple[int, int]]) -> None:
        """These (map, snapshot) have more."""
        self._stale.update(columns)
        if not self.waiting:
            self._soon.start()

    def paint_all(self) -> None:
        """Every column anew, at once."""
        self._stale = {(place.number, place.step) for place in self.paper.canvas.places}
        self._paint()

    def stop(self) -> None:
        """Paint nothing for now."""
        self._soon.stop()

    def _paint(self) -> None:
        stale, self._stale = self._stale, set()
        canvas, config, maps = self.paper.canvas, self.session.time_machine, self.maps
        there = [i for i, place in enumerate(canvas.places) if maps.column(place.number, place.step) is not None]
        for index, place in enumerate(canvas.places):
            new = (place.number, place.step) in stale or (place.minus is not None and (1, place.minus) in stale)
            missing = maps.column(place.number, place.step) is None
            if not new and not (missing and stale):
                continue
            if missing:
                near = [i for i in there if canvas.places[i].number == place.number]
                place = canvas.places[min(near, key=lambda i: abs(i - index))] if near else place
            minus = None if place.minus is None else maps.column(1, place.minus)
            canvas.paint(index, maps.column(place.number, place.step), minus, config.show, config.tint, missing)
        self.paper.painted()
        self.painted.emit()
