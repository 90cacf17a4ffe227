"""The classification accuracy score: train on drawn pictures alone, test on real ones (Ravuri and Vinyals 2019,
arXiv 1905.10887). Beside it stands the same classifier trained on all real training pictures.

A set can only score well if its labels are right and it varies as real pictures do. Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.data.catalogue import Dataset
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress
from engine.measure.augmentation import guide_hash, newest, read_right, whole_dataset
from engine.measure.drawing import draw
from engine.measure.recipe import THOROUGH
from engine.runs import Run, SaveFailed, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

DEFAULT_COUNT = 10_000
METHOD = 1  # raised when the same pictures would give other figures
SEED = 0  # of the classifiers


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Which pictures are scored: `count` of a run's snapshot, picture i of class i % classes and seed i."""

    run: Path
    sampling: SamplingConfig
    count: int = DEFAULT_COUNT
    snapshot: int | None = None
    average_percent: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        if self.count < 10:
            raise BadSetting(f"A score needs at least 10 pictures; {self.count} are too few.")


@dataclass(frozen=True, slots=True)
class Score:
    """Shares of the `test` real test pictures read right, 0 to 1: after `count` drawn and after `real` real ones."""

    snapshot: int
    average_percent: float | None
    sampling: SamplingConfig
    count: int
    real: int
    test: int
    accuracy: float
    accuracy_by_class: tuple[float, ...]
    real_accuracy: float
    real_accuracy_by_class: tuple[float, ...]
    recipe: dict[str, Any]

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "sampling": self.sampling.model_dump()}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Score | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            return cls(**{**values, "sampling": SamplingConfig.model_validate(values["sampling"]),
                          "accuracy_by_class": tuple(values["accuracy_by_class"]),
                          "real_accuracy_by_class": tuple(values["real_accuracy_by_class"])})
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, eq=False)
class ScoreReady(Event):
    """The score; stored: it was there already."""

    channel: ClassVar[str] = "control"
    request: ScoreRequest
    score: Score
    stored: bool = False


def score_key(run: Run, request: ScoreRequest) -> str:
    """Under what a score is saved: equal for equal weights, settings and method. Raises BadRun."""
    settings = {"sampling": request.sampling.model_dump(), "count": request.count, "recipe": asdict(THOROUGH),
                "average_percent": request.average_percent, "guide": guide_hash(run, request.sampling),
                "method": METHOD}
    return measurement_key("score", run.weights_hash(request.snapshot), settings)


def stored_score(run: Run, request: ScoreRequest) -> Score | None:
    """The score if it was measured before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(score_key(run, request))
    return None if values is None else Score.from_values(values)


def _real_key(dataset: Dataset) -> str:
    return measurement_key("score-real", dataset.train_sha256, {"recipe": asdict(THOROUGH), "seed": SEED,
                                                                "method": METHOD})


def measure_score(workspace: Workspace, request: ScoreRequest) -> Generator[Event, Command | None, None]:
    """Draw, train, test and save, as a long job: JobProgress in steps, then ScoreReady. Closing it saves nothing.

    What real pictures score is kept by itself, for it is the same for every snapshot. Raises BadRun where the data set
    is not here, SaveFailed after ScoreReady where the score could not be saved.
    """
    run = Run.open(request.run)
    if not request.again and (known := stored_score(run, request)) is not None:
        yield ScoreReady(request, known, True)
        return
    pinned = replace(request, snapshot=newest(run, request.snapshot))
    key, dataset = score_key(run, pinned), whole_dataset(run, 0)
    model = workspace.model(run.path, pinned.snapshot, request.average_percent)
    by_real = None if request.again else _stored_real(run, dataset)
    total = request.count + THOROUGH.num_steps
    yield JobProgress(0, total, "steps")
    labels = np.arange(request.count) % model.num_classes
    images = yield from draw(workspace, model, labels.tolist(), list(range(request.count)), request.sampling,
                             total=total)
    sets = [(images, labels)] if by_real is not None else \
        [(images, labels), (dataset.train_images, dataset.train_labels)]
    right, *real = yield from read_right(workspace, dataset, sets, SEED, THOROUGH, request.count, total)
    if by_real is None:
        by_real = float(real[0].mean()), _by_class(real[0], dataset)
    failed: SaveFailed | None = None
    score = Score(
        snapshot=model.snapshot, average_percent=request.average_percent, sampling=request.sampling,
        count=request.count, real=len(dataset.train_labels), test=len(dataset.test_labels),
        accuracy=float(right.mean()), accuracy_by_class=_by_class(right, dataset), real_accuracy=by_real[0],
        real_accuracy_by_class=by_real[1], recipe=asdict(THOROUGH))
    try:
        run.save_measurement(_real_key(dataset), {"accuracy": by_real[0], "by_class": list(by_real[1])})
        run.save_measurement(key, score.values())
    except SaveFailed as error:
        failed = error
    yield ScoreReady(request, score)
    if failed is not None:
        raise failed


def _stored_real(run: Run, dataset: Dataset) -> tuple[float, tuple[float, ...]] | None:
    values = run.measurement(_real_key(dataset))
    try:
        return None if values is None else (float(values["accuracy"]), tuple(values["by_class"]))
    except (KeyError, TypeError, ValueError):
        return None


def _by_class(right: NDArray[np.bool_], dataset: Dataset) -> tuple[float, ...]:
    return tuple(float(right[dataset.test_labels == c].mean()) for c in range(dataset.num_classes))
