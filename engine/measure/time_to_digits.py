"""Seconds of training from scratch until a judge reads what was asked for: a run is trained and examined on its way.

The clock is wall time of training: from the first step on, with everything a run does (optimiser, averages, saves,
strips of samples), without the examination, for which it is stopped. Data, compilation of kernels and the choice
of the layout come before the first step and are told apart.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import RunConfig, SamplingConfig
from engine.data.catalogue import load_dataset
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.sample import sample_images
from engine.events import StateChanged, StepDone, TrainingState
from engine.generators import result_of
from engine.measure.bench import stop_at_failure, wait_for
from engine.measure.distances import compare, neighbour_radii
from engine.measure.judge import Judge
from engine.training.trainer import Trainer
from engine.workspace import Workspace


class StoppableClock:
    """Seconds since it was made, without those while it was stopped."""

    def __init__(self, source: Callable[[], float] = time.perf_counter) -> None:
        self._source = source
        self._since: float | None = source()
        self._before = 0.0

    def __call__(self) -> float:
        return self._before + (self._source() - self._since if self._since is not None else 0.0)

    def stop(self) -> None:
        """Stand still; again does no harm."""
        self._before, self._since = self(), None

    def go_on(self) -> None:
        """Run again."""
        if self._since is None:
            self._since = self._source()


@dataclass(frozen=True, slots=True)
class Examined:
    """What the judges made of guided samples at one moment of training."""

    step: int
    images_seen: int
    seconds: float  # of training
    preparation_seconds: float  # before the first step
    accuracies: tuple[float, ...]  # share read as the class asked for, one a judge
    density: float  # against as many real pictures, in the first judge's features; real ones have about 1
    coverage: float


class Examiner:
    """Draws `per_class` guided pictures of each class, always with the same seeds, and has them read."""

    def __init__(self, workspace: Workspace, config: RunConfig, judges: Sequence[Judge], *,
                 per_class: int = 20) -> None:
        self._workspace = workspace
        self._judges = judges
        dataset = load_dataset(config.data.dataset)
        self._shape = dataset.shape
        self.labels = np.tile(np.arange(dataset.num_classes), per_class)
        real = _equal_classes(dataset.train_images, dataset.train_labels, dataset.num_classes, per_class)
        self._real = judges[0].features(real)
        self._radii = result_of(neighbour_radii(self._real))
        held_out = _equal_classes(dataset.test_images, dataset.test_labels, dataset.num_classes, per_class)
        self.floor = self._against_real(held_out)  # what real pictures reach with as many

    def __call__(self, denoiser: Denoiser, sampling: SamplingConfig) -> tuple[tuple[float, ...], float, float]:
        """Accuracy by each judge, density and coverage."""
        labels = self.labels.tolist()
        images = np.concatenate(list(sample_images(
            denoiser, labels, list(range(len(labels))), sampling, shape=self._shape,
            num_classes=int(self.labels.max()) + 1, device=self._workspace.device)))
        read = tuple(float((judge.read(images).argmax(axis=1) == self.labels).mean()) for judge in self._judges)
        return (read, *self._against_real(images))

    def _against_real(self, images: NDArray[np.uint8]) -> tuple[float, float]:
        found = result_of(compare(self._real, self._judges[0].features(images), self._radii))
        return found.density, found.coverage


def examine_training(workspace: Workspace, config: RunConfig, examiner: Examiner, *, seconds: float, every: float,
                     first: float | None = None, sampling: SamplingConfig | None = None, enough: float | None = 0.99,
                     source: Callable[[], float] = time.perf_counter) -> Iterator[Examined]:
    """Train a run that is planned for so many seconds, and examine its averaged weights every so many of them.

    first: seconds before the first examination; None is `every`. sampling: None takes the run's own. enough: end
    once the first judge reads this share; None trains to the end. The last step is always examined. Raises
    DiffuscopeError where training fails.
    """
    clock = StoppableClock(source)
    with tempfile.TemporaryDirectory(prefix="diffuscope-digits-", ignore_cleanup_errors=True) as folder:
        trainer = Trainer(workspace, Path(folder) / "run", config, seconds=seconds, clock=clock)
        events = trainer.run()
        began, due = 0.0, every if first is None else first
        try:
            for event in events:
                stop_at_failure(event)
                if isinstance(event, StateChanged) and event.state is TrainingState.TRAINING:
                    began = clock()
                if not isinstance(event, StepDone):
                    continue
                last = event.step >= trainer.saver.num_steps
                if clock() - began < due and not last:
                    continue
                wait_for(workspace.device)
                clock.stop()
                trained = clock() - began
                read, density, coverage = examiner(trainer.learner.average, sampling or config.sampling)
                due = trained + every
                yield Examined(event.step, event.images_seen, trained, began, read, density, coverage)
                if last or (enough is not None and read[0] >= enough):
                    return
                wait_for(workspace.device)
                clock.go_on()
        finally:
            events.close()


def first_at(examined: Sequence[Examined], share: float, judge: int = 0) -> float | None:
    """Seconds at the first examination that a judge read at least this share of; None if there is none."""
    return next((e.seconds for e in examined if e.accuracies[judge] >= share), None)


def kept_from(examined: Sequence[Examined], share: float, judge: int = 0) -> float | None:
    """Seconds at the first examination from which on none fell below this share; None if the last one did."""
    found = None
    for e in reversed(examined):
        if e.accuracies[judge] < share:
            break
        found = e.seconds
    return found


def median_of(seconds: Sequence[float | None]) -> float | None:
    """The median, a run that never got there counting as later than all others; None if that one is in the middle."""
    values = np.median([np.inf if s is None else s for s in seconds])
    return float(values) if np.isfinite(values) else None


def as_row(examined: Examined) -> dict[str, Any]:
    """For JSON."""
    return asdict(examined)


def _equal_classes(images: NDArray[np.uint8], labels: NDArray[np.int64], num_classes: int,
                   per_class: int) -> NDArray[np.uint8]:
    """The first pictures of each class, (N, H, W)."""
    chosen = np.concatenate([np.flatnonzero(labels == c)[:per_class] for c in range(num_classes)])
    return np.ascontiguousarray(images[np.sort(chosen), 0])
