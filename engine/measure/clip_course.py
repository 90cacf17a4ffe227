"""CLIP's score as it comes about: over training, snapshot by snapshot, and over denoising, on the predicted x0.

Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.config import SamplingConfig
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.clip_scores import ClipSettings, cosines, real_cosines, real_pictures
from engine.measure.clip_summary import METRICS, Mean, mean_of, picture_scores
from engine.measure.drawing import channels_last, draw
from engine.measure.keeping import save_and_tell
from engine.measure.scorers import clip_mark
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

TRAINING, DENOISING = "training", "denoising"
COURSES = (TRAINING, DENOISING)
DEFAULT_EACH = 10  # pictures of each class at each point
MOST_SNAPSHOTS = 12
METHOD = 1


@dataclass(frozen=True, slots=True)
class ScoreCourseRequest:
    """What to follow. over: "training" (snapshots evenly chosen) or "denoising" (of one snapshot).

    each: pictures of each class at each point, from the same seeds at all of them.
    """

    run: Path
    sampling: SamplingConfig
    clip: ClipSettings = field(default_factory=ClipSettings)
    over: str = TRAINING
    snapshot: int | None = None
    each: int = DEFAULT_EACH
    first_seed: int = 0
    average_percent: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        if self.over not in COURSES:
            raise BadSetting(f"A course is over {' or '.join(COURSES)}; {self.over} is not.")
        if not 2 <= self.each <= 1000:
            raise BadSetting(f"A course takes 2 to 1,000 pictures of each class; {self.each} is not among them.")


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """At one place: step (training) or percent denoised and sigma; overall by metric, by class CLIPScore's mean."""

    place: float
    sigma: float
    overall: dict[str, Mean]
    by_class: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """All points, in order. real: the same of real test pictures. each: pictures of each class."""

    over: str
    title: str
    snapshot: int
    class_names: tuple[str, ...]
    each: int
    points: tuple[CoursePoint, ...]
    real: dict[str, Mean] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Course | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            points = tuple(CoursePoint(point["place"], point["sigma"], _means(point["overall"]),
                                       tuple(point["by_class"])) for point in values["points"])
            return cls(**{**values, "class_names": tuple(values["class_names"]), "points": points,
                          "real": _means(values["real"])})
        except (KeyError, TypeError, ValueError):
            return None


def _means(values: dict[str, Any]) -> dict[str, Mean]:
    return {name: Mean(one["mean"], None if one["ci95"] is None else tuple(one["ci95"]), one["n"])
            for name, one in values.items()}


@dataclass(frozen=True, eq=False)
class CourseReady(Event):
    """The answer to a request, or what is known so far. stored: it was there already."""

    request: ScoreCourseRequest
    course: Course
    complete: bool
    stored: bool


def chosen_steps(run: Run) -> list[int]:
    """Steps of at most MOST_SNAPSHOTS snapshots, evenly over training, first and last among them."""
    steps = [snapshot.step for snapshot in run.snapshots()]
    places = np.linspace(0, len(steps) - 1, min(len(steps), MOST_SNAPSHOTS)).round().astype(int)
    return [steps[i] for i in dict.fromkeys(places.tolist())]


def course_key(run: Run, request: ScoreCourseRequest) -> str:
    """Under what a course is saved. Raises BadRun."""
    guide = request.sampling.autoguide_step
    settings = {
        "over": request.over, "sampling": request.sampling.model_dump(), "each": request.each,
        "first_seed": request.first_seed, "average_percent": request.average_percent,
        "guide": "" if guide is None else run.weights_hash(guide), "clip_scores": request.clip.filled(run).mark(),
        "method": METHOD, **clip_mark(request.sampling, run)}
    if request.over == TRAINING:
        settings["steps"] = {str(step): run.weights_hash(step) for step in chosen_steps(run)}
        return measurement_key("clip-course", run.weights_hash(), settings)
    return measurement_key("clip-course", run.weights_hash(request.snapshot), settings)


def stored_course(run: Run, request: ScoreCourseRequest) -> Course | None:
    """The course if it was followed before; None if not."""
    values = run.measurement(course_key(run, request))
    return None if values is None else Course.from_values(values)


def measure_course(workspace: Workspace, request: ScoreCourseRequest) -> Generator[Event, Command | None, None]:
    """Follow and save, as a long job: progress in pictures, CourseReady after each snapshot and at the end."""
    run, asked = Run.open(request.run), request
    if request.snapshot is None and (there := run.snapshots()):
        request = replace(request, snapshot=there[-1].step)
    if not request.again and (known := stored_course(run, request)) is not None:
        yield CourseReady(asked, known, True, True)
        return
    key = course_key(run, request)
    if request.over == TRAINING:
        course = yield from _over_training(workspace, run, request, asked)
    else:
        course = yield from _over_denoising(workspace, run, request)
    yield from save_and_tell(run, key, course.values(), CourseReady(asked, course, True, False))


Following = Generator[Event, Command | None, Course]


def _point(place: float, sigma: float, cosine: Any, labels: Any, logit_scale: float, classes: int) -> CoursePoint:
    scores = picture_scores(cosine, labels, logit_scale)
    return CoursePoint(place, sigma, {metric: mean_of(scores.of(metric)) for metric in METRICS},
                       tuple(float(scores.score[labels == c].mean()) for c in range(classes)))


def _over_training(workspace: Workspace, run: Run, request: ScoreCourseRequest, asked: ScoreCourseRequest) -> Following:
    from engine.clip.model import ClipModel

    clip: ClipModel = workspace.clip(request.clip.source)
    steps, classes = chosen_steps(run), len(run.info.class_names)
    labels, seeds = _asked(request, classes)
    total = 2 * len(labels) * len(steps) + len(labels)
    real = yield from _real(clip, run, request, total)
    points: list[CoursePoint] = []
    for i, step in enumerate(steps):
        model = workspace.model(request.run, step, request.average_percent)
        sampling = request.sampling
        if sampling.autoguide_step is not None and sampling.autoguide_step >= step:  # nothing earlier to guide against
            sampling = sampling.model_copy(update={"autoguide_step": None})
        begin = (2 * i + 1) * len(labels)
        drawn = yield from draw(workspace, model, labels.tolist(), seeds.tolist(), sampling, begin=begin, total=total)
        cosine = yield from cosines(clip, request.clip.filled(run), channels_last(drawn), begin + len(labels), total)
        points.append(_point(step, 0.0, cosine, labels, clip.logit_scale, classes))
        course = Course(TRAINING, clip.title, request.snapshot or steps[-1], tuple(run.info.class_names), request.each,
                        tuple(points), real)
        yield CourseReady(asked, course, False, False)
    return course


def _over_denoising(workspace: Workspace, run: Run, request: ScoreCourseRequest) -> Following:
    from engine.diffusion.sample import to_pixels
    from engine.diffusion.schedules import sampling_sigmas

    clip = workspace.clip(request.clip.source)
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    schedule, classes = model.denoiser.schedule, model.num_classes
    sigmas = sampling_sigmas(request.sampling, schedule)
    labels, seeds = _asked(request, classes)
    total = 2 * len(labels) * (len(sigmas) - 1) + len(labels)
    real = yield from _real(clip, run, request, total)
    frames = yield from _frames(workspace, model, request, labels, seeds, to_pixels)
    points, settings, done = [], request.clip.filled(run), len(labels)
    for i, images in enumerate(frames):
        cosine = yield from cosines(clip, settings, images, done, total)
        done += len(labels)
        sigma = sigmas[i] if i + 1 < len(frames) else 0.0  # the last x0 is the picture
        place = 100 * (1 - schedule.t_of_sigma(sigma) / schedule.num_timesteps)
        points.append(_point(place, float(sigma), cosine, labels, clip.logit_scale, classes))
    return Course(DENOISING, clip.title, model.snapshot, tuple(run.info.class_names), request.each, tuple(points), real)


def _frames(workspace: Workspace, model: Any, request: ScoreCourseRequest, labels: Any, seeds: Any,
            to_pixels: Any) -> Generator[Event, Command | None, list[Any]]:
    """Predicted x0 of all pictures at each step, batch by batch put together: a list of (N, H, W) or (N, H, W, 3)."""
    from engine.diffusion.sample import denoising_steps
    from engine.measure.drawing import CPU_BATCH

    parts: list[list[Any]] = []
    weaker, scorer = workspace.weaker(model, request.sampling), workspace.scorer(model, request.sampling)
    for begin in range(0, len(labels), CPU_BATCH):
        chosen = slice(begin, begin + CPU_BATCH)
        taken = []
        for x0 in denoising_steps(model.denoiser, labels[chosen].tolist(), seeds[chosen].tolist(), request.sampling,
                                  shape=model.shape, num_classes=model.num_classes, device=workspace.device,
                                  weaker=weaker, scorer=scorer):
            taken.append(to_pixels(x0))
            yield Tick()
        parts.append(taken)
    return [np.concatenate(step) for step in zip(*parts, strict=True)]


def _asked(request: ScoreCourseRequest, classes: int) -> tuple[Any, Any]:
    count = np.arange(request.each * classes)
    return count % classes, request.first_seed + count


def _real(clip: Any, run: Run, request: ScoreCourseRequest,
          total: int) -> Generator[Event, Command | None, dict[str, Mean]]:
    from engine.data.catalogue import load_test_half

    dataset, settings = load_test_half(run.info.config.data.dataset), request.clip.filled(run)
    index = real_pictures(dataset, np.full(len(run.info.class_names), request.each))
    yield JobProgress(0, total, "pictures")
    cosine = yield from real_cosines(clip, settings, dataset, index, 0, total)
    scores = picture_scores(cosine, dataset.test_labels[index], clip.logit_scale)
    return {metric: mean_of(scores.of(metric)) for metric in METRICS}
