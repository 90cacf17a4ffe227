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
from gui.pages.time_machine_maps import Maps, RunMap
from gui.pages.time_machine_paper import Cell, Curve
from gui.pages.time_machine_save import MapFiles
from gui.pages.time_machine_setup import TimeMachineSetup
from gui.pages.time_machine_side import SidePanel
from gui.pages.time_machine_view import MapView
from gui.pages.time_machine_words import finding, own_finding
from gui.preferences import load_preferences
from gui.session import Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.play_clock import PlayClock
from gui.widgets.section import Section

SYMBOLS = {"x0": "x̂<sub>0</sub>", "xt": "x<sub>t</sub>", "judge": "p"}
PAINT_MS = 80  # several columns in one paint
BESIDE_MS = 33  # the enlargement follows the pointer so often
PATH = "path"  # row of the play clock
PATH_SPEED = 0.5  # of 24 cells a second
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
        self.clock = PlayClock(self)
        self.clock.loop = False
        self.clock.set_speed(PATH_SPEED)
        self.empty = EmptyState("", "", [("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("A trained digit model that came with the program")
        self._other: Run | None = None
        self._others: dict[str, Run] = {}
        self._laid: tuple[object, ...] = ()
        self._stale: set[tuple[int, int]] = set()  # columns to paint anew
        self._before: tuple[int, int] | None = None  # step and t when a drag began
        self._way: list[Cell] = []
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("first-line"), ""),
                                ("Save…", self.files.save_picture, "")])
        self.decided, self.save = self.finding.links
        self.decided.setToolTip("What the line of first recognition is and what it rests on, in Explain")
        self.save.setToolTip("Save the whole map as a PNG picture")
        self._paint = QTimer(self)
        self._paint.setSingleShot(True)
        self._paint.setInterval(PAINT_MS)
        self._paint.timeout.connect(self._paint_stale)
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
        setup.play_asked.connect(lambda: self.play(self._way))
        setup.csv_asked.connect(self.files.save_table)
        setup.picture_asked.connect(self.files.save_picture)
        self._beside = QTimer(self)  # the pointer comes to many cells in a second
        self._beside.setSingleShot(True)
        self._beside.setInterval(BESIDE_MS)
        self._beside.timeout.connect(lambda: self._show_side(self.view.hover))
        self.view.hovered.connect(self._on_hover)
        self.view.chosen.connect(self._go)
        self.view.drawn.connect(self._on_drawn)
        self.clock.moved.connect(self._played)
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
        for timer in (self._paint, self._beside):
            timer.stop()
        self.clock.stop()
        self.maps.leave()

    def ready(self) -> bool:
        maps = self.maps
        if maps.request is None or not maps.maps or maps.failure is not None:
            return True
        lines = maps.request.line_seeds < 2 or all(each.comparison() is not None for each in maps.maps)
        return maps.filled() and (lines or not maps.filling)

    def play_levels(self) -> list[int]:
        if not self.maps.maps:
            return super().play_levels()
        return [self._shown_t(self.maps.maps[0], row) for row in range(len(self.maps.maps[0].t))]

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

    def _shown_t(self, each: RunMap, row: int) -> int:
        """t of a row on the schedule that is on display."""
        shown, own = self.session.schedule, each.schedule
        same = (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps)
        return int(each.t[row]) if same else shown.t_of_sigma(float(each.sigma[row]))

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
        each = self.maps.maps[place.number]
        session.set_step(place.step, by_hand=False)
        session.set_noise_level(self._shown_t(each, cell[1]), by_hand=False)

    def _on_drawn(self, way: list[Cell]) -> None:
        self._way = way
        self._show_way()
        self._show_state()
        if not load_preferences().reduced_motion:
            self.play(way)

    def play(self, way: list[Cell]) -> None:
        """Walk along a way drawn over the map, from its start."""
        if len(way) > 1:
            self.clock.stop()
            self.clock.set_stops(PATH, range(len(way)))
            self.clock.set_value(PATH, len(way) - 1)  # at its end it begins anew
            self.clock.play(PATH)

    def _played(self, _: str, index: int) -> None:
        if index < len(self._way) and self._way[index][0] < len(self.view.canvas.places):
            self._move_to(self._way[index])

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
            self._way = []
            self._make_room()
        self._stale = {(place.number, place.step) for place in places}
        self._paint_stale()
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
            return
        self._stale |= changed
        if not self._paint.isActive():
            self._paint.start()

    def _paint_stale(self) -> None:
        """Columns that have more; then what rests on them."""
        stale, self._stale = self._stale, set()
        canvas, config, maps = self.view.canvas, self.session.time_machine, self.maps
        there = [i for i, place in enumerate(canvas.places) if maps.column(place.number, place.step) is not None]
        for index, place in enumerate(canvas.places):
            new = (place.number, place.step) in stale or (place.minus is not None and (1, place.minus) in stale)
            missing = maps.column(place.number, place.step) is None
            if not new and not (missing and stale):
                continue
            if missing:  # the nearest one of the same run stands in, faint
                near = [i for i in there if canvas.places[i].number == place.number]
                place = canvas.places[min(near, key=lambda i: abs(i - index))] if near else place
            minus = None if place.minus is None else maps.column(1, place.minus)
            canvas.paint(index, maps.column(place.number, place.step), minus, config.show, config.tint, missing)
        self.view.painted()
        if stale:
            self._on_line()
            self._show_side(self.view.hover)
            self.ready_changed.emit()

    def _on_line(self) -> None:
        if not self.active or not self.maps.maps:
            return
        config = self.session.time_machine
        self.view.set_curves(self._curves() if config.line else [])
        own = self.maps.maps[0]
        self.decided.setVisible(config.line)
        if not config.line:
            self.finding.set("", "")
        elif config.line_seeds >= 2 and (found := own.comparison()) is not None:
            said = finding(found, self._class_name())
            self.finding.set(said.answer, said.numbers)
        else:
            said = own_finding(own.own_line(self.session.class_label), self._class_name(), self.session.seed)
            if config.line_seeds >= 2 and self.maps.filling:
                self.finding.set("Measuring the line." if own.first else "Filling the map.", said.numbers)
            else:
                self.finding.set(said.answer, said.numbers)

    def _curves(self) -> list[Curve]:
        """Over seeds, and while that is not all there the map's own seed, dashed."""
        curves, config, label = [], self.session.time_machine, self.session.class_label
        places = self.view.canvas.places
        for which, each in enumerate(self.maps.maps):
            at = {place.step if place.number == which else place.minus: index for index, place in enumerate(places)
                  if place.number == which or (which == 1 and place.minus is not None)}
            over_seeds = config.line_seeds >= 2
            whole = over_seeds and each.comparison() is not None
            for points, dashed in ((each.line() if over_seeds else [], False),
                                   ([] if whole else each.own_line(label), over_seeds)):
                there = tuple((at[p.snapshot], None if p.percent is None else p.percent / 100) for p in points
                              if p.snapshot in at)
                if there:
                    name = "" if dashed else "first readable"
                    if which == 1 and self._difference():
                        name = f"first readable, {each.run.name}" if name else ""
                    curves.append(Curve(there, label, dashed, name))
        return curves

    def _show_way(self) -> None:
        self.view.set_way(self._way if self.session.time_machine.path else [])

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
        self.setup.show_state(maps.filling, words, can_go_on, some, len(self._way) > 1)
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
