"""What may be set for guidance by CLIP: how, by whom, how strongly; and the study."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.config import find_setting
from engine.diffusion.evaluations import idle_settings, network_evaluations
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.clip_study import StudyRequest, methods, readings
from engine.measure.scorers import IN_DOMAIN, JUDGE
from engine.settings import Setting, number
from gui.session import Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.fields import NARROW, FixedRow, SettingRow, SliderField
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar
from gui.widgets.section import Section

READERS = [(IN_DOMAIN, "In-domain CLIP"), (JUDGE, "Judge")]
METHODS = [("off", "Off"), ("blend", "Blend"), ("scale", "Scale"), ("gradient", "Gradient")]
ELSEWHERE = "Set on the Reverse page; the run's own until you change it there."


def _setting(name: str) -> Setting:
    return find_setting(name, "sampling")


class GuidanceSetup(QObject):
    """The sections of the Setup dock while guidance is looked at."""

    measure_asked = Signal()
    cancel_asked = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._readers: list[tuple[str, str]] = []
        self._make_guidance()
        self._make_study()
        self.show()

    @property
    def sections(self) -> list[Section]:
        """In the order of the dock."""
        return [self.guidance, self.study]

    def _make_guidance(self) -> None:
        self.guidance = Section("CLIP guidance")
        self.method = SettingRow(_setting("clip_guidance"), label_width=NARROW, choices=METHODS)
        self.method.label.setText("Guides by")  # short words where a slider stands beside
        self.reader = SettingRow(_setting("clip_model"), label_width=NARROW, choices=READERS)
        self.strength = SliderField(_setting("clip_strength"), ticks=(1.0,), limit=2.0)
        self.mode = SettingRow(_setting("clip_mode"), label_width=NARROW)
        self.every = SettingRow(_setting("clip_every"), label_width=NARROW)
        self.change = SliderField(_setting("clip_change"))
        self.longest = SliderField(_setting("clip_longest"), limit=0.5)
        self.crops = SettingRow(_setting("clip_crops"), label_width=NARROW)
        self.w_max = FixedRow("Up to w", "", NARROW, "With scale: the largest guidance, the run's guidance w.\n"
                              + ELSEWHERE)
        self.interval = FixedRow("Between σ", "", NARROW, "CLIP guides at these noise levels; outside, the picture is "
                                 "plainly that of its class.\n" + ELSEWHERE)
        self.cost = Text("", 12, 400, "muted", wrap=True)
        self.cost.setToolTip("Network calls for one picture, and how often the reader looks at a prediction for it.")
        self.change.label.setText("Change")
        self.longest.label.setText("Step")
        self.rows: dict[str, SettingRow | SliderField] = {
            "clip_guidance": self.method, "clip_model": self.reader, "clip_strength": self.strength,
            "clip_mode": self.mode, "clip_every": self.every, "clip_change": self.change,
            "clip_longest": self.longest, "clip_crops": self.crops}
        for name, row in self.rows.items():
            row.committed.connect(self._set)
            if isinstance(row, SliderField):
                row.moved.connect(self._set)
                row.slider.setAccessibleName(_setting(name).label)
                row.box.setAccessibleName(_setting(name).label)
        self.guidance.add(self.method, self.reader, self.strength, self.mode, self.w_max, self.interval, self.every,
                          self.change, self.longest, self.crops, self.cost)
        self.guidance.setProperty("explain", "clip-guidance")
        self.longest.setProperty("explain", "clip-gradient")
        self.crops.setProperty("explain", "clip-gradient")

    def _make_study(self) -> None:
        self.study = Section("Study")
        self.study.setProperty("explain", "clip-study")
        self.size = FixedRow("Pictures", "", NARROW, "Blocks of seeds, and pictures in each, for every method.\n"
                             "Others by python main.py clip-study --help.")
        self.calls = FixedRow("Calls", "", NARROW, "Network calls that each picture may cost.")
        self.measure = OutlineButton("Study")
        self.measure.clicked.connect(self.measure_asked)
        self.progress = JobProgressBar("")
        self.progress.setAccessibleName("Study of CLIP guidance")
        self.progress.cancel.setAccessibleName("Cancel the study")
        self.progress.cancel.setToolTip("End the study; nothing of it is kept.")
        self.progress.cancelled.connect(self.cancel_asked)
        self.progress.hide()
        self.state = Text("", 12, 400, "muted", wrap=True)
        self.study.add(self.size, self.calls, self.measure, self.progress, self.state)

    # ---- showing ----

    def show(self) -> None:
        """The session's sampling settings, and which of them do nothing beside the others."""
        session, sampling = self.session, self.session.sampling
        readers = READERS if sampling.clip_model in (IN_DOMAIN, JUDGE) else \
            [*READERS, (sampling.clip_model, sampling.clip_model.rpartition("/")[2])]
        if readers != self._readers and hasattr(self.reader.editor, "set_choices"):
            self._readers = readers
            self.reader.editor.set_choices(readers)
        schedule = session.run.schedule() if session.run else session.schedule
        idle = idle_settings(sampling, schedule)
        for name, row in self.rows.items():
            if row.value() != getattr(sampling, name):
                row.set_value(getattr(sampling, name))
            row.show_error("")
            why = idle.get(name, "")
            if sampling.clip_guidance == "off" and name not in ("clip_guidance", "clip_model"):
                why = "CLIP guides nothing now; choose how it shall."
            row.set_enabled(not why, why)
        self.w_max.set_value(f"{sampling.guidance_scale:g}" if sampling.clip_guidance == "scale" else "not used")
        self.interval.set_value("everywhere" if sampling.guided_everywhere else
                                f"{number(sampling.guidance_sigma_low)} to {number(sampling.guidance_sigma_high)}")
        try:
            calls, looks = network_evaluations(sampling, schedule), readings(sampling, schedule)
        except BadSetting as error:
            self.cost.setText(error.headline)
        else:
            self.cost.setText(f"{number(calls)} network calls, {number(looks)} looks of the reader.")

    def show_study(self, request: StudyRequest | None, measuring: bool, words: str, why_not: str) -> None:
        """The size of the study; progress while it goes on, else the button. why_not: why that is switched off."""
        if request is not None:
            self.size.set_value(f"{request.blocks} × {number(request.pictures)}")
            self.calls.set_value(number(request.nfe))
        if measuring and not self.measure.isHidden():
            self.progress.start()
        elif not measuring:
            self.progress.finish()
        self.measure.setVisible(not measuring)
        self.measure.setEnabled(not why_not)
        count = len(methods(IN_DOMAIN))
        self.measure.setToolTip(why_not or f"Draw with {count} ways to guide, at equal network calls and at equal "
                                "seconds, and let a judge that did not guide say which pictures are better. Some "
                                "minutes on two cores, in the background; it can be cancelled, and the answer is kept.")
        self.state.setText(words)
        self.state.setVisible(bool(words))
        self.study.set_state_text("" if measuring else words)

    def show_progress(self, progress: JobProgress) -> None:
        """How far the study is, in pictures."""
        self.progress.set(progress.n, progress.total)

    def _set(self, name: str, value: Any) -> None:
        try:
            self.session.set_sampling(**{name: value})
        except BadSetting as error:
            self.rows[name].show_error(error.headline)
