"""The Recognition page: when a picture can be read, by judges and by you, on its way out of noise, into it and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from engine import paths
from engine.errors import DiffuscopeError
from engine.export.recognition_table import blind_csv, recognition_csv, u_turn_csv
from engine.measure.blind_test import BlindReady, summarise_blind
from engine.measure.recognition import measurable
from engine.measure.recognition_summary import DENOISED, SCALES, SNR, STEPS, scale
from engine.page_config import RecognitionConfig
from engine.settings import number
from gui.pages.base import MARGIN_X, Page
from gui.pages.kept_measurement import KeptMeasurement
from gui.pages.recognition_blind import BlindStage
from gui.pages.recognition_blind_job import BlindTests
from gui.pages.recognition_job import Known, Recognitions, UTurns
from gui.pages.recognition_measured import MeasuredView
from gui.pages.recognition_person import PersonView, blind_answer, person_finding
from gui.pages.recognition_save import save_picture, save_table
from gui.pages.recognition_setup import RecognitionSetup
from gui.pages.recognition_turn import TurnView
from gui.pages.recognition_turn_words import turn_finding
from gui.pages.recognition_words import finding, otherwise_words
from gui.session import Session
from gui.theme import theme
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.one_or_two_lines import SPACING, OneOrTwoLines
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented

DIRECTIONS = [("denoise", "Denoising"), ("forward", "Adding noise"), ("u-turn", "U-turn")]
DIRECTION_HELP = ["The model's pictures on their way out of noise: when can they first be read?",
                  "Real test pictures on their way into noise: up to which noise can they be read?",
                  "Real pictures into noise and back: from which t on is their class lost?"]
READERS = [("noisy", "Judge on xₜ"), ("x0", "Judge on x₀"), ("person", "You")]
READER_HELP = ["The judge that learned noisy pictures reads xₜ: what can be seen there.",
               "The judge of clean pictures reads the predicted x₀: what the model expects there.",
               "What you read in the blind test, beside the judge on the same trajectories."]
SCALE_LABELS = {DENOISED: "% denoised", STEPS: "Share of steps", SNR: "SNR, dB"}
SCALE_HELP = {
    DENOISED: "How far t has fallen: 100 (1 − t / T). The same for every sampler on this schedule.",
    STEPS: "How many of the steps are done. It depends on the sampler and on the levels that the steps visit.",
    SNR: "Signal over noise, −20 log₁₀ σ: the noise itself, whatever the schedule.",
}
EMPTY = {
    "denoise": "Every class is denoised from many seeds, and a judge reads each step.",
    "forward": "Real pictures are noised more and more, and a judge reads each level.",
    "u-turn": "Real pictures are noised to twenty levels and denoised from there, and a judge reads what comes back.",
}
TOPICS = {"denoise": "first-recognition", "forward": "first-recognition", "u-turn": "u-turn"}


class RecognitionPage(Page):
    """Shows what was measured for the weights and the sampling that are looked at, or offers to measure it."""

    name = "recognition"
    title = "Recognition"
    explain = "recognition"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.recognitions, self.turns = Recognitions(session, self), UTurns(session, self)
        self.blind = BlindTests(session, self)
        self.setup = RecognitionSetup(session, self)
        self.direction, self.reader = Segmented(DIRECTIONS, "Direction"), Segmented(READERS, "Reader")
        self.scale = Segmented([(name, SCALE_LABELS[name]) for name in SCALES], "Axis")
        for choice, help_texts in ((self.direction, DIRECTION_HELP), (self.reader, READER_HELP),
                                   (self.scale, [SCALE_HELP[name] for name in SCALES])):
            choice.set_tooltips(help_texts)
        self.measured, self.turn, self.person, self.stage = MeasuredView(), TurnView(), PersonView(), BlindStage()
        self.curves, self.ranking, self.claims = self.measured.curves, self.measured.ranking, self.measured.claims
        self.figures, self.caution = self.measured.figures, self.measured.caution
        self.empty = EmptyState("", "", [("Measure", self.measure), ("Start the blind test", self.start_blind),
                                         ("Open the run that ships", session.open_bundled)])
        self.empty.buttons[1].setToolTip("A hidden picture is shown slowly; you say when you can read it.")
        self.empty.buttons[2].setToolTip("A trained digit model that came with the program")
        self.stage.setProperty("explain", "blind-test")
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit(self._topic()), "")])
        self.decided = self.finding.links[0]
        self.decided.setToolTip("What first readable, commit point and drift mean, in Explain")
        self.decided.setProperty("explain", "first-recognition")
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        self._labels = {choice: Text(words, 13, 400, "text2") for words, choice in (
            ("Direction", self.direction), ("Reader", self.reader), ("Axis", self.scale))}
        for choice, label in self._labels.items():
            label.setBuddy(choice)
        labels = self._labels
        self._choices = OneOrTwoLines([labels[self.direction], self.direction, labels[self.reader], self.reader],
                                      [labels[self.scale], self.scale])
        self._whole = QWidget()
        column = QVBoxLayout(self._whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._either = QStackedLayout()
        for view in (self.measured, self.turn, self.person, self.empty, self.stage):
            self._either.addWidget(view)
        column.addWidget(self._choices)
        column.addLayout(self._either, 1)
        self.body.addWidget(self._whole, 1)
        self._make_room()

    def _connect(self) -> None:
        session, setup = self.session, self.setup
        for found in (self.recognitions, self.turns):
            found.changed.connect(self._show)
            found.progressed.connect(setup.show_progress)
        setup.config_changed.connect(self.set_config)
        setup.measure_asked.connect(self.measure)
        setup.cancel_asked.connect(self.cancel)
        setup.blind_asked.connect(self.start_blind)
        setup.csv_asked.connect(self.save_table)
        setup.picture_asked.connect(self.save_picture)
        self.blind.drawn.connect(self._on_drawn)
        self.blind.failed.connect(self._show)
        self.stage.seen.connect(self._on_seen)
        self.stage.next_asked.connect(self._next_blind)
        self.stage.ended.connect(self.end_blind)
        self.direction.changed.connect(lambda value: self._choose(direction=value))
        self.reader.changed.connect(lambda value: self._choose(reading=value))
        self.scale.changed.connect(self._show)
        for ranking in (self.ranking, self.person.you, self.person.judge):
            ranking.picture_chosen.connect(self.look_at)
        for part in (self.curves, self.ranking, self.turn.ranking, self.person.you, self.person.judge):
            part.class_chosen.connect(session.set_class)
        self.turn.ranking.picture_chosen.connect(lambda label, *_: session.set_class(label))
        self.turn.film.clicked.connect(self._look_at_turn)
        for moved in (session.run_changed, session.snapshots_changed, session.step_changed, session.average_changed,
                      session.sampling_changed, session.training_changed, session.recognition_changed):
            moved.connect(self._on_point)
        session.class_changed.connect(self._on_place)
        session.noise_level_changed.connect(self._on_place)
        theme().changed.connect(self._make_room)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return self.setup.sections

    def refresh(self) -> None:
        """Everything anew. Only in front is anything read."""
        config = self.session.recognition
        self.setup.show(config)
        self.direction.set_value(config.direction)
        self.reader.set_value(config.reading)
        if self.active:
            self.recognitions.look()
            self.turns.look()
            self.blind.look()
        self._show()

    def deactivate(self) -> None:
        super().deactivate()
        self.end_blind()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        reads = self.session.recognition.direction == "denoise"
        self.reader.setVisible(reads)
        room = self.width() - 2 * theme().px(MARGIN_X)
        for choice, label in self._labels.items():
            label.setVisible(choice is not self.reader or reads)
        if self._choices.two_at(room):  # the names of the choices give way before the line does
            for label in self._labels.values():
                label.hide()
        high = self.height() - (self.scale.sizeHint().height() + SPACING if self._choices.two_at(room) else 0)
        self.measured.fit(room, high, self.small())

    # ---- the session and hands ----

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.refresh()

    def _on_place(self, *_: object) -> None:
        if self.active:
            self._show()

    def set_config(self, config: RecognitionConfig) -> None:
        """Other settings, by hand: they may be undone."""
        self.session.set_recognition(config)

    def _choose(self, **changes: str) -> None:
        self.set_config(self.session.recognition.model_copy(update=changes))

    def kept(self) -> KeptMeasurement[Any, Any]:
        """What the direction that is looked at measures."""
        return self.turns if self.session.recognition.direction == "u-turn" else self.recognitions

    def measure(self) -> None:
        """Measure what is looked at; one measurement at a time."""
        if not (self.recognitions.measuring or self.turns.measuring):
            self.kept().measure()

    def cancel(self) -> None:
        """End what is being measured."""
        for found in (self.recognitions, self.turns):
            if found.measuring:
                found.cancel()

    def look_at(self, class_label: int, seed: int, place: float) -> None:
        """Move the session's point to a picture, where it was first read."""
        session = self.session
        session.set_class(class_label)
        known = self.recognitions.known
        if self.session.recognition.direction == "denoise":
            session.set_seed(seed)
        if known is None or session.run is None or not np.isfinite(place):
            return
        frame = int(np.abs(scale(known.recognition, self.scale.value())[:-1] - place).argmin())
        self._set_level(known.recognition.t[frame], known.recognition.sigma[frame])

    def _look_at_turn(self, column: int) -> None:
        known, level = self.turns.known, self.turn.level(column)
        if known is not None and level is not None:
            self._set_level(known.u_turn.t[level], known.u_turn.sigma[level])

    def _set_level(self, t: int, sigma: float) -> None:
        session, run = self.session, self.session.run
        if run is None:
            return
        own, shown = run.schedule(), session.schedule
        same = (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps)
        session.set_noise_level(t if same else shown.t_of_sigma(sigma))

    # ---- the blind test ----

    def start_blind(self) -> None:
        """Show hidden pictures until Esc."""
        if not self.blind.running and self.blind.start():
            self._choose(direction="denoise", reading="person")
            self.stage.draw_next(self.session.class_names)
            self._show()
            self.stage.setFocus()

    def end_blind(self) -> None:
        """Leave the blind test."""
        if self.blind.running:
            self.blind.end()
            self.stage.stop()
            self.blind.look()
            self._show()

    def _next_blind(self) -> None:
        self.stage.draw_next(self.session.class_names)
        self.blind.draw()

    def _on_drawn(self, ready: BlindReady) -> None:
        self.stage.run(ready.x, self.session.recognition.blind_seconds)

    def _on_seen(self, frame: int, answer: int) -> None:
        test = self.blind.keep(frame, answer)
        if test.trials:
            trial = test.trials[-1]
            self.stage.answered(trial.right, test.class_names[trial.class_label], blind_answer(test))
        self.setup.show_blind(test, True, "")

    # ---- showing ----

    def _show(self, *_: object) -> None:
        config, name = self.session.recognition, self.scale.value()
        there = self.session.point() is not None
        self._show_measuring()
        self._make_room()
        self._choices.setVisible(not self.blind.running)
        view: QWidget = self.empty
        if self.blind.running:
            view = self.stage
            self.finding.set("Blind test:", "Space as soon as you can read it, then its class's key. Esc ends it.")
        elif there and config.direction == "u-turn" and self.turns.known is not None:
            view, known_turn = self.turn, self.turns.known
            self.finding.set(*turn_finding(known_turn))
            self.turn.show_known(known_turn, self.turns.other, name, self.session.class_label)
            self.turn.show_place(known_turn, self.session.sigma(), name)
        elif there and self._person():
            if self.blind.test.trials:
                view, summary = self.person, summarise_blind(self.blind.test)
                self.finding.set(*person_finding(summary))
                self.person.show_test(self.blind.test, summary, name, self.session.class_label)
        elif there and config.direction != "u-turn" and self.recognitions.known is not None:
            view = self.measured
            self._show_known(self.recognitions.known, name)
        if view is self.empty:
            self.measured.forget()
            self._show_empty()
        self.decided.setVisible(view in (self.measured, self.turn, self.person))
        self._either.setCurrentWidget(view)

    def _show_known(self, known: Known, name: str) -> None:
        said = finding(known.recognition, known.summary)
        self.finding.set(said.answer, said.numbers)
        self.figures.setText(" ".join(filter(None, (said.figures, otherwise_words(known.otherwise)))))
        self.measured.show_known(known, name)
        self.measured.show_place(known, self.session.class_label, self.session.sigma(), name)

    def _topic(self) -> str:
        config = self.session.recognition
        return "blind-test" if self._person() else TOPICS[config.direction]

    def _person(self) -> bool:
        config = self.session.recognition
        return config.direction == "denoise" and config.reading == "person"

    def _show_measuring(self) -> None:
        found, session = self.kept(), self.session
        why = ""
        if session.point() is None:
            why = "There is no snapshot to measure yet."
        elif not self._reads():
            why = "No judge reads what this run draws."
        elif found.known is not None:
            why = "It is measured: the same settings give the same answer."
        measuring = self.recognitions.measuring or self.turns.measuring
        words = "" if measuring or found.request is None else self.setup.cost(found.request)
        if found.known is not None and not measuring:
            words = f"Measured over {number(found.known.summary.n)} pictures."
        self.setup.show_measuring(measuring, words, why,
                                  bool(self.blind.test.trials) if self._person() else found.known is not None)
        self.setup.show_blind(self.blind.test, self.blind.running,
                              "There is no snapshot to draw from yet." if session.point() is None else "")

    def _reads(self) -> bool:
        try:
            return self.session.run is not None and measurable(self.session.run)
        except DiffuscopeError:
            return False

    def _show_empty(self) -> None:
        session, found, config = self.session, self.kept(), self.session.recognition
        measure, start, bundled = self.empty.buttons
        for button in self.empty.buttons:
            button.hide()
        answer = "Not measured."
        if session.run is None:
            answer = ""
            self.empty.set_texts("No run is open.", "Open one, or press Train to start a new model.")
            bundled.setVisible(paths.DEFAULT_BUNDLED_RUN.exists())
        elif session.point() is None:
            answer = ""
            self.empty.set_texts("This run has no snapshot yet.", "The first comes within seconds of pressing Train.")
        elif self._person():
            answer = "You have read no picture of these weights yet."
            start.show()
            self.empty.set_texts("When can you read it?", "A hidden picture comes slowly out of noise. Press Space as "
                                 "soon as you can read it, then its key. The judge reads the same trajectories.")
        elif not self._reads():
            self.empty.set_texts("No judge reads what this run draws yet.", "Digits of MNIST and the clothes of "
                                 "Fashion-MNIST have one; for other data a judge can be trained: File, Data sets.")
        elif found.measuring_this:
            answer = "Measuring."
            self.empty.set_texts("Measuring", "The answer comes when every picture is read; Setup says how far it is.")
        elif self.recognitions.measuring or self.turns.measuring:
            self.empty.set_texts("Not measured for these weights", "Another measurement is under way; Setup says how "
                                 "far it is.")
        else:
            if found.failure is not None:
                answer = "Not measured: the measurement failed."
            measure.show()
            self.empty.set_texts("Not measured for these weights",
                                 f"{EMPTY[config.direction]} {self.setup.cost(found.request)}")
            measure.setToolTip(self.setup.measure.toolTip())
        self.finding.set(answer, "")

    # ---- files ----

    def save_table(self) -> None:
        """One row a picture, as CSV."""
        if (text := self._table()) is not None:
            save_table(self, text)

    def _table(self) -> str | None:
        config = self.session.recognition
        if config.direction == "u-turn":
            return None if self.turns.known is None else u_turn_csv(self.turns.known.u_turn)
        if self._person():
            return blind_csv(self.blind.test)
        known = self.recognitions.known
        return None if known is None else recognition_csv(known.recognition)

    def save_picture(self) -> None:
        """The page as it is shown, as PNG."""
        save_picture(self)
