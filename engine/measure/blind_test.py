"""The blind test: a person says when a picture can be read, and which it is; the judge reads the very same trajectory.

Class and seed are hidden and drawn by chance. What was seen and said is kept as a measurement of the weights and the
settings that drew it. Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.events import Command, Event, Tick
from engine.measure.judge_files import judge_for, judge_record
from engine.measure.recognition_summary import SCALES, Spread, first_recognition, places, spread
from engine.measure.scorers import clip_mark
from engine.measure.statistics import share_interval, signed_rank_p
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

SEEDS = 1_000_000  # hidden seeds lie below


@dataclass(frozen=True, slots=True)
class BlindRequest:
    """One trajectory, of which the person is told nothing. snapshot None is the newest."""

    run: Path
    sampling: SamplingConfig
    class_label: int
    seed: int
    snapshot: int | None = None
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class BlindReady(Event):
    """x (F, C, H, W): x_t, noise first, float16 and not clipped. sigma, t (F,). judge_frame: where the noise judge
    first reads the class, F for never; None where the run has no noise judge.
    """

    request: BlindRequest
    snapshot: int
    x: NDArray[np.float16]
    sigma: tuple[float, ...]
    t: tuple[int, ...]
    judge_frame: int | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One picture. frame: at which the person could read it, F where not before the end. answer: what was read."""

    class_label: int
    seed: int
    frame: int
    answer: int
    judge_frame: int | None

    @property
    def right(self) -> bool:
        """Whether the class was the one that was drawn."""
        return self.answer == self.class_label


@dataclass(frozen=True)
class BlindTest:
    """All trials of one person at the same weights and settings."""

    sigma: tuple[float, ...] = ()
    t: tuple[int, ...] = ()
    num_timesteps: int = 0
    class_names: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()

    FIELDS: ClassVar[tuple[str, ...]] = ("sigma", "t", "num_timesteps", "class_names")

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return {**{name: getattr(self, name) for name in self.FIELDS},
                "trials": [asdict(trial) for trial in self.trials]}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> BlindTest:
        """What `values` gave, read back; an empty test where it is of another shape."""
        try:
            frames = len(values["sigma"])
            trials = tuple(Trial(**trial) for trial in values["trials"])
            whole = all(0 <= trial.frame <= frames and 0 <= trial.class_label < len(values["class_names"])
                        and 0 <= (trial.judge_frame or 0) <= frames for trial in trials)
            if not whole or len(values["t"]) != frames:
                return cls()
            return cls(tuple(values["sigma"]), tuple(values["t"]), int(values["num_timesteps"]),
                       tuple(values["class_names"]), trials)
        except (KeyError, TypeError, ValueError):
            return cls()

    def with_trial(self, ready: BlindReady, run: Run, frame: int, answer: int) -> BlindTest:
        """The test with one more picture."""
        asked = ready.request
        trial = Trial(asked.class_label, asked.seed, frame, answer, ready.judge_frame)
        return replace(self, sigma=ready.sigma, t=ready.t, num_timesteps=run.schedule().num_timesteps,
                       class_names=tuple(run.info.class_names), trials=(*self.trials, trial))


def hidden(generator: np.random.Generator, num_classes: int) -> tuple[int, int]:
    """Class and seed of the next picture."""
    return int(generator.integers(num_classes)), int(generator.integers(SEEDS))


def blind_key(run: Run, sampling: SamplingConfig, snapshot: int | None, average_percent: float | None) -> str:
    """Under what trials are kept. Raises BadRun for a snapshot that is not there."""
    file = judge_for(run, "noise")
    return measurement_key("blind", run.weights_hash(snapshot), {
        "sampling": sampling.model_dump(), "average_percent": average_percent,
        "guide": "" if sampling.autoguide_step is None else run.weights_hash(sampling.autoguide_step),
        "judge": "" if file is None else judge_record(file).get("sha256", ""), **clip_mark(sampling, run)})


def stored_blind(run: Run, sampling: SamplingConfig, snapshot: int | None, average_percent: float | None) -> BlindTest:
    """What was seen so far. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(blind_key(run, sampling, snapshot, average_percent))
    return BlindTest() if values is None else BlindTest.from_values(values)


def draw_blind(workspace: Workspace, request: BlindRequest) -> Generator[Event, Command | None, None]:
    """The trajectory, and what the judge reads of it; pauses at every network call."""
    from engine.measure.noise_judge import NoiseJudge
    from engine.measure.recognition_frames import frames

    model = workspace.model(request.run, request.snapshot, request.average_percent)
    sampling, schedule = request.sampling, model.denoiser.schedule
    drawing = frames(model.denoiser, schedule, [request.class_label], [request.seed], sampling, predicted=False,
                     shape=model.shape, device=workspace.device, weaker=workspace.weaker(model, sampling),
                     scorer=workspace.scorer(model, sampling))
    x = None
    while x is None:
        try:
            next(drawing)
        except StopIteration as stop:
            x = stop.value[:, 0]
        else:
            yield Tick()
    from engine.diffusion.schedules import sampling_sigmas

    sigma = sampling_sigmas(sampling, schedule)
    file, judge_frame = judge_for(model.run, "noise"), None
    if file is not None:
        read = NoiseJudge.load(file, workspace.device).read(x, sigma)
        judge_frame = int(first_recognition(read[None, :, request.class_label])[0])
    yield BlindReady(request, model.snapshot, x, tuple(sigma), tuple(schedule.t_of_sigma(s) for s in sigma),
                     judge_frame)


# ---- what it says ----

@dataclass(frozen=True, slots=True)
class Seen:
    """Of one class, or of all. right: read as what it was, right_ci its 95 % interval (Wilson). person: where, of those
    read right, by scale; judge: of the same trajectories, all of them.
    """

    name: str
    n: int
    right: int
    right_ci: tuple[float, float]
    person: dict[str, Spread]
    judge: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class BlindSummary:
    """classes: those that came up. later: how much later the person was than the judge, by scale, over the pictures
    that both read; p: of that by Wilcoxon's signed-rank test.
    """

    overall: Seen
    classes: tuple[tuple[int, Seen], ...]
    later: dict[str, Spread]
    p: float


def summarise_blind(test: BlindTest) -> BlindSummary:
    """All that is said of the trials so far."""
    scales = {name: places(test.sigma, test.t, test.num_timesteps, name) for name in SCALES}
    never = len(test.sigma)
    by_class = {c: [one for one in test.trials if one.class_label == c] for c in range(len(test.class_names))}
    both = [one for one in test.trials
            if one.right and one.frame < never and one.judge_frame is not None and one.judge_frame < never]
    person = np.array([one.frame for one in both], dtype=np.int64)
    judge = np.array([one.judge_frame for one in both], dtype=np.int64)
    with np.errstate(invalid="ignore"):  # without noise both are infinitely many dB
        later = {name: spread(np.nan_to_num(at[person] - at[judge], nan=0.0)) for name, at in scales.items()}
    return BlindSummary(
        _seen("all", list(test.trials), scales),
        tuple((c, _seen(test.class_names[c], trials, scales)) for c, trials in by_class.items() if trials),
        later, signed_rank_p(person, judge))


def seen_frames(trials: list[Trial], frames: int) -> NDArray[np.int64]:
    """Where the person read each picture; those read wrong count as never read."""
    return np.array([one.frame if one.right else frames for one in trials], dtype=np.int64)


def _seen(name: str, trials: list[Trial], scales: dict[str, NDArray[np.float64]]) -> Seen:
    right = sum(one.right for one in trials)
    judge = np.array([one.judge_frame for one in trials if one.judge_frame is not None], dtype=np.int64)
    return Seen(name, len(trials), right, share_interval(right, len(trials)),
                {name: spread(at[seen_frames(trials, len(at) - 1)]) for name, at in scales.items()},
                {name: spread(at[judge]) for name, at in scales.items()})
