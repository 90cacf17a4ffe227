"""The CLIP page: how well each picture matches its label, beside real pictures and the judge; and guidance by CLIP."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine import paths
from engine.clip.config import ClipConfig
from engine.clip.prompts import default_names, default_templates, parse_templates, prompt, unknown_words
from engine.errors import BadSetting, DiffuscopeError
from engine.export.clip_table import clip_csv
from engine.measure.clip_course import DENOISING, TRAINING
from engine.measure.clip_summary import PROBABILITY, SCORE, picture_scores, report
from engine.measure.clip_words import best_and_worst, caveat, fault, signed
from engine.measure.recognition import Recognition, RecognitionRequest, stored_recognition
from gui.pages.base import Page
from gui.pages.clip_classes import AgreementTable, ClassMeans
from gui.pages.clip_courses import CoursesView
from gui.pages.clip_gallery import Gallery
from gui.pages.clip_guidance import GuidanceView
from gui.pages.clip_jobs import ClipJobs, Known
from gui.pages.clip_setup import ClipSetup
from gui.session import Notice, Session
from gui.widgets.choice import Choice
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented
from gui.words import NARROW

PICTURES, CLASSES, COURSES, GUIDANCE = "pictures", "classes", "courses", "guidance"
PARTS = [(PICTURES, "Pictures"), (CLASSES, "Classes"), (COURSES, "As it comes about"), (GUIDANCE, "Guidance")]
WORST, BEST = "worst", "best"
AGREEMENT_WIDTH = 280


class ClipPage(Page):
    """Shows what was scored for the weights, sampling and CLIP that are looked at, or offers to score it."""

    name = "clip"
    title = "CLIP"
    explain = "clip"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.jobs = ClipJobs(session, self)
        self.setup = ClipSetup(session, self)
        self.part = Segmented(PARTS, "Part of the CLIP page")
        self.part.set_tooltips(["Every picture with its score, worst or best first.",
                                "The mean of each class beside real pictures, and how CLIP and the judge agree.",
                                "The score over training and over denoising.",
                                "CLIP steers the denoising: step by step, in every way, and whether it helps."])
        self.figure = Segmented([(SCORE, "CLIPScore"), (PROBABILITY, "Probability")], "What is shown")
        self.figure.set_tooltips(["2.5 times the cosine between the picture and the prompt of its class, 0 where that "
                                  "is negative.", "Of the picture's class among the prompts of all classes."])
        self.order = Choice([(WORST, "Worst first"), (BEST, "Best first")], "Order of the pictures")
        self.order.setToolTip("Which pictures stand at the top.")
        self.who = Choice([(-1, "All classes")], "Which classes are shown")
        self.who.setToolTip("Show the pictures of one class alone.")
        for chooser in (self.order, self.who):
            chooser.setMinimumContentsLength(9)
        self.gallery, self.means, self.courses = Gallery("Scored pictures"), ClassMeans(), CoursesView()
        self.gallery.setProperty("explain", "clip-score")
        self.agreement, self.real_agreement = AgreementTable("Generated pictures"), AgreementTable("Real test pictures")
        self.guidance = GuidanceView(session)
        self.caveat = Text("", 12, 400, "text2", wrap=True)
        self.caution = Text("", 12, 400, "warn", wrap=True)
        self.selected = Text("", 12, 400, "muted", elide=True)
        self.empty = EmptyState("", "", [("Score", self.jobs.measure),
                                         ("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("Draw pictures of every class in the background and score them.")
        self.empty.buttons[1].setToolTip("A trained digit model that came with the program")
        self._shown: tuple[Known, str] | None = None
        self._recognition: Recognition | None = None
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("clip-score"), "")])
        self.finding.links[0].setToolTip("What CLIPScore is, and why real pictures stand beside, in Explain")
        self._connect()
        self._show_part()
        self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.part)
        head.addWidget(self.selected, 1)
        for widget in (self.who, self.order, self.figure):
            head.addWidget(widget)
        classes = QWidget()
        row = QHBoxLayout(classes)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        left = QVBoxLayout()
        left.setSpacing(4)
        self.means_title = Text("", 13, 600, "text", elide=True)
        self.means_note = Text("accent: generated, ink: real test pictures; mean and 95 % interval; at the right the "
                               "difference", 12, 400, "muted", elide=True)
        left.addWidget(self.means_title)
        left.addWidget(self.means_note)
        left.addWidget(self.means, 1)
        row.addLayout(left, 1)
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(20)
        side.addWidget(Text("Agreement with the judge", 13, 600, "text"))
        side.addWidget(self.agreement)
        side.addWidget(self.real_agreement)
        side.addStretch(1)
        row.addWidget(self._side)
        self._classes = classes
        self._stack = QStackedLayout()
        for widget in (self.gallery, classes, self.courses, self.guidance, self.empty):
            self._stack.addWidget(widget)
        self.body.addWidget(self.caveat)
        self.body.addWidget(self.caution)
        self.body.addLayout(head)
        self.body.addLayout(self._stack, 1)

    def _connect(self) -> None:
        session, setup, found = self.session, self.setup, self.jobs
        found.changed.connect(self._show)
        found.scoring.progressed.connect(lambda p: setup.bar.set(p.n, p.total))
        found.following.progressed.connect(lambda p: setup.course_bar.set(p.n, p.total))
        found.getting.progressed.connect(lambda p: setup.progress.set(round(p.n / 1e6), round(p.total / 1e6), "MB"))
        setup.config_changed.connect(self._on_config)
        setup.source_asked.connect(found.load)
        setup.offer_asked.connect(found.ask)
        setup.download_agreed.connect(found.download)
        setup.offer_dropped.connect(found.drop_offer)
        setup.measure_asked.connect(found.measure)
        setup.cancel_asked.connect(self._cancel)
        setup.export_asked.connect(self.save)
        self.part.changed.connect(self._on_part)
        for chooser in (self.figure, self.order, self.who):
            chooser.changed.connect(self._show)
        self.gallery.chosen.connect(self._on_picture)
        self.means.class_chosen.connect(session.set_class)
        for plot in self.courses.plots.values():
            plot.follow_asked.connect(found.follow)
        self.courses.plots[TRAINING].place_chosen.connect(self._go_to_step)
        self.guidance.finding_changed.connect(self._show_finding)
        self.guidance.explain_asked.connect(self.explain_asked)
        self.guidance.ready_changed.connect(self.ready_changed)
        for moved in (session.run_changed, session.snapshots_changed, session.step_changed, session.average_changed,
                      session.sampling_changed, session.training_changed, session.clip_changed):
            moved.connect(self._on_point)
        session.class_changed.connect(self._on_place)
        session.noise_level_changed.connect(self._on_place)

    # ---- what a page is ----

    def setup_sections(self) -> list[Section]:
        return [*self.setup.sections, *self.guidance.sections]

    def activate(self) -> None:
        super().activate()
        self.jobs.look_for_sources()
        self._show_part()

    def deactivate(self) -> None:
        super().deactivate()
        self.guidance.deactivate()

    def ready(self) -> bool:
        return self.part.value() != GUIDANCE or self.guidance.ready()

    def refresh(self) -> None:
        """Everything anew. Only in front is anything read."""
        if self.active:
            self.jobs.look()
            self._recognition = self._stored_recognition()
        self._show()

    def show_part(self, part: str) -> None:
        """Turn to one of the four parts."""
        self.part.set_value(part)
        self._on_part()

    # ---- the session and hands ----

    def _on_point(self, *_: object) -> None:
        if self.active:
            self.refresh()

    def _on_place(self, *_: object) -> None:
        if self.active:
            self._show_place()

    def _on_config(self, config: ClipConfig) -> None:
        self.session.set_clip(config)
        self._show()

    def _on_part(self, *_: object) -> None:
        self._show_part()
        self._show()
        # The finding's link comes and goes with the part, and its words then break elsewhere.
        layout = self.finding.layout()
        if layout is not None:
            layout.invalidate()
        self.finding.updateGeometry()

    def _show_part(self) -> None:
        """Which sections and controls belong to the part in front."""
        guided = self.part.value() == GUIDANCE
        for section in self.setup.sections:
            section.setVisible(not guided)
        for section in self.guidance.sections:
            section.setVisible(guided)
        self.figure.setVisible(not guided)
        for chooser in (self.order, self.who):
            chooser.setVisible(self.part.value() == PICTURES)
        if self.active:
            if guided:
                self.guidance.activate()
            else:
                self.guidance.deactivate()

    def _cancel(self, what: str) -> None:
        {"scores": self.jobs.scoring, "courses": self.jobs.following, "download": self.jobs.getting,
         "load": self.jobs.loading}[what].cancel()

    def _on_picture(self, place: int) -> None:
        """Look at a picture: its class and seed are those of every page."""
        known = self.jobs.known
        if known is not None and place >= 0:
            self.session.set_class(int(known.scores.class_label[place]))
            self.session.set_seed(int(known.scores.seed[place]))
        self._show_selected()

    def _go_to_step(self, place: float) -> None:
        steps = self.session.snapshots
        if steps:
            self.session.set_step(min(steps, key=lambda step: abs(step - place)))

    # ---- showing ----

    def _show(self, *_: object) -> None:
        found, session = self.jobs, self.session
        known = found.known if session.point() is not None else None
        self._show_setup(known)
        part = self.part.value()
        self.caveat.setVisible(known is not None and part != GUIDANCE)
        self._show_caution(known)
        if part == GUIDANCE:
            self._stack.setCurrentWidget(self.guidance)
        elif session.point() is None or (known is None and part != COURSES):
            self._show_empty()
        elif part == COURSES:
            self._show_courses()
            self._stack.setCurrentWidget(self.courses)
        elif known is not None:
            self._show_known(known)
            self._stack.setCurrentWidget(self.gallery if part == PICTURES else self._classes)
        if known is not None:
            self.caveat.setText(caveat(known.scores, known.summary))
        self._show_finding()
        self._show_place()

    def _show_finding(self) -> None:
        known = self.jobs.known if self.session.point() is not None else None
        decided = self.finding.links[0]
        if self.part.value() == GUIDANCE:
            decided.hide()
            self.finding.set(*self.guidance.finding_words())
            return
        decided.setVisible(known is not None)
        if known is None:
            self.finding.set("" if self.session.point() is None else "Scoring." if self.jobs.scoring.busy else
                             "Not scored.", "")
            return
        scores, summary = known.scores, known.summary
        best, worst = summary.classes[summary.best], summary.classes[summary.worst]
        gap = summary.overall.difference[SCORE]
        ends = "" if gap.ci95 is None else f" (95{NARROW}% {signed(gap.ci95[0])} to {signed(gap.ci95[1])})"
        self.finding.set(
            f"{best.name} comes out best, {worst.name} worst, against real pictures.",
            f"{fault(scores, summary)} All {len(scores.class_label)}: CLIPScore {signed(gap.mean)} against "
            f"{len(scores.real_label)} real ones{ends}. {scores.title}.")
        self.finding.setToolTip(best_and_worst(scores, summary))

    def _show_caution(self, known: Known | None) -> None:
        found = self.jobs
        words = ""
        if self.part.value() != GUIDANCE:
            if found.fault:
                words = found.fault
            elif known is not None and not known.scores.in_domain and known.summary.zero_shot < 0.95:
                words = (f"This CLIP puts the right class first for only {100 * known.summary.zero_shot:.0f}{NARROW}% "
                         "of real pictures.")
        self.caution.setText(words)
        self.caution.setVisible(bool(words))

    def _show_known(self, known: Known) -> None:
        metric = self.figure.value()
        scores, summary = known.scores, known.summary
        own = picture_scores(scores.cosine, scores.class_label, scores.logit_scale)
        names = scores.class_names
        if self._shown is None or self._shown[0] is not known:
            self.who.set_choices([(-1, "All classes"), *((c, name) for c, name in enumerate(names))])
        if self._shown != (known, metric):
            self._shown = known, metric
            shown = own.of(metric)
            digits = 2 if metric == SCORE else 3
            captions, spoken = [], []
            for i, label in enumerate(scores.class_label):
                wrong = own.top[i] != label
                read = f"{names[label]}→{names[own.top[i]]}" if wrong else names[label]
                captions.append(f"{read}  {shown[i]:.{digits}f}" if len(read) < 6 else f"{shown[i]:.{digits}f}")
                judge = f", the judge reads {names[scores.read[i]]}" if scores.read[i] >= 0 else ""
                spoken.append(f"{names[label]}, seed {scores.seed[i]}: cosine {own.cosine[i]:.3f}, CLIPScore "
                              f"{own.score[i]:.3f}, probability {own.probability[i]:.4f}, rank {own.rank[i]}; CLIP "
                              f"reads {names[own.top[i]]}{judge}")
            self._spoken = spoken
            self.gallery.set_pictures(scores.image, captions, (own.top != scores.class_label).tolist(), spoken)
            self.means.set_summary(summary, metric)
            self.means_title.setText(f"Mean {'CLIPScore' if metric == SCORE else 'probability'} of each class")
            self.agreement.set_agreement(summary.agreement)
            self.real_agreement.set_agreement(summary.real_agreement)
        order = np.argsort(own.of(metric), kind="stable")
        if self.order.value() == BEST:
            order = order[::-1]
        if (only := self.who.value()) is not None and only >= 0:
            order = order[scores.class_label[order] == only]
        if not np.array_equal(order, self.gallery.order()):
            self.gallery.set_order(order)
        self._side.setMinimumWidth(min(AGREEMENT_WIDTH, max(150, self.width() // 3)))
        self._show_selected()

    _spoken: list[str] = []  # noqa: RUF012  (replaced, never changed in place)

    def _show_selected(self) -> None:
        place = self.gallery.picture()
        shown = self.part.value() == PICTURES and 0 <= place < len(self._spoken)
        self.selected.setText(self._spoken[place] if shown else "")

    def _show_courses(self) -> None:
        found, metric = self.jobs, self.figure.value()
        for over, plot in self.courses.plots.items():
            plot.set_course(found.courses.get(over), metric, self._recognition)
            busy = found.following.busy
            what = "Some snapshots draw the same seeds, and CLIP scores them." if over == TRAINING else \
                "CLIP scores what the model predicts at each step."
            plot.set_words("Following" if busy else "Not followed over training" if over == TRAINING else
                           "Not followed over denoising", "Setup says how far it is." if busy else what,
                           not busy and found.request is not None)

    def _show_place(self) -> None:
        session = self.session
        self.means.set_chosen(session.class_label)
        self.courses.plots[TRAINING].set_place(float(session.step))
        self.courses.plots[DENOISING].set_place(100 * (1 - session.t / session.schedule.num_timesteps))

    def _stored_recognition(self) -> Recognition | None:
        """When the judge reads the predicted x0 of the same point, or else x_t, if that was measured."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            return None
        for reading in ("x0", "noisy"):
            for seeds in (100, 50, 20):
                request = RecognitionRequest(run.path, session.sampling, session.step, seeds=seeds, reading=reading,
                                             average_percent=session.average())
                try:
                    found = stored_recognition(run, request)
                except (DiffuscopeError, OSError):
                    found = None
                if found is not None:
                    return found
        return None

    def _show_setup(self, known: Known | None) -> None:
        session, found, setup = self.session, self.jobs, self.setup
        dataset = session.run.info.config.data.dataset if session.run else "mnist"
        here = found.sources.here if found.sources else ()
        setup.show(session.clip, dataset, here, found.asking.busy, found.getting.busy, found.loading.busy, found.offer)
        why = ""
        if session.point() is None:
            why = "There is no snapshot to score yet."
        elif found.fault:
            why = found.fault
        elif known is not None:
            why = "It is scored: the same settings give the same answer."
        words = "" if found.scoring.busy or found.request is None else self.setup.cost(session.clip.count)
        if known is not None and not found.scoring.busy:
            words = f"Scored {len(known.scores.class_label)} pictures in {known.scores.seconds:.1f}{NARROW}s."
        setup.show_measuring(found.scoring.busy, found.following.busy, words, why, known is not None)
        setup.show_unknown(self._unknown())

    def _unknown(self) -> list[str]:
        """Words of the prompts that the loaded CLIP never learned, where that is known."""
        run, facts = self.session.run, self.jobs.facts
        if run is None or facts is None or not facts.words or facts.source != self.session.clip.source:
            return []
        dataset = run.info.config.data.dataset
        try:
            told = self.session.clip.templates
            templates = parse_templates(told) if told.strip() else default_templates(dataset)
        except BadSetting:
            return []
        return unknown_words([prompt(t, n) for t in templates for n in default_names(dataset, run.info.class_names)],
                             facts.words)

    def _show_empty(self) -> None:
        session, found = self.session, self.jobs
        measure, bundled = self.empty.buttons
        measure.hide()
        bundled.hide()
        if session.run is None:
            self.empty.set_texts("No run is open.", "Open one, or press Train to start a new model.")
            bundled.setVisible(paths.DEFAULT_BUNDLED_RUN.exists())
        elif session.point() is None:
            self.empty.set_texts("This run has no snapshot yet.", "The first comes within seconds of pressing Train.")
        elif found.fault:
            self.empty.set_texts("A template is wrong.", found.fault)
        elif found.scoring.busy:
            self.empty.set_texts("Scoring", "The answer comes when every picture is drawn and scored; Setup says how "
                                 "far it is.")
        else:
            measure.show()
            self.empty.set_texts("Not scored for these weights", "Pictures of every class are drawn and scored, and as "
                                 "many real ones beside them. " + self.setup.cost(session.clip.count))
        self._stack.setCurrentWidget(self.empty)

    # ---- files ----

    def save(self, kind: str) -> None:
        """The table, all figures or the page, as "csv", "json" or "png"."""
        title = {"csv": "CSV table (*.csv)", "json": "JSON (*.json)", "png": "PNG picture (*.png)"}[kind]
        chosen, _ = QFileDialog.getSaveFileName(self, "Save CLIP scores", f"clip.{kind}", title)
        known = self.jobs.known
        if not chosen or (known is None and kind != "png"):
            return
        path = Path(chosen)
        path = path if path.suffix.lower() == f".{kind}" else path.with_name(f"{path.name}.{kind}")
        try:
            if kind == "png":
                if not self.grab().save(str(path), "PNG"):
                    raise OSError
            elif known is not None:
                text = clip_csv(known.scores) if kind == "csv" else \
                    json.dumps(report(known.scores, known.summary), indent=2) + "\n"
                path.write_text(text, encoding="utf-8", newline="")
        except OSError:
            self.session.message.emit(Notice("save-clip", "error", f"{path.name} could not be written.",
                                             "Choose a folder that can be written and has room."))
        else:
            self.session.message_cleared.emit("save-clip")
