"""How well pictures match their label by CLIP, beside real test pictures and a judge. Imports no torch by itself.

A raw score proves nothing, for CLIP may read even real pictures badly. So the same score of as many real test pictures
of each class stands beside it, and what the data set's judge reads.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.clip.files import IN_DOMAIN
from engine.clip.prompts import check_template, default_names, default_templates
from engine.clip.sources import source_mark
from engine.config import SamplingConfig
from engine.data.catalogue import load_test_half
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.drawing import channels_last, draw, ticking
from engine.measure.judge_files import judge_for, judge_record
from engine.measure.keeping import pack, save_and_tell, unpack
from engine.measure.scorers import clip_mark
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.clip.model import ClipModel
    from engine.data.dataset import Dataset
    from engine.workspace import LoadedModel, Workspace

DEFAULT_COUNT = 500
FEWEST, MOST = 20, 10_000
METHOD = 1  # raised when the same pictures would give other figures


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """Who scores and how. source: in-domain, an open_clip tag, ARCHITECTURE@FILE.

    templates, names: none given, those of the data set. batch: pictures at once, 0 by memory; it changes no figure.
    Raises BadSetting for a template that is none.
    """

    source: str = IN_DOMAIN
    templates: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    upscaling: str = "bicubic"
    batch: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        for template in self.templates:
            if wrong := check_template(template):
                raise BadSetting(f"Template “{template}”: {wrong}")

    def filled(self, run: Run) -> ClipSettings:
        """With the templates and names of the run's data set where none are given.

        Raises BadSetting for another number of names than classes.
        """
        dataset, class_names = run.info.config.data.dataset, run.info.class_names
        names = self.names or default_names(dataset, class_names)
        if len(names) != len(class_names):
            raise BadSetting(f"{run.name} has {len(class_names)} classes; {len(names)} names are given.")
        return replace(self, templates=self.templates or default_templates(dataset), names=names)

    def mark(self) -> dict[str, Any]:
        """What a measurement is keyed by."""
        return {**asdict(self), "batch": 0, "weights": source_mark(self.source)}


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What to score: `count` pictures, as many of each class as can be, from seeds first_seed, first_seed + 1, ...

    snapshot None is the newest. Raises BadSetting for a count out of range.
    """

    run: Path
    sampling: SamplingConfig
    clip: ClipSettings = field(default_factory=ClipSettings)
    snapshot: int | None = None
    count: int = DEFAULT_COUNT
    first_seed: int = 0
    average_percent: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        if not FEWEST <= self.count <= MOST:
            raise BadSetting(f"CLIP scores {FEWEST} to {MOST:,} pictures at once; {self.count:,} is not among them.")


@dataclass(frozen=True, eq=False)
class ClipScores:
    """N generated and M real test pictures against the prompts of K classes.

    cosine (N, K), real_cosine (M, K): between a picture's features and each class's. read (N,), real_read (M,): the
    class that the judge reads, -1 where the run has none. image (N, H, W) or (N, H, W, 3). real_index: in the test set.
    zero_shot: share of the real ones whose class CLIP puts first. seconds: of scoring the generated ones alone.
    """

    snapshot: int
    average_percent: float | None
    sampling: SamplingConfig
    clip: ClipSettings
    title: str
    in_domain: bool
    sha256: str
    words: tuple[str, ...]  # that it learned, where that is known
    logit_scale: float
    class_names: tuple[str, ...]
    first_seed: int
    nfe: int
    judge: str
    judge_accuracy: float
    image_shape: tuple[int, ...]
    seconds: float
    class_label: NDArray[np.int16]
    seed: NDArray[np.int64]
    cosine: NDArray[np.float32]
    read: NDArray[np.int16]
    image: NDArray[np.uint8]
    real_label: NDArray[np.int16]
    real_index: NDArray[np.int64]
    real_cosine: NDArray[np.float32]
    real_read: NDArray[np.int16]

    def values(self) -> dict[str, Any]:
        """As plain values; arrays packed."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        packed = {name: pack(value) for name, value in told.items() if isinstance(value, np.ndarray)}
        return {**told, **packed, "sampling": self.sampling.model_dump(), "clip": asdict(self.clip)}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> ClipScores | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            classes = len(values["class_names"])
            arrays: dict[str, NDArray[Any]] = {name: unpack(values[name], kind) for name, kind in (
                ("class_label", np.int16), ("seed", np.int64), ("read", np.int16), ("real_label", np.int16),
                ("real_index", np.int64), ("real_read", np.int16))}
            for name in ("cosine", "real_cosine"):
                arrays[name] = unpack(values[name], np.float32).reshape(-1, classes)
            shape = tuple(values["image_shape"])
            arrays["image"] = unpack(values["image"], np.uint8).reshape(-1, *shape)
            told = values["clip"]
            clip = ClipSettings(told["source"], tuple(told["templates"]), tuple(told["names"]), told["upscaling"],
                                told["batch"])
            made = cls(**{**values, **arrays, "class_names": tuple(values["class_names"]), "image_shape": shape,
                          "words": tuple(values["words"]), "clip": clip,
                          "sampling": SamplingConfig.model_validate(values["sampling"])})
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error, BadSetting):
            return None
        here = {len(made.class_label), len(made.seed), len(made.cosine), len(made.read), len(made.image)}
        return made if len(here) == 1 and len(made.real_label) == len(made.real_cosine) else None


@dataclass(frozen=True, eq=False)
class ClipReady(Event):
    """The answer to a request. stored: it was there already."""

    request: ClipRequest
    scores: ClipScores
    stored: bool


def clip_key(run: Run, request: ClipRequest) -> str:
    """Under what a measurement is saved: equal for equal weights, settings, CLIP and judge. Raises BadRun."""
    guide = request.sampling.autoguide_step
    judge = judge_for(run)
    return measurement_key("clip", run.weights_hash(request.snapshot), {
        "sampling": request.sampling.model_dump(), "count": request.count, "first_seed": request.first_seed,
        "average_percent": request.average_percent, "guide": "" if guide is None else run.weights_hash(guide),
        "clip_scores": request.clip.filled(run).mark(),
        "judge": "" if judge is None else judge_record(judge).get("sha256", ""), "method": METHOD,
        **clip_mark(request.sampling, run)})


def stored_clip(run: Run, request: ClipRequest) -> ClipScores | None:
    """The measurement if it was made before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(clip_key(run, request))
    return None if values is None else ClipScores.from_values(values)


def measure_clip(workspace: Workspace, request: ClipRequest) -> Generator[Event, Command | None, None]:
    """Draw, score and save, as a long job: progress in pictures, then ClipReady. Closing it saves nothing.

    Raises what loading a CLIP raises, before anything is drawn, and SaveFailed after ClipReady.
    """
    run = Run.open(request.run)
    if not request.again and (known := stored_clip(run, request)) is not None:
        yield ClipReady(request, known, True)
        return
    clip = workspace.clip(request.clip.source)
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    key = clip_key(run, replace(request, snapshot=model.snapshot))
    scores = yield from _measured(workspace, clip, model, request)
    yield from save_and_tell(run, key, scores.values(), ClipReady(request, scores, False))


def _measured(workspace: Workspace, clip: ClipModel, model: LoadedModel,
              request: ClipRequest) -> Generator[Event, Command | None, ClipScores]:
    from engine.diffusion.evaluations import network_evaluations
    from engine.measure.judge import Judge
    from engine.measure.judging import probabilities

    run, settings = model.run, request.clip.filled(model.run)
    labels = np.arange(request.count) % model.num_classes
    seeds = request.first_seed + np.arange(request.count)
    dataset = load_test_half(run.info.config.data.dataset)
    real_index = real_pictures(dataset, np.bincount(labels, minlength=model.num_classes))
    total = 2 * request.count + len(real_index)

    yield JobProgress(0, total, "pictures")
    drawn = yield from draw(workspace, model, labels.tolist(), seeds.tolist(), request.sampling, total=total)
    images = channels_last(drawn)
    began = time.perf_counter()
    cosine = yield from cosines(clip, settings, images, request.count, total)
    seconds = time.perf_counter() - began
    real_cosine = yield from real_cosines(clip, settings, dataset, real_index, 2 * request.count, total)
    file = judge_for(run)
    read, real_read = np.full(len(labels), -1), np.full(len(real_index), -1)
    if file is not None:
        judge = Judge.load(file, workspace.device)
        read = (yield from ticking(probabilities(judge, drawn))).argmax(axis=1)
        real_read = (yield from ticking(probabilities(judge, dataset.test_images[real_index]))).argmax(axis=1)
    record = {} if file is None else judge_record(file)
    return ClipScores(
        snapshot=model.snapshot, average_percent=request.average_percent, sampling=request.sampling, clip=settings,
        title=clip.title, in_domain=clip.in_domain, sha256=clip.sha256, words=tuple(clip.record.get("words", ())),
        logit_scale=clip.logit_scale, class_names=tuple(run.info.class_names), first_seed=request.first_seed,
        nfe=network_evaluations(request.sampling, model.denoiser.schedule), judge=str(record.get("sha256", "")),
        judge_accuracy=float(record.get("test_accuracy", 0.0)), image_shape=images.shape[1:],
        seconds=round(seconds, 3), class_label=labels.astype(np.int16), seed=seeds.astype(np.int64), cosine=cosine,
        read=read.astype(np.int16), image=images,
        real_label=dataset.test_labels[real_index].astype(np.int16), real_index=real_index, real_cosine=real_cosine,
        real_read=real_read.astype(np.int16))


def real_pictures(dataset: Dataset, counts: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the first counts[c] test pictures of each class c, class by class; fewer where there are fewer."""
    return np.concatenate([np.flatnonzero(dataset.test_labels == c)[:n] for c, n in enumerate(counts)])


def cosines(clip: ClipModel, settings: ClipSettings, images: NDArray[np.uint8], begin: int,
            total: int) -> Generator[Event, Command | None, NDArray[np.float32]]:
    """(N, K) of pictures (N, H, W) or (N, H, W, 3), with progress from `begin` of `total`."""
    from engine.clip.scoring import image_features

    work = image_features(clip, images, settings.upscaling, settings.batch)
    while True:
        try:
            done = next(work)
        except StopIteration as stop:
            return against(clip, settings, stop.value)
        yield JobProgress(begin + done, total, "pictures")


def against(clip: ClipModel, settings: ClipSettings, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines (N, K) of features (N, D) with the features of the classes."""
    classes = clip.class_features(settings.templates, settings.names).cpu().numpy()
    made: NDArray[np.float32] = features @ classes.T
    return made


def real_cosines(clip: ClipModel, settings: ClipSettings, dataset: Dataset, index: NDArray[np.int64], begin: int,
                 total: int) -> Generator[Event, Command | None, NDArray[np.float32]]:
    """Cosines (M, K) of test pictures. Their features stay with the CLIP: other prompts cost nothing."""
    from engine.clip.scoring import image_features

    key = (dataset.name, settings.upscaling, index.tobytes())
    if key not in clip.kept:
        images = channels_last(dataset.test_images[index])
        work = image_features(clip, images, settings.upscaling, settings.batch)
        while True:
            try:
                done = next(work)
            except StopIteration as stop:
                clip.kept[key] = stop.value
                break
            yield JobProgress(begin + done, total, "pictures")
    yield Tick()
    return against(clip, settings, clip.kept[key])
