"""Jobs of the CLIP page that answer at once: scores where one class is worse, courses, weights to download."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from engine.clip.hub import ClipDownloaded, ClipOffered, Offer
from engine.clip.jobs import ClipFacts, ClipLoaded, ClipSources
from engine.clip.sources import GeneralClip
from engine.compute import Job, Priority
from engine.events import Event, JobProgress
from engine.measure.clip_course import TRAINING, Course, CoursePoint, CourseReady, ScoreCourseRequest
from engine.measure.clip_scores import ClipReady, ClipRequest, ClipScores
from engine.measure.clip_summary import METRICS, Mean
from gui.pages.clip import ClipPage

WORST_CLASS = 8


def scores(request: ClipRequest) -> ClipScores:
    """Generated pictures as good as real ones, but for one class; picture i is i grey levels bright."""
    count = request.count
    rng, label = np.random.default_rng(2), np.arange(count) % 10
    own, real = rng.normal(0, 0.02, (2, count, 10))
    places = np.arange(count), label
    own[places] += 0.8
    real[places] += 0.8
    own[label == WORST_CLASS, WORST_CLASS] -= 0.3
    own[WORST_CLASS] = np.roll(own[WORST_CLASS], 1)  # the first 8 is taken for a 9
    image = np.zeros((count, 28, 28), np.uint8)
    image[:] = np.arange(count)[:, None, None] % 256
    clip = request.clip
    templates = clip.templates or ("a handwritten digit {}.",)
    from dataclasses import replace
    return ClipScores(
        snapshot=40, average_percent=None, sampling=request.sampling,
        clip=replace(clip, templates=templates, names=tuple("0123456789")), title="In-domain CLIP", in_domain=True,
        sha256="abc", words=("a", "handwritten", "digit", *"0123456789"), logit_scale=16.0,
        class_names=tuple("0123456789"), first_seed=0, nfe=8, judge="def", judge_accuracy=0.99, image_shape=(28, 28),
        seconds=0.4, class_label=label.astype(np.int16), seed=np.arange(count), cosine=own.astype(np.float32),
        read=label.astype(np.int16), image=image, real_label=label.astype(np.int16), real_index=np.arange(count),
        real_cosine=real.astype(np.float32), real_read=label.astype(np.int16))


def course(request: ScoreCourseRequest) -> Course:
    places = (0.0, 10.0, 40.0) if request.over == TRAINING else (0.0, 50.0, 100.0)
    points = tuple(CoursePoint(place, 1.0, {m: Mean(0.1 * i, (0.05 * i, 0.2 * i), 100) for m in METRICS}, (0.1,) * 10)
                   for i, place in enumerate(places))
    return Course(request.over, "In-domain CLIP", 40, tuple("0123456789"), request.each, points,
                  {m: Mean(0.9, (0.8, 1.0), 100) for m in METRICS})


class Jobs:
    """Stands in for the jobs. `gate` holds them in their middle."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.here: tuple[str, ...] = ()

    def _job(self, key: str, *events: Event) -> Job:
        def make(_: Any) -> Generator[Event, Any, None]:
            yield JobProgress(1, 10, "pictures")
            while not self.gate.wait(0.002):
                yield JobProgress(2, 10, "pictures")
            if self.failure is not None:
                raise self.failure
            yield from events

        return Job(key, make, Priority.BACKGROUND)

    def clip_scores_job(self, request: ClipRequest, key: str) -> Job:
        self.asked.append(request)
        return self._job(key, ClipReady(request, scores(request), False))

    def score_course_job(self, request: ScoreCourseRequest, key: str) -> Job:
        self.asked.append(request)
        return self._job(key, CourseReady(request, course(request), True, False))

    def clip_load_job(self, source: str, key: str) -> Job:
        self.asked.append(source)
        return self._job(key, ClipLoaded(ClipFacts(source, source, False, 224, 151_000_000, ())))

    def clip_sources_job(self, key: str) -> Job:
        return self._job(key, ClipSources(self.here, Path("/cache"), 10**12))

    def clip_offer_job(self, known: GeneralClip, key: str) -> Job:
        self.asked.append(known)
        return self._job(key, ClipOffered(offered(known)))

    def clip_download_job(self, offer: Offer, key: str) -> Job:
        self.asked.append(offer)
        self.here = (offer.known.source,)
        return self._job(key, ClipDownloaded(offer.known.source, Path("/cache/x")))


def offered(known: GeneralClip) -> Offer:
    return Offer(known, "http://127.0.0.1:9/x", 605_000_000, "ab" * 32, "c", 100_000_000, 10**12, Path("/cache/x"))


def settle(qtbot: QtBot, page: ClipPage) -> None:
    tasks = (page.jobs.loading, page.jobs.looking, page.jobs.asking, page.jobs.getting, page.jobs.following)
    qtbot.waitUntil(lambda: not any(task.busy for task in tasks), timeout=8000)
