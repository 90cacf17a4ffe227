"""The map of the time machine as files: a table of its cells, a picture of all of it."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from engine.export.time_machine_table import TableMap, time_machine_csv
from gui.pages.time_machine_maps import Maps
from gui.pages.time_machine_paper import MapPaper
from gui.save_picture import ask_and_write, facts_here, write_picture, write_whole
from gui.session import Session


class MapFiles(QObject):
    """Asks where, writes, and says in a banner what could not be written."""

    def __init__(self, session: Session, maps: Maps, view: MapPaper, owner: QWidget) -> None:
        super().__init__(owner)
        self.session, self.maps, self.view, self.owner = session, maps, view, owner

    def _stem(self) -> str:
        return f"time-machine-class-{self.session.class_label}-seed-{self.session.seed}"

    def table(self) -> str:
        """One row a cell, as CSV."""
        tables = []
        for number, each in enumerate(self.maps.maps):
            columns = tuple(c for step in each.steps if (c := self.maps.column(number, step)) is not None)
            tables.append(TableMap(each.run.name, tuple(each.run.info.class_names), self.session.seed,
                                   each.schedule.num_timesteps, each.t, each.sigma, columns))
        return time_machine_csv(tables)

    def save_table(self) -> None:
        """Ask where, and write the table there."""
        ask_and_write(self.owner, self.session, "Save table", f"{self._stem()}.csv",
                      lambda path: write_whole(path, self.table().encode("utf-8")), "CSV table (*.csv)", ".csv")

    def save_picture(self) -> None:
        """Ask where, and write the whole map with its line there, as PNG."""
        facts = facts_here(self.session, page="time-machine", view="map")
        ask_and_write(self.owner, self.session, "Save map", f"{self._stem()}.png",
                      lambda path: write_picture(self.view.whole(), path, facts))
