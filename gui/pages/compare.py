"""The Compare page: samplers race from the same noise, and are measured by what they give for what they cost."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from engine.errors import DiffuscopeError
from engine.measure.race import RaceReady, RaceRequest, judge_reads
from engine.settings import number
from gui.pages.base import MARGIN_X, MARGIN_Y, Page
from gui.pages.compare_lanes import LaneRow
from gui.pages.compare_plots import MANY, ComparePlots
from gui.pages.compare_race import Measurements, Races
from gui.pages.compare_setup import CompareSetup
from gui.pages.compare_words import quality_finding, race_finding
from gui.pages.without_pictures import say_no_pictures
from gui.session import Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.section import Section

PLOTS, LEAST_PLOTS = 270, 208  # px of height at 100 % that the plots are left, less where there is little in all
OLD_STAYS_MS = 300  # the last race stays so long while the next has not begun: nothing flickers


class ComparePage(Page):
    """A race starts by itself at each new point; the noise slider then walks through it."""

    name = "race"
    title = "Compare"
    explain = "race"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.races = Races(session, self)
        self.measurements = Measurements(session, self)
        self.setup = CompareSetup(session, self)
        self.row = LaneRow()
        self.plots = ComparePlots(self.measurements.measure)
        self.empty = EmptyState("", "", [("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("A trained digit model that came with the program")
        self._judged = True
        self._looked_back = False  # the noise slider was moved since the race ended
        self._whole = QWidget()
        column = QVBoxLayout(self._whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.row)
        column.addWidget(self.plots, 1)
        self._either = QStackedLayout()
        self._either.addWidget(self._whole)
        self._either.addWidget(self.empty)
        self.body.addLayout(self._either, 1)
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("race-first"), ""),
                                ("Run again", self.run_or_stop, "play")])
        self.decided, self.run = self.finding.links
        self.decided.setProperty("explain", "race-first")
        self.decided.setToolTip("When a lane counts as there, and what places go by, in Explain")
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(OLD_STAYS_MS)
        self._wait.timeout.connect(self._clear_old)
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        session = self.session
        self.races.changed.connect(self._on_race)
        self.measurements.changed.connect(self._on_measured)
        self.measurements.progressed.connect(self.setup.show_progress)
        self.setup.chosen_changed.connect(self._on_chosen)
        self.setup.measure_asked.connect(self.measure)
        self.setup.cancel_asked.connect(self.measurements.cancel)
        self.row.chosen.connect(self.setup.choose)
        self.plots.view_changed.connect(self._show)
        session.run_changed.connect(self._on_run)
        session.snapshots_changed.connect(self._on_snapshots)
        session.training_changed.connect(self._on_training)
        session.race_changed.connect(self._on_lanes)
        session.noise_level_changed.connect(self._on_noise_level)
        for moved in (session.class_changed, session.step_changed, session.seed_changed, session.average_changed):
            moved.connect(self._on_point)
        theme().changed.connect(self._make_room)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return self.setup.sections

    def ready(self) -> bool:
        return not (self.races.running() or self._wait.isActive())

    def deactivate(self) -> None:
        super().deactivate()
        self._wait.stop()
        if self.races.running():
            self.races.forget()  # begins anew when the page is back

    def refresh(self) -> None:
        """Everything anew. Only in front is anything asked for."""
        session = self.session
        self.setup.show()
        self.row.set_shape(session.image_shape[1:])
        self._show_lanes()
        if session.point() is None:
            self._show_empty()
            return
        self._either.setCurrentWidget(self._whole)
        if self.active:
            self._judged = self._reads()
            self.plots.set_judged(self._judged)
            self._want()
            self.measurements.look()
            self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """The lanes take what the plots leave."""
        px = theme().px
        width = self.width() - 2 * px(MARGIN_X)
        height = self.height() - 2 * px(MARGIN_Y) - self.finding.height() - px(8) - 10
        plots = px(PLOTS) if height > px(520) else px(LEAST_PLOTS)
        self.row.fit(width, max(0, height - plots))

    # ---- the session moved ----

    def _on_run(self) -> None:
        self.races.forget()
        self._clear_old()
        self.refresh()

    def _on_snapshots(self) -> None:
        if self.active or self.session.point() is None:
            self.refresh()

    def _on_training(self) -> None:
        if self.active:
            self._show_measuring()
            if self.session.point() is None:
                self._show_empty()

    def _on_lanes(self) -> None:
        self.setup.show()
        self._show_lanes()
        self._make_room()
        self._on_point()

    def _on_chosen(self) -> None:
        self._show_lanes()
        if self.active:
            self._show()

    def _on_point(self, *_: object) -> None:
        if self.active and self.session.point() is not None:
            self._want()
            self.measurements.look()
            self._show()

    def _on_noise_level(self, *_: object) -> None:
        if self.active and self.races.answer is not None and not self.races.running():
            self._looked_back = True
            self._show_frames()

    # ---- racing ----

    def _reads(self) -> bool:
        """Whether the judge reads what this run draws."""
        try:
            return self.session.run is not None and judge_reads(self.session.run)
        except DiffuscopeError:
            return False

    def _want(self) -> None:
        session, run = self.session, self.session.run
        assert run is not None
        request = RaceRequest(run.path, session.step, session.class_label, session.seed, session.race.lanes,
                              session.average())
        if request == self.races.wanted:
            return
        if session.training and session.following and self.races.running() and self._only_newer(request):
            return  # the race under way comes to its end; the next snapshot is looked at then
        self._looked_back = False
        self._wait.start()
        self.races.want(request)

    def _only_newer(self, request: RaceRequest) -> bool:
        now = self.races.wanted
        return now is not None and (now.run, now.class_label, now.seed, now.lanes, now.average_percent) == \
            (request.run, request.class_label, request.seed, request.lanes, request.average_percent)

    def run_or_stop(self) -> None:
        """Race again from the start, or end the race under way."""
        if self.races.running():
            self._wait.stop()
            self.races.stop()
        elif self.session.point() is not None:
            self._looked_back = False
            self.races.again()

    def measure(self) -> None:
        """Measure the lanes over many pictures, and look at that."""
        self.measurements.measure()
        self.plots.show_view(MANY)

    def _on_race(self) -> None:
        if not self.active:
            return
        if self.races.answer is not None and self.races.answer.request == self.races.wanted:
            self._wait.stop()
        if not self.races.running() and self.session.training and self.session.following:
            self._want()  # a snapshot may have come meanwhile
        self._show()
        self.ready_changed.emit()

    def _on_measured(self) -> None:
        if self.active:
            self._show()

    # ---- showing ----

    def _answer(self) -> RaceReady | None:
        """What there is of a race with these lanes; at a new point the last one, for a moment."""
        answer = self.races.answer
        fits = answer is not None and len(answer.lanes) == len(self.session.race.lanes)
        return answer if fits else None

    def _class_name(self, answer: RaceReady | None) -> str:
        label = answer.request.class_label if answer is not None else self.session.class_label
        names = self.session.class_names
        return names[label] if label < len(names) else str(label)

    def _clear_old(self) -> None:
        """The next race has not begun: show none rather than that of another point."""
        self._wait.stop()
        answer = self.races.answer
        if answer is not None and answer.request != self.races.wanted:
            self.races.answer = None
        if self.races.answer is None:
            self.row.clear()
        if self.active and self.session.point() is not None:
            self._show()

    def _show_lanes(self) -> None:
        race = self.session.race
        self.row.set_lanes(race.lanes, self.setup.chosen, race.show_x)
        self._make_room()

    def _show(self) -> None:
        if not self.active or self.session.point() is None:
            return
        self._show_frames()
        self._show_plots()
        self._show_measuring()
        self._say()

    def _show_frames(self) -> None:
        answer = self._answer()
        if answer is None:
            self.row.clear()
            return
        name = self._class_name(answer)
        back = self._looked_back and all(lane.arrived for lane in answer.lanes)
        for view, lane in zip(self.row.views, answer.lanes, strict=True):
            frame = self._frame_at_level(lane) if back else lane.filled - 1
            if frame < 0:
                view.clear()
            else:
                view.show_frame(lane, frame, name, answer.judged, answer.complete)

    def _frame_at_level(self, lane: object) -> int:
        """The frame nearest to the noise slider, whose schedule may be another than the run's own."""
        return self.session.frame(lane)  # type: ignore[arg-type]  # it asks for frame_at alone

    def _show_plots(self) -> None:
        session, race, known = self.session, self.session.race, self.measurements
        if self.plots.many():
            busy = "The first figures come when every lane has drawn its first pictures." if known.measuring else ""
            self.plots.show_many(known.lanes, race.lanes, self.setup.chosen, race.pictures, busy)
        else:
            answer = self._answer()
            self.plots.show_race(answer, race.lanes, self.setup.chosen, self._class_name(answer))
        self.run.setVisible(session.point() is not None)
        running = self.races.running()
        self.run.setText("Stop" if running else "Run again")
        self.run.set_icon("stop" if running else "play")
        self.run.setToolTip("End this race" if running else "Race again from the same noise, and time it again")

    def _show_measuring(self) -> None:
        known, pictures = self.measurements, self.session.race.pictures
        missing = sum(lane is None for lane in known.lanes)
        some = 0 < missing < len(known.lanes)
        words = ""
        if known.measured and known.complete and known.lanes[0] is not None:
            words = f"measured over {number(known.lanes[0].pictures)} pictures a lane"
        elif some and not known.measuring:
            words = f"{missing} of {len(known.lanes)} lanes not measured"
        again = known.measured and known.complete
        button = f"Measure {'again ' if again else ''}over {number(pictures)}"
        why_not = "" if self.session.point() is not None else "There is no snapshot to measure yet."
        self.setup.show_measuring(known.measuring, words, button, why_not)

    def _show_empty(self) -> None:
        say_no_pictures(self.session, self.empty, self.finding, "its samplers race here")
        self._either.setCurrentWidget(self.empty)
        self.races.forget()
        self.measurements.look()
        self._show_measuring()

    def _say(self) -> None:
        """The finding, from what is shown below: the race, or the measurement."""
        self.decided.show()
        known, answer = self.measurements, self._answer()
        if self.plots.many():
            if known.failure is not None and not known.measured:
                self.finding.set("Not measured.", "The measurement failed; the banner above says why.")
            elif known.measuring and not any(known.lanes):
                self.finding.set("Measuring.", f"Every lane draws {number(self.session.race.pictures)} pictures with "
                                 "each number of steps.")
            else:
                said = quality_finding(self.session.race.lanes, known.lanes, known.complete)
                self.finding.set(said.answer, said.numbers)
            return
        if self.races.failure is not None:
            failure = self.races.failure
            self.finding.set("The race failed.", f"{failure.headline} {failure.advice}".strip())
        elif answer is None or answer.request != self.races.wanted:
            self.finding.set("Starting.", f"Class {self._class_name(None)}, seed {number(self.session.seed)}.")
        elif not self.races.running() and not all(lane.arrived for lane in answer.lanes):
            self.finding.set("Stopped.", "Run again starts the race anew.")
        else:
            said = race_finding(answer, self._class_name(answer))
            self.finding.set(said.answer, said.numbers)
