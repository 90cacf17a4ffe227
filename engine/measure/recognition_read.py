"""What a recognition rests on: pictures on their way out of noise, or real ones on their way into it, all read."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.catalogue import load_test_half
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import sampling_sigmas
from engine.events import Event, JobProgress, Tick
from engine.measure.judge import Judge
from engine.measure.many import Many
from engine.measure.noise_judge import NoiseJudge
from engine.measure.real_pictures import check_enough, noised_to, real_and_noise
from engine.measure.recognition import PREDICTED, RecognitionRequest, asked_classes, reading_judge
from engine.measure.recognition_frames import frames
from engine.runs import Run
from engine.workspace import LoadedModel, Workspace

BATCH = 100  # pictures at once
_JUDGED = 1000  # frames between two pauses


@dataclass(frozen=True, eq=False)
class Read:
    """class_label, seed (P,), probabilities (P, F, K), of F noise levels, noise first. nfe: of each picture. judge:
    the sha256 of its weights.
    """

    class_label: NDArray[np.int64]
    seed: NDArray[np.int64]
    sigma: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    nfe: int
    judge: str


def read_denoised(workspace: Workspace, model: LoadedModel,
                  request: RecognitionRequest) -> Generator[Event, None, Read]:
    """The model's pictures, frame by frame; pauses at every network call and says how far it is."""
    sampling, schedule = request.drawn_with, model.denoiser.schedule
    sigma = np.array(sampling_sigmas(sampling, schedule))
    predicted = request.reading == PREDICTED
    judge = _judge(workspace, model.run, request)
    weaker, scorer = workspace.weaker(model, sampling), workspace.scorer(model, sampling)
    labels, seeds = asked(request, asked_classes(model.run, request))
    total = len(labels)
    read = []
    yield JobProgress(0, total, "pictures")
    with Many(workspace.device) as many:
        denoise, against = many.denoiser(model.denoiser), None if weaker is None else many.denoiser(weaker)
        for begin in range(0, total, BATCH):
            end = min(begin + BATCH, total)
            drawing = frames(denoise, schedule, labels[begin:end].tolist(), seeds[begin:end].tolist(), sampling,
                             predicted=predicted, shape=model.shape, device=workspace.device, weaker=against,
                             scorer=scorer)
            pictures, steps = None, 0
            while pictures is None:
                try:
                    next(drawing)
                except StopIteration as stop:
                    pictures = stop.value
                else:
                    steps += 1
                    yield JobProgress(begin + (end - begin) * steps // len(sigma), total, "pictures")
            read.append((yield from _judged(many, judge, pictures, sigma)))
            yield JobProgress(end, total, "pictures")
    return Read(labels, seeds, sigma, np.concatenate(read), network_evaluations(sampling, schedule), judge.sha256)


def read_noised(workspace: Workspace, run: Run, request: RecognitionRequest) -> Generator[Event, None, Read]:
    """Real test pictures at the noise levels of the steps. Raises BadSetting for more seeds than there are pictures."""
    dataset, classes = load_test_half(run.info.config.data.dataset), asked_classes(run, request)
    check_enough(dataset, classes, request.seeds)
    sigma = np.array(sampling_sigmas(request.drawn_with, run.schedule()))
    judge = _judge(workspace, run, request)
    labels, seeds = asked(request, classes)
    total = len(labels)
    read = []
    yield JobProgress(0, total, "pictures")
    with Many(workspace.device) as many:
        for begin in range(0, total, BATCH):
            end = min(begin + BATCH, total)
            x0, eps = real_and_noise(dataset, labels[begin:end].tolist(), seeds[begin:end].tolist())
            pictures = np.stack([noised_to(x0, eps, level) for level in sigma])
            read.append((yield from _judged(many, judge, pictures, sigma)))
            yield JobProgress(end, total, "pictures")
    return Read(labels, seeds, sigma, np.concatenate(read), 0, judge.sha256)


def asked(request: RecognitionRequest, classes: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class and seed of each picture: all classes of the first seed, then of the next."""
    count = np.arange(request.seeds * len(classes))
    if request.unconditional:
        return np.zeros(len(count), dtype=np.int64), request.first_seed + count
    return np.array(classes)[count % len(classes)], request.first_seed + count // len(classes)


def _judge(workspace: Workspace, run: Run, request: RecognitionRequest) -> Judge | NoiseJudge:
    kind: type[Judge] | type[NoiseJudge] = Judge if request.reading == PREDICTED else NoiseJudge
    return kind.load(reading_judge(run, request), workspace.device)


def _judged(many: Many, judge: Judge | NoiseJudge, pictures: NDArray[Any],
            sigma: NDArray[np.float64]) -> Generator[Event, None, NDArray[np.float32]]:
    """(F, B, ...) to (B, F, K)."""
    size = pictures.shape[1]
    flat, levels = pictures.reshape(-1, *pictures.shape[2:]), np.repeat(sigma, size)
    read = []
    for first in range(0, len(flat), _JUDGED):
        part = slice(first, first + _JUDGED)
        read.append(many.read(judge.read, flat[part], *([levels[part]] if isinstance(judge, NoiseJudge) else [])))
        yield Tick()
    return np.concatenate(read).reshape(len(sigma), size, -1).swapaxes(0, 1)
