"""CLIP guidance to be watched: one picture step by step, and every method from the same seed. No torch by itself."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting
from engine.events import Event, Tick
from engine.measure.judge_files import judge_for

if TYPE_CHECKING:
    from engine.workspace import LoadedModel, Workspace

FRAME_SECONDS = 0.05  # a growing course is shown this often


@dataclass(frozen=True, slots=True)
class CourseRequest:
    """One picture of a class and a seed, guided as the settings say. snapshot None is the newest."""

    run: Path
    snapshot: int | None
    class_label: int
    seed: int
    sampling: SamplingConfig
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class Course:
    """What was seen at each of F steps, of which `filled` are valid.

    conditional, unconditional: both predictions, float16 (F, C, H, W), not clipped; zeros where one was not asked for.
    p_conditional, p_unconditional (F,): probability of the class as the reader says it, nan where it was not asked.
    weight (F,): of D_c, 1 where nobody guides; for a gradient the length of the step, 0 where there is none.
    guided (F,): whether CLIP guides there. picture: the last one, None on the way. seconds: of the whole.
    """

    sigma: NDArray[np.float64]
    t: NDArray[np.int64]
    num_timesteps: int
    conditional: NDArray[np.float16]
    unconditional: NDArray[np.float16]
    p_conditional: NDArray[np.float64]
    p_unconditional: NDArray[np.float64]
    weight: NDArray[np.float64]
    guided: NDArray[np.bool_]
    picture: NDArray[np.float16] | None
    filled: int
    nfe: int
    seconds: float

    @property
    def denoised(self) -> NDArray[np.float64]:
        """Where the steps are in % denoised, 100 (1 - t / T): the axis of the Recognition page."""
        return 100 * (1 - self.t / self.num_timesteps)

    @property
    def complete(self) -> bool:
        """Whether every step is there."""
        return self.filled == len(self.sigma)

    def frame_at(self, sigma: float) -> int:
        """The filled step whose noise level is nearest; -1 when none is filled."""
        if not self.filled:
            return -1
        # In ln sigma, and beyond the last level the last step.
        return int(np.abs(np.log(self.sigma[: self.filled]) - np.log(max(sigma, 1e-9))).argmin())


@dataclass(frozen=True, eq=False)
class CourseReady(Event):
    """The answer so far. snapshot: the step really used."""

    channel: ClassVar[str] = "picture"
    request: CourseRequest
    snapshot: int
    course: Course


def run_course(workspace: Workspace, request: CourseRequest) -> Generator[Event, Any, None]:
    """Draw the picture of a request and tell what was seen: a long job.

    Raises BadSetting for a class that is not there, and what loading a reader raises.
    """
    import torch

    from engine.diffusion.clip_guidance import Scored
    from engine.diffusion.noise import SampleNoise
    from engine.diffusion.run_sampler import guide, sample
    from engine.diffusion.samplers import bind
    from engine.diffusion.schedules import sampling_sigmas

    model = workspace.model(request.run, request.snapshot, request.average_percent)
    if not 0 <= request.class_label < model.num_classes:
        raise BadSetting(f"There is no class {request.class_label}; classes are 0 to {model.num_classes - 1}.")
    schedule, sampling = model.denoiser.schedule, request.sampling
    sigma = np.array(sampling_sigmas(sampling, schedule)[:-1])
    size = (len(sigma), *model.shape)
    pictures = [np.zeros(size, dtype=np.float16) for _ in range(2)]
    p = np.full((2, len(sigma)), np.nan)
    weight = np.full(len(sigma), 0.0 if sampling.clip_guidance == "gradient" else 1.0)
    guided = np.zeros(len(sigma), dtype=bool)
    t = np.array([schedule.t_of_sigma(level) for level in sigma], dtype=np.int64)
    seen: list[Scored] = []
    denoise = guide(model.denoiser, sampling, weaker=workspace.weaker(model, sampling),
                    scorer=workspace.scorer(model, sampling), on_scored=seen.append)
    labels = torch.tensor([request.class_label], device=workspace.device)
    began, shown = time.perf_counter(), 0.0
    with torch.inference_mode():
        steps = sample(bind(denoise, labels), SampleNoise([request.seed], model.shape, workspace.device), sampling,
                       schedule)
    while True:
        with torch.inference_mode():
            step = next(steps, None)
        if step is None:
            return
        i = step.index
        for one in seen:
            at = int(np.abs(sigma - one.sigma).argmin())  # Heun asks ahead, at the next level
            if one.log_conditional is not None or not guided[at]:
                for row, picture, log in ((0, one.conditional, one.log_conditional),
                                          (1, one.unconditional, one.log_unconditional)):
                    if picture is not None:
                        pictures[row][at] = _half(picture[0])
                    if log is not None:
                        p[row, at] = float(log[0].exp())
            guided[at], weight[at] = True, float(one.weight[0])
        seen.clear()
        if not guided[i]:
            pictures[0][i] = _half(step.x0[0])
        complete, now = step.sigma_next == 0, time.perf_counter()
        if complete or now - began - shown >= FRAME_SECONDS:
            shown = now - began
            last = _half(step.x_next[0]) if complete else None
            yield CourseReady(request, model.snapshot, Course(
                sigma, t, schedule.num_timesteps, pictures[0], pictures[1], p[0], p[1], weight, guided, last, i + 1,
                network_evaluations(sampling, schedule), now - began))
        else:
            yield Tick()


# ---- every method from the same seed -----------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class GridRequest:
    """Each of some sampling settings draws every class from the same seed."""

    run: Path
    snapshot: int | None
    seed: int
    rows: tuple[SamplingConfig, ...]
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class GridReady(Event):
    """Rows so far. images: uint8 (R, K, H, W) or (R, K, H, W, 3). read (R, K): what the judge reads, -1 without one."""

    channel: ClassVar[str] = "picture"
    request: GridRequest
    snapshot: int
    images: NDArray[np.uint8]
    read: NDArray[np.int64]
    complete: bool


def grid_rows(sampling: SamplingConfig) -> tuple[tuple[str, SamplingConfig], ...]:
    """What is compared, by title: the same sampler and steps with each way to guide, CLIP's settings as they are.

    Where the settings guide by w = 1 a scale has nothing to reach for; then 3 stands in its place.
    """
    w = sampling.guidance_scale if sampling.guidance_scale > 1 else 3.0
    base = sampling.model_copy(update={"guidance_scale": w, "guidance_rescale": 0.0})
    if base.clip_strength == 0:
        base = base.model_copy(update={"clip_strength": 1.0})

    def made(**changes: Any) -> SamplingConfig:
        return base.model_copy(update=changes)

    return (("class alone", made(clip_guidance="off", guidance_scale=1.0)),
            (f"constant w = {w:g}", made(clip_guidance="off")),
            ("CLIP blend", made(clip_guidance="blend")),
            ("CLIP scale, boost", made(clip_guidance="scale", clip_mode="boost")),
            ("CLIP scale, correct", made(clip_guidance="scale", clip_mode="correct")),
            ("CLIP gradient", made(clip_guidance="gradient")))


def run_grid(workspace: Workspace, request: GridRequest) -> Generator[Event, Any, None]:
    """Draw the rows of a request, GridReady after each: a long job. Raises what loading a reader raises."""
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    judge = _judge(model, workspace)
    count = model.num_classes
    images: list[NDArray[np.uint8]] = []
    read = np.full((len(request.rows), count), -1, dtype=np.int64)
    for row, sampling in enumerate(request.rows):
        from engine.diffusion.sample import denoising_steps, to_pixels

        x0 = None
        for x0 in denoising_steps(model.denoiser, range(count), [request.seed] * count, sampling, shape=model.shape,
                                  num_classes=count, device=workspace.device, weaker=workspace.weaker(model, sampling),
                                  scorer=workspace.scorer(model, sampling)):
            yield Tick()
        assert x0 is not None
        images.append(to_pixels(x0))
        if judge is not None:
            read[row] = judge.read(images[-1]).argmax(axis=1)
        yield GridReady(request, model.snapshot, np.stack(images), read[: row + 1].copy(),
                        row + 1 == len(request.rows))


def _judge(model: LoadedModel, workspace: Workspace) -> Any:
    """The judge of what the run draws; None where there is none."""
    file = judge_for(model.run)
    if file is None:
        return None
    from engine.measure.judge import Judge

    return Judge.load(file, workspace.device)


def _half(values: Any) -> NDArray[np.float16]:
    import torch

    half: NDArray[np.float16] = values.clamp(-65000, 65000).to(torch.float16).cpu().numpy()
    return half
