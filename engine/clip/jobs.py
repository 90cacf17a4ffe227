"""Jobs of the CLIP page for the compute thread. Importing this needs no torch: see `engine.jobs`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clip.files import IN_DOMAIN, in_domain_record
from engine.clip.sources import GENERAL, GeneralClip, title
from engine.compute import Job, JobGenerator, Priority
from engine.events import Event, Tick

if TYPE_CHECKING:
    from engine.clip.hub import Offer
    from engine.measure.clip_course import ScoreCourseRequest
    from engine.measure.clip_scores import ClipRequest
    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known of a CLIP that can be loaded."""

    source: str
    title: str
    in_domain: bool
    size: int  # of its pictures
    parameters: int
    words: tuple[str, ...]  # that it learned; empty where nobody knows


@dataclass(frozen=True, slots=True)
class ClipSources(Event):
    """Which published weights are in the cache, and where that is."""

    here: tuple[str, ...]
    cache: Path
    free: int  # bytes


@dataclass(frozen=True, slots=True)
class ClipLoaded(Event):
    """A CLIP is ready."""

    facts: ClipFacts


def clip_scores_job(request: ClipRequest, key: str = "clip") -> Job:
    """How well pictures match their labels; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.clip_scores import measure_clip

        return measure_clip(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def score_course_job(request: ScoreCourseRequest, key: str = "clip-course") -> Job:
    """The score over training or over denoising; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.clip_course import measure_course

        return measure_course(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def clip_load_job(source: str, key: str = "clip-load") -> Job:
    """Load a CLIP, so that what is wrong with it is said before anything is drawn; the one before stays otherwise."""
    def load(workspace: Workspace) -> Generator[Event, object, None]:
        import open_clip  # noqa: F401  (the first time this takes seconds: others have a turn after it)

        yield Tick()
        clip = workspace.clip(source)
        parameters = sum(p.numel() for p in clip.network.parameters())
        yield ClipLoaded(ClipFacts(clip.source, clip.title, clip.in_domain, clip.size, parameters,
                                   tuple(clip.record.get("words", ()))))

    return Job(key, load)


def clip_sources_job(key: str = "clip-sources") -> Job:
    """Look which published weights are in the cache."""
    def look(_: Workspace) -> Generator[Event, object, None]:
        from engine.clip.hub import cache_dir, cached_file, free_bytes

        here = tuple(known.source for known in GENERAL if cached_file(known) is not None)
        yield ClipSources(here, cache_dir(), free_bytes(cache_dir()))

    return Job(key, look)


def clip_offer_job(known: GeneralClip, key: str = "clip-offer") -> Job:
    """Ask the hub what a download takes."""
    def make(_: Workspace) -> JobGenerator:
        from engine.clip.hub import offer_download

        return offer_download(known)

    return Job(key, make)


def clip_download_job(offer: Offer, key: str = "clip-download") -> Job:
    """Download what was offered and agreed to."""
    def make(_: Workspace) -> JobGenerator:
        from engine.clip.hub import download

        return download(offer)

    return Job(key, make, Priority.BACKGROUND)


def in_domain_facts() -> ClipFacts:
    """Of the one that ships, from its record. Raises DiffuscopeError for a record that cannot be read."""
    record = in_domain_record()
    return ClipFacts(IN_DOMAIN, title(IN_DOMAIN), True, 32, int(record.get("parameters", 0)),
                     tuple(record.get("words", ())))
