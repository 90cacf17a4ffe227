"""At what point of denoising a picture can first be read: every class from many seeds. Imports no torch by itself.

The other way round, up to what noise a real picture can still be read.

A judge reads each frame of each trajectory. Which judge is kept apart, for it decides what the answer means:
  "noisy"  the judge that was trained on noisy pictures reads x_t: what can be seen at that point;
  "x0"     the judge of clean pictures reads the predicted x0: what the model expects. Told the class and guided, that
           is a readable picture from the first step on; when the model decides it tells only where no class is told.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.config import LARGEST_SIGMA, SamplingConfig
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import BadSetting
from engine.events import Command, Event
from engine.measure.judge_files import accuracy_at, judge_file, judge_for, judge_record, no_judge
from engine.measure.keeping import pack, save_and_tell, unpack
from engine.measure.scorers import clip_mark
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

NOISY, PREDICTED = "noisy", "x0"
READINGS = (NOISY, PREDICTED)
DENOISE, FORWARD = "denoise", "forward"
DIRECTIONS = (DENOISE, FORWARD)
DEFAULT_SEEDS = 100
FEWEST_SEEDS, MOST_SEEDS = 2, 1000
METHOD = 1  # raised when the same pictures would give other figures


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """What to measure: each of `classes` (none named: all) from seeds first_seed, first_seed + 1, ...

    snapshot None is the newest. average_percent: weights averaged over the last so many percent of training.
    unconditional: no class is told and nothing guided; as many pictures in all, each from its own seed, and the class
    of a picture is what the judge reads at the end. direction: "denoise", or "forward": not the model's pictures but
    real test pictures on their way into noise, at the levels that the steps visit, whatever the weights; as frames
    they stand noise first all the same, so that the first frame from which on a picture is read is the last level up
    to which it stays readable. again: measure even where the answer is there.
    Raises BadSetting for what cannot be measured.
    """

    run: Path
    sampling: SamplingConfig
    snapshot: int | None = None
    classes: tuple[int, ...] = ()
    seeds: int = DEFAULT_SEEDS
    first_seed: int = 0
    reading: str = NOISY
    unconditional: bool = False
    average_percent: float | None = None
    direction: str = DENOISE
    again: bool = False

    def __post_init__(self) -> None:
        if not FEWEST_SEEDS <= self.seeds <= MOST_SEEDS:
            raise BadSetting(f"Recognition is measured over {FEWEST_SEEDS} to {MOST_SEEDS:,} seeds a class; "
                             f"{self.seeds:,} is not among them.")
        if self.reading not in READINGS:
            raise BadSetting(f"A reading is one of {', '.join(READINGS)}; {self.reading} is not.")
        if len(set(self.classes)) < len(self.classes):
            raise BadSetting("Each class is measured once; one is named twice.")
        if self.direction not in DIRECTIONS:
            raise BadSetting(f"A direction is one of {', '.join(DIRECTIONS)}; {self.direction} is not.")
        if self.forward and (self.reading != NOISY or self.unconditional):
            raise BadSetting("Real pictures on their way into noise are read by the noise judge, and their class is "
                             "known.", "Leave out what concerns the model's own pictures.")

    @property
    def forward(self) -> bool:
        """Whether real pictures are noised."""
        return self.direction == FORWARD

    @property
    def drawn_with(self) -> SamplingConfig:
        """The sampling settings that decide the pictures: without a class there is no guidance, and of real ones only
        the noise levels of the steps.
        """
        if self.forward:
            levels = self.sampling
            return SamplingConfig(sampler=levels.sampler, num_steps=levels.num_steps, grid=levels.grid)
        return without_class(self.sampling) if self.unconditional else self.sampling


def without_class(sampling: SamplingConfig) -> SamplingConfig:
    """The settings under which no class is told and nothing guides."""
    return sampling.model_copy(update={
        "guidance_scale": 0.0, "guidance_rescale": 0.0, "autoguide_step": None, "guidance_sigma_low": 0.0,
        "guidance_sigma_high": LARGEST_SIGMA, "clip_guidance": "off"})


@dataclass(frozen=True, eq=False)
class Recognition:
    """What the judge read: P pictures in F = num_steps + 1 frames, noise first. snapshot is None, and nfe 0, for real
    pictures (direction "forward").

    classes: those asked for. class_label (P,): of a picture, told or (unconditional) read at the end. seed (P,).
    probability (P, F): of that class. top (P, F): the class read, top_probability how sure. sigma, t (F,): where the
    frames are, of num_timesteps. judge_accuracy (F,): how often this judge is right about real test pictures there.
    """

    snapshot: int | None
    average_percent: float | None
    sampling: SamplingConfig
    reading: str
    unconditional: bool
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    seeds: int
    first_seed: int
    nfe: int
    num_timesteps: int
    sigma: tuple[float, ...]
    t: tuple[int, ...]
    judge: str
    judge_accuracy: tuple[float, ...]
    class_label: NDArray[np.uint8]
    seed: NDArray[np.int64]
    probability: NDArray[np.float16]
    top: NDArray[np.uint8]
    top_probability: NDArray[np.float16]
    direction: str = DENOISE

    @property
    def forward(self) -> bool:
        """Whether these are real pictures on their way into noise."""
        return self.direction == FORWARD

    def values(self) -> dict[str, Any]:
        """As plain values; arrays packed."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        packed = {name: pack(value) for name, value in told.items() if isinstance(value, np.ndarray)}
        return {**told, **packed, "sampling": self.sampling.model_dump()}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Recognition | None:
        """What `values` gave, read back; None where it is of another shape."""
        frames = len(values.get("sigma", ()))
        try:
            label, seed = unpack(values["class_label"], np.uint8), unpack(values["seed"], np.int64)
            arrays = {name: unpack(values[name], kind).reshape(len(label), frames) for name, kind in (
                ("probability", np.float16), ("top", np.uint8), ("top_probability", np.float16))}
            lists = {name: tuple(values[name]) for name in ("classes", "class_names", "sigma", "t", "judge_accuracy")}
            made = cls(**{**values, **arrays, **lists, "class_label": label, "seed": seed,
                          "sampling": SamplingConfig.model_validate(values["sampling"])})
        except (KeyError, TypeError, ValueError, zlib.error):
            return None
        return made if len(seed) == len(label) and len(made.t) == len(made.judge_accuracy) == frames else None


@dataclass(frozen=True, eq=False)
class RecognitionReady(Event):
    """The answer to a request. stored: it was there already."""

    request: RecognitionRequest
    recognition: Recognition
    stored: bool


def recognition_key(run: Run, request: RecognitionRequest) -> str:
    """Under what a measurement is saved: equal for equal weights, settings, judge and method. Raises BadRun."""
    sampling = request.drawn_with
    if request.forward:
        return measurement_key("recognition-forward", run.info.config.data.dataset, {
            "sigma": sampling_sigmas(sampling, run.schedule()), "classes": list(asked_classes(run, request)),
            "seeds": request.seeds, "first_seed": request.first_seed, "method": METHOD,
            "judge": judge_record(reading_judge(run, request)).get("sha256", "")})
    settings = {
        "sampling": sampling.model_dump(), "classes": list(asked_classes(run, request)), "seeds": request.seeds,
        "first_seed": request.first_seed, "reading": request.reading, "unconditional": request.unconditional,
        "average_percent": request.average_percent,
        "guide": "" if sampling.autoguide_step is None else run.weights_hash(sampling.autoguide_step),
        "judge": judge_record(reading_judge(run, request)).get("sha256", ""), "method": METHOD,
        **clip_mark(sampling, run),
    }
    return measurement_key("recognition", run.weights_hash(request.snapshot), settings)


def stored_recognition(run: Run, request: RecognitionRequest) -> Recognition | None:
    """The measurement if it was made before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(recognition_key(run, request))
    return None if values is None else Recognition.from_values(values)


def measurable(run: Run) -> bool:
    """Whether there are judges of what this run draws, of clean pictures and of noisy ones."""
    return judge_for(run) is not None and judge_for(run, "noise") is not None


def measure_recognition(workspace: Workspace,
                        request: RecognitionRequest) -> Generator[Event, Command | None, None]:
    """Measure and save, as a long job: progress in pictures, then RecognitionReady. Closing it saves nothing.

    Raises BadRun for a run of other pictures than the judges know, BadSetting for classes that are not there or a
    run that cannot draw without a class, and SaveFailed after RecognitionReady where it could not be saved.
    """
    run = Run.open(request.run)
    _check(run, request)
    if not request.again and (known := stored_recognition(run, request)) is not None:
        yield RecognitionReady(request, known, True)
        return
    now = request
    if not request.forward:  # the newest snapshot may be another one when it is measured
        now = replace(request, snapshot=workspace.model(run.path, request.snapshot, request.average_percent).snapshot)
    key = recognition_key(run, now)
    recognition = yield from _measured(workspace, run, now)
    yield from save_and_tell(run, key, recognition.values(), RecognitionReady(request, recognition, False))


def asked_classes(run: Run, request: RecognitionRequest) -> tuple[int, ...]:
    """The classes that a request means."""
    return request.classes or tuple(range(len(run.info.class_names)))


def reading_judge(run: Run, request: RecognitionRequest) -> Path:
    """The weights file of the judge that reads."""
    return judge_file(run.info.config.data.dataset, "noise" if request.reading == NOISY else "first")


def _check(run: Run, request: RecognitionRequest) -> None:
    if not measurable(run):
        raise no_judge(run)
    last = len(run.info.class_names) - 1
    if wrong := [c for c in request.classes if not 0 <= c <= last]:
        raise BadSetting(f"There is no class {wrong[0]}; classes are 0 to {last}.")
    if request.unconditional and run.info.config.diffusion.label_drop == 0:
        raise BadSetting(f"{run.name} was always told the class, so it cannot draw without one.",
                         "Measure with the class, or train with a share of labels dropped.")


def _measured(workspace: Workspace, run: Run, request: RecognitionRequest) -> Generator[Event, None, Recognition]:
    """By class, then by seed; of an unconditional picture only those that end as one of the classes."""
    from engine.measure.recognition_read import read_denoised, read_noised

    if request.forward:
        snapshot, read = None, (yield from read_noised(workspace, run, request))
    else:
        model = workspace.model(request.run, request.snapshot, request.average_percent)
        snapshot, read = model.snapshot, (yield from read_denoised(workspace, model, request))
    probabilities, classes, schedule = read.probabilities, asked_classes(run, request), run.schedule()
    top = probabilities.argmax(axis=2)
    labels = top[:, -1] if request.unconditional else read.class_label
    chosen = np.concatenate([np.flatnonzero(labels == c) for c in classes])
    own = np.take_along_axis(probabilities, labels[:, None, None], axis=2)[:, :, 0]
    record = judge_record(reading_judge(run, request))
    accuracy = np.full(len(read.sigma), record.get("test_accuracy", np.nan)) if request.reading == PREDICTED else \
        accuracy_at(record, read.sigma)
    return Recognition(
        snapshot=snapshot, average_percent=None if request.forward else request.average_percent,
        sampling=request.drawn_with, reading=request.reading, unconditional=request.unconditional, classes=classes,
        class_names=tuple(run.info.class_names), seeds=request.seeds, first_seed=request.first_seed, nfe=read.nfe,
        num_timesteps=schedule.num_timesteps, sigma=tuple(read.sigma.tolist()),
        t=tuple(int(schedule.t_of_sigma(s)) for s in read.sigma), judge=read.judge,
        judge_accuracy=tuple(round(float(share), 6) for share in accuracy),
        class_label=labels[chosen].astype(np.uint8), seed=read.seed[chosen],
        probability=own[chosen].astype(np.float16), top=top[chosen].astype(np.uint8),
        top_probability=probabilities.max(axis=2)[chosen].astype(np.float16), direction=request.direction)
