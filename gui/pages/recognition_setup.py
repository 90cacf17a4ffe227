"""What may be set on the Recognition page: seeds, who reads, whether the class is told; and the export."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.config import RecognitionConfig, describe, parse
from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.recognition import RecognitionRequest
from gui.session import Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.fields import NARROW, FixedRow, SettingRow
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section
from gui.widgets.setting_words import choice_label

SETTINGS = {setting.name: setting for setting in describe(RecognitionConfig)}
READERS = [("noisy", "Judge on xₜ"), ("x0", "Judge on predicted x₀")]
ELSEWHERE = "Set on the Reverse page; the run's own until you change it there."


class RecognitionSetup(QObject):
    """The sections of the Setup dock."""

    config_changed = Signal(object)  # RecognitionConfig
    measure_asked = Signal()
    cancel_asked = Signal()
    csv_asked = Signal()
    picture_asked = Signal()

    def __init__(self, session: Session, config: RecognitionConfig, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session, self.config = session, config
        self._make_measure()
        self._make_export()
        self.show(config)

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.section, self.export]

    def _make_measure(self) -> None:
        self.section = Section("Measure")
        self.section.setProperty("explain", "recognition")
        self.seeds = SettingRow(SETTINGS["seeds"], label_width=NARROW)
        self.reading = SettingRow(SETTINGS["reading"], label_width=NARROW, choices=READERS)
        self.unconditional = SettingRow(SETTINGS["unconditional"], label_width=NARROW)
        self.sampler = FixedRow("Sampler", "", NARROW, ELSEWHERE)
        self.steps = FixedRow("Steps", "", NARROW, ELSEWHERE)
        self.guidance = FixedRow("Guidance", "", NARROW, ELSEWHERE)
        self.measure = OutlineButton("Measure")
        self.measure.clicked.connect(self.measure_asked)
        self.progress = JobProgressBar("")  # the section says what; a dock has room for count and time left
        self.progress.setAccessibleName("Measuring recognition")
        self.progress.cancel.setAccessibleName("Cancel measuring recognition")
        self.progress.cancel.setToolTip("End the measurement; nothing of it is kept.")
        self.progress.cancelled.connect(self.cancel_asked)
        self.progress.hide()
        self.state = Text("", 12, 400, "muted", wrap=True)
        for row in (self.seeds, self.reading, self.unconditional):
            row.committed.connect(self._set)
        self.reading.setProperty("explain", "first-recognition")
        self.section.add(self.seeds, self.reading, self.unconditional, self.sampler, self.steps, self.guidance,
                         self.measure, self.progress, self.state)

    def _make_export(self) -> None:
        self.export = Section("Export")
        self.table = OutlineButton("Save table…")
        self.table.clicked.connect(self.csv_asked)
        self.picture = OutlineButton("Save picture…")
        self.picture.clicked.connect(self.picture_asked)
        self.export.add(self.table, self.picture)

    def show(self, config: RecognitionConfig) -> None:
        """These settings, and how the session draws."""
        self.config = config
        for row, value in ((self.seeds, config.seeds), (self.reading, config.reading),
                           (self.unconditional, config.unconditional)):
            if row.value() != value:
                row.set_value(value)
        sampling = self.session.sampling
        self.sampler.set_value(choice_label(sampling.sampler))
        self.steps.set_value(str(sampling.num_steps))
        self.guidance.set_value("none" if config.unconditional else f"{sampling.guidance_scale:g}")

    def cost(self, request: RecognitionRequest | None) -> str:
        """What the measurement takes, in network calls."""
        run = self.session.run
        if run is None or request is None:
            return ""
        try:
            each = network_evaluations(request.drawn_with, run.schedule())
        except BadSetting as error:
            return error.headline
        pictures = request.seeds * len(run.info.class_names)
        return f"{pictures:,} pictures of {each} network calls each.".replace(",", "\u202f")

    def show_measuring(self, measuring: bool, words: str, why_not: str, exportable: bool) -> None:
        """Progress while measuring, else the button. why_not: the reason why it is switched off."""
        if measuring and not self.measure.isHidden():
            self.progress.start()
        elif not measuring:
            self.progress.finish()
        self.measure.setVisible(not measuring)
        self.measure.setEnabled(not why_not)
        self.measure.setToolTip(why_not or "Draw every class from many seeds in the background and read each step. It "
                                "can be cancelled; the result is kept with the run.")
        self.state.setText(words)
        self.state.setVisible(bool(words))
        self.section.set_state_text("" if measuring else words)
        for button, what in ((self.table, "One row for each picture, as CSV."),
                             (self.picture, "The page as it is shown, as a PNG picture.")):
            button.setEnabled(exportable)
            button.setToolTip(what if exportable else "There is nothing to save before it was measured.")

    def show_progress(self, progress: JobProgress) -> None:
        """How far the measurement is, in pictures."""
        self.progress.set(progress.n, progress.total)

    def _set(self, name: str, value: Any) -> None:
        self.config_changed.emit(parse(RecognitionConfig, {**self.config.model_dump(), name: value}))
