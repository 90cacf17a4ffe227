"""A labelled set of drawn pictures, written as a folder tree, npz or IDX, with a data card.

Picture i of the drawing has seed first_seed + i and is of the class that is next in turn and not yet full; a filter
may reject it. The folder appears when it is whole. Imports no torch by itself.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import struct
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.data.catalogue import load_dataset
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Command, Event, JobProgress, Tick
from engine.export.data_card import Facts, data_card
from engine.export.picture_facts import PictureFacts, of_run, png_bytes
from engine.measure.drawing import channels_last, draw, ticking
from engine.measure.judge_files import judge_for
from engine.measure.judging import probabilities
from engine.measure.nearest import Nearest, look_up
from engine.runs import Run
from engine.runs.atomic import new_folder, saving
from engine.runs.jsontext import readable
from engine.settings import number
from engine.use_config import SetFormat, SyntheticConfig

if TYPE_CHECKING:
    from engine.workspace import LoadedModel, Workspace

ROUND = 50  # pictures drawn between two looks at what is still missing
MOST_TRIES = 20  # pictures drawn for each that is wanted, before a filter is given up
LOOKED_UP = 10  # pictures of each class whose nearest training pictures the card tells of
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_UNSIGNED_BYTE = 0x08


@dataclass(frozen=True, slots=True)
class SyntheticRequest:
    """What to draw and where to put it. out must not exist, or be an empty folder."""

    run: Path
    sampling: SamplingConfig
    out: Path
    config: SyntheticConfig = field(default_factory=SyntheticConfig)
    snapshot: int | None = None
    average_percent: float | None = None


@dataclass(frozen=True, eq=False)
class SyntheticSet:
    """Pictures uint8 (N, C, H, W) by class, then by seed; confidence: of the judge in the class asked, or None."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    seeds: NDArray[np.int64]
    confidence: NDArray[np.float32] | None
    facts: Facts


@dataclass(frozen=True, eq=False)
class SyntheticReady(Event):
    """The set is written. files: how many lie in `out`."""

    channel: ClassVar[str] = "control"
    request: SyntheticRequest
    made: SyntheticSet
    files: int


@dataclass(frozen=True, eq=False)
class SyntheticSample(Event):
    """The newest pictures that were kept, uint8 (N, C, H, W), to look at."""

    channel: ClassVar[str] = "picture"
    request: SyntheticRequest
    images: NDArray[np.uint8]
    labels: tuple[int, ...]


def check_out_folder(out: Path) -> None:
    """Raises DiffuscopeError where a set cannot be put there; a new name or an empty folder is needed."""
    if out.exists() and not out.is_dir():
        raise DiffuscopeError(f"A set needs a folder; {out.name} is a file.", "Give another name.")
    if out.is_dir() and any(out.iterdir()):
        raise DiffuscopeError(f"The folder {out.name} is not empty.", "Give a new name; nothing was written.")


def make_synthetic_set(workspace: Workspace, request: SyntheticRequest) -> Generator[Event, Command | None, None]:
    """Draw, judge, look up and write, as a long job: JobProgress in pictures, SyntheticSample, SyntheticReady.

    Closing it leaves nothing behind. Raises DiffuscopeError for a folder that is not empty, BadSetting for a filter
    without a judge or that hardly any picture passes, SaveFailed.
    """
    check_out_folder(request.out)
    run = Run.open(request.run)
    model = workspace.model(request.run, request.snapshot, request.average_percent)
    made = yield from _drawn(workspace, run, model, request)
    with saving(request.out):
        request.out.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(request.out) as folder:
        files = 0
        for name, data in _files(made, request):
            path = folder / name
            if path.parent != folder:  # nor made anew, should somebody have taken it away: the beginning would lack
                path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            files += 1
            if files % 50 == 0:
                yield Tick()
        if hasattr(os, "sync"):  # once for all: thousands of files synced one by one take minutes
            os.sync()
    yield SyntheticReady(request, made, files)


def _drawn(workspace: Workspace, run: Run, model: LoadedModel,
           request: SyntheticRequest) -> Generator[Event, Command | None, SyntheticSet]:
    config, classes = request.config, model.num_classes
    judge = None
    if (file := judge_for(run)) is not None:
        from engine.measure.judge import Judge

        judge = Judge.load(file, workspace.device)
    if config.min_confidence > 0 and judge is None:
        raise BadSetting(f"No judge reads what {run.name} draws, so nothing can be filtered by it.",
                         "Set the confidence to 0.")
    total = config.per_class * classes
    missing = np.full(classes, config.per_class)
    kept: list[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    seed, drawn, right = request.config.first_seed, np.zeros(classes, dtype=np.int64), 0
    yield JobProgress(0, total, "pictures")
    while missing.sum():
        labels = _next_labels(missing)
        seeds = np.arange(seed, seed + len(labels))
        seed += len(labels)
        work = draw(workspace, model, labels.tolist(), seeds.tolist(), request.sampling)
        images = yield from _without_progress(work)
        sure = np.ones(len(labels), dtype=np.float32)
        if judge is not None:
            chance = yield from ticking(probabilities(judge, images))
            sure = chance[np.arange(len(labels)), labels]
            read = chance.argmax(axis=1) == labels
            right += int(read.sum())
            passed = read & (sure >= config.min_confidence) if config.min_confidence > 0 else np.ones_like(read)
        else:
            passed = np.ones(len(labels), dtype=bool)
        drawn += np.bincount(labels, minlength=classes)
        missing -= np.bincount(labels[passed], minlength=classes)
        kept.append((images[passed], labels[passed], seeds[passed], sure[passed]))
        done = total - int(missing.sum())
        if passed.any():
            yield SyntheticSample(request, images[passed], tuple(labels[passed].tolist()))
        yield JobProgress(done, total, "pictures")
        worst = int(drawn.argmax())
        if drawn[worst] > MOST_TRIES * config.per_class and missing[worst]:
            raise BadSetting(
                f"Of {number(int(drawn[worst]))} pictures of class {run.info.class_names[worst]} only "
                f"{number(int(config.per_class - missing[worst]))} were read so surely.",
                "Lower the confidence, or guide harder; nothing was written.")
    images, labels, seeds, sure = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    order = np.lexsort((seeds, labels))
    images, labels, seeds, sure = images[order], labels[order], seeds[order], sure[order]
    found = yield from _looked_up(workspace, run, images, labels)
    facts = Facts(
        run=run, snapshot=model.snapshot, average_percent=request.average_percent, sampling=request.sampling,
        config=config, counts=tuple(int(n) for n in np.bincount(labels, minlength=classes)),
        drawn=tuple(drawn.tolist()), read_right=right if judge is not None else None,
        judge=dict(judge.record) if judge is not None else None, nearest=found)
    return SyntheticSet(images, labels, seeds, sure if judge is not None else None, facts)


def _next_labels(missing: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes of the next ROUND pictures: one of each class that is not full, in turn, no more than are missing."""
    left = missing.copy()
    labels: list[int] = []
    while left.sum() and len(labels) < ROUND:
        for c in np.flatnonzero(left).tolist():
            labels.append(c)
            left[c] -= 1
    return np.array(labels[:ROUND], dtype=np.int64)


def _without_progress(work: Generator[Event, Command | None, NDArray[np.uint8]],
                      ) -> Generator[Event, Command | None, NDArray[np.uint8]]:
    """Its own progress is of one round; what counts is how many were kept."""
    while True:
        try:
            event = next(work)
        except StopIteration as stop:
            result: NDArray[np.uint8] = stop.value
            return result
        yield Tick() if isinstance(event, JobProgress) else event


def _looked_up(workspace: Workspace, run: Run, images: NDArray[np.uint8], labels: NDArray[np.int64],
               ) -> Generator[Event, Command | None, tuple[Nearest, ...]]:
    """The nearest training pictures of the first few of each class; nothing where those are not here."""
    try:
        dataset = load_dataset(run.info.config.data.dataset)
    except DiffuscopeError:
        return ()
    if not len(dataset.train_images):
        return ()
    chosen = np.concatenate([np.flatnonzero(labels == c)[:LOOKED_UP] for c in range(len(run.info.class_names))])
    return (yield from look_up(workspace, run, dataset, images[chosen], labels[chosen]))


# ---- files ----

def _files(made: SyntheticSet, request: SyntheticRequest) -> Generator[tuple[str, bytes], None, None]:
    facts = made.facts
    yield from _FORMATS[request.config.format](made, request)
    yield "set.json", readable(facts.values())
    yield "DATA_CARD.md", data_card(facts).encode("utf-8")


def _folder(made: SyntheticSet, request: SyntheticRequest) -> Generator[tuple[str, bytes], None, None]:
    """class/seed.png, each with the facts that draw it again."""
    own = of_run(made.facts.run, made.facts.snapshot, request.average_percent)
    names = folder_names(made.facts.run.info.class_names)
    for image, label, seed in zip(channels_last(made.images), made.labels.tolist(), made.seeds.tolist(), strict=True):
        facts = PictureFacts(**own, classes=(label,), seed=seed, t=0, sampling=request.sampling, view="sample")
        yield f"{names[label]}/{seed:08d}.png", png_bytes(image, facts)


def _npz(made: SyntheticSet, request: SyntheticRequest) -> Generator[tuple[str, bytes], None, None]:
    arrays: dict[str, Any] = {"images": channels_last(made.images), "labels": made.labels, "seeds": made.seeds,
              "class_names": np.array(made.facts.run.info.class_names)}
    if made.confidence is not None:
        arrays["confidence"] = made.confidence
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    yield "set.npz", file.getvalue()


def _idx(made: SyntheticSet, request: SyntheticRequest) -> Generator[tuple[str, bytes], None, None]:
    images = made.images[:, 0] if made.images.shape[1] == 1 else made.images
    yield f"train-images-idx{images.ndim}-ubyte.gz", idx_bytes(images)
    yield "train-labels-idx1-ubyte.gz", idx_bytes(made.labels.astype(np.uint8))


_FORMATS: dict[SetFormat, Any] = {"folder": _folder, "npz": _npz, "idx": _idx}


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    """An IDX file of unsigned bytes, packed by gzip without a time, so that equal values give equal files."""
    header = bytes((0, 0, _UNSIGNED_BYTE, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(header + np.ascontiguousarray(values).tobytes(), mtime=0)


def folder_names(class_names: tuple[str, ...]) -> list[str]:
    """A folder name for each class: its own where that is plain, numbered where it is not or is there twice."""
    names: list[str] = []
    for i, name in enumerate(class_names):
        plain = _PLAIN.sub("-", name).strip("-.")
        names.append(plain if plain and plain not in names else f"{i}-{plain}".rstrip("-"))
    return names
