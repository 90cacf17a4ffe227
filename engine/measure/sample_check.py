"""How good the pictures of one snapshot are, quickly: read right and how varied. Imports no torch by itself.

A hundred pictures, always of the same seeds and drawn as the strip of samples is. `engine.measure.quality` measures
the same on thousands; this is for a curve over training. Saved with the run, by weights.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from engine.config import STRIP_SAMPLING
from engine.data.catalogue import load_test_half
from engine.events import Event, Tick
from engine.measure.distances import NEIGHBOURS, compare
from engine.measure.judge_files import judge_for, judge_record
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.measure.judge import Judge
    from engine.workspace import Workspace

NUM_SAMPLES = 100
METHOD = 1  # raised when the same weights would give other figures
BATCH = 20  # pictures drawn at once: few enough for a slider that waits for one network call


@dataclass(frozen=True, slots=True)
class SampleCheck:
    """Of one snapshot's averaged weights. right: pictures that the judge reads as the class asked, of n.

    coverage: share of n test pictures, as many of each class, that have a sample within reach of their k-th nearest
    other one, in the judge's features (Naeem et al. 2020, 2002.09797). It depends on n, so real_coverage says what
    draws of n training pictures score in the samples' place. real_right: of the n test pictures.
    """

    n: int
    right: int
    coverage: float
    real_coverage: tuple[float, ...]
    real_right: int

    @property
    def accuracy(self) -> float:
        """Share read right, 0 to 1."""
        return self.right / self.n

    @property
    def floor(self) -> float:
        """The coverage that real pictures reach, on average over the draws."""
        return float(np.mean(self.real_coverage))

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> SampleCheck | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            made = cls(n=int(values["n"]), right=int(values["right"]), coverage=float(values["coverage"]),
                       real_coverage=tuple(float(v) for v in values["real_coverage"]),
                       real_right=int(values["real_right"]))
        except (KeyError, TypeError, ValueError):
            return None
        return made if made.n > 0 and made.real_coverage else None


def check_key(run: Run, step: int) -> str:
    """Under what a check is saved: equal for equal weights, settings, judge and method. Raises BadRun."""
    settings = {"sampling": STRIP_SAMPLING.model_dump(), "samples": NUM_SAMPLES, "neighbours": NEIGHBOURS,
                "judge": "" if (judge := judge_for(run)) is None else judge_record(judge).get("sha256", ""),
                "method": METHOD}
    return measurement_key("samples", run.weights_hash(step), settings)


def stored_check(run: Run, step: int) -> SampleCheck | None:
    """The check of a snapshot if it was made before. Raises BadRun for one that is not there."""
    values = run.measurement(check_key(run, step))
    return None if values is None else SampleCheck.from_values(values)


def measure_check(workspace: Workspace, run: Run, step: int, judge: Judge) -> Generator[Event, Any, SampleCheck]:
    """Check one snapshot: a Tick after each network call, returning the figures. Saves nothing. Raises BadRun."""
    from engine.diffusion.sample import denoising_steps, to_pixels
    from engine.measure.reference import look, reference

    model = workspace.model(run.path, step)
    labels = np.arange(NUM_SAMPLES) % model.num_classes
    counts = tuple(int(n) for n in np.bincount(labels, minlength=model.num_classes))
    real = yield from _ticking(reference(judge, load_test_half(run.info.config.data.dataset), counts))
    parts = []
    for begin in range(0, NUM_SAMPLES, BATCH):
        chosen = slice(begin, begin + BATCH)
        x0 = None
        for x0 in denoising_steps(model.denoiser, labels[chosen].tolist(), list(range(begin, begin + BATCH)),
                                  STRIP_SAMPLING, shape=model.shape, num_classes=model.num_classes,
                                  device=workspace.device):
            yield Tick()
        assert x0 is not None
        parts.append(to_pixels(x0))
    features, read = yield from _ticking(look(judge, np.concatenate(parts)))
    distances = yield from _ticking(compare(real.features, features, real.radii))
    return SampleCheck(n=NUM_SAMPLES, right=int((read == labels).sum()), coverage=distances.coverage,
                       real_coverage=tuple(floor.coverage for floor in real.floors),
                       real_right=int((real.read == real.labels).sum()))


T = TypeVar("T")


def _ticking(work: Generator[None, None, T]) -> Generator[Event, Any, T]:
    """Work in parts, with a Tick after each."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
        yield Tick()
