"""The sampler race: lanes that start from the same x_T and take turns. Imports no torch by itself.

A lane is a set of sampling settings. The lane that has asked the network least often goes next, so that at any
moment all have asked about equally often; the network calls of each are counted and timed by themselves. When all
have arrived, a reference solution from the same x_T is found, and how far each prediction was from it is filled in.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.evaluations import evaluations_per_call, network_evaluations
from engine.diffusion.schedules import Schedule, sampling_sigmas
from engine.errors import BadSetting
from engine.events import Event, Tick
from engine.measure.judge_files import judge_for
from engine.runs import Run

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.diffusion.clip_guidance import Scorer
    from engine.diffusion.denoiser import Denoise, Denoiser
    from engine.diffusion.samplers import Step
    from engine.measure.judge import Judge
    from engine.workspace import LoadedModel, Workspace

REFERENCE_STEPS = 64
FEWEST_LANES, MOST_LANES = 2, 6


@dataclass(frozen=True, slots=True)
class RaceRequest:
    """Which race: one picture of a class from the noise of a seed, once for each lane.

    snapshot None is the run's newest; average_percent as in TrajectoryRequest.
    """

    run: Path
    snapshot: int | None
    class_label: int
    seed: int
    lanes: tuple[SamplingConfig, ...]
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class LaneFrames:
    """How far a lane has come: F = num_steps + 1 frames, noise first, of which `filled` are valid.

    Frame i holds x_t at noise level sigma[i] and what was predicted there; the last is the picture. Pictures are
    float16 (F, C, H, W), x scaled as x_t = sqrt(alpha_bar)(x0 + sigma eps). nfe and seconds: network evaluations for
    the picture until frame i was predicted, and the time they took; spent: all so far. probability: of the class
    asked, as the judge reads x0; nan without a judge. distance: mean squared difference of x0 from the reference, per
    pixel value of -1..1; nan until there is one. place: by network evaluations, 1 first, equal ones share it; 0 on
    the way.
    """

    sampling: SamplingConfig
    total: int  # network evaluations in the end
    spent: int
    sigma: NDArray[np.float64]
    t: NDArray[np.int64]
    x: NDArray[np.float16]
    x0: NDArray[np.float16]
    nfe: NDArray[np.int64]
    seconds: NDArray[np.float64]
    probability: NDArray[np.float32]
    distance: NDArray[np.float32]
    filled: int
    place: int

    @property
    def arrived(self) -> bool:
        """Whether the picture is there."""
        return self.filled == len(self.sigma)

    def frame_at(self, t: int) -> int:
        """The filled frame whose t is nearest; -1 when none is filled."""
        return int(np.abs(self.t[: self.filled] - t).argmin()) if self.filled else -1


@dataclass(frozen=True, eq=False)
class RaceReady(Event):
    """Where the lanes are. complete: all have arrived and the distances are there."""

    channel: ClassVar[str] = "picture"
    request: RaceRequest
    snapshot: int  # the step really used
    lanes: tuple[LaneFrames, ...]
    judged: bool
    complete: bool


def deterministic(sampling: SamplingConfig) -> bool:
    """Whether x_T alone decides the picture, so that it can be compared with a reference solution."""
    return sampling.sampler != "ddpm" and not (sampling.sampler == "ddim" and sampling.eta > 0)


def reference_of(sampling: SamplingConfig) -> SamplingConfig:
    """The fine solution of the equation that a deterministic lane solves: Heun on Karras levels, guided alike."""
    return sampling.model_copy(update={"sampler": "heun", "num_steps": REFERENCE_STEPS, "grid": "karras", "eta": 0.0})


def judge_reads(run: Run) -> bool:
    """Whether there is a judge of what this run draws."""
    return judge_for(run) is not None


class Watch:
    """A denoiser that counts the network evaluations for each picture, and the seconds they take."""

    def __init__(self, denoise: Denoise, device: torch.device) -> None:
        self._denoise, self._device = denoise, device
        self.nfe, self.seconds, self.pictures = 0, 0.0, 1

    def __call__(self, x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        began = time.perf_counter()
        result = self._denoise(x, sigma, class_labels, class_mask)
        if self._device.type == "cuda":  # which answers before it has computed
            import torch

            torch.cuda.synchronize(self._device)
        self.seconds += time.perf_counter() - began
        self.nfe += len(x) // self.pictures
        return result


class Runner:
    """One lane with its own count and clock: `step` asks the network for one step of the sampler.

    Nothing but the request decides what it draws: it is what engine.diffusion.sample draws with these settings.
    """

    def __init__(self, denoiser: Denoiser, weaker: Denoise | None, class_labels: Sequence[int], seeds: Sequence[int],
                 sampling: SamplingConfig, shape: tuple[int, int, int], device: torch.device,
                 scorer: Scorer | None = None) -> None:
        import torch

        from engine.diffusion.noise import SampleNoise
        from engine.diffusion.run_sampler import guide, sample
        from engine.diffusion.samplers import bind

        self.sampling = sampling
        self.watches = [Watch(model, device) for model in (denoiser, weaker) if model is not None]
        for watch in self.watches:
            watch.pictures = len(class_labels)
        labels = torch.tensor(list(class_labels), dtype=torch.long, device=device)
        guided = guide(self.watches[0], sampling, weaker=self.watches[1] if weaker is not None else None,
                       scorer=scorer)
        ask = bind(guided, labels)

        def asked(x: Tensor, sigma: Tensor) -> Tensor:
            answer = ask(x, sigma)
            self._answers.append((self.nfe, self.seconds))
            return answer

        self._answers: list[tuple[int, float]] = []
        with torch.inference_mode():
            self._steps = sample(asked, SampleNoise(seeds, shape, device), sampling, denoiser.schedule)
        self.predicted = (0, 0.0)  # nfe and seconds when the last step had its x0; Heun asks once more after that
        self.picture: Tensor | None = None

    @property
    def nfe(self) -> int:
        """Network evaluations for each picture so far."""
        return sum(watch.nfe for watch in self.watches)

    @property
    def seconds(self) -> float:
        """What the network calls took so far."""
        return sum(watch.seconds for watch in self.watches)

    def step(self) -> Step | None:
        """The next step; None when the picture is there."""
        import torch

        self._answers.clear()
        with torch.inference_mode():
            step = next(self._steps, None)
        if step is None:
            return None
        self.predicted = self._answers[0]
        if step.sigma_next == 0:
            self.picture = step.x_next
        return step


def warm_up(denoiser: Denoiser, runs: Sequence[SamplingConfig], pictures: int, shape: tuple[int, int, int],
            device: torch.device) -> None:
    """Ask once in each batch size that will be asked for: the first call of a size is slower, whoever makes it."""
    import torch

    with torch.inference_mode():
        for count in sorted({pictures} | {pictures * evaluations_per_call(s) for s in runs}):
            labels = torch.zeros(count, dtype=torch.long, device=device)
            mask = torch.ones(count, device=device)
            denoiser(torch.zeros(count, *shape, device=device), torch.ones(count, device=device), labels, mask)


def _half(values: Tensor) -> NDArray[np.float16]:
    import torch

    return values.clamp(-65000, 65000).to(torch.float16).cpu().numpy()


class _Lane:
    """A runner and the frames it has left behind."""

    def __init__(self, runner: Runner, total: int, schedule: Schedule, shape: tuple[int, int, int]) -> None:
        self.runner, self.total = runner, total
        self.sigma = np.array(sampling_sigmas(runner.sampling, schedule))
        self.t = np.array([schedule.t_of_sigma(s) for s in self.sigma], dtype=np.int64)
        frames = len(self.sigma)
        self.x, self.x0 = (np.zeros((frames, *shape), dtype=np.float16) for _ in range(2))
        self.nfe, self.seconds = np.zeros(frames, dtype=np.int64), np.zeros(frames)
        self.probability, self.distance = (np.full(frames, np.nan, dtype=np.float32) for _ in range(2))
        self.filled = self.place = 0

    def advance(self, read: Callable[[Tensor], float]) -> None:
        """One step; read says how probable the class asked is in a predicted picture."""
        step = self.runner.step()
        assert step is not None
        last = len(self.sigma) - 1
        frames = [step.index] if step.index + 1 < last else [step.index, last]
        self.x[step.index] = _half(step.x[0] / math.sqrt(1 + step.sigma**2))
        if step.sigma_next == 0:
            self.x[last] = _half(step.x_next[0])
        for frame in frames:
            self.x0[frame] = _half(step.x0[0])
            self.nfe[frame], self.seconds[frame] = self.runner.predicted
            self.probability[frame] = read(step.x0)
        self.filled = frames[-1] + 1

    def frames(self) -> LaneFrames:
        """As an event carries it; the arrays are shared, and frames below `filled` never change again."""
        return LaneFrames(self.runner.sampling, self.total, self.runner.nfe, self.sigma, self.t, self.x, self.x0,
                          self.nfe, self.seconds, self.probability, self.distance, self.filled, self.place)

    def compare(self, reference: NDArray[np.float32]) -> None:
        """Fill in the distances."""
        difference = self.x0.astype(np.float32) - reference
        self.distance = (difference**2).mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)


def race(denoiser: Denoiser, weaker: Callable[[SamplingConfig], Denoise | None], lanes: Sequence[SamplingConfig],
         class_label: int, seed: int, *, shape: tuple[int, int, int], device: torch.device, judge: Judge | None,
         scorer: Callable[[SamplingConfig], Scorer | None] = lambda _: None,
         ) -> Iterator[tuple[tuple[LaneFrames, ...], bool]]:
    """Where all lanes are after each step of one of them, and whether all is done; then with the distances.

    Raises BadSetting for fewer than two or more than six lanes, and for settings that do not fit the schedule.
    """
    from engine.diffusion.sample import to_pixels

    if not FEWEST_LANES <= len(lanes) <= MOST_LANES:
        raise BadSetting(f"A race has {FEWEST_LANES} to {MOST_LANES} lanes; {len(lanes)} are not.")

    def read(x0: Tensor) -> float:
        return float("nan") if judge is None else float(judge.read(to_pixels(x0))[0, class_label])

    def runner(sampling: SamplingConfig) -> Runner:
        return Runner(denoiser, weaker(sampling), [class_label], [seed], sampling, shape, device, scorer(sampling))

    running = [_Lane(runner(sampling), network_evaluations(sampling, denoiser.schedule), denoiser.schedule, shape)
               for sampling in lanes]
    warm_up(denoiser, lanes, 1, shape, device)
    while waiting := [lane for lane in running if lane.filled < len(lane.sigma)]:
        lane = min(waiting, key=lambda lane: lane.runner.nfe)  # of equals the first
        lane.advance(read)
        if lane.filled == len(lane.sigma):
            lane.place = 1 + sum(other.total < lane.total for other in running)
        yield tuple(lane.frames() for lane in running), False
    solutions: dict[SamplingConfig, NDArray[np.float32]] = {}
    for lane in running:
        if not deterministic(lane.runner.sampling):
            continue
        wanted = reference_of(lane.runner.sampling)
        if wanted not in solutions:
            solving = runner(wanted)
            while solving.step() is not None:
                yield tuple(lane.frames() for lane in running), False
            assert solving.picture is not None
            solutions[wanted] = solving.picture[0].float().cpu().numpy()
        lane.compare(solutions[wanted])
    yield tuple(lane.frames() for lane in running), True


def run_race(workspace: Workspace, request: RaceRequest) -> Generator[Event, Any, None]:
    """The race of a request as a long job: RaceReady after each step of a lane, Tick while the reference is found."""
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    if not 0 <= request.class_label < model.num_classes:
        raise BadSetting(f"There is no class {request.class_label}; classes are 0 to {model.num_classes - 1}.")
    judge = load_judge(model, workspace)
    told = 0
    for lanes, complete in race(model.denoiser, lambda sampling: workspace.weaker(model, sampling), request.lanes,
                                request.class_label, request.seed, shape=model.shape, device=workspace.device,
                                judge=judge, scorer=lambda sampling: workspace.scorer(model, sampling)):
        filled = sum(lane.filled for lane in lanes)
        if complete or filled > told:
            told = filled
            yield RaceReady(request, model.snapshot, lanes, judge is not None, complete)
        else:
            yield Tick()


def load_judge(model: LoadedModel, workspace: Workspace) -> Judge | None:
    """The judge, where it knows what the run draws."""
    file = judge_for(model.run)
    if file is None:
        return None
    from engine.measure.judge import Judge

    return Judge.load(file, workspace.device)
