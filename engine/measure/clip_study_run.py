"""The study of CLIP guidance put to work: draws every method's pictures and measures them, as a long job."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.config import SamplingConfig
from engine.data.catalogue import load_dataset
from engine.data.halves import half_of
from engine.device import describe
from engine.diffusion.clip_guidance import Mix, Scored, Scorer, gradient_step
from engine.diffusion.denoiser import Denoise
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.noise import SampleNoise, stream
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.sample import to_pixels
from engine.diffusion.samplers import bind
from engine.errors import BadRun, BadSetting
from engine.events import Event, JobProgress, Tick
from engine.measure.clip_study import (
    CALLS,
    SECONDS,
    STUDY_JUDGE_FILE,
    TABLES,
    Figures,
    Method,
    Row,
    Study,
    StudyReady,
    StudyRequest,
    base_sampling,
    cost,
    cost_key,
    methods,
    readings,
    row_key,
    steps_within,
    stored_study,
    study_key,
)
from engine.measure.distances import compare, neighbour_radii
from engine.measure.judge import Judge
from engine.measure.many import Many
from engine.measure.reference import choose, look
from engine.measure.scorers import make_scorer, scorer_mark
from engine.runs import Run, SaveFailed
from engine.workspace import LoadedModel, Workspace

BATCH = 100  # pictures drawn at once, all classes among them: over these weights are averaged and shuffled
REFERENCE = 200  # real test pictures of each class
TIMED = 7  # repeats of the timing of a network call and of a reading
SHUFFLE = 2207  # of the permutations

Job = Generator[Event, Any, None]


def measure_study(workspace: Workspace, request: StudyRequest) -> Job:
    """Measure and save: progress in pictures, then StudyReady. Closed before, it keeps what is known of each method
    that is done, and goes on from there the next time.

    Raises BadRun for a run of other pictures than the judge knows, BadSetting for blocks that do not hold each class
    equally often, what loading a reader raises, and SaveFailed after StudyReady where it could not be saved.
    """
    run = Run.open(request.run)
    if run.info.config.data.dataset != "mnist" or run.info.image_shape != (1, 28, 28):
        raise BadRun(f"The study's judge reads mnist; {run.name} learned {run.info.config.data.dataset}.")
    if request.pictures % len(run.info.class_names):
        raise BadSetting(f"A block holds each class equally often; {request.pictures} pictures of "
                         f"{len(run.info.class_names)} classes cannot.")
    if not request.again and (known := stored_study(run, request)) is not None:
        yield StudyReady(request, known, True)
        return
    model = workspace.model(request.run, request.snapshot)
    key = study_key(run, replace(request, snapshot=model.snapshot))
    with Many(workspace.device) as many:
        scorer = _in_pieces(make_scorer(request.clip_model, run, workspace), many)
        study = yield from _Studying(workspace, model, request, many.denoiser(model.denoiser), scorer).study()
    failed: SaveFailed | None = None
    try:
        run.save_measurement(key, study.values())
    except SaveFailed as error:
        failed = error
    yield StudyReady(request, study, False)
    if failed is not None:
        raise failed


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One block: pictures uint8 (N, H, W), the reader's log-probabilities of the classes (N, K) of what was drawn."""

    images: NDArray[np.uint8]
    read: NDArray[np.float32]
    weight: float | None


class _Studying:
    """What all rows have in common: the model, who reads and who judges, the real pictures."""

    def __init__(self, workspace: Workspace, model: LoadedModel, request: StudyRequest, denoise: Denoise,
                 scorer: Scorer) -> None:
        self.workspace, self.model, self.request = workspace, model, request
        self.denoise, self.scorer = denoise, scorer
        self.judge = Judge.load(STUDY_JUDGE_FILE, workspace.device)
        self.data = load_dataset("mnist")
        self.schedule = model.denoiser.schedule
        self.labels = np.arange(request.pictures) % model.num_classes
        self.done = self.total = 0

    def study(self) -> Generator[Event, Any, Study]:
        """All of it."""
        request = self.request
        reading_cost, gradient_cost = yield from self._known_costs()
        planned = self._plan(reading_cost, gradient_cost)
        self.total = len(planned) * request.blocks * request.pictures
        yield from self._reference()
        rows = []
        for method, sampling, tables in planned:
            figures = yield from self._measured(method, sampling)
            rows += [Row(method.name, table, sampling.num_steps, network_evaluations(sampling, self.schedule),
                         readings(sampling, self.schedule),
                         round(cost(sampling, self.schedule, reading_cost, gradient_cost), 2), figures)
                     for table in tables]
        real = yield from self._real()
        order = [method.name for method in methods(request.clip_model)]
        rows.sort(key=lambda row: (TABLES.index(row.table), order.index(row.method)))
        clip_right = yield from self._reads_real()
        return Study(
            snapshot=self.model.snapshot, clip_model=request.clip_model,
            clip_mark=scorer_mark(request.clip_model, self.model.run),
            clip_accuracy=clip_right, judge=self.judge.sha256,
            judge_accuracy=float(self.judge.record.get("test_accuracy", np.nan)), blocks=request.blocks,
            pictures=request.pictures, seed=request.seed, nfe=request.nfe,
            sampler=base_sampling(self.model.run).sampler, reading_cost=round(reading_cost, 4),
            gradient_cost=round(gradient_cost, 4), reference=len(self.reference), rows=tuple(rows), real=real,
            device=describe(self.workspace.device, "fp32"))

    def _measured(self, method: Method, sampling: SamplingConfig) -> Generator[Event, Any, tuple[Figures, ...]]:
        """Figures by block, as kept or measured now and kept."""
        request, run = self.request, self.model.run
        key = row_key(run, replace(request, snapshot=self.model.snapshot), method, sampling)
        kept = None if request.again else run.measurement(key)
        if kept is not None:
            self.done += request.blocks * request.pictures
            yield JobProgress(self.done, self.total, "pictures")
            return tuple(Figures(**block) for block in kept["blocks"])
        figures = []
        for block in range(request.blocks):
            drawn = yield from self._draw(method, sampling, block)
            figures.append((yield from self._figures(drawn)))
        with suppress(SaveFailed):  # told of once, when the whole is saved
            run.save_measurement(key, {"blocks": [asdict(one) for one in figures]})
        return tuple(figures)

    # ---- what it costs ----

    def _known_costs(self) -> Generator[Event, Any, tuple[float, float]]:
        """As measured on this machine before, or now: a study that goes on must plan as it did."""
        run = self.model.run
        key = cost_key(run, replace(self.request, snapshot=self.model.snapshot))
        kept = None if self.request.again else run.measurement(key)
        if kept is not None:
            return float(kept["reading"]), float(kept["gradient"])
        reading, gradient = yield from self._costs()
        with suppress(SaveFailed):
            run.save_measurement(key, {"reading": reading, "gradient": gradient})
        return reading, gradient

    def _costs(self) -> Generator[Event, Any, tuple[float, float]]:
        """One look of the reader in network evaluations, without and with its gradient: medians of pairs taken in turn.

        In turn, so that whatever else the machine does slows both alike.
        """
        device, shape = self.workspace.device, self.model.shape
        x = torch.randn(BATCH, *shape, generator=torch.Generator().manual_seed(0)).to(device)
        labels, ones = torch.from_numpy(np.arange(BATCH) % self.model.num_classes).to(device), torch.ones(
            BATCH, device=device)

        def network() -> object:
            return self.denoise(x, ones, labels, ones)

        def read() -> object:
            return self.scorer(x.clamp(-1, 1))

        def gradient() -> object:
            return gradient_step(self.scorer, x, labels, ones, 1.0, 1.0)

        taken: dict[Callable[[], object], list[float]] = {network: [], read: [], gradient: []}
        with torch.inference_mode():
            for repeat in range(TIMED + 1):
                for work, seconds in taken.items():
                    began = time.perf_counter()
                    work()
                    if device.type == "cuda":
                        torch.cuda.synchronize(device)
                    if repeat:  # the first call of a kind is slower
                        seconds.append(time.perf_counter() - began)
                    yield Tick()
        per = [[other / base for other, base in zip(taken[work], taken[network], strict=True)]
               for work in (read, gradient)]
        return statistics.median(per[0]), statistics.median(per[1])

    def _plan(self, reading_cost: float, gradient_cost: float) -> list[tuple[Method, SamplingConfig, list[str]]]:
        """Each method with the settings that a table allows it; what both tables ask for is drawn once."""
        planned: dict[tuple[str, int], tuple[Method, SamplingConfig, list[str]]] = {}
        base = base_sampling(self.model.run)
        for method in methods(self.request.clip_model):
            sampling = base.model_copy(update=dict(method.changes))
            for table, costs in ((CALLS, (0.0, 0.0)), (SECONDS, (reading_cost, gradient_cost))):
                chosen = steps_within(self.request.nfe, sampling, self.schedule, *costs)
                entry = planned.setdefault((method.name, chosen.num_steps), (method, chosen, []))
                entry[2].append(table)
        return list(planned.values())

    # ---- pictures ----

    def _draw(self, method: Method, sampling: SamplingConfig, block: int) -> Generator[Event, Any, _Drawn]:
        """The pictures of one block."""
        device, request = self.workspace.device, self.request
        images, read, weights = [], [], []

        def seen(one: Scored) -> None:
            weights.append(float(one.weight.mean()))

        for begin in range(0, request.pictures, BATCH):
            numbers = range(begin, min(begin + BATCH, request.pictures))
            labels = torch.from_numpy(self.labels[numbers.start : numbers.stop]).to(device)
            seeds = [request.seed + block * request.pictures + i for i in numbers]
            denoise = guide(self.denoise, sampling, scorer=self.scorer, on_scored=seen,
                                     mix=mixing(method, seeds))
            picture: Tensor | None = None
            with torch.inference_mode():
                steps = sample(bind(denoise, labels), SampleNoise(seeds, self.model.shape, device), sampling,
                               self.schedule)
            while True:
                with torch.inference_mode():
                    step = next(steps, None)
                if step is None:
                    break
                picture = step.x_next
                yield Tick()
            assert picture is not None
            images.append(to_pixels(picture))
            with torch.inference_mode():
                read.append(self.scorer(shown(images[-1], device)).float().cpu().numpy())
            self.done += len(numbers)
            yield JobProgress(self.done, self.total, "pictures")
        weight = round(float(np.mean(weights)), 4) if weights else None
        return _Drawn(np.concatenate(images), np.concatenate(read), weight)

    # ---- figures ----

    def _reference(self) -> Generator[Event, Any, None]:
        """Real test pictures in the judge's features."""
        chosen = choose(self.data.test_labels, (REFERENCE,) * self.model.num_classes)
        self.reference, _ = yield from _ticking(look(self.judge, self.data.test_images[chosen, 0]))
        self.radii = yield from _ticking(neighbour_radii(self.reference))

    def _figures(self, drawn: _Drawn, labels: NDArray[np.int64] | None = None) -> Generator[Event, Any, Figures]:
        labels = self.labels if labels is None else labels
        features, _ = yield from _ticking(look(self.judge, drawn.images))
        probabilities = self.judge.read(drawn.images)
        distances = yield from _ticking(compare(self.reference, features, self.radii))
        own = np.arange(len(labels)), labels
        return Figures(
            accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
            log_probability=float(np.log(np.maximum(probabilities[own], 1e-12)).mean()),
            frechet=distances.frechet, density=distances.density, coverage=distances.coverage,
            clip_accuracy=float((drawn.read.argmax(axis=1) == labels).mean()),
            clip_log_probability=float(drawn.read[own].mean()), weight=drawn.weight)

    def _real(self) -> Generator[Event, Any, tuple[Figures, ...]]:
        """Blocks of training pictures of half a, which the judge has not seen."""
        half, found = half_of("a"), []
        images, labels = self.data.train_images[half][:, 0], self.data.train_labels[half]
        counts = (self.request.pictures // self.model.num_classes,) * self.model.num_classes
        for block in range(self.request.blocks):
            chosen = choose(labels, counts, block)
            read = yield from self._read(images[chosen])
            drawn = _Drawn(images[chosen], read, None)
            found.append((yield from self._figures(drawn, labels[chosen])))
        return tuple(found)

    def _read(self, images: NDArray[np.uint8]) -> Generator[Event, Any, NDArray[np.float32]]:
        """The reader's log-probabilities (N, K)."""
        parts = []
        for begin in range(0, len(images), BATCH):
            with torch.inference_mode():
                part = self.scorer(shown(images[begin : begin + BATCH], self.workspace.device))
            parts.append(part.float().cpu().numpy())
            yield Tick()
        return np.concatenate(parts)

    def _reads_real(self) -> Generator[Event, Any, float]:
        """How often the reader is right about the real test pictures of the comparison."""
        chosen = choose(self.data.test_labels, (REFERENCE,) * self.model.num_classes)
        read = yield from self._read(self.data.test_images[chosen, 0])
        return float((read.argmax(axis=1) == self.data.test_labels[chosen]).mean())


def _in_pieces(scorer: Scorer, many: Many) -> Scorer:
    """The reader as quick as the denoiser is asked: pieces of a batch side by side."""
    def score(x0: Tensor) -> Tensor:
        size = -(-len(x0) // many.count)
        return torch.cat(many.each([partial(scorer, piece) for piece in torch.split(x0, size)]))

    return score


def mixing(method: Method, seeds: Sequence[int]) -> Mix | None:
    """What becomes of the weights of a batch: averaged over it, or each picture given another's, the same one all the
    way; None where each keeps its own. Which other one depends on the seeds alone.
    """
    if not method.mix:
        return None
    if method.mix == "averaged":
        return lambda w: w.mean().expand_as(w)
    order = torch.randperm(len(seeds), generator=stream(SHUFFLE, seeds[0]))
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # a cycle through all: nobody keeps his own
    return lambda w: w[other.to(w.device)]


def shown(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (N, H, W) as the reader is shown it: (N, 1, H, W) in -1..1."""
    return torch.from_numpy(images).to(device)[:, None].float() / 127.5 - 1


def _ticking(work: Generator[None, None, Any]) -> Generator[Event, Any, Any]:
    """Work in parts, with a Tick after each."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value
        yield Tick()
