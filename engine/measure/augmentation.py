"""Do drawn pictures help a classifier? Accuracy on real test pictures with k real and m drawn training pictures.

Each seed has its own k real pictures, its own drawn ones and its own classifier; for one seed all numbers m share the
real pictures and the classifier's initial weights, so that what m changes is measured as a paired difference. The
recipe and the number of training steps are the same for all.

A generator that learned the whole training set has seen far more than k pictures: what it brings is what it learned
of the others. The honest variant draws from generators that were trained on the same k pictures alone
(`engine.measure.augmentation_honest`). Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.data.catalogue import Dataset, load_dataset
from engine.data.subset import subset
from engine.errors import BadRun, BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.drawing import draw, ticking
from engine.measure.recipe import QUICK, Recipe
from engine.measure.statistics import mean_interval
from engine.runs import Run, SaveFailed, measurement_key
from engine.settings import number
from engine.use_config import AugmentationConfig

if TYPE_CHECKING:
    from engine.workspace import Workspace

METHOD = 1  # raised when the same settings would give other figures
HONEST_STEPS = 800  # of the Quick preset
Right = Generator[Event, Command | None, list[NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True)
class AugmentationRequest:
    """What to measure with pictures of a run's snapshot (None: the newest). again: even where the answer is there.

    honest_steps: training steps of each generator of the honest variant.
    """

    run: Path
    sampling: SamplingConfig
    config: AugmentationConfig = field(default_factory=AugmentationConfig)
    snapshot: int | None = None
    average_percent: float | None = None
    honest_steps: int = HONEST_STEPS
    again: bool = False


class OverSeeds:
    """A number for each seed."""

    __slots__ = ()

    @property
    def over_seeds(self) -> tuple[float, ...]:
        """The numbers."""
        raise NotImplementedError

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.over_seeds))

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean, by Student's t."""
        return mean_interval(self.over_seeds)


@dataclass(frozen=True, slots=True)
class Cell(OverSeeds):
    """Accuracy on the test pictures with `real` real and `synthetic` drawn training pictures, 0 to 1, one a seed."""

    real: int
    synthetic: int
    accuracy: tuple[float, ...]

    @property
    def over_seeds(self) -> tuple[float, ...]:
        return self.accuracy


@dataclass(frozen=True, slots=True)
class Gain(OverSeeds):
    """What the drawn pictures of a cell add to its real ones alone: paired differences of accuracy, one a seed."""

    real: int
    synthetic: int
    difference: tuple[float, ...]

    @property
    def over_seeds(self) -> tuple[float, ...]:
        return self.difference

    @property
    def verdict(self) -> str:
        """"helps" or "harms" where the interval lies on one side of 0, else "uncertain"."""
        ends = self.interval
        if ends is None or ends[0] <= 0 <= ends[1]:
            return "uncertain"
        return "helps" if ends[0] > 0 else "harms"


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The answer so far; complete once every seed of every cell is there. test: how many test pictures there are.

    learned: how many training pictures the generator has seen; equal to the real ones in the honest variant.
    """

    snapshot: int
    average_percent: float | None
    sampling: SamplingConfig
    config: AugmentationConfig
    learned: int
    test: int
    recipe: dict[str, Any]
    cells: tuple[Cell, ...]
    generators: tuple[str, ...] = ()  # of the honest variant: names of their runs

    @property
    def seeds(self) -> int:
        """How many seeds are there so far."""
        return min((len(cell.accuracy) for cell in self.cells), default=0)

    @property
    def complete(self) -> bool:
        """Whether all seeds are there."""
        return self.seeds == self.config.seeds

    def cell(self, real: int, synthetic: int) -> Cell:
        """The cell of these numbers. Raises KeyError."""
        for cell in self.cells:
            if (cell.real, cell.synthetic) == (real, synthetic):
                return cell
        raise KeyError((real, synthetic))

    def gains(self) -> tuple[Gain, ...]:
        """Of each cell with drawn pictures over the one without, as far as both are there."""
        made = []
        for cell in self.cells:
            alone = self.cell(cell.real, 0).accuracy
            if cell.synthetic and cell.accuracy:
                made.append(Gain(cell.real, cell.synthetic, tuple(
                    a - b for a, b in zip(cell.accuracy, alone, strict=False))))
        return tuple(made)

    def values(self) -> dict[str, Any]:
        """As plain values; what follows from the cells is among them for whoever reads the file."""
        cells = [{**asdict(cell), "mean": cell.mean, "interval": cell.interval} for cell in self.cells]
        gains = [{**asdict(gain), "mean": gain.mean, "interval": gain.interval, "verdict": gain.verdict}
                 for gain in self.gains()]
        return {**asdict(self), "sampling": self.sampling.model_dump(), "config": self.config.model_dump(),
                "cells": cells, "gains": gains}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Augmentation | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            cells = tuple(Cell(int(c["real"]), int(c["synthetic"]), tuple(float(a) for a in c["accuracy"]))
                          for c in values["cells"])
            return cls(
                snapshot=values["snapshot"], average_percent=values["average_percent"],
                sampling=SamplingConfig.model_validate(values["sampling"]),
                config=AugmentationConfig.model_validate(values["config"]), learned=values["learned"],
                test=values["test"], recipe=dict(values["recipe"]), cells=cells,
                generators=tuple(values["generators"]))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, eq=False)
class AugmentationReady(Event):
    """The answer so far; stored: it was there already."""

    channel: ClassVar[str] = "control"
    request: AugmentationRequest
    result: Augmentation
    stored: bool = False


def augmentation_key(run: Run, request: AugmentationRequest) -> str:
    """Under what a result is saved: equal for equal weights, settings and method. Raises BadRun."""
    settings = {
        "sampling": request.sampling.model_dump(), "config": request.config.model_dump(),
        "average_percent": request.average_percent, "recipe": asdict(QUICK), "method": METHOD,
        "honest_steps": request.honest_steps if request.config.honest else 0,
        "guide": guide_hash(run, request.sampling)}
    return measurement_key("augmentation", run.weights_hash(request.snapshot), settings)


def stored_augmentation(run: Run, request: AugmentationRequest) -> Augmentation | None:
    """The result if it was measured before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(augmentation_key(run, request))
    return None if values is None else Augmentation.from_values(values)


def measure_augmentation(workspace: Workspace,
                         request: AugmentationRequest) -> Generator[Event, Command | None, None]:
    """Measure and save, as a long job: JobProgress in steps, AugmentationReady after each seed and at the end.

    Closing it saves nothing. Raises BadSetting for more real pictures than there are, BadRun where the data set is not
    here, and SaveFailed after the last AugmentationReady where it could not be saved.
    """
    run = Run.open(request.run)
    if not request.again and (known := stored_augmentation(run, request)) is not None:
        yield AugmentationReady(request, known, True)
        return
    pinned = replace(request, snapshot=newest(run, request.snapshot))
    key = augmentation_key(run, pinned)
    dataset = whole_dataset(run, max(request.config.real))
    result = yield from _measured(workspace, run, pinned, dataset, request)
    failed: SaveFailed | None = None
    try:
        run.save_measurement(key, result.values())
    except SaveFailed as error:
        failed = error
    yield AugmentationReady(request, result)
    if failed is not None:
        raise failed


def newest(run: Run, snapshot: int | None) -> int | None:
    """The snapshot, or the newest there is now: another may be saved meanwhile."""
    there = run.snapshots()
    return there[-1].step if snapshot is None and there else snapshot


def guide_hash(run: Run, sampling: SamplingConfig) -> str:
    """Of the weights that these settings guide against; empty for none. Raises BadRun."""
    return "" if sampling.autoguide_step is None else run.weights_hash(sampling.autoguide_step)


def whole_dataset(run: Run, real: int) -> Dataset:
    """The run's data set. Raises BadRun where its training pictures are not here, BadSetting for too many of them."""
    dataset = load_dataset(run.info.config.data.dataset)
    if not len(dataset.train_images):
        raise BadRun(f"The training pictures of {run.name} are not here.", "Get the data set first.")
    if real > len(dataset.train_images):
        raise BadSetting(f"{dataset.title} has {number(len(dataset.train_images))} training pictures; {number(real)} "
                         "are not to be had.")
    return dataset


def total_steps(config: AugmentationConfig, recipe: Recipe) -> int:
    """Training steps of classifiers, those side by side counted once, and pictures drawn: what the progress counts."""
    return config.seeds * (len(set(config.real)) * recipe.num_steps + _pictures(config))


def _pictures(config: AugmentationConfig) -> int:
    """Pictures drawn for one seed: the honest variant draws anew for each number of real ones."""
    return max(config.synthetic) * (len(set(config.real)) if config.honest else 1)


def _measured(workspace: Workspace, run: Run, request: AugmentationRequest, dataset: Dataset,
              asked: AugmentationRequest) -> Generator[Event, Command | None, Augmentation]:
    config, model = request.config, workspace.model(run.path, request.snapshot, request.average_percent)
    reals, synthetics = sorted(set(config.real)), [0, *sorted(set(config.synthetic))]
    found: dict[tuple[int, int], list[float]] = {(k, m): [] for k in reals for m in synthetics}
    generators: list[str] = []
    total, done, most = total_steps(config, QUICK), 0, max(synthetics)

    def answer() -> Augmentation:
        return Augmentation(
            snapshot=model.snapshot, average_percent=request.average_percent, sampling=request.sampling,
            config=config, learned=0 if config.honest else run.info.images, test=len(dataset.test_labels),
            recipe=asdict(QUICK), cells=tuple(Cell(k, m, tuple(a)) for (k, m), a in found.items()),
            generators=tuple(generators))

    yield JobProgress(0, total, "steps")
    for seed in range(config.seeds):
        drawn: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None
        for k in reals:
            chosen = subset(dataset.train_labels, k, seed)
            images, labels = dataset.train_images[chosen], dataset.train_labels[chosen]
            if config.honest:
                from engine.measure.augmentation_honest import honest_generator

                path = yield from honest_generator(workspace, run, k, seed, request.honest_steps)
                if path.name not in generators:
                    generators.append(path.name)
                model_of_k = workspace.model(path, None)
                drawn = None
            else:
                model_of_k = model
            if drawn is None:
                classes = np.arange(most) % model.num_classes
                first = seed * most
                pictures = yield from draw(workspace, model_of_k, classes.tolist(),
                                           list(range(first, first + most)), request.sampling, begin=done, total=total)
                done += most
                drawn = pictures, classes
            sets = [(np.concatenate([images, drawn[0][:m]]), np.concatenate([labels, drawn[1][:m]]))
                    for m in synthetics]
            right = yield from read_right(workspace, dataset, sets, seed, QUICK, done, total)
            done += QUICK.num_steps
            for m, read in zip(synthetics, right, strict=True):
                found[k, m].append(float(read.mean()))
        yield AugmentationReady(asked, answer())
    return answer()


def read_right(workspace: Workspace, dataset: Dataset, sets: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]],
               seed: int, recipe: Recipe, done: int, total: int) -> Right:
    """Train a classifier on each set and read the test pictures: for each set, which of them are read right.

    A step of all counts one, from `done` of `total` in the JobProgress.
    """
    from engine.measure.classifier import Pictures, read, train_classifiers

    work = train_classifiers([Pictures(*pictures) for pictures in sets], dataset.num_classes, seed, recipe,
                             workspace.device)
    steps = 0
    while True:
        try:
            next(work)
        except StopIteration as stop:
            networks = stop.value
            break
        steps += 1
        yield JobProgress(done + steps, total, "steps") if steps % 10 == 0 else Tick()
    answers = yield from ticking(read(networks, dataset.test_images))
    return [answer == dataset.test_labels for answer in answers]
