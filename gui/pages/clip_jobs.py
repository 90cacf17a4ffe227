"""What the CLIP page asks the compute thread for: scores, courses, models, downloads; and what is known of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.clip import jobs
from engine.clip.config import ClipConfig
from engine.clip.files import IN_DOMAIN
from engine.clip.hub import ClipDownloaded, ClipOffered, Offer
from engine.clip.jobs import ClipFacts, ClipLoaded, ClipSources
from engine.clip.prompts import default_names, default_templates, parse_templates, prompt, unknown_words
from engine.clip.sources import GeneralClip, file_of, general
from engine.compute import Job
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Event
from engine.measure.clip_course import COURSES, TRAINING, Course, CourseReady, ScoreCourseRequest, stored_course
from engine.measure.clip_scores import ClipReady, ClipRequest, ClipScores, ClipSettings, stored_clip
from engine.measure.clip_summary import ClipSummary, summarise
from engine.measure.recognition import Recognition, RecognitionRequest, stored_recognition
from engine.runs import Run
from gui.pages.kept_measurement import WatchedJob
from gui.session import Session

SCORES, COURSE, LOAD, SOURCES, OFFER, DOWNLOAD = ("clip", "clip-score-course", "clip-load", "clip-sources",
                                                  "clip-offer", "clip-download")
KEPT = 8


@dataclass(frozen=True, eq=False)
class Known:
    """A measurement and what it says."""

    scores: ClipScores
    summary: ClipSummary


class Task(WatchedJob[Job]):
    """One job of a kind at a time, with its progress and how it ended."""

    answered = Signal(object)  # an Event
    over = Signal()

    def __init__(self, session: Session, key: str, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self.key = key

    @property
    def busy(self) -> bool:
        """Whether the job is under way."""
        return self.measuring

    def start(self, job: Job) -> None:
        """Begin; one that runs is replaced."""
        self.submit(job, job)

    def heard(self, event: Event, request: Job) -> None:
        self.answered.emit(event)

    def ended(self, done: bool) -> None:
        self.over.emit()


class ClipJobs(QObject):
    """`known`: the scores at the session's point; `courses`: by what they are over; `facts`: the loaded CLIP."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.request: ClipRequest | None = None
        self.fault = ""  # why nothing can be asked for: a template that is none
        self.known: Known | None = None
        self.courses: dict[str, Course] = {}
        self.recognition: Recognition | None = None  # of the same point, to stand beside the courses
        self.facts: ClipFacts | None = _shipped()
        self.sources: ClipSources | None = None
        self.offer: Offer | None = None  # once the hub answered
        self._cache: OrderedDict[tuple[str, ClipRequest], Known] = OrderedDict()
        self.scoring, self.following = Task(session, SCORES, self), Task(session, COURSE, self)
        self.loading, self.looking = Task(session, LOAD, self), Task(session, SOURCES, self)
        self.asking, self.getting = Task(session, OFFER, self), Task(session, DOWNLOAD, self)
        for task in (self.scoring, self.following, self.loading, self.looking, self.asking, self.getting):
            task.answered.connect(self._on_answer)
            task.over.connect(self.changed)
            task.changed.connect(self.changed)

    # ---- what is asked for ----

    @property
    def config(self) -> ClipConfig:
        """The page's settings."""
        return self.session.clip

    def settings(self) -> ClipSettings:
        """Of the page's settings. Raises BadSetting for a template that is none."""
        config = self.config
        templates = parse_templates(config.templates) if config.templates.strip() else ()
        return ClipSettings(config.source, templates, (), config.upscaling, config.batch)

    def look(self) -> None:
        """Read what was measured at the session's point."""
        session, run = self.session, self.session.run
        self.request, self.known, self.courses, self.recognition, self.fault = None, None, {}, None, ""
        if run is None or not session.snapshots:
            return
        self.recognition = self._stored_recognition(run)
        try:
            clip = self.settings()
        except BadSetting as error:
            self.fault = error.headline
            return
        request = ClipRequest(run.path, session.sampling, clip, session.step, self.config.count,
                              average_percent=session.average())
        self.request = request
        key = (run.info.id, request)
        if key not in self._cache:
            try:
                found = stored_clip(run, request)
            except (DiffuscopeError, OSError):
                found = None
            if found is not None:
                self._keep(key, found)
        self.known = self._cache.get(key)
        for over in COURSES:
            try:
                course = stored_course(run, self.course_request(over))
            except (DiffuscopeError, OSError):
                course = None
            if course is not None:
                self.courses[over] = course

    def course_request(self, over: str) -> ScoreCourseRequest:
        """The course at the session's point; there must be a request."""
        assert self.request is not None
        asked = self.request
        return ScoreCourseRequest(asked.run, asked.sampling, asked.clip, over,
                                  None if over == TRAINING else asked.snapshot, self.config.each, asked.first_seed,
                                  asked.average_percent)

    def _stored_recognition(self, run: Run) -> Recognition | None:
        """When the judge reads the predicted x0 of the same point, or else x_t, if that was measured."""
        session = self.session
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

    def unknown_words(self) -> list[str]:
        """Words of the prompts that the loaded CLIP never learned, where that is known."""
        run, facts = self.session.run, self.facts
        if run is None or facts is None or not facts.words or facts.source != self.config.source:
            return []
        dataset, told = run.info.config.data.dataset, self.config.templates
        try:
            templates = parse_templates(told) if told.strip() else default_templates(dataset)
        except BadSetting:
            return []
        return unknown_words([prompt(t, n) for t in templates for n in default_names(dataset, run.info.class_names)],
                             facts.words)

    def _keep(self, key: tuple[str, ClipRequest], found: ClipScores) -> None:
        self._cache[key] = Known(found, summarise(found))
        while len(self._cache) > KEPT:
            self._cache.popitem(last=False)

    # ---- jobs ----

    def measure(self) -> None:
        """Score what is looked at."""
        if self.request is not None and not self.scoring.busy:
            self.scoring.start(jobs.clip_scores_job(self.request, SCORES))
            self.changed.emit()

    def follow(self, over: str) -> None:
        """Follow the score over training or denoising."""
        if self.request is not None and not self.following.busy:
            self.following.start(jobs.score_course_job(self.course_request(over), COURSE))
            self.changed.emit()

    def load(self, source: str) -> None:
        """Load another CLIP; the page's setting changes when it is there."""
        self.loading.start(jobs.clip_load_job(source, LOAD))
        self.changed.emit()

    def look_for_sources(self) -> None:
        """Ask which published weights are here."""
        if self.sources is None and not self.looking.busy:
            self.looking.start(jobs.clip_sources_job(SOURCES))

    def ask(self, known: GeneralClip) -> None:
        """Ask the hub what a download takes."""
        self.offer = None
        self.asking.start(jobs.clip_offer_job(known, OFFER))
        self.changed.emit()

    def download(self) -> None:
        """Download what was offered: somebody has said yes to its size."""
        if self.offer is not None and not self.getting.busy:
            self.getting.start(jobs.clip_download_job(self.offer, DOWNLOAD))
            self.changed.emit()

    def drop_offer(self) -> None:
        """Nobody wants it."""
        self.offer = None
        self.changed.emit()

    def here(self, source: str) -> bool:
        """Whether a source can be loaded without a network, as far as is known."""
        return source == IN_DOMAIN or general(source) is None or \
            (self.sources is not None and source in self.sources.here)

    def _on_answer(self, event: Event) -> None:
        run = self.session.run
        if isinstance(event, ClipReady):
            if run is not None and run.path == event.request.run:
                self._keep((run.info.id, event.request), event.scores)
                if event.request == self.request:
                    self.known = self._cache[run.info.id, event.request]
        elif isinstance(event, CourseReady):
            if self.request is not None and event.request == self.course_request(event.request.over):
                self.courses[event.request.over] = event.course
        elif isinstance(event, ClipLoaded):
            self.facts = event.facts
            self._use(event.facts.source)
        elif isinstance(event, ClipSources):
            self.sources = event
        elif isinstance(event, ClipOffered):
            self.offer = event.offer
        elif isinstance(event, ClipDownloaded):
            self.offer = self.sources = None
            self.look_for_sources()
            self.load(event.source)
        self.changed.emit()

    def _use(self, source: str) -> None:
        changes: dict[str, Any] = {"source": source}
        if source != IN_DOMAIN and general(source) is None:
            changes["architecture"] = file_of(source)[0]
        self.session.set_clip(self.config.model_copy(update=changes))


def _shipped() -> ClipFacts | None:
    try:
        return jobs.in_domain_facts()
    except DiffuscopeError:
        return None
