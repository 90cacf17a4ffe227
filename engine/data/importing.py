"""Importing one's own pictures: a preview that says what would come of it, then one file with all of them.

Both are generators of events. The preview opens every file once; the import opens them again, by the same guards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.data.examine import RULES, Examined, Rule, examine
from engine.data.find import Candidate, find
from engine.data.npz import load_npz
from engine.data.skipping import Skipped, shown
from engine.data.stored import MOST_CLASSES, SIZES, Description, forget_judges, free_name, save_stored
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Event, JobProgress, Tick
from engine.settings import number

PART = 64  # files between two events
THREADS = 2
SHEET = 14  # pictures a class on the contact sheet
MANY = 4  # times the smallest class: from there on the largest is noted
HELD_OUT = 0.1  # of each class, for testing, where the source does not say which
LARGEST = 2 << 30  # bytes of all pictures, in memory and on the disk


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and how. size, channels None: as the preview proposes. flips: whether mirrored pictures are right.

    class_names: other names than those of the folders, in the preview's order.
    """

    source: Path
    title: str = ""
    size: int | None = None
    channels: int | None = None
    rule: Rule = "middle"
    flips: bool = False
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size not in SIZES:
            raise BadSetting(f"Pictures are imported at {', '.join(map(str, SIZES))} pixels; {self.size} is none of "
                             "them.")
        if self.channels not in (None, 1, 3):
            raise BadSetting(f"Pictures are grey (1 channel) or coloured (3); {self.channels} is neither.")
        if self.rule not in RULES:
            raise BadSetting(f"A rule is one of {', '.join(RULES)}; {self.rule} is not.")


@dataclass(frozen=True, slots=True, eq=False)
class Preview(Event):
    """What an import would give. counts: pictures of each class that can be opened; sheet: for each class up to SHEET
    pictures, uint8 (n, size, size, 3). resized: how many are not of that size. problem: why it cannot be imported, or
    empty; notes: what to know all the same.
    """

    request: ImportRequest
    class_names: tuple[str, ...]
    counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    size: int
    channels: int
    resized: int
    sizes: tuple[tuple[tuple[int, int], int], ...]  # (width, height) and how many, the most frequent first
    sheet: tuple[NDArray[np.uint8], ...]
    skipped: tuple[Skipped, ...]
    problem: str
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """Pictures that would be imported."""
        return sum(self.counts) + sum(self.test_counts)


@dataclass(frozen=True, slots=True)
class Imported(Event):
    """A set was written and can be learned."""

    description: Description
    skipped: tuple[Skipped, ...]


class Opened(NamedTuple):
    """A candidate and what became of it."""

    candidate: Candidate
    result: Examined | str


def preview(request: ImportRequest) -> Generator[Event, Any, None]:
    """JobProgress in pictures, then a Preview. Raises DiffuscopeError for a source that is none."""
    if request.source.suffix.lower() == ".npz":
        dataset = load_npz(request.source, "npz", _title(request))
        yield _npz_preview(request, dataset)
        return
    candidates, skipped = yield from _found(request.source)
    size, rule = request.size or SIZES[1], request.rule
    counts: Counter[tuple[str, bool]] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    sheet: dict[str, list[NDArray[np.uint8]]] = {}
    coloured = 0
    n = 0
    for part in _opened(candidates, size, rule):
        for candidate, result in part:
            if isinstance(result, str):
                skipped.append(Skipped(shown(candidate.name), result))
                continue
            counts[candidate.class_name, bool(candidate.test)] += 1
            sizes[result.width, result.height] += 1
            coloured += result.coloured
            row = sheet.setdefault(candidate.class_name, [])
            if len(row) < SHEET:
                row.append(result.thumbnail)
        n += len(part)
        yield JobProgress(n, len(candidates), "pictures")
    opened = sum(sizes.values())
    names = _ordered({c for c, _ in counts})
    size = request.size or _proposed(sizes)
    channels = request.channels or (3 if coloured > 0.02 * max(1, opened) else 1)
    train, test = (tuple(counts[c, half] for c in names) for half in (False, True))
    yield Preview(
        request, tuple(shown(c, 60) for c in names), train, test, size, channels,
        opened - sizes[size, size], tuple(sizes.most_common(8)),
        tuple(np.stack(sheet[c]) for c in names), tuple(skipped),
        _problem(names, train, size, channels, opened), _notes(names, train, test))


def import_pictures(request: ImportRequest) -> Generator[Event, Any, None]:
    """JobProgress in pictures, then Imported. Closing it before leaves nothing behind.

    Raises DiffuscopeError where there is nothing to learn from, SaveFailed where it cannot be written.
    """
    if request.source.suffix.lower() == ".npz":
        yield from _import_npz(request)
        return
    if request.size is None or request.channels is None:
        found: Preview | None = None
        for event in preview(request):
            if isinstance(event, Preview):
                found = event
            else:
                yield event
        assert found is not None
        request = replace(request, size=found.size, channels=found.channels)
    size, channels = request.size or SIZES[1], request.channels or 3
    candidates, skipped = yield from _found(request.source)
    if len(candidates) * channels * size * size > LARGEST:
        raise DiffuscopeError(f"{len(candidates):,} pictures of {size} x {size} do not fit in "
                              f"{LARGEST >> 30} GB.", "Choose a smaller size or fewer pictures.")
    images = np.empty((len(candidates), channels, size, size), dtype=np.uint8)
    kept: list[Candidate] = []
    n = 0
    for part in _opened(candidates, size, request.rule):
        for candidate, result in part:
            if isinstance(result, str):
                skipped.append(Skipped(shown(candidate.name), result))
                continue
            images[len(kept)] = _channels(result.thumbnail, channels)
            kept.append(candidate)
        n += len(part)
        yield JobProgress(n, len(candidates), "pictures")
    names = _ordered({c.class_name for c in kept})
    labels = np.array([names.index(c.class_name) for c in kept], dtype=np.int64)
    test = _held_out(kept, labels)
    train = tuple(np.bincount(labels[~test], minlength=len(names)).tolist())
    problem = _problem(names, train, size, channels, len(kept))
    if problem:
        raise DiffuscopeError(problem, "Nothing was imported.")
    images = images[: len(kept)]
    yield Tick()
    yield _saved(request, images, labels, test, tuple(shown(c, 60) for c in names), RULES[request.rule], tuple(skipped))


def _saved(request: ImportRequest, images: NDArray[np.uint8], labels: NDArray[np.int64], test: NDArray[np.bool_],
           class_names: tuple[str, ...], rule: str, skipped: tuple[Skipped, ...]) -> Imported:
    title = _title(request)
    names = request.class_names or class_names
    if len(names) != len(class_names) or any(not name.strip() for name in names):
        raise BadSetting(f"There are {len(class_names)} classes, and {len(names)} names for them.")
    name = free_name(title)
    # A seed decides the order, so that classes are mixed: batches and subsets do not depend on the folder's order.
    order = np.random.default_rng(0).permutation(len(labels))
    train, held = order[~test[order]], order[test[order]]
    flips = (request.flips,) * len(names)
    dataset = Dataset(name, title, tuple(names), images.shape[1], images.shape[2], images[train], labels[train],
                      images[held], labels[held], flips)
    description = Description(
        name, title, tuple(names), images.shape[1], images.shape[2], flips, (len(train), len(held)),
        shown(request.source.name), rule, len(skipped), datetime.now(UTC).isoformat(timespec="seconds"))
    forget_judges(name)
    save_stored(dataset, description)
    return Imported(description, skipped)


def _import_npz(request: ImportRequest) -> Iterator[Event]:
    yield Tick()
    dataset = load_npz(request.source, "npz", _title(request))
    yield Tick()
    images = np.concatenate([dataset.train_images, dataset.test_images])
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    if request.size not in (None, dataset.size):
        raise BadSetting(f"The pictures of {request.source.name} are {dataset.size} pixels square and are kept so.")
    if request.channels == 1 and dataset.channels == 3:
        images = np.stack([_channels(picture.transpose(1, 2, 0), 1) for picture in images])
    test = np.arange(len(labels)) >= len(dataset.train_labels)
    yield _saved(request, images, labels, test, dataset.class_names, "as they are", ())


def _npz_preview(request: ImportRequest, dataset: Dataset) -> Preview:
    def rgb(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shown = images.transpose(0, 2, 3, 1)
        return np.repeat(shown, 3, axis=3) if shown.shape[3] == 1 else shown

    classes = range(dataset.num_classes)
    train, test = (tuple(np.bincount(labels, minlength=dataset.num_classes).tolist())
                   for labels in (dataset.train_labels, dataset.test_labels))
    total = len(dataset.train_labels) + len(dataset.test_labels)
    return Preview(
        request, dataset.class_names, train, test, dataset.size, request.channels or dataset.channels, 0,
        (((dataset.size, dataset.size), total),),
        tuple(rgb(dataset.train_images[dataset.train_labels == c][:SHEET]) for c in classes), (),
        _problem(dataset.class_names, train, dataset.size, dataset.channels, total),
        _notes(dataset.class_names, train, test))


def _found(source: Path) -> Generator[Event, Any, tuple[list[Candidate], list[Skipped]]]:
    found = None
    for found in find(source):
        yield JobProgress(0, len(found.candidates), "pictures")
    assert found is not None
    return found.candidates, found.skipped


def _opened(candidates: Sequence[Candidate], size: int, rule: Rule) -> Iterator[list[Opened]]:
    """Candidates in parts, opened side by side: decoding leaves the interpreter to others."""
    def look(candidate: Candidate) -> Opened:
        return Opened(candidate, examine(candidate.path, size, rule))

    with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="import") as pool:
        for part in _parts(candidates, PART):
            yield list(pool.map(look, part))


def _parts(candidates: Iterable[Candidate], count: int) -> Iterator[list[Candidate]]:
    rest = iter(candidates)
    while part := list(islice(rest, count)):
        yield part


def _channels(rgb: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """(H, W, 3) to (channels, H, W); grey by the weights of ITU-R 601."""
    if channels == 3:
        return rgb.transpose(2, 0, 1)
    grey: NDArray[np.uint8] = (rgb @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
    return grey[None]


def _ordered(names: Iterable[str]) -> list[str]:
    """Numbers by their value, then words by the alphabet."""
    return sorted(names, key=lambda name: (0, int(name), name) if name.isascii() and name.isdigit() else (1, 0, name))


def _proposed(sizes: Counter[tuple[int, int]]) -> int:
    """The smallest size that loses nothing of most pictures, but no more than 32: 64 costs four times the work."""
    longest = sorted(max(size) for size, count in sizes.items() for _ in range(count))
    middle = longest[len(longest) // 2] if longest else SIZES[1]
    return next((size for size in SIZES[:2] if middle <= size), SIZES[1])


def _held_out(kept: Sequence[Candidate], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pictures test: as the source says, else a tenth of each class by a seed, none of one of fewer than 5."""
    test = np.array([bool(c.test) for c in kept], dtype=bool)
    if test.any():
        return test
    rng = np.random.default_rng(0)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        if len(own) >= 5:
            test[own[: max(1, round(HELD_OUT * len(own)))]] = True
    return test


def _problem(names: Sequence[str], train: tuple[int, ...], size: int, channels: int, opened: int) -> str:
    if len(names) < 2:
        return "At least two classes are needed, each a folder with pictures of its own; " \
               f"{'none was' if not names else 'only one was'} found."
    if len(names) > MOST_CLASSES:
        return f"There are {len(names):,} classes; {MOST_CLASSES:,} are the most."
    if empty := [name for name, count in zip(names, train, strict=True) if count == 0]:
        return f"{shown(empty[0], 60)} has no picture to learn from, only to test with."
    if opened * channels * size * size > LARGEST:
        return f"{number(opened)} pictures of {size} x {size} do not fit in {LARGEST >> 30} GB."
    return ""


def _notes(names: Sequence[str], train: tuple[int, ...], test: tuple[int, ...]) -> tuple[str, ...]:
    notes = []
    if train and min(train) > 0 and max(train) >= MANY * min(train):
        most, least = names[train.index(max(train))], names[train.index(min(train))]
        notes.append(f"{shown(most, 40)} has {max(train) / min(train):.0f} times the pictures of {shown(least, 40)}: "
                     "the model sees it so much more often.")
    if train and 0 < sum(train) < 500:
        notes.append(f"{number(sum(train))} pictures are few: a model soon repeats them. A thousand are better.")
    if not any(test):
        notes.append("A tenth of each class is kept apart for testing.")
    return tuple(notes)


def _title(request: ImportRequest) -> str:
    return shown((request.title or request.source.stem).strip() or "Pictures", 60)
