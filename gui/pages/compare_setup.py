"""What may be set on the Compare page: the lanes of the race, and over how many pictures they are measured."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.config import SamplingConfig, find_setting
from engine.diffusion.evaluations import idle_settings, network_evaluations
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.race import FEWEST_LANES, MOST_LANES
from engine.page_config import RaceConfig
from engine.settings import Setting, describe, parse
from gui.pages.compare_words import calls, lane_names
from gui.session import Session
from gui.widgets.buttons import IconButton, OutlineButton
from gui.widgets.fields import NARROW, SettingRow, SliderField
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section

MOST_ON_TRACK = 100  # steps; the box takes more
WHICH = Setting(group="", name="lane", label="Lane", help="Which lane the rows below set. Its curves are drawn in "
                "colour.", unit="", default=0, minimum=None, maximum=None, step=None, choices=(), kind=int, live=False)
RACE_SETTINGS = {setting.name: setting for setting in describe(RaceConfig)}


class CompareSetup(QObject):
    """The sections of the Setup dock. `chosen` is the lane that the rows set."""

    chosen_changed = Signal()
    measure_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.chosen = len(session.race.lanes) - 1
        self._make_lanes()
        self._make_measure()
        self.show()

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.lanes, self.many]

    # ---- making ----

    def _make_lanes(self) -> None:
        self.add = IconButton("plus", "Add a lane: the chosen one once more, to be changed")
        self.remove = IconButton("trash", "Remove the chosen lane")
        self.reset = IconButton("undo", "Reset the lanes: those the page began with")
        tail = QWidget()
        row = QHBoxLayout(tail)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for button in (self.add, self.remove, self.reset):
            row.addWidget(button)
        self.lanes = Section("Lanes", tail=tail)
        self.lanes.setProperty("explain", "race")
        self.which = SettingRow(WHICH, 0, label_width=NARROW, choices=[(0, "")])
        self.sampler = SettingRow(find_setting("sampler", "sampling"), label_width=NARROW)
        self.steps = SliderField(find_setting("num_steps", "sampling"), limit=MOST_ON_TRACK)
        self.grid = SettingRow(find_setting("grid", "sampling"), label_width=NARROW)
        self.grid.label.setText("Levels")  # the whole word has no room beside sliders
        self.eta = SliderField(find_setting("eta", "sampling"))
        self.guidance = SliderField(find_setting("guidance_scale", "sampling"), ticks=(1.0,))
        self.cost = Text("", 12, 400, "muted", wrap=True)
        self.cost.setToolTip("Network calls of this lane for one picture. Guidance needs two a step, except at w = 0 "
                             "and w = 1; Heun asks at both ends of a step.")
        self.show_x = SettingRow(RACE_SETTINGS["show_x"], label_width=NARROW)
        self.lanes.add(self.which, self.sampler, self.steps, self.grid, self.eta, self.guidance, self.cost, self.show_x)
        self.rows: dict[str, SettingRow | SliderField] = {
            "sampler": self.sampler, "num_steps": self.steps, "grid": self.grid, "eta": self.eta,
            "guidance_scale": self.guidance}
        for name, topic in (("sampler", "sampler"), ("num_steps", "steps"), ("grid", "schedule"), ("eta", "eta"),
                            ("guidance_scale", "guidance")):
            self.rows[name].setProperty("explain", topic)
            self.rows[name].committed.connect(self._set)
        for slider in (self.steps, self.eta, self.guidance):
            slider.moved.connect(self._set)
        self.eta.slider.setAccessibleName("η, fresh noise")
        self.eta.box.setAccessibleName("η, fresh noise")
        self.show_x.setProperty("explain", "x-t")
        self.which.committed.connect(lambda _, index: self.choose(index))
        self.show_x.committed.connect(lambda _, on: self._change(show_x=on))
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        self.reset.clicked.connect(lambda: self._change(lanes=RaceConfig().lanes))

    def _make_measure(self) -> None:
        self.many = Section("Many pictures")
        self.many.setProperty("explain", "race-plots")
        self.pictures = SettingRow(RACE_SETTINGS["pictures"], label_width=NARROW)
        self.pictures.committed.connect(lambda _, count: self._change(pictures=count))
        self.measure = OutlineButton("Measure")
        self.measure.clicked.connect(self.measure_asked)
        self.progress = JobProgressBar("")  # the section says what; a dock has room for count and time left
        self.progress.setAccessibleName("Measuring over many pictures")
        self.progress.cancel.setAccessibleName("Cancel measuring")
        self.progress.cancel.setToolTip("End the measurement; nothing of it is kept.")
        self.progress.cancelled.connect(self.cancel_asked)
        self.progress.hide()
        self.state = Text("", 12, 400, "muted", wrap=True)
        self.many.add(self.pictures, self.measure, self.progress, self.state)

    # ---- showing ----

    def show(self) -> None:
        """The session's lanes, and the settings of the chosen one."""
        race = self.session.race
        self.chosen = min(self.chosen, len(race.lanes) - 1)
        lane = race.lanes[self.chosen]
        self.which.editor.set_choices(  # type: ignore[union-attr]
            [(i, f"{i + 1}  {name}") for i, name in enumerate(lane_names(race.lanes))])
        self.which.set_value(self.chosen)
        for name, row in self.rows.items():
            if row.value() != getattr(lane, name):
                row.set_value(getattr(lane, name))
            row.show_error("")
        try:
            idle, count = idle_settings(lane, self._schedule()), network_evaluations(lane, self._schedule())
            self.cost.setText(f"{calls(count)} a picture")
        except BadSetting as error:
            idle = {}
            self.cost.setText(error.headline)
        self.eta.set_enabled("eta" not in idle, idle.get("eta", ""))
        for row, value in ((self.show_x, race.show_x), (self.pictures, race.pictures)):
            if row.value() != value:
                row.set_value(value)
        self.add.setEnabled(len(race.lanes) < MOST_LANES)
        self.add.setToolTip("Add a lane: the chosen one once more, to be changed" if len(race.lanes) < MOST_LANES else
                            f"Add a lane: a race has at most {MOST_LANES}")
        self.remove.setEnabled(len(race.lanes) > FEWEST_LANES)
        self.remove.setToolTip("Remove the chosen lane" if len(race.lanes) > FEWEST_LANES else
                               f"Remove the chosen lane: a race has at least {FEWEST_LANES}")
        self.reset.setEnabled(race.lanes != RaceConfig().lanes)
        self.lanes.set_state_text(f"{len(race.lanes)}")

    def show_measuring(self, measuring: bool, words: str, button: str, why_not: str) -> None:
        """Progress while measuring, else the button. why_not: the reason why it is switched off."""
        if measuring and not self.measure.isHidden():
            self.progress.start()
        elif not measuring:
            self.progress.finish()
        self.measure.setVisible(not measuring)
        self.measure.setText(button)
        self.measure.setEnabled(not why_not)
        self.measure.setToolTip(why_not or "Draw the pictures in the background with 3 to 50 steps in every lane, and "
                                "read them. It can be cancelled; the result is kept with the run.")
        self.state.setText(words)
        self.state.setVisible(bool(words))
        self.many.set_state_text(words)

    def show_progress(self, progress: JobProgress) -> None:
        """How far the measurement is, in pictures' worth of network calls."""
        pictures = self.session.race.pictures
        self.progress.set(pictures * progress.n // max(1, progress.total), pictures)

    def _schedule(self) -> Any:
        run = self.session.run
        return run.schedule() if run else self.session.schedule

    # ---- hands ----

    def choose(self, index: int) -> None:
        """Set another lane."""
        if index != self.chosen:
            self.chosen = index
            self.show()
            self.chosen_changed.emit()

    def _change(self, **changes: Any) -> None:
        self.session.set_race(parse(RaceConfig, {**_values(self.session.race), **changes}))

    def _set(self, name: str, value: Any) -> None:
        lanes = list(self.session.race.lanes)
        try:
            lane = parse(SamplingConfig, {**lanes[self.chosen].model_dump(), name: value})
            network_evaluations(lane, self._schedule())  # more steps than timesteps are refused
        except BadSetting as error:
            self.rows[name].show_error(error.headline)
            return
        lanes[self.chosen] = lane
        self.rows[name].show_error("")
        self._change(lanes=tuple(lanes))

    def _add(self) -> None:
        lanes = self.session.race.lanes
        again = lanes[self.chosen]
        self.chosen = len(lanes)
        self._change(lanes=(*lanes, again))

    def _remove(self) -> None:
        lanes = self.session.race.lanes
        gone = self.chosen
        self.chosen = max(0, gone - 1)
        self._change(lanes=lanes[:gone] + lanes[gone + 1:])


def _values(race: RaceConfig) -> dict[str, Any]:
    return {name: getattr(race, name) for name in RaceConfig.model_fields}
