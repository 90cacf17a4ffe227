"""The Time machine page: one class and seed by every snapshot of a run, at every noise level."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine import paths
from engine.errors import BadRun
from engine.runs import Run, list_runs
from engine.settings import number
from gui.pages.base import MARGIN_X, MARGIN_Y, Page
from gui.pages.reverse_heading import Heading
from gui.pages.time_machine_image import Place, differences, side_by_side
from gui.pages.time_machine_line import curves, said_of
from gui.pages.time_machine_maps import Maps
from gui.pages.time_machine_painter import ColumnPainter
from gui.pages.time_machine_paper import Cell
from gui.pages.time_machine_save import MapFiles
from gui.pages.time_machine_setup import TimeMachineSetup
from gui.pages.time_machine_side import SidePanel
from gui.pages.time_machine_view import MapView
from gui.pages.time_machine_walk import Walk
from gui.pages.time_machine_words import Said
from gui.session import Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.section import Section

SYMBOLS = {"x0": "x̂<sub>0</sub>", "xt": "x<sub>t</sub>", "judge": "p"}
BESIDE_MS = 33  # the enlargement follows the pointer so often
SIDE_GAP = 20


class TimeMachinePage(Page):
    """Fills itself while it is in front, coarse to fine, in the background."""

    name = "time-machine"
    title = "Time machine"
    explain = "time-machine"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.maps = Maps(session, self)
        self.setup = TimeMachineSetup(session, self)
        self.heading = Heading(SYMBOLS["x0"], "")
        self.view, self.side = MapView(), SidePanel()
        self.view.setProperty("explain", "time-machine")
        self.side.plot.setProperty("explain", "first-line")
        self.files = MapFiles(session, self.maps, self.view, self)
        self.painter = ColumnPainter(session, self.maps, self.view, self)
        self.walk = Walk(session, self.maps, self.view, self)
        self.empty = EmptyState("", "", [("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("A trained digit model that came with the program")
        self._other: Run | None = None
        self._others: dict[str, Run] = {}
        self._laid: tuple[object, ...] = ()
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("first-line"), ""),
                                ("Save…", self.files.save_picture, "")])
        self.decided, self.save = self.finding.links
        self.decided.setToolTip("What the line of first recognition is and what it rests on, in Explain")
        self.save.setToolTip("Save the whole map as a PNG picture")
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(4)
        left.addWidget(self.heading)
        left.addWidget(self.view, 1)
        self._whole = QWidget()
        self._row = QHBoxLayout(self._whole)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SIDE_GAP)
        self._row.addLayout(left, 100)
        self._row.addWidget(self.side)
        self._row.addStretch(1)
        self._either = QStackedLayout()
        self._either.addWidget(self._whole)
        self._either.addWidget(self.empty)
        self.body.addLayout(self._either, 1)

    def _connect(self) -> None:
        session, setup, maps = self.session, self.setup, self.maps
        maps.changed.connect(self._on_columns)
        maps.measured.connect(self._on_line)
        maps.progressed.connect(setup.show_progress)
        maps.state_changed.connect(self._show_state)
        setup.config_changed.connect(session.set_time_machine)
        setup.stop_asked.connect(maps.stop)
        setup.go_on_asked.connect(maps.go_on)
        setup.play_asked.connect(self.walk.play)
        setup.csv_asked.connect(self.files.save_table)
        setup.picture_asked.connect(self.files.save_picture)
        self._beside = QTimer(self)  # the pointer comes to many cells in a second
        self._beside.setSingleShot(True)
        self._beside.setInterval(BESIDE_MS)
        self._beside.timeout.connect(lambda: self._show_side(self.view.hover))
        self.view.hovered.connect(self._on_hover)
        self.painter.painted.connect(self._on_painted)
        self.walk.drawn.connect(self._on_drawn)
        session.run_changed.connect(self._on_run)
        for moved in (session.snapshots_changed, session.class_changed, session.seed_changed,
                      session.sampling_changed, session.time_machine_changed, session.training_changed):
            moved.connect(self._on_point)
        for moved in (session.step_changed, session.noise_level_changed, session.schedule_changed):
            moved.connect(self._on_place)
        theme().changed.connect(self._on_theme)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return self.setup.sections

    def activate(self) -> None:
        self._find_others()
        super().activate()

    def deactivate(self) -> None:
        super().deactivate()
        for busy in (self.painter, self._beside, self.walk):
            busy.stop()
        self.maps.leave()

    def ready(self) -> bool:
        maps = self.maps
        if maps.request is None or not maps.maps or maps.failure is not None:
            return True
        lines = maps.request.line_seeds < 2 or all(each.comparison() is not None for each in maps.maps)
        return maps.filled() and not self.painter.waiting and (lines or not maps.filling)

    def play_levels(self) -> list[int]:
        if not self.maps.maps:
            return super().play_levels()
        own = self.maps.maps[0]
        return [own.t_on(self.session.schedule, row) for row in range(len(own.t))]

    def refresh(self) -> None:
        """Everything anew. Only in front is anything asked for."""
        self.setup.show()
        if self.active:
            self._choose_other()
            self.maps.look(self._other)
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        px = theme().px
        height = self.height() - 2 * px(MARGIN_Y) - self.finding.height() - px(8)
        self.side.fit(height, self.view.canvas.shape)
        self.view.setMaximumWidth(self.view.full_size().width() + self.view.verticalScrollBar().sizeHint().width())
        self.side.setVisible(self.width() - 2 * px(MARGIN_X) - self.side.width() - SIDE_GAP >= px(240))

    def _on_theme(self) -> None:
        self._laid = ()
        self._make_room()
        if self.active:
            self._show()

    # ---- the second run ----

    def _find_others(self) -> None:
        """Runs of the same pictures and classes beside the open one."""
        run, found = self.session.run, {}
        if run is not None:
            there = list_runs(paths.runs_dir())
            with suppress(BadRun):
                there.append(Run.open(paths.DEFAULT_BUNDLED_RUN))
            found = {str(each.path): each for each in there if each.info.id != run.info.id
                     and each.info.image_shape == run.info.image_shape
                     and each.info.class_names == run.info.class_names}
        self._others = found
        self.setup.set_others([(path, each.name) for path, each in found.items()])

    def _choose_other(self) -> None:
        self._other = self._others.get(self.session.time_machine.other)

    def _difference(self) -> bool:
        """Whether one run is taken from the other: asked for, and their rows are the same noise levels."""
        maps = self.maps.maps
        return len(maps) == 2 and self.session.time_machine.compare == "difference" and \
            np.array_equal(maps[0].sigma, maps[1].sigma)

    # ---- the session and hands ----

    def _on_run(self) -> None:
        if self.active:
            self._find_others()
            self.refresh()

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.refresh()

    def _on_place(self, *_: object) -> None:
        if self.active:
            self._show_place()

    def _on_drawn(self) -> None:
        self._show_way()
        self._show_state()

    # ---- showing ----

    def _show(self) -> None:
        session, maps = self.session, self.maps
        if session.run is None or not session.snapshots or maps.fault or not maps.maps:
            self._show_empty()
            return
        self._either.setCurrentWidget(self._whole)
        config = session.time_machine
        difference = self._difference()
        steps = [each.steps for each in maps.maps]
        places = differences(*steps) if difference else side_by_side(steps)
        shape = session.image_shape[1:]
        laid = (tuple(places), tuple(maps.maps[0].t), shape, theme().name)
        if self.view.set_size(config.size):
            self._make_room()
        if laid != self._laid:
            self._laid = laid
            titles = [each.run.name for each in maps.maps] if len(maps.maps) == 2 and not difference else []
            self.view.lay_out(places, [number(int(t)) for t in maps.maps[0].t], shape, titles)
            self.walk.way = []
            self._make_room()
        self.painter.paint_all()
        self.setup.show_why("Their noise schedules differ, so a row is not the same noise level in both: they can only "
                            "stand side by side." if len(maps.maps) == 2 and config.compare == "difference"
                            and not difference else "")
        self._show_heading(difference)
        self._on_line()
        self._show_way()
        self._show_place()
        self._show_state()

    def _show_heading(self, difference: bool) -> None:
        session, config = self.session, self.session.time_machine
        self.heading.set_symbol(SYMBOLS[config.show])
        what = "noise level t downwards, training step to the right"
        if config.show == "judge":
            ends = "dark 0 to light 1" if theme().name == "dark" else "light 0 to dark 1"
            what = f"how sure the judge is, {ends}; t downwards, step to the right"
        if difference:
            what = f"{self.maps.maps[1].run.name} minus {self.maps.maps[0].run.name}; {what}"
        self.heading.set_short(f"{what}; class {self._class_name()}, seed {number(session.seed)}")
        seeds = config.line_seeds
        over = "this seed" if seeds < 2 else f"mean of {seeds} seeds"
        self.heading.set_note(f"line: {over}" if config.line else "")

    def _class_name(self) -> str:
        label, names = self.session.class_label, self.session.class_names
        return names[label] if label < len(names) else str(label)

    def _on_columns(self, changed: set[tuple[int, int]] | None) -> None:
        if not self.active:
            return
        if changed is None:
            self._show()
        else:
            self.painter.paint_soon(changed)

    def _on_painted(self) -> None:
        self._on_line()
        self._show_side(self.view.hover)
        self.ready_changed.emit()

    def _on_line(self) -> None:
        if not self.active or not self.maps.maps:
            return
        session, maps, config = self.session, self.maps, self.session.time_machine
        label, over_seeds, lines, said = session.class_label, config.line_seeds >= 2, [], Said("")
        if config.line:
            lines = curves(maps.maps, self.view.canvas.places, label, over_seeds, self._difference())
            said = said_of(maps.maps[0], label, self._class_name(), session.seed, over_seeds, maps.filling)
        self.view.set_curves(lines)
        self.decided.setVisible(config.line)
        self.finding.set(said.answer, said.numbers)

    def _show_way(self) -> None:
        self.view.set_way(self.walk.way if self.session.time_machine.path else [])

    def _show_place(self) -> None:
        """The current point on the map."""
        maps, places = self.maps.maps, self.view.canvas.places
        own = [(index, place.step) for index, place in enumerate(places) if place.number == 0]
        if not maps or not own:
            self.view.set_current(None)
            self._show_side(None)
            return
        column = min(own, key=lambda found: abs(found[1] - self.session.step))[0]
        t = maps[0].schedule.t_of_sigma(self.session.sigma())
        cell = column, int(np.abs(maps[0].t - t).argmin())
        moved = cell != self.view.current
        self.view.set_current(cell)
        if moved:
            self.view.show_cell(cell)
        self._show_side(self.view.hover)

    def _on_hover(self, _: Cell | None) -> None:
        if not self._beside.isActive():
            self._beside.start()

    def _show_side(self, cell: Cell | None) -> None:
        cell = cell or self.view.current
        places, maps = self.view.canvas.places, self.maps
        if cell is None or cell[0] >= len(places) or places[cell[0]].number >= len(maps.maps):
            self.side.clear()
            return
        place: Place = places[cell[0]]
        each = maps.maps[place.number]
        last = each.steps[-1] if each.steps else place.step
        self.side.show_cell(each, place.step, cell[1], maps.column(place.number, place.step),
                            maps.column(place.number, last), self._class_name())

    def _show_state(self) -> None:
        maps = self.maps
        words = ""
        if maps.failure is not None:
            words = "The map could not be filled; the banner says why."
        elif maps.stopped:
            words = "Stopped; what is finished is kept."
        elif maps.filled():
            words = "Every picture is there."
        elif not maps.filling:
            words = "Waits until the page is in front."
        some = bool(maps.maps) and any(each.columns for each in maps.maps)
        can_go_on = not maps.filling and (maps.stopped or maps.failure is not None)
        self.setup.show_state(maps.filling, words, can_go_on, some, len(self.walk.way) > 1)
        self.save.setEnabled(some)
        if self.active and self.session.run is not None and self.maps.maps:
            self._on_line()
        self.ready_changed.emit()

    def _show_empty(self) -> None:
        session = self.session
        bundled = self.empty.buttons[0]
        bundled.setVisible(session.run is None and paths.DEFAULT_BUNDLED_RUN.exists())
        self.finding.set("", "")
        self.decided.hide()
        if session.run is None:
            self.empty.set_texts("No run is open.", "Open one, or press Train to start a new model.")
        elif not session.snapshots:
            self.empty.set_texts("This run has no snapshot yet.", "The first comes within seconds of pressing Train; "
                                 "each is a column of the map.")
        elif self.maps.fault:
            self.empty.set_texts("There can be no such map.", self.maps.fault)
        else:
            self.empty.set_texts("Not drawn yet", "The map fills while this page is in front.")
        self.side.clear()
        self._either.setCurrentWidget(self.empty)
        self._show_state()
