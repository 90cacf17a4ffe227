"""The Recognition page: at what point of denoising each class can first be read, and whether classes differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine import paths
from engine.config import RecognitionConfig, number
from engine.errors import DiffuscopeError
from engine.export.recognition_table import recognition_csv
from engine.measure.recognition import PREDICTED, measurable
from engine.measure.recognition_summary import (
    DENOISED,
    SCALES,
    SNR,
    STEPS,
    chosen,
    curve,
    first_recognition,
    scale,
)
from gui.pages.base import MARGIN_X, Page
from gui.pages.recognition_claims import ClaimsPanel
from gui.pages.recognition_curves import Curve, CurveGrid
from gui.pages.recognition_job import Known, Recognitions
from gui.pages.recognition_ranking import Ranking, Row
from gui.pages.recognition_setup import RecognitionSetup
from gui.pages.recognition_words import SCALE_NAMES, class_words, finding, on_scale, plus_minus
from gui.session import Notice, Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented
from gui.widgets.words import Words

CLAIM = 70.0  # % denoised, of the common claim
CLAIMS_WIDTH = 312
SCALE_LABELS = {DENOISED: "% denoised", STEPS: "Share of steps", SNR: "SNR, dB"}
SCALE_HELP = {
    DENOISED: "How far t has fallen: 100 (1 − t / T). The same for every sampler on this schedule.",
    STEPS: "How many of the steps are done. It depends on the sampler and on the levels that the steps visit.",
    SNR: "Signal over noise, −20 log₁₀ σ: the noise itself, whatever the schedule.",
}


class RecognitionPage(Page):
    """Shows what was measured for the weights and the sampling that are looked at, or offers to measure it."""

    name = "recognition"
    title = "Recognition"
    explain = "recognition"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.recognitions = Recognitions(session, self)
        self.setup = RecognitionSetup(session, self.recognitions.config, self)
        self.figures = Text("", 12, 400, "text2", wrap=True)
        self.scale = Segmented([(name, SCALE_LABELS[name]) for name in SCALES], "Axis")
        self.scale.set_tooltips([SCALE_HELP[name] for name in SCALES])
        self.caution = Text("", 12, 400, "warn", wrap=True)
        self.curves, self.ranking, self.claims = CurveGrid(), Ranking(), ClaimsPanel()
        self.curves_title, self.ranking_title = Words(), Words()
        self.curves_note = Text("mean, middle 80 % of seeds, dashes first readable", 12, 400, "muted", elide=True)
        self.curves_note.setToolTip("Line: mean over seeds. Band: the middle 80 % of them. Dashes: first readable on "
                                    "average. Grey: the other digits. Line in the accent colour: the noise slider.")
        self.empty = EmptyState("", "", [("Measure", self.recognitions.measure),
                                         ("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("Draw every class from many seeds in the background and read each step.")
        self.empty.buttons[1].setToolTip("A trained digit model that came with the program")
        self._shown: tuple[Known, str] | None = None
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("first-recognition"), "")])
        self.decided = self.finding.links[0]
        self.decided.setToolTip("What first readable, commit point and drift mean, in Explain")
        for widget in (self.curves, self.ranking, self.decided):
            widget.setProperty("explain", "first-recognition")
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        axis = QHBoxLayout()
        axis.setContentsMargins(0, 0, 0, 0)
        axis.setSpacing(8)
        label = Text("Axis", 13, 400, "text2")
        label.setBuddy(self.scale)
        for widget, stretch in ((self.curves_title, 0), (self.curves_note, 1), (label, 0), (self.scale, 0)):
            axis.addWidget(widget, stretch)
        below = QHBoxLayout()
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(24)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(2)
        left.addWidget(self.ranking_title)
        left.addWidget(self.ranking, 1)
        below.addLayout(left, 1)
        below.addWidget(self.claims)
        self._whole = QWidget()
        column = QVBoxLayout(self._whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.figures)
        column.addWidget(self.caution)
        column.addLayout(axis)
        column.addWidget(self.curves, 10)
        column.addLayout(below, 11)
        self._either = QStackedLayout()
        self._either.addWidget(self._whole)
        self._either.addWidget(self.empty)
        self.body.addLayout(self._either, 1)
        self._make_room()

    def _connect(self) -> None:
        session, setup = self.session, self.setup
        self.recognitions.changed.connect(self._show)
        self.recognitions.progressed.connect(setup.show_progress)
        setup.config_changed.connect(self.set_config)
        setup.measure_asked.connect(self.recognitions.measure)
        setup.cancel_asked.connect(self.recognitions.cancel)
        setup.csv_asked.connect(self.save_table)
        setup.picture_asked.connect(self.save_picture)
        self.scale.changed.connect(self._show)
        self.curves.class_chosen.connect(session.set_class)
        self.ranking.class_chosen.connect(session.set_class)
        self.ranking.picture_chosen.connect(self.look_at)
        for moved in (session.run_changed, session.snapshots_changed, session.step_changed, session.average_changed,
                      session.sampling_changed, session.training_changed):
            moved.connect(self._on_point)
        session.class_changed.connect(self._on_place)
        session.noise_level_changed.connect(self._on_place)
        session.restored.connect(self._on_restored)
        theme().changed.connect(self._make_room)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return self.setup.sections

    def refresh(self) -> None:
        """Everything anew. Only in front is anything read."""
        self.setup.show(self.recognitions.config)
        if self.active:
            self.recognitions.look()
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        px = theme().px
        self.claims.fit(min(px(CLAIMS_WIDTH), max(px(150), (self.width() - 2 * px(MARGIN_X)) * 9 // 25)), self.small())

    # ---- the session and hands ----

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.refresh()

    def _on_place(self, *_: object) -> None:
        if self.active:
            self._show_place()

    def set_config(self, config: RecognitionConfig) -> None:
        """Other settings, by hand: they may be undone."""
        before = self.recognitions.config
        if config != before:
            self._take(config)
            self.session.edited.emit("recognition", before, config)

    def _on_restored(self, name: str, value: object) -> None:
        if name == "recognition" and isinstance(value, RecognitionConfig):
            self._take(value)

    def _take(self, config: RecognitionConfig) -> None:
        self.recognitions.config = config
        self.refresh()

    def look_at(self, class_label: int, seed: int, place: float) -> None:
        """Move the session's point to a picture, where it was first read."""
        session = self.session
        session.set_class(class_label)
        session.set_seed(seed)
        known, run = self.recognitions.known, session.run
        if known is None or run is None or not np.isfinite(place):
            return
        frame = int(np.abs(scale(known.recognition, self.scale.value())[:-1] - place).argmin())
        own, shown = run.schedule(), session.schedule
        same = (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps)
        session.set_noise_level(known.recognition.t[frame] if same else
                                shown.t_of_sigma(known.recognition.sigma[frame]))

    # ---- showing ----

    def _show(self, *_: object) -> None:
        session, found = self.session, self.recognitions
        known = found.known if session.point() is not None else None
        self._show_measuring()
        self.decided.setVisible(known is not None)
        if known is None:
            self._shown = None
            self._show_empty()
            return
        said = finding(known.recognition, known.summary)
        self.finding.set(said.answer, said.numbers)
        self.figures.setText(said.figures)
        if self._shown != (known, self.scale.value()):
            self._shown = known, self.scale.value()
            self._show_known(known)
        self._show_place()
        self._either.setCurrentWidget(self._whole)

    def _show_known(self, known: Known) -> None:
        recognition, summary, name = known.recognition, known.summary, self.scale.value()
        places = scale(recognition, name)
        shown = np.isfinite(places[:-1])  # no sigma, no dB
        curves, rows = [], []
        first = places[first_recognition(recognition.probability.astype(np.float32))]
        for one in summary.classes:
            mean, low, high = curve(recognition, one.class_label)
            there = one.first[name]
            words = "never" if there.mean is None else on_scale(there.mean, name)
            curves.append(Curve(one.class_label, one.name, places[:-1][shown], mean[shown], low[shown], high[shown],
                                there.mean, words, class_words(one)))
        for one in summary.ranking():
            members = chosen(recognition, one.class_label)
            there = one.first[name]
            rows.append(Row(one.class_label, one.name, first[members], recognition.seed[members], there.mean,
                            there.ci95, plus_minus(there), class_words(one)))
        span = (0.0, 100.0) if name != SNR else (float(places[:-1][shown].min()), float(places[:-1][shown].max()))
        ticks = (0.0, 50.0, 100.0) if name != SNR else _tens(*span)
        self.curves.set_curves(curves, span, ticks)
        self.ranking.set_rows(rows, CLAIM if name == DENOISED else None)
        self.claims.set(summary, recognition.class_names)
        self._make_room()
        of = "predicted x₀" if recognition.reading == PREDICTED else "xₜ"
        self.curves_title.set_parts(
            (f"Chance of reading the class in {of}", "text", 600, 13, ""))
        self.ranking_title.set_parts(
            (f"First readable, {SCALE_NAMES[name]}", "text", 600, 13, ""),
            ("a dot a seed; mean and 95 % interval", "muted", 400, 12, ""))
        self.caution.setText(
            "Told the class, a model predicts its average digit from the first step: no test of what can be seen."
            if recognition.reading == PREDICTED and not recognition.unconditional else "")
        self.caution.setVisible(bool(self.caution.text()))

    def _show_place(self) -> None:
        """The current class, and the noise level as a line."""
        known, run = self.recognitions.known, self.session.run
        label = self.session.class_label
        self.curves.set_chosen(label)
        self.ranking.set_chosen(label)
        if known is None or run is None:
            return
        sigma, name = self.session.sigma(), self.scale.value()
        levels, places = np.array(known.recognition.sigma), scale(known.recognition, name)[:-1]
        shown = np.isfinite(places)
        # Levels fall; numpy interpolates over rising ones.
        self.curves.set_current(float(np.interp(sigma, levels[shown][::-1], places[shown][::-1])))

    def _show_measuring(self) -> None:
        found, session = self.recognitions, self.session
        why = ""
        if session.point() is None:
            why = "There is no snapshot to measure yet."
        elif not self._reads():
            why = "No judge reads what this run draws."
        elif found.known is not None:
            why = "It is measured: the same settings give the same answer."
        words = "" if found.measuring else "" if found.request is None else self.setup.cost(found.request)
        if found.known is not None and not found.measuring:
            words = f"Measured over {number(found.known.summary.n)} pictures."
        self.setup.show_measuring(found.measuring, words, why, found.known is not None)

    def _reads(self) -> bool:
        try:
            return self.session.run is not None and measurable(self.session.run)
        except DiffuscopeError:
            return False

    def _show_empty(self) -> None:
        session, found = self.session, self.recognitions
        measure, bundled = self.empty.buttons
        measure.hide()
        bundled.hide()
        answer = "Not measured."
        if session.run is None:
            answer = ""
            self.empty.set_texts("No run is open.", "Open one, or press Train to start a new model.")
            bundled.setVisible(paths.DEFAULT_BUNDLED_RUN.exists())
        elif session.point() is None:
            answer = ""
            self.empty.set_texts("This run has no snapshot yet.", "The first comes within seconds of pressing Train.")
        elif not self._reads():
            self.empty.set_texts("No judge reads what this run draws.", "Digits of MNIST can be measured.")
        elif found.measuring_this:
            answer = "Measuring."
            self.empty.set_texts("Measuring", "The answer comes when every seed is drawn and read; Setup says how far "
                                 "it is.")
        elif found.measuring:
            self.empty.set_texts("Not measured for these weights", "Another measurement is under way; Setup says how "
                                 "far it is.")
        else:
            if found.failure is not None:
                answer = "Not measured: the measurement failed."
            measure.show()
            self.empty.set_texts("Not measured for these weights", "Every digit is denoised from many seeds, and a "
                                 "judge reads each step. " + self.setup.cost(found.request))
        self.finding.set(answer, "")
        self._either.setCurrentWidget(self.empty)

    # ---- files ----

    def save_table(self) -> None:
        """One row a picture, as CSV."""
        known = self.recognitions.known
        chosen_path, _ = QFileDialog.getSaveFileName(self, "Save table", "recognition.csv", "CSV table (*.csv)")
        if known is None or not chosen_path:
            return
        path = _ending(Path(chosen_path), ".csv")
        try:
            path.write_text(recognition_csv(known.recognition), encoding="utf-8", newline="")
        except OSError:
            self._not_written(path)
        else:
            self.session.message_cleared.emit("save-recognition")

    def save_picture(self) -> None:
        """The page as it is shown, as PNG."""
        chosen_path, _ = QFileDialog.getSaveFileName(self, "Save picture", "recognition.png", "PNG picture (*.png)")
        if not chosen_path:
            return
        path = _ending(Path(chosen_path), ".png")
        if self.grab().save(str(path), "PNG"):
            self.session.message_cleared.emit("save-recognition")
        else:
            self._not_written(path)

    def _not_written(self, path: Path) -> None:
        self.session.message.emit(Notice("save-recognition", "error", f"{path.name} could not be written.",
                                         "Choose a folder that can be written and has room."))


def _ending(path: Path, ending: str) -> Path:
    return path if path.suffix.lower() == ending else path.with_name(path.name + ending)


def _tens(low: float, high: float) -> tuple[float, ...]:
    """Multiples of 20 in a range."""
    return tuple(float(v) for v in np.arange(np.ceil(low / 20) * 20, high + 1e-9, 20))
