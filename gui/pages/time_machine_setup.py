"""What may be set on the Time machine page: the map, the second run, how it is drawn; progress and export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.events import JobProgress
from engine.page_config import TimeMachineConfig
from engine.settings import Setting, describe, parse
from gui.session import Session
from gui.theme import theme
from gui.widgets.buttons import OutlineButton
from gui.widgets.choice import Choice
from gui.widgets.fields import NARROW, FixedRow, SettingRow
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented
from gui.widgets.setting_words import choice_label

SETTINGS = {setting.name: setting for setting in describe(TimeMachineConfig)}
COLUMNS = [(0, "all snapshots"), (10, "10 snapshots"), (20, "20 snapshots"), (40, "40 snapshots")]
LEVELS = [(13, "13, even in t"), (25, "25, even in t"), (41, "41, even in t")]
SEEDS = [(1, "this seed"), (24, "24 seeds"), (100, "100 seeds")]
NO_OTHER = "no other run"
ELSEWHERE = ("Set on the Reverse page; the run's own until you change it there. A map takes as many steps as it has "
             "rows below the first, and is guided against no snapshot and by no CLIP.")
WORK = {"coarse": "Coarse map", "levels": "Every level", "seeds": "Line over seeds", "other classes": "Other classes"}


class _Labelled(QWidget):
    """A label and an editor that no other row has; the label's column grows with the text."""

    def __init__(self, setting: Setting, editor: QWidget, wide: bool = False) -> None:
        super().__init__()
        self.label = Text(setting.label, 13, 400, "text2", elide=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.label)
        row.addWidget(editor, int(wide))
        if not wide:
            row.addStretch(1)
        self.label.setBuddy(editor)
        self.label.setToolTip(setting.help)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.label.set_width(theme().px(NARROW))


class TimeMachineSetup(QObject):
    """The sections of the Setup dock."""

    config_changed = Signal(object)  # TimeMachineConfig
    stop_asked = Signal()
    go_on_asked = Signal()
    play_asked = Signal()
    csv_asked = Signal()
    picture_asked = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._others: list[tuple[str, str]] = [("", NO_OTHER)]
        self._filling = False
        self._make_map()
        self._make_compare()
        self._make_fill()
        self._make_rest()
        self.show()

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.map, self.compare, self.fill, self.sampling, self.export]

    def _make_map(self) -> None:
        self.map = Section("Map")
        self.map.setProperty("explain", "time-machine")
        self.what = Segmented([("x0", "x̂₀"), ("xt", "xₜ"), ("judge", "Judge")], SETTINGS["show"].label)
        self.what.set_tooltips(["The picture that the snapshot predicts at that noise level",
                                        "The noisy picture that its sampler holds there",
                                        "How sure the judge of noisy pictures is of the class in xₜ, dark to light"])
        self.size = Segmented([(1, "1×"), (2, "2×"), (3, "3×")], SETTINGS["size"].label)
        self.size.set_tooltips([f"{n} × 28 pixels of the screen a picture" for n in (1, 2, 3)])
        self.rows = {name: SettingRow(SETTINGS[name], label_width=NARROW, choices=choices) for name, choices in
                     (("columns", COLUMNS), ("levels", LEVELS), ("line_seeds", SEEDS))}
        self.boxes = {name: SettingRow(SETTINGS[name], label_width=NARROW) for name in ("line", "tint", "path")}
        self.play = OutlineButton("Play path", "play")
        self.play.setToolTip("Walk along the way that was last drawn over the map; Return in the map does the same.")
        self.play.clicked.connect(self.play_asked)
        self.what.changed.connect(lambda value: self._set("show", value))
        self.size.changed.connect(lambda value: self._set("size", value))
        for row in (*self.rows.values(), *self.boxes.values()):
            row.committed.connect(self._set)
        for row in (self.rows["line_seeds"], self.boxes["line"]):
            row.setProperty("explain", "first-line")
        self.map.add(_Labelled(SETTINGS["show"], self.what), self.rows["columns"], self.rows["levels"],
                     _Labelled(SETTINGS["size"], self.size), self.boxes["line"], self.rows["line_seeds"],
                     self.boxes["tint"], self.boxes["path"], self.play)

    def _make_compare(self) -> None:
        self.compare = Section("Compare")
        self.compare.setProperty("explain", "time-machine-two")
        self.other = Choice(self._others, SETTINGS["other"].label)
        self.other.changed.connect(lambda value: self._set("other", value))
        self.other.setToolTip(SETTINGS["other"].help)
        self.way = SettingRow(SETTINGS["compare"], label_width=NARROW,
                              choices=[("side", "side by side"), ("difference", "difference")])
        self.way.committed.connect(self._set)
        self.why = Text("", 12, 400, "muted", wrap=True)
        self.compare.add(_Labelled(SETTINGS["other"], self.other, wide=True), self.way, self.why)

    def _make_fill(self) -> None:
        self.fill = Section("Filling")
        self.work = Text("", 12, 400, "muted")
        self.progress = JobProgressBar("")
        self.progress.setAccessibleName("Filling the map")
        self.progress.cancel.setAccessibleName("Cancel filling the map")
        self.progress.cancel.setToolTip("Draw no more of this map; what is finished is kept with the run.")
        self.progress.cancelled.connect(self.stop_asked)
        self.progress.hide()
        self.go_on = OutlineButton("Go on")
        self.go_on.setToolTip("Draw what is missing, in the background.")
        self.go_on.clicked.connect(self.go_on_asked)
        self.fill.add(self.work, self.progress, self.go_on)

    def _make_rest(self) -> None:
        self.sampling = Section("Sampling")
        self.sampler = FixedRow("Sampler", "", NARROW, ELSEWHERE)
        self.guidance = FixedRow("Guidance", "", NARROW, ELSEWHERE)
        self.sampling.add(self.sampler, self.guidance)
        self.export = Section("Export")
        self.table = OutlineButton("Save table…")
        self.table.clicked.connect(self.csv_asked)
        self.picture = OutlineButton("Save map…")
        self.picture.clicked.connect(self.picture_asked)
        self.export.add(self.table, self.picture)

    # ---- showing ----

    def set_others(self, others: Sequence[tuple[str, str]]) -> None:
        """Runs that may stand beside the open one: (folder, name)."""
        offered = [("", NO_OTHER), *others]
        if offered != self._others:
            self._others = offered
            self.other.set_choices(offered)

    def show(self) -> None:
        """The session's settings."""
        config, sampling = self.session.time_machine, self.session.sampling
        self.what.set_value(config.show)
        self.size.set_value(config.size)
        for name, row in (*self.rows.items(), *self.boxes.items(), ("compare", self.way)):
            if row.value() != getattr(config, name):
                row.set_value(getattr(config, name))
        self.rows["line_seeds"].set_enabled(config.line, "The line is switched off.")
        there = config.other in [value for value, _ in self._others]
        self.other.set_value(config.other if there else "")
        self.way.set_enabled(bool(self.other.value()), "Choose a second run first.")
        self.compare.set_state_text(dict(self._others).get(config.other, NO_OTHER) if config.other else NO_OTHER)
        self.sampler.set_value(f"{choice_label(sampling.sampler)}, {config.levels - 1} steps")
        self.guidance.set_value(f"{sampling.guidance_scale:g}")
        self.sampling.set_state_text(f"{choice_label(sampling.sampler)}, guidance {sampling.guidance_scale:g}")

    def show_why(self, why: str) -> None:
        """Why two runs cannot be compared as asked; "" if they can."""
        self.why.setText(why)
        self.why.setVisible(bool(why))

    def show_state(self, filling: bool, words: str, can_go_on: bool, exportable: bool, path: bool) -> None:
        """Whether it fills, else what is so; what can be saved and played."""
        if filling != self._filling:
            self._filling = filling
            if filling:
                self.work.setText("Reads what is kept")
                self.progress.start()
            else:
                self.progress.finish()
        if not filling:
            self.work.setText(words)
        self.fill.set_state_text("" if filling else words)
        self.go_on.setVisible(can_go_on)
        for button, what in ((self.table, "One row a cell: training step, noise level, how sure the judge is, as CSV."),
                             (self.picture, "The whole map as it is shown, with its line, as a PNG picture.")):
            button.setEnabled(exportable)
            button.setToolTip(what if exportable else "There is nothing to save yet.")
        self.play.setEnabled(path)

    def show_progress(self, progress: JobProgress) -> None:
        """How far one kind of work is, in pictures."""
        name = WORK.get(progress.unit, progress.unit)
        if name != self.work.text():
            self.work.setText(name)
            self.progress.start(name)
        self.progress.set(progress.n, progress.total)

    def _set(self, name: str, value: Any) -> None:
        config = self.session.time_machine
        self.config_changed.emit(parse(TimeMachineConfig, {**config.model_dump(), name: value}))

