"""At what point of denoising a picture can first be read: every class from many seeds. Imports no torch by itself.

A judge reads each frame of each trajectory. Which judge is kept apart, for it decides what the answer means:
  "noisy"  the judge that was trained on noisy pictures reads x_t: what can be seen at that point;
  "x0"     the judge of clean pictures reads the predicted x0: what the model expects. Told the class and guided, that
           is a readable digit from the first step on; when the model decides it tells only where no class is told.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.config import LARGEST_SIGMA, SamplingConfig
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.judge_files import accuracy_at, judge_file, judge_for, judge_record, no_judge
from engine.measure.scorers import clip_mark
from engine.runs import Run, SaveFailed, measurement_key

if TYPE_CHECKING:
    from engine.measure.many import Many
    from engine.workspace import LoadedModel, Workspace

NOISY, PREDICTED = "noisy", "x0"
READINGS = (NOISY, PREDICTED)
DEFAULT_SEEDS = 100
FEWEST_SEEDS, MOST_SEEDS = 2, 1000
METHOD = 1  # raised when the same pictures would give other figures
BATCH = 100  # trajectories at once
_JUDGED = 1000  # frames between two pauses


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """What to measure: each of `classes` (none named: all) from seeds first_seed, first_seed + 1, ...

    snapshot None is the newest. average_percent: weights averaged over the last so many percent of training.
    unconditional: no class is told and nothing guided; as many pictures in all, each from its own seed, and the class
    of a picture is what the judge reads at the end. again: measure even where the answer is there.
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
    again: bool = False

    def __post_init__(self) -> None:
        if not FEWEST_SEEDS <= self.seeds <= MOST_SEEDS:
            raise BadSetting(f"Recognition is measured over {FEWEST_SEEDS} to {MOST_SEEDS:,} seeds a class; "
                             f"{self.seeds:,} is not among them.")
        if self.reading not in READINGS:
            raise BadSetting(f"A reading is one of {', '.join(READINGS)}; {self.reading} is not.")
        if len(set(self.classes)) < len(self.classes):
            raise BadSetting("Each class is measured once; one is named twice.")

    @property
    def drawn_with(self) -> SamplingConfig:
        """The sampling settings that decide the pictures: without a class there is no guidance."""
        if not self.unconditional:
            return self.sampling
        return self.sampling.model_copy(update={
            "guidance_scale": 0.0, "guidance_rescale": 0.0, "autoguide_step": None, "guidance_sigma_low": 0.0,
            "guidance_sigma_high": LARGEST_SIGMA, "clip_guidance": "off"})


@dataclass(frozen=True, eq=False)
class Recognition:
    """What the judge read: P pictures in F = num_steps + 1 frames, noise first.

    classes: those asked for. class_label (P,): of a picture, told or (unconditional) read at the end. seed (P,).
    probability (P, F): of that class. top (P, F): the digit read, top_probability how sure. sigma, t (F,): where the
    frames are, of num_timesteps. judge_accuracy (F,): how often this judge is right about real test pictures there.
    """

    snapshot: int
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

    def values(self) -> dict[str, Any]:
        """As plain values; arrays packed."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        packed = {name: _pack(value) for name, value in told.items() if isinstance(value, np.ndarray)}
        return {**told, **packed, "sampling": self.sampling.model_dump()}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Recognition | None:
        """What `values` gave, read back; None where it is of another shape."""
        frames = len(values.get("sigma", ()))
        try:
            label, seed = _unpack(values["class_label"], np.uint8), _unpack(values["seed"], np.int64)
            arrays = {name: _unpack(values[name], kind).reshape(len(label), frames) for name, kind in (
                ("probability", np.float16), ("top", np.uint8), ("top_probability", np.float16))}
            lists = {name: tuple(values[name]) for name in ("classes", "class_names", "sigma", "t", "judge_accuracy")}
            made = cls(**{**values, **arrays, **lists, "class_label": label, "seed": seed,
                          "sampling": SamplingConfig.model_validate(values["sampling"])})
        except (KeyError, TypeError, ValueError, zlib.error):
            return None
        return made if len(seed) == len(label) and len(made.t) == len(made.judge_accuracy) == frames else None


def _pack(array: NDArray[Any]) -> str:
    """Little-endian bytes, compressed, as base64."""
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def _unpack(text: str, kind: Any) -> NDArray[Any]:
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, dtype=np.dtype(kind).newbyteorder("<")).astype(kind)


@dataclass(frozen=True, eq=False)
class RecognitionReady(Event):
    """The answer to a request. stored: it was there already."""

    request: RecognitionRequest
    recognition: Recognition
    stored: bool


def recognition_key(run: Run, request: RecognitionRequest) -> str:
    """Under what a measurement is saved: equal for equal weights, settings, judge and method. Raises BadRun."""
    sampling = request.drawn_with
    settings = {
        "sampling": sampling.model_dump(), "classes": list(_classes(run, request)), "seeds": request.seeds,
        "first_seed": request.first_seed, "reading": request.reading, "unconditional": request.unconditional,
        "average_percent": request.average_percent,
        "guide": "" if sampling.autoguide_step is None else run.weights_hash(sampling.autoguide_step),
        "judge": judge_record(_judge_file(run, request)).get("sha256", ""), "method": METHOD,
        **clip_mark(sampling),
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
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    key = recognition_key(run, replace(request, snapshot=model.snapshot))
    recognition = yield from _measured(workspace, model, request)
    failed: SaveFailed | None = None
    try:
        run.save_measurement(key, recognition.values())
    except SaveFailed as error:
        failed = error
    yield RecognitionReady(request, recognition, False)
    if failed is not None:
        raise failed


def _classes(run: Run, request: RecognitionRequest) -> tuple[int, ...]:
    return request.classes or tuple(range(len(run.info.class_names)))


def _judge_file(run: Run, request: RecognitionRequest) -> Path:
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


def _measured(workspace: Workspace, model: LoadedModel,
              request: RecognitionRequest) -> Generator[Event, None, Recognition]:
    from engine.measure.many import Many

    with Many(workspace.device) as many:
        return (yield from _read(workspace, model, request, many))


def _read(workspace: Workspace, model: LoadedModel, request: RecognitionRequest,
          many: Many) -> Generator[Event, None, Recognition]:
    from engine.diffusion.evaluations import network_evaluations
    from engine.diffusion.schedules import sampling_sigmas
    from engine.measure.judge import Judge
    from engine.measure.noise_judge import NoiseJudge
    from engine.measure.recognition_frames import frames

    sampling, classes = request.drawn_with, _classes(model.run, request)
    schedule = model.denoiser.schedule
    sigma = np.array(sampling_sigmas(sampling, schedule))
    predicted = request.reading == PREDICTED
    judge = (Judge if predicted else NoiseJudge).load(_judge_file(model.run, request), workspace.device)
    weaker = workspace.weaker(model, sampling)
    denoiser, against = many.denoiser(model.denoiser), None if weaker is None else many.denoiser(weaker)
    total = request.seeds * len(classes)
    labels, seeds = _asked(request, classes)
    probabilities = np.empty((total, len(sigma), model.num_classes), dtype=np.float32)

    yield JobProgress(0, total, "pictures")
    for begin in range(0, total, BATCH):
        end = min(begin + BATCH, total)
        size, drawing = end - begin, frames(
            denoiser, schedule, labels[begin:end].tolist(), seeds[begin:end].tolist(), sampling, predicted=predicted,
            shape=model.shape, device=workspace.device, weaker=against, scorer=workspace.scorer(model, sampling))
        pictures, steps = None, 0
        while pictures is None:
            try:
                next(drawing)
            except StopIteration as stop:
                pictures = stop.value
            else:
                steps += 1
                yield JobProgress(begin + size * steps // len(sigma), total, "pictures")
        flat, levels = pictures.reshape(-1, *pictures.shape[2:]), np.repeat(sigma, size)
        read = []
        for first in range(0, len(flat), _JUDGED):
            part = slice(first, first + _JUDGED)
            read.append(many.read(judge.read, flat[part], *([] if predicted else [levels[part]])))
            yield Tick()
        probabilities[begin:end] = np.concatenate(read).reshape(len(sigma), size, -1).swapaxes(0, 1)
        yield JobProgress(end, total, "pictures")

    return _collected(request, classes, model, labels, seeds, probabilities, {
        "sigma": tuple(sigma.tolist()), "t": tuple(int(schedule.t_of_sigma(s)) for s in sigma),
        "num_timesteps": schedule.num_timesteps, "nfe": network_evaluations(sampling, schedule),
        "judge": judge.sha256,
    })


def _asked(request: RecognitionRequest, classes: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class and seed of each picture: all classes of the first seed, then of the next."""
    count = np.arange(request.seeds * len(classes))
    if request.unconditional:
        return np.zeros(len(count), dtype=np.int64), request.first_seed + count
    return np.array(classes)[count % len(classes)], request.first_seed + count // len(classes)


def _collected(request: RecognitionRequest, classes: tuple[int, ...], model: LoadedModel, labels: NDArray[np.int64],
               seeds: NDArray[np.int64], probabilities: NDArray[np.float32], places: dict[str, Any]) -> Recognition:
    """By class, then by seed; of an unconditional picture only those that end as one of the classes."""
    top = probabilities.argmax(axis=2)
    if request.unconditional:
        labels = top[:, -1]
    chosen = np.concatenate([np.flatnonzero(labels == c) for c in classes])
    own = np.take_along_axis(probabilities, labels[:, None, None], axis=2)[:, :, 0]
    record, sigma = judge_record(_judge_file(model.run, request)), np.array(places["sigma"])
    accuracy = np.full(len(sigma), record.get("test_accuracy", np.nan)) if request.reading == PREDICTED else \
        accuracy_at(record, sigma)
    return Recognition(
        snapshot=model.snapshot, average_percent=request.average_percent, sampling=request.drawn_with,
        reading=request.reading, unconditional=request.unconditional, classes=classes,
        class_names=tuple(model.run.info.class_names), seeds=request.seeds, first_seed=request.first_seed,
        judge_accuracy=tuple(round(float(share), 6) for share in accuracy),
        class_label=labels[chosen].astype(np.uint8), seed=seeds[chosen],
        probability=own[chosen].astype(np.float16), top=top[chosen].astype(np.uint8),
        top_probability=probabilities.max(axis=2)[chosen].astype(np.float16), **places)
