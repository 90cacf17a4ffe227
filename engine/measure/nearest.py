"""Is it copying? The training pictures nearest to a drawn one, beside how near they are to real held-out ones.

Distances are Euclidean: of pixels in 0..1, and of the judge's features. A real picture that was never trained on has
nearest training pictures too; a drawn one that lies nearer than nearly all of those is suspect. The comparison is
with test pictures of the same class, for a one is nearer to other ones than an eight is to eights. Imports no torch
by itself.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from engine import paths
from engine.data.catalogue import Dataset, load_dataset
from engine.errors import BadRun, BadSetting
from engine.events import Command, Event, JobProgress, Tick
from engine.measure.drawing import ticking
from engine.measure.judge_files import judge_for
from engine.measure.judging import features
from engine.runs import Run, SaveFailed
from engine.runs.atomic import saving
from engine.runs.tensors import Arrays, read_checked, write_checked

if TYPE_CHECKING:
    from engine.measure.judge import Judge
    from engine.workspace import Workspace

Float32 = NDArray[np.float32]
Space = Literal["pixels", "features"]
Work = Generator[Event, Command | None, "Held"]

NEIGHBOURS = 5
HELD_OUT = 200  # test pictures of each class whose nearest training pictures are the measure
SUSPECT = 0.01  # a share: nearer than all but this many real held-out pictures
BLOCK = 50  # pictures compared at once: 50 x 60 000 distances are 12 MB
METHOD = 1  # raised when the same pictures would give other distances


@dataclass(frozen=True, slots=True)
class NearestRequest:
    """Which pictures to look up: uint8 (N, C, H, W) with their class labels, of a run."""

    run: Path
    images: NDArray[np.uint8]
    class_labels: tuple[int, ...]
    neighbours: int = NEIGHBOURS


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Of one picture in one space. index, distance: of the nearest training pictures, nearest first.

    nearer_than: the share of real held-out pictures of its class that have a nearer training picture.
    """

    index: tuple[int, ...]
    distance: tuple[float, ...]
    nearer_than: float

    @property
    def suspect(self) -> bool:
        """Whether it is nearer to a training picture than nearly all real held-out pictures are."""
        return self.nearer_than < SUSPECT


@dataclass(frozen=True, eq=False)
class Nearest:
    """Of one picture. features is None where no judge knows the pictures. held: medians of the held-out pictures."""

    class_label: int
    pixels: Neighbours
    features: Neighbours | None
    held_pixels: float
    held_features: float | None

    @property
    def suspect(self) -> bool:
        """Whether either space says so."""
        return self.pixels.suspect or (self.features is not None and self.features.suspect)


@dataclass(frozen=True, eq=False)
class NearestReady(Event):
    """The answer: one Nearest a picture. images: all training pictures that are named, by index, (C, H, W)."""

    channel: ClassVar[str] = "control"
    request: NearestRequest
    found: tuple[Nearest, ...]
    images: dict[int, NDArray[np.uint8]]
    labels: dict[int, int]


@dataclass(frozen=True, eq=False)
class Held:
    """What a data set's training pictures are in one space, and the distances of real held-out ones from them.

    vectors (N, D) float32; distance (M,) of the nearest training picture of M test pictures with their class (M,).
    """

    vectors: Float32
    distance: Float32
    class_label: NDArray[np.int64]

    def share_nearer(self, class_label: int, distance: float) -> float:
        """The share of held-out pictures of a class that have a training picture nearer than that."""
        own = self.distance[self.class_label == class_label]
        return float((own < distance).mean()) if len(own) else float("nan")

    def median(self, class_label: int) -> float:
        """Of the held-out pictures of a class."""
        own = self.distance[self.class_label == class_label]
        return float(np.median(own)) if len(own) else float("nan")


def measure_nearest(workspace: Workspace, request: NearestRequest) -> Generator[Event, Command | None, None]:
    """Look pictures up, as a long job: JobProgress, then NearestReady. What is known of the data set is kept.

    Raises BadSetting for pictures of another shape than the run's, BadRun where its training pictures are not here.
    """
    run = Run.open(request.run)
    shape = run.info.image_shape
    if request.images.ndim != 4 or request.images.shape[1:] != shape or not len(request.images):
        raise BadSetting(f"{run.name} draws pictures of {' x '.join(map(str, shape))}; these are "
                         f"{' x '.join(map(str, request.images.shape))}.")
    dataset = load_dataset(run.info.config.data.dataset)
    if not len(dataset.train_images):
        raise BadRun(f"The training pictures of {run.name} are not here.", "Get the data set first.")
    labels = np.array(request.class_labels, dtype=np.int64)
    found = yield from look_up(workspace, run, dataset, request.images, labels, request.neighbours)
    named = {i for one in found for part in (one.pixels, one.features) if part is not None for i in part.index}
    yield NearestReady(request, found, {i: dataset.train_images[i] for i in named},
                       {i: int(dataset.train_labels[i]) for i in named})


def look_up(workspace: Workspace, run: Run, dataset: Dataset, images: NDArray[np.uint8], labels: NDArray[np.int64],
            neighbours: int = NEIGHBOURS) -> Generator[Event, Command | None, tuple[Nearest, ...]]:
    """The nearest training pictures of each of the pictures (N, C, H, W) with their labels (N,)."""
    judge = None
    if (file := judge_for(run)) is not None:
        from engine.measure.judge import Judge

        judge = Judge.load(file, workspace.device)
    spaces: list[tuple[Held, Float32]] = []
    held = yield from _held(dataset, "pixels", None)
    spaces.append((held, _pixels(images)))
    if judge is not None:
        held = yield from _held(dataset, "features", judge)
        spaces.append((held, (yield from ticking(features(judge, images)))))
    answers = []
    for known, vectors in spaces:
        index, distance = yield from _nearest(known.vectors, vectors, neighbours)
        answers.append([Neighbours(tuple(i.tolist()), tuple(d.tolist()), known.share_nearer(int(c), float(d[0])))
                        for i, d, c in zip(index, distance, labels, strict=True)])
    return tuple(
        Nearest(int(c), answers[0][i], answers[1][i] if judge is not None else None, spaces[0][0].median(int(c)),
                spaces[1][0].median(int(c)) if judge is not None else None)
        for i, c in enumerate(labels))


# ---- what is known of a data set ----

_kept: OrderedDict[str, Held] = OrderedDict()  # by file name; real pictures stay what they are


def _held(dataset: Dataset, space: Space, judge: Judge | None) -> Work:
    """From memory, from the user's data folder, or worked out once."""
    key = hashlib.sha256("/".join([
        dataset.name, space, judge.sha256 if judge is not None else "", str(METHOD), str(HELD_OUT),
        dataset.train_sha256]).encode()).hexdigest()
    file = paths.data_dir() / "nearest" / f"{dataset.name.replace('/', '-')}-{space}-{key[:16]}.safetensors"
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    stored = _read(file)
    vectors = _pixels(dataset.train_images) if judge is None else \
        stored["vectors"].astype(np.float32) if stored is not None else (yield from _features(judge, dataset))
    if stored is not None:
        made = Held(vectors, stored["distance"], stored["class_label"])
    else:
        chosen = _held_out(dataset)
        test = _pixels(dataset.test_images[chosen]) if judge is None else \
            (yield from ticking(features(judge, dataset.test_images[chosen])))
        _, distance = yield from _nearest(vectors, test, 1)
        made = Held(vectors, distance[:, 0], dataset.test_labels[chosen])
        arrays: Arrays = {"distance": made.distance, "class_label": made.class_label}
        if judge is not None:
            arrays["vectors"] = vectors.astype(np.float16)
            made = Held(arrays["vectors"].astype(np.float32), made.distance, made.class_label)
        _write(file, arrays)
    _kept[key] = made
    while len(_kept) > 2:  # pixels and features of one data set: 220 MB of MNIST
        _kept.popitem(last=False)
    return made


def _features(judge: Judge, dataset: Dataset) -> Generator[Event, Command | None, Float32]:
    """Of all training pictures, with progress."""
    work, parts = features(judge, dataset.train_images), 0
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: Float32 = stop.value
            return result
        parts += 1
        yield JobProgress(min(len(dataset.train_images), parts * 100), len(dataset.train_images), "training pictures")


def _held_out(dataset: Dataset) -> NDArray[np.int64]:
    """The first HELD_OUT test pictures of each class."""
    return np.concatenate([np.flatnonzero(dataset.test_labels == c)[:HELD_OUT] for c in range(dataset.num_classes)])


def _pixels(images: NDArray[np.uint8]) -> Float32:
    """(N, C H W) in 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _nearest(reference: Float32, vectors: Float32,
             count: int) -> Generator[Event, Command | None, tuple[NDArray[np.int64], Float32]]:
    """Index and distance of the `count` nearest of reference (N, D) to each of vectors (M, D): (M, count), rising."""
    count = min(count, len(reference))
    squares = np.einsum("ij,ij->i", reference, reference)
    index = np.empty((len(vectors), count), dtype=np.int64)
    for begin in range(0, len(vectors), BLOCK):
        part = vectors[begin : begin + BLOCK]
        far = squares[None] - 2 * (part @ reference.T)
        near = np.argpartition(far, count - 1, axis=1)[:, :count] if count < len(reference) else \
            np.broadcast_to(np.arange(count), (len(part), count))
        order = np.take_along_axis(far, near, axis=1).argsort(axis=1, kind="stable")
        index[begin : begin + len(part)] = np.take_along_axis(near, order, axis=1)
        yield Tick()
    # Once more from the differences: the expansion above loses the digits of what lies very near.
    distance = np.sqrt(((reference[index] - vectors[:, None]) ** 2).sum(axis=2))
    return index, distance.astype(np.float32)


def _read(file: Path) -> Arrays | None:
    try:
        return dict(read_checked(file, "What is known of the training pictures")[0])
    except BadRun:
        return None


def _write(file: Path, arrays: Arrays) -> None:
    """Keep it for the next time; where that cannot be, it is worked out anew then."""
    try:
        with saving(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_checked(file, arrays, {"method": METHOD})
    except SaveFailed:
        return
