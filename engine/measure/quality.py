"""How good a run's pictures are: read right, and how far from real ones, by its judges. Imports no torch by itself.

Pictures with equal classes are compared with as many of the test set, in the features of each judge. Beside every
figure stands its floor: what real training pictures score in their place, for no model can be expected to be
nearer to the test set than they are. Accuracy alone can be bought with variety: coverage and recall tell.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.data.catalogue import load_test_half
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.distances import NEIGHBOURS, SetDistances, compare
from engine.measure.judge_files import judge_record, judges_for, no_judge
from engine.measure.scorers import clip_mark
from engine.runs import Run, SaveFailed, measurement_key

if TYPE_CHECKING:
    from engine.workspace import LoadedModel, Workspace

DEFAULT_COUNT = 5000
SMALLEST_COUNT, LARGEST_COUNT = 100, 10_000
METHOD = 1  # raised when the same pictures would give other figures
MOST_WRONG = 100  # misread pictures that are listed
CPU_BATCH, GPU_BATCH = 50, 500  # pictures drawn at once: few enough for a slider that waits for one network call


@dataclass(frozen=True, slots=True)
class QualityRequest:
    """What to measure: `count` pictures of a snapshot (None: the newest), picture i of class i % classes, seed + i.

    average_percent: weights averaged over the last so many percent of training, None as the snapshot holds them.
    again: measure even where the answer is there. Raises BadSetting for a count out of range.
    """

    run: Path
    sampling: SamplingConfig
    snapshot: int | None = None
    count: int = DEFAULT_COUNT
    seed: int = 0
    average_percent: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        if not SMALLEST_COUNT <= self.count <= LARGEST_COUNT:
            raise BadSetting(f"Quality is measured on {SMALLEST_COUNT} to {LARGEST_COUNT:,} pictures; "
                             f"{self.count:,} is not among them.")


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """What one judge says. Shares are 0 to 1; accuracy means read as the class asked for.

    real_accuracy: the same judge on the test pictures of the comparison. floor: the mean over `floors`.
    wrong: seed, class asked and class read of the first misread pictures.
    """

    name: str
    sha256: str
    test_accuracy: float
    accuracy: float
    accuracy_by_class: tuple[float, ...]
    real_accuracy: float
    real_accuracy_by_class: tuple[float, ...]
    distances: SetDistances
    floors: tuple[SetDistances, ...]
    wrong: tuple[tuple[int, int, int], ...]

    @property
    def floor(self) -> SetDistances:
        """What real training pictures score, on average over the draws."""
        names = [field.name for field in fields(SetDistances)]
        return SetDistances(*(float(np.mean([getattr(f, name) for f in self.floors])) for name in names))

    @property
    def frechet_over_floor(self) -> float:
        """How many times the floor the Frechet distance is."""
        return self.distances.frechet / self.floor.frechet


@dataclass(frozen=True, slots=True)
class Quality:
    """A measurement of a run. count pictures against reference_count real ones, k neighbours.

    agreement: share of the pictures that all judges read alike. nfe: network evaluations for each picture.
    seconds: from first to last picture, whatever else ran in between. notes: what to know of this comparison.
    """

    snapshot: int
    average_percent: float | None
    count: int
    seed: int
    sampling: SamplingConfig
    nfe: int
    reference_count: int
    neighbours: int
    judges: tuple[JudgeQuality, ...]
    agreement: float
    notes: tuple[str, ...]
    seconds: float
    device: str

    def values(self) -> dict[str, Any]:
        """As plain values; each judge's mean floor and ratio are among them for whoever reads the file."""
        values = {**asdict(self), "sampling": self.sampling.model_dump()}
        for told, judge in zip(values["judges"], self.judges, strict=True):
            told["floor"] = asdict(judge.floor)
            told["frechet_over_floor"] = judge.frechet_over_floor
        return values

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Quality | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            judges = tuple(JudgeQuality(**{
                **{field.name: judge[field.name] for field in fields(JudgeQuality)},
                "distances": SetDistances(**judge["distances"]),
                "floors": tuple(SetDistances(**floor) for floor in judge["floors"]),
                "accuracy_by_class": tuple(judge["accuracy_by_class"]),
                "real_accuracy_by_class": tuple(judge["real_accuracy_by_class"]),
                "wrong": tuple((seed, asked, read) for seed, asked, read in judge["wrong"]),
            }) for judge in values["judges"])
            return cls(**{**values, "judges": judges, "notes": tuple(values["notes"]),
                          "sampling": SamplingConfig.model_validate(values["sampling"])})
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class QualityReady(Event):
    """The answer to a request. stored: it was there already."""

    request: QualityRequest
    quality: Quality
    stored: bool


def quality_key(run: Run, request: QualityRequest) -> str:
    """Under what a measurement is saved: equal for equal weights, settings, judges and method. Raises BadRun."""
    guide = request.sampling.autoguide_step
    settings = {
        "sampling": request.sampling.model_dump(), "count": request.count, "seed": request.seed,
        "average_percent": request.average_percent,
        "guide": "" if guide is None else run.weights_hash(guide),
        "judges": {name: judge_record(file).get("sha256", "") for name, file in judges_for(run).items()},
        "neighbours": NEIGHBOURS, "method": METHOD, **clip_mark(request.sampling, run),
    }
    return measurement_key("quality", run.weights_hash(request.snapshot), settings)


def stored_quality(run: Run, request: QualityRequest) -> Quality | None:
    """The measurement if it was made before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(quality_key(run, request))
    return None if values is None else Quality.from_values(values)


def measure_quality(workspace: Workspace, request: QualityRequest) -> Generator[Event, Command | None, None]:
    """Measure and save, as a long job: progress in pictures, then QualityReady. Closing it saves nothing.

    Raises BadRun for a run of pictures that no judge knows, and SaveFailed after QualityReady
    where the measurement could not be saved.
    """
    run = Run.open(request.run)
    if not judges_for(run):
        raise no_judge(run)
    if not request.again and (known := stored_quality(run, request)) is not None:
        yield QualityReady(request, known, True)
        return
    if request.snapshot is None and (there := run.snapshots()):
        pinned = replace(request, snapshot=there[-1].step)  # a newer one may be saved meanwhile
    else:
        pinned = request
    key = quality_key(run, pinned)
    quality = yield from _measured(workspace, pinned)
    failed: SaveFailed | None = None
    try:
        run.save_measurement(key, quality.values())
    except SaveFailed as error:
        failed = error
    yield QualityReady(request, quality, False)
    if failed is not None:
        raise failed


def _measured(workspace: Workspace, request: QualityRequest) -> Generator[Event, None, Quality]:
    from engine.device import describe
    from engine.diffusion.evaluations import network_evaluations
    from engine.measure.judge import Judge
    from engine.measure.reference import look, reference

    model = workspace.model(request.run, request.snapshot, request.average_percent)
    judges = {name: Judge.load(file, workspace.device) for name, file in judges_for(model.run).items()}
    dataset = load_test_half(model.run.info.config.data.dataset)
    labels = np.arange(request.count) % model.num_classes
    seeds = request.seed + np.arange(request.count)
    nfe = network_evaluations(request.sampling, model.denoiser.schedule)

    began = time.perf_counter()
    parts = []
    yield JobProgress(0, request.count, "pictures")
    for images in _pictures(workspace, model, request, labels.tolist(), seeds.tolist()):
        if images is None:
            yield Tick()
            continue
        parts.append(images)
        yield JobProgress(sum(map(len, parts)), request.count, "pictures")
    seconds = time.perf_counter() - began
    images = np.concatenate(parts)

    counts = tuple(int(n) for n in np.bincount(labels, minlength=model.num_classes))
    told, readings, there = [], [], len(images)
    for name, judge in judges.items():
        real = yield from _quietly(reference(judge, dataset, counts))
        features, read = yield from _quietly(look(judge, images))
        distances = yield from _quietly(compare(real.features, features, real.radii))
        wrong = np.flatnonzero(read != labels)[:MOST_WRONG]
        told.append(JudgeQuality(
            name=name, sha256=judge.sha256, test_accuracy=float(judge.record.get("test_accuracy", np.nan)),
            accuracy=float((read == labels).mean()), accuracy_by_class=_by_class(read, labels, model.num_classes),
            real_accuracy=float((real.read == real.labels).mean()),
            real_accuracy_by_class=_by_class(real.read, real.labels, model.num_classes),
            distances=distances, floors=real.floors,
            wrong=tuple((int(seeds[i]), int(labels[i]), int(read[i])) for i in wrong)))
        readings.append(read)
        there = len(real.labels)
    notes = [f"The test set has {n} pictures of class {dataset.class_names[c]}; {counts[c]} were asked of the model."
             for c in range(model.num_classes) if (n := int((dataset.test_labels == c).sum())) < counts[c]]
    return Quality(
        snapshot=model.snapshot, average_percent=request.average_percent, count=request.count, seed=request.seed,
        sampling=request.sampling, nfe=nfe, reference_count=there, neighbours=NEIGHBOURS, judges=tuple(told),
        agreement=float(np.all([r == readings[0] for r in readings], axis=0).mean()), notes=tuple(notes),
        seconds=round(seconds, 2), device=describe(workspace.device, "fp32"))


def _pictures(workspace: Workspace, model: LoadedModel, request: QualityRequest, labels: list[int],
              seeds: list[int]) -> Iterator[NDArray[np.uint8] | None]:
    """Pictures in batches, and None after each network call in between."""
    from engine.diffusion.sample import denoising_steps, to_pixels

    weaker, scorer = workspace.weaker(model, request.sampling), workspace.scorer(model, request.sampling)
    batch = CPU_BATCH if workspace.device.type == "cpu" else GPU_BATCH
    for begin in range(0, request.count, batch):
        chosen = slice(begin, begin + batch)
        x0 = None
        for x0 in denoising_steps(model.denoiser, labels[chosen], seeds[chosen], request.sampling, shape=model.shape,
                                  num_classes=model.num_classes, device=workspace.device, weaker=weaker, scorer=scorer):
            yield None
        assert x0 is not None
        yield to_pixels(x0)


T = TypeVar("T")


def _quietly(work: Generator[None, None, T]) -> Generator[Event, None, T]:
    """Work in parts, with a Tick after each."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
        yield Tick()


def _by_class(read: NDArray[np.int64], labels: NDArray[np.int64], num_classes: int) -> tuple[float, ...]:
    return tuple(float((read[labels == c] == c).mean()) for c in range(num_classes))
