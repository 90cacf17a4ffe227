"""The CLIP page: how well each picture matches its label, beside real pictures and the judge; and guidance by CLIP."""

from __future__ import annotations

from PySide6.QtWidgets import QStackedLayout, QWidget

from engine import paths
from engine.clip.config import ClipConfig
from engine.measure.clip_course import DENOISING, TRAINING
from engine.measure.clip_summary import PROBABILITY, SCORE
from engine.measure.clip_words import best_and_worst, caveat, fault, signed
from gui.pages.base import Page
from gui.pages.clip_courses import CoursesView
from gui.pages.clip_guidance import GuidanceView
from gui.pages.clip_jobs import ClipJobs, Known
from gui.pages.clip_save import save_scores
from gui.pages.clip_scored import ScoredClasses, ScoredPictures
from gui.pages.clip_setup import ClipSetup
from gui.session import Session
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.one_or_two_lines import OneOrTwoLines
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented
from gui.words import NARROW

PICTURES, CLASSES, COURSES, GUIDANCE = "pictures", "classes", "courses", "guidance"
PARTS = [(PICTURES, "Pictures"), (CLASSES, "Classes"), (COURSES, "As it comes about"), (GUIDANCE, "Guidance")]


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
        self.pictures, self.classes, self.courses = ScoredPictures(), ScoredClasses(), CoursesView()
        self.guidance = GuidanceView(session)
        self.caveat = Text("", 12, 400, "text2", wrap=True)
        self.caution = Text("", 12, 400, "warn", wrap=True)
        self.selected = Text("", 12, 400, "muted", elide=True)
        self.empty = EmptyState("", "", [("Score", self.jobs.measure),
                                         ("Open the run that ships", session.open_bundled)])
        self.empty.buttons[0].setToolTip("Draw pictures of every class in the background and score them.")
        self.empty.buttons[1].setToolTip("A trained digit model that came with the program")
        self._lay_out()
        self.finding.set_links([("How this is decided", lambda: self.explain_asked.emit("clip-score"), "")])
        self.finding.links[0].setToolTip("What CLIPScore is, and why real pictures stand beside, in Explain")
        self._connect()
        self._show_part()
        self.refresh()

    def _lay_out(self) -> None:
        head = OneOrTwoLines([self.part], [self.pictures.who, self.pictures.order, self.figure], self.selected)
        self._stack = QStackedLayout()
        for place in (self.pictures, self.classes, self.courses, self.guidance, self.empty):
            self._stack.addWidget(place)
        self.body.addWidget(self.caveat)
        self.body.addWidget(self.caution)
        self.body.addWidget(head)
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
        setup.export_asked.connect(lambda kind: save_scores(self, session, found.known, kind))
        self.part.changed.connect(self._on_part)
        self.figure.changed.connect(self._show)
        self.pictures.chosen.connect(self._on_picture)
        self.pictures.selected_changed.connect(self._show_selected)
        self.classes.class_chosen.connect(session.set_class)
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
        for chooser in (self.pictures.order, self.pictures.who):
            chooser.setVisible(self.part.value() == PICTURES)
        if self.active:
            if guided:
                self.guidance.activate()
            else:
                self.guidance.deactivate()

    def _cancel(self, what: str) -> None:
        {"scores": self.jobs.scoring, "courses": self.jobs.following, "download": self.jobs.getting,
         "load": self.jobs.loading}[what].cancel()

    def _on_picture(self, class_label: int, seed: int) -> None:
        """Look at a picture: its class and seed are those of every page."""
        self.session.set_class(class_label)
        self.session.set_seed(seed)

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
            self._stack.setCurrentWidget(self.pictures if part == PICTURES else self.classes)
        if known is not None:
            self.caveat.setText(caveat(known.scores, known.summary))
        self._show_finding()
        self._show_selected()
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
        self.pictures.show_scores(known, metric)
        self.classes.show_scores(known, metric)
        self.classes.fit(self.width())

    def _show_selected(self) -> None:
        self.selected.setText(self.pictures.selected() if self._stack.currentWidget() is self.pictures else "")

    def _show_courses(self) -> None:
        found, metric = self.jobs, self.figure.value()
        for over, plot in self.courses.plots.items():
            plot.set_course(found.courses.get(over), metric, found.recognition)
            busy = found.following.busy
            what = "Some snapshots draw the same seeds, and CLIP scores them." if over == TRAINING else \
                "CLIP scores what the model predicts at each step."
            plot.set_words("Following" if busy else "Not followed over training" if over == TRAINING else
                           "Not followed over denoising", "Setup says how far it is." if busy else what,
                           not busy and found.request is not None)

    def _show_place(self) -> None:
        session = self.session
        self.classes.means.set_chosen(session.class_label)
        self.courses.plots[TRAINING].set_place(float(session.step))
        self.courses.plots[DENOISING].set_place(100 * (1 - session.t / session.schedule.num_timesteps))

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
        setup.show_unknown(found.unknown_words())

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
