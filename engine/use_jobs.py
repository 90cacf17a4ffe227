"""Jobs of page Use and of the look at nearest pictures. Importing this needs no torch, as engine.jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.compute import Job, JobGenerator, Priority

if TYPE_CHECKING:
    from engine.export.handwriting_job import HandRequest
    from engine.export.synthetic_set import SyntheticRequest
    from engine.export.word_animation import WordAnimation
    from engine.measure.augmentation import AugmentationRequest
    from engine.measure.classification_score import ScoreRequest
    from engine.measure.nearest import NearestRequest


def hand_job(request: HandRequest, key: str = "handwriting", priority: Priority = Priority.INTERACTIVE) -> Job:
    """The characters of a word, while somebody waits."""
    def make(workspace: Any) -> JobGenerator:
        from engine.export.handwriting_job import write_hand

        return write_hand(workspace, request)

    return Job(key, make, priority)


def word_animation_job(wanted: WordAnimation, key: str = "word-animation") -> Job:
    """A word growing out of noise, into a file."""
    def make(_: Any) -> JobGenerator:
        from engine.export.word_animation import write_word_animation

        return write_word_animation(wanted)

    return Job(key, make, Priority.BACKGROUND)


def synthetic_job(request: SyntheticRequest, key: str = "synthetic-set") -> Job:
    """A labelled set into a folder."""
    def make(workspace: Any) -> JobGenerator:
        from engine.export.synthetic_set import make_synthetic_set

        return make_synthetic_set(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def augmentation_job(request: AugmentationRequest, key: str = "augmentation") -> Job:
    """Whether drawn pictures help a classifier; saved with the run."""
    def make(workspace: Any) -> JobGenerator:
        from engine.measure.augmentation import measure_augmentation

        return measure_augmentation(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def score_job(request: ScoreRequest, key: str = "score") -> Job:
    """The classification accuracy score; saved with the run."""
    def make(workspace: Any) -> JobGenerator:
        from engine.measure.classification_score import measure_score

        return measure_score(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def nearest_job(request: NearestRequest, key: str = "nearest") -> Job:
    """The training pictures nearest to some pictures."""
    def make(workspace: Any) -> JobGenerator:
        from engine.measure.nearest import measure_nearest

        return measure_nearest(workspace, request)

    return Job(key, make)
