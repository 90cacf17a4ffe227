"""What may be set on the Recognition page: what is measured, the blind test, and the export."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.blind_test import BlindTest, summarise_blind
from engine.measure.recognition import RecognitionRequest
from engine.measure.recognition_summary import DENOISED
from engine.measure.u_turn import UTurnRequest, turning_cost
from engine.page_config import RecognitionConfig
from engine.settings import describe, number, parse
from gui.session import Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.fields import NARROW, FixedRow, SettingRow
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section
from gui.widgets.setting_words import choice_label

SETTINGS = {setting.name: setting for setting in describe(RecognitionConfig)}
ELSEWHERE = "Set on the Reverse page; the run's own until you change it there."
MEASURE_HELP = {
    "denoise": "Draw every class from many seeds in the background and read each step. It can be cancelled; the result "
               "is kept with the run.",
    "forward": "Noise real test pictures of every class, and read them at each noise level. It can be cancelled; the "
               "result is kept with the run.",
    "u-turn": "Noise real test pictures to each of twenty noise levels, denoise them from there, and read what comes "
              "back. It can be cancelled; the result is kept with the run.",
}


class RecognitionSetup(QObject):
    """The sections of the Setup dock."""

    config_changed = Signal(object)  # RecognitionConfig
    measure_asked = Signal()
    cancel_asked = Signal()
    blind_asked = Signal()
    csv_asked = Signal()
    picture_asked = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._make_measure()
        self._make_blind()
        self._make_export()
        self.show(session.recognition)

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.section, self.blind, self.export]

    def _make_measure(self) -> None:
        self.section = Section("Measure")
        self.section.setProperty("explain", "recognition")
        self.seeds = SettingRow(SETTINGS["seeds"], label_width=NARROW)
        self.unconditional = SettingRow(SETTINGS["unconditional"], label_width=NARROW)
        self.turned = SettingRow(SETTINGS["turned"], label_width=NARROW)
        self.towards = SettingRow(SETTINGS["towards"], label_width=NARROW)
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
        rows = (self.seeds, self.unconditional, self.turned, self.towards)
        for row in rows:
            row.committed.connect(self._set)
        self.section.add(*rows, self.sampler, self.steps, self.guidance, self.measure, self.progress, self.state)

    def _make_blind(self) -> None:
        self.blind = Section("Blind test")
        self.blind.setProperty("explain", "blind-test")
        self.slowness = SettingRow(SETTINGS["blind_seconds"], label_width=NARROW)
        self.slowness.committed.connect(self._set)
        words = Text("A hidden picture comes slowly out of noise. Press Space as soon as you can read it.", 12, 400,
                     "text2", wrap=True)
        self.start = OutlineButton("Start", "play")
        self.start.clicked.connect(self.blind_asked)
        self.yours = Text("", 12, 400, "muted", wrap=True)
        self.blind.add(words, self.slowness, self.start, self.yours)

    def _make_export(self) -> None:
        self.export = Section("Export")
        self.table = OutlineButton("Save table…")
        self.table.clicked.connect(self.csv_asked)
        self.picture = OutlineButton("Save picture…")
        self.picture.clicked.connect(self.picture_asked)
        self.export.add(self.table, self.picture)

    def show(self, config: RecognitionConfig) -> None:
        """These settings, and how the session draws."""
        for row in (self.seeds, self.unconditional, self.turned, self.towards, self.slowness):
            value = getattr(config, row.setting.name)
            if row.value() != value:
                row.set_value(value)
        turns, denoises = config.direction == "u-turn", config.direction == "denoise"
        self.seeds.setVisible(not turns)
        self.unconditional.setVisible(denoises)
        self.turned.setVisible(turns)
        self.towards.setVisible(turns)
        sampling = self.session.sampling
        self.sampler.set_value(choice_label(sampling.sampler))
        self.steps.set_value(str(sampling.num_steps))
        untold = config.unconditional if denoises else not config.towards
        self.guidance.set_value("none" if untold else f"{sampling.guidance_scale:g}")
        self.guidance.setVisible(denoises or turns)

    def cost(self, request: RecognitionRequest | UTurnRequest | None) -> str:
        """What the measurement takes, in network calls."""
        run = self.session.run
        if run is None or request is None:
            return ""
        try:
            each = network_evaluations(request.drawn_with, run.schedule())
        except BadSetting as error:
            return error.headline
        classes = len(run.info.class_names)
        if isinstance(request, UTurnRequest):
            calls = turning_cost(request, max(1, round(each / request.sampling.num_steps)), classes)
            return f"{number(request.pictures * classes)} pictures, about {number(calls)} network calls."
        if request.forward:
            return f"{number(request.seeds * classes)} real pictures; the model is not asked."
        return f"{number(request.seeds * classes)} pictures of {each} network calls each."

    def show_measuring(self, measuring: bool, words: str, why_not: str, exportable: bool) -> None:
        """Progress while measuring, else the button. why_not: the reason why it is switched off."""
        if measuring and not self.measure.isHidden():
            self.progress.start()
        elif not measuring:
            self.progress.finish()
        self.measure.setVisible(not measuring)
        self.measure.setEnabled(not why_not)
        self.measure.setToolTip(why_not or MEASURE_HELP[self.session.recognition.direction])
        self.state.setText(words)
        self.state.setVisible(bool(words))
        self.section.set_state_text("" if measuring else words)
        for button, what in ((self.table, "One row for each picture, as CSV."),
                             (self.picture, "The page as it is shown, as a PNG picture.")):
            button.setEnabled(exportable)
            button.setToolTip(what if exportable else "There is nothing to save before it was measured.")

    def show_blind(self, test: BlindTest, running: bool, why_not: str) -> None:
        """What was seen so far, and whether a test may begin."""
        words = "No picture yet."
        if test.trials:
            seen = summarise_blind(test).overall
            mean = seen.person[DENOISED].mean
            at = "" if mean is None else f", {mean:.0f}\u202f% denoised"
            pictures = f"{number(seen.n)} picture{'' if seen.n == 1 else 's'}"
            words = f"Yours so far: {pictures}{at}, {number(seen.right)} right."
        self.yours.setText(words)
        self.blind.set_state_text("" if not test.trials else f"{number(len(test.trials))}")
        why = "The test goes on; Esc ends it." if running else why_not
        self.start.setEnabled(not why)
        self.start.setToolTip(why or "A hidden picture is drawn, then shown slowly here. Space: you see it; then "
                              "its key. Esc ends the test.")

    def show_progress(self, progress: JobProgress) -> None:
        """How far the measurement is, in pictures."""
        self.progress.set(progress.n, progress.total)

    def _set(self, name: str, value: Any) -> None:
        values = self.session.recognition.model_dump()
        self.config_changed.emit(parse(RecognitionConfig, {**values, name: value}))
