"""What there is to import: pictures and their classes, found without opening a picture or following a link."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.data.skipping import LINK, MISSING, NO_CLASS, NO_LABEL, NO_PICTURE_NAME, NOT_A_FILE, OUTSIDE, Skipped, shown
from engine.errors import DiffuscopeError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
MOST_FILES = 200_000
DEEPEST = 6  # folders within a class's own
_TRAIN, _TEST = ("train", "training"), ("test", "testing", "val", "valid", "validation")
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "image", "image_path", "picture", "name")
_LABEL_COLUMNS = ("label", "class", "category", "class_name", "target")
_LONGEST_FIELD = 4096


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a picture: where, the name of its class, and whether it is for testing (None: not said)."""

    path: str
    name: str  # within what is imported
    class_name: str
    test: bool | None = None


@dataclass(slots=True)
class Found:
    """All candidates of a source, and what is left out already."""

    candidates: list[Candidate] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find(source: Path) -> Iterator[Found]:
    """The pictures of a folder with one sub-folder a class, or of a CSV list; the same `Found` after each part.

    A folder may hold train and test folders, which hold the classes. Raises DiffuscopeError for another kind of file,
    and for more than MOST_FILES.
    """
    if source.is_dir():
        return _folder(source)
    if source.suffix.lower() == ".csv":
        return _csv(source)
    raise DiffuscopeError(f"{shown(source.name)} is neither a folder of pictures nor a list of them.",
                          "Choose a folder with one sub-folder a class, a .csv list with pictures beside it, or "
                          "an .npz file.")


def _folder(source: Path) -> Iterator[Found]:
    found = Found()
    halves = {entry.name.lower(): entry.name for entry in _entries(source) if _is_folder(entry)}
    train = next((halves[n] for n in _TRAIN if n in halves), None)
    test = next((halves[n] for n in _TEST if n in halves), None)
    roots: list[tuple[str, str, bool | None]] = [("", "", None)]
    if train is not None and len([n for n in halves if n not in (*_TRAIN, *_TEST)]) == 0:
        roots = [(train, f"{train}/", False), *([] if test is None else [(test, f"{test}/", True)])]
    for folder, prefix, is_test in roots:
        for entry in _entries(source / folder):
            name = f"{prefix}{entry.name}"
            if entry.is_symlink():
                found.skipped.append(Skipped(shown(name), LINK))
            elif _is_folder(entry):
                yield from _class(found, entry.path, name, entry.name, is_test, 0)
            elif not entry.name.startswith("."):
                found.skipped.append(Skipped(shown(name), NO_CLASS))
        yield found


def _class(found: Found, folder: str, name: str, class_name: str, test: bool | None, depth: int) -> Iterator[Found]:
    for entry in _entries(Path(folder)):
        inner = f"{name}/{entry.name}"
        if entry.is_symlink():
            found.skipped.append(Skipped(shown(inner), LINK))
        elif _is_folder(entry):
            if depth < DEEPEST:
                yield from _class(found, entry.path, inner, class_name, test, depth + 1)
            else:
                found.skipped.append(Skipped(shown(inner), f"more than {DEEPEST} folders down"))
        elif not _is_file(entry):
            found.skipped.append(Skipped(shown(inner), NOT_A_FILE))
        elif not entry.name.lower().endswith(ENDINGS):
            found.skipped.append(Skipped(shown(inner), NO_PICTURE_NAME))
        else:
            found.candidates.append(Candidate(entry.path, inner, class_name, test))
            _check_count(found)
        if len(found.candidates) % 500 == 499:
            yield found
    yield found


def _csv(source: Path) -> Iterator[Found]:
    """Lines of path and label, the paths within the list's own folder."""
    found = Found()
    root = source.parent.resolve()
    try:
        with open(source, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            csv.field_size_limit(_LONGEST_FIELD)
            rows = csv.reader(file)
            columns: tuple[int, int] | None = None
            for line, row in enumerate(rows, 1):
                if columns is None:
                    columns, is_header = _columns(row)
                    if is_header:
                        continue
                if not row:
                    continue
                path, label = (row[i].strip() if i < len(row) else "" for i in columns)
                told = shown(path) if path else f"line {line}"
                candidate = _listed(root, path)
                if isinstance(candidate, str):
                    found.skipped.append(Skipped(told, candidate))
                elif not label:
                    found.skipped.append(Skipped(told, NO_LABEL))
                else:
                    found.candidates.append(Candidate(str(candidate), path, label))
                    _check_count(found)
                if line % 500 == 0:
                    yield found
    except (OSError, csv.Error) as error:
        raise DiffuscopeError(f"{shown(source.name)} cannot be read as a list: {error}.",
                              "It needs a picture's path and a label in each line.") from None
    yield found


def _columns(row: list[str]) -> tuple[tuple[int, int], bool]:
    """Places of path and label, and whether this first line names them."""
    names = [cell.strip().lower() for cell in row]
    path = next((names.index(n) for n in _PATH_COLUMNS if n in names), None)
    label = next((names.index(n) for n in _LABEL_COLUMNS if n in names), None)
    if path is not None and label is not None:
        return (path, label), True
    return (0, 1), False


def _listed(root: Path, path: str) -> Path | str:
    """A path of the list, within its folder and over no link; else why not."""
    if not path or "\x00" in path:
        return MISSING
    pure = Path(path)
    if pure.is_absolute() or ".." in pure.parts or (os.name == "nt" and pure.drive):
        return OUTSIDE
    if not path.lower().endswith(ENDINGS):
        return NO_PICTURE_NAME
    full = root
    for part in pure.parts:
        full = full / part
        try:
            status = os.lstat(full)
        except (OSError, ValueError):
            return MISSING
        if stat.S_ISLNK(status.st_mode):
            return LINK
    return full if stat.S_ISREG(status.st_mode) else NOT_A_FILE


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _check_count(found: Found) -> None:
    if len(found.candidates) > MOST_FILES:
        raise DiffuscopeError(f"There are more than {MOST_FILES:,} pictures there.", "Choose a smaller folder.")
