"""The sampler race over many pictures: how good each lane is after so many network calls and so many seconds.

Each lane draws the same pictures (class and seed) with several numbers of steps. The judge says how many it reads as
the class asked; where x_T alone decides the picture, its mean squared distance from a reference solution says how
well the equation was solved. A result is a measurement of the run, saved for each lane by itself. Imports no torch
by itself, so that the window can look it up.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting
from engine.events import Event, JobProgress, Tick
from engine.measure.judge_files import judge_for, judge_record
from engine.measure.race import Runner, deterministic, load_judge, reference_of, warm_up
from engine.measure.scorers import clip_mark
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.measure.judge import Judge
    from engine.workspace import LoadedModel, Workspace

STEP_COUNTS = (3, 5, 8, 12, 20, 50)
BATCH = 20  # pictures at once: few, so that a slider that moves meanwhile waits for one small network call
METHOD = 1  # raised when the same pictures would give other figures
Z95 = 1.959964  # of a 95 % interval
THERE_SHARE = 0.99  # of what the reference is read right
THERE_DISTANCE = 0.01  # mean squared, of a range of -1..1: a twentieth of the range, root mean square


@dataclass(frozen=True, slots=True)
class RaceQualityRequest:
    """What to measure: `pictures` of a snapshot (None: the newest), picture i of class i % classes, seed i // classes.

    Every lane is drawn with each of `step_counts`, whatever its own number of steps. beside_training: noted with the
    result, for then the seconds are longer. Raises BadSetting for no pictures or no lanes.
    """

    run: Path
    snapshot: int | None
    lanes: tuple[SamplingConfig, ...]
    pictures: int = 100
    step_counts: tuple[int, ...] = STEP_COUNTS
    average_percent: float | None = None
    beside_training: bool = False

    def __post_init__(self) -> None:
        if self.pictures < 1 or not self.lanes or not self.step_counts:
            raise BadSetting("A race is measured over at least one picture, one lane and one number of steps.")


@dataclass(frozen=True, slots=True)
class LaneQuality:
    """One lane at each of num_steps (rising); `pictures` were drawn at each.

    nfe: network evaluations for a picture. seconds: of network calls for a picture, in batches. right: pictures that
    the judge reads as the class asked; None without a judge. distance: mean squared difference from the reference
    solution; None where fresh noise makes the two incomparable. reference_right: of the reference's pictures.
    """

    num_steps: tuple[int, ...]
    nfe: tuple[int, ...]
    seconds: tuple[float, ...]
    right: tuple[int, ...] | None
    distance: tuple[float, ...] | None
    reference_right: int | None
    pictures: int
    device: str
    beside_training: bool

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> LaneQuality | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                    for name, value in values.items()}
            made = cls(**read)
            columns = (made.nfe, made.seconds, made.right, made.distance)
            fits = all(len(column) == len(made.num_steps) for column in columns if column is not None)
            return made if fits and made.num_steps and made.pictures > 0 else None
        except (TypeError, ValueError):
            return None

    def first_there(self) -> int | None:
        """The index of the fewest steps with which the lane is as good as the reference; None if it never is.

        As good: read right at least 99 % as often, and with more steps never clearly less (the 95 % interval reaches
        that share), for a picture or two are chance. Without a judge: `first_near`.
        """
        if self.right is None or self.reference_right is None:
            return self.first_near()
        goal = THERE_SHARE * self.reference_right
        for index, right in enumerate(self.right):
            later = (interval(more, self.pictures)[1] * self.pictures for more in self.right[index:])
            if right >= goal and min(later) >= goal:
                return index
        return None

    def first_near(self) -> int | None:
        """The index of the fewest steps from which on the mean squared distance is at most 0.01; None if never, or
        where there is no distance.
        """
        first = None
        for index, distance in reversed(list(enumerate(self.distance or ()))):
            if distance > THERE_DISTANCE:
                break
            first = index
        return first


@dataclass(frozen=True, eq=False)
class RaceQualityReady(Event):
    """What is known so far of each lane of the request, on the pictures drawn so far; complete: on all of them."""

    channel: ClassVar[str] = "control"
    request: RaceQualityRequest
    snapshot: int
    lanes: tuple[LaneQuality, ...]
    complete: bool


def interval(right: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share, 0 to 1, from `right` of n (Wilson 1927)."""
    share, z2 = right / n, Z95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def lane_key(run: Run, request: RaceQualityRequest, lane: SamplingConfig) -> str:
    """Under what one lane's result is saved: equal for equal weights, settings, judge and machine. Raises BadRun."""
    settings = {
        "sampling": lane.model_dump(exclude={"num_steps"}), "pictures": request.pictures,
        "step_counts": list(request.step_counts), "average_percent": request.average_percent, "method": METHOD,
        "judge": "" if (judge := judge_for(run)) is None else judge_record(judge).get("sha256", ""),
        "machine": f"{platform.node()} {platform.machine()}", **clip_mark(lane, run),
    }
    return measurement_key("race", run.weights_hash(request.snapshot), settings)


def stored_lanes(run: Run, request: RaceQualityRequest) -> list[LaneQuality | None]:
    """What was measured before of each lane of a request. Raises BadRun for a snapshot that is not there."""
    found = [run.measurement(lane_key(run, request, lane)) for lane in request.lanes]
    return [None if values is None else LaneQuality.from_values(values) for values in found]


def measure_race(workspace: Workspace, request: RaceQualityRequest) -> Generator[Event, Any, None]:
    """Measure every lane of a request and save each: progress in network calls, results after each batch.

    Closing it saves nothing. Raises SaveFailed after the last result where it could not be saved.
    """
    from engine.device import describe

    model = workspace.model(request.run, request.snapshot, request.average_percent)
    run, judge = model.run, load_judge(model, workspace)
    measuring = _Measuring(workspace, model, request, judge, describe(workspace.device, "fp32"))
    yield JobProgress(0, measuring.total, "network calls")
    for begin in range(0, request.pictures, BATCH):
        yield from measuring.batch(range(begin, min(begin + BATCH, request.pictures)))
        complete = begin + BATCH >= request.pictures
        results = measuring.results()
        yield RaceQualityReady(request, model.snapshot, results, complete)
    asked = replace(request, snapshot=model.snapshot)
    for lane, result in zip(request.lanes, results, strict=True):
        run.save_measurement(lane_key(run, asked, lane), result.values())


class _Measuring:
    """Sums over the batches so far, for each lane and number of steps."""

    def __init__(self, workspace: Workspace, model: LoadedModel, request: RaceQualityRequest, judge: Judge | None,
                 device: str) -> None:
        self.workspace, self.model, self.request, self.judge, self.device = workspace, model, request, judge, device
        schedule = model.denoiser.schedule
        self.drawn = {lane: [lane.model_copy(update={"num_steps": n}) for n in request.step_counts]
                      for lane in request.lanes}
        self.references = sorted({reference_of(lane) for lane in request.lanes}, key=repr)
        self.nfe = {sampling: network_evaluations(sampling, schedule)
                    for sampling in [*self.references, *(s for drawn in self.drawn.values() for s in drawn)]}
        batches = math.ceil(request.pictures / BATCH)
        self.total = batches * sum(self.nfe.values())
        self.calls = self.pictures = 0
        self.seconds = dict.fromkeys(self.nfe, 0.0)
        self.right = dict.fromkeys(self.nfe, 0)
        self.squares = dict.fromkeys(self.nfe, 0.0)
        self._warm = False

    def batch(self, numbers: Sequence[int]) -> Generator[Event, Any, None]:
        """Pictures of these numbers by every lane, number of steps and reference, an event a step."""
        count = self.model.num_classes
        labels, seeds = [i % count for i in numbers], [i // count for i in numbers]
        if not self._warm:
            self._warm = True
            warm_up(self.model.denoiser, self.request.lanes, len(labels), self.model.shape, self.workspace.device)
        solutions = {}
        for sampling in self.nfe:  # each once, though two lanes may differ in nothing that is measured
            pictures = yield from self._draw(sampling, labels, seeds)
            if sampling in self.references:
                solutions[sampling] = pictures
            if deterministic(sampling):
                difference = (pictures - solutions[reference_of(sampling)]).astype(np.float64)
                self.squares[sampling] += float((difference**2).mean(axis=(1, 2, 3)).sum())
        self.pictures += len(labels)

    def _draw(self, sampling: SamplingConfig, labels: list[int],
              seeds: list[int]) -> Generator[Event, Any, NDArray[np.float32]]:
        """Pictures (B, C, H, W), read by the judge."""
        from engine.diffusion.sample import to_pixels

        model = self.model
        runner = Runner(model.denoiser, self.workspace.weaker(model, sampling), labels, seeds, sampling, model.shape,
                        self.workspace.device, self.workspace.scorer(model, sampling))
        before = self.calls
        while runner.step() is not None:
            self.calls = before + runner.nfe
            yield JobProgress(self.calls, self.total, "network calls")
        picture = runner.picture
        assert picture is not None
        self.seconds[sampling] += runner.seconds
        if self.judge is not None:
            read = self.judge.read(to_pixels(picture)).argmax(axis=1)
            self.right[sampling] += int((read == np.array(labels)).sum())
            yield Tick()
        return picture.float().cpu().numpy()

    def results(self) -> tuple[LaneQuality, ...]:
        """Of every lane on the pictures drawn so far."""
        made = []
        for lane in self.request.lanes:
            drawn, n = self.drawn[lane], self.pictures
            made.append(LaneQuality(
                num_steps=self.request.step_counts,
                nfe=tuple(self.nfe[s] for s in drawn),
                seconds=tuple(self.seconds[s] / n for s in drawn),
                right=tuple(self.right[s] for s in drawn) if self.judge is not None else None,
                distance=tuple(self.squares[s] / n for s in drawn) if deterministic(lane) else None,
                reference_right=self.right[reference_of(lane)] if self.judge is not None else None,
                pictures=n, device=self.device, beside_training=self.request.beside_training))
        return tuple(made)
