"""All data sets by name: what is here, and what could be. As uint8 arrays with train and test apart."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.data.dataset import Dataset
from engine.data.idx_sets import MNIST
from engine.data.known import KNOWN, Known
from engine.data.stored import Description, describe_stored, list_stored, load_stored, remove_stored, stored_file
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Event, JobProgress
from engine.paths import MNIST_DIR, RESOURCES, datasets_dir
from engine.runs.atomic import saving, write_file

__all__ = ["Dataset", "Listing", "dataset_names", "dataset_title", "forget_loaded", "listings", "load_dataset",
           "load_mnist", "load_test_half", "remove", "use_local"]

DEBIAN = Path("/usr/share/datasets")  # where Debian's packages of data sets put them


@dataclass(frozen=True)
class Listing:
    """A data set as a list shows it. state: "here", or "not here" for one that could be downloaded.

    where: "ships", "yours" (in the data folder) or "package"; empty where it is not here. counts: training and test
    pictures. download_bytes: 0 where there is nothing to download. imported: whether it was made of own pictures.
    """

    name: str
    title: str
    state: str
    where: str
    class_names: tuple[str, ...]
    channels: int
    size: int
    counts: tuple[int, int]
    about: str
    licence: str
    download_bytes: int
    imported: bool

    @property
    def here(self) -> bool:
        """Whether it can be learned now."""
        return self.state == "here"


def load_mnist(folder: Path = MNIST_DIR) -> Dataset:
    """MNIST from its four original files: 60 000 training and 10 000 test pictures of 1 x 28 x 28.

    Raises DiffuscopeError when a file is missing, damaged or not the original.
    """
    return MNIST.load(folder)


def folder_of(known: Known) -> Path | None:
    """Where all files of a set lie: shipped, in the user's data folder, or from a package; None where they are not."""
    for folder in _folders(known):
        if all((folder / name).is_file() for name in known.needed):
            return folder
    return None


def _folders(known: Known) -> tuple[Path, ...]:
    return RESOURCES / "data" / known.name, datasets_dir() / known.name, DEBIAN / known.name


def listings() -> list[Listing]:
    """The catalogue, then imported sets by title. Reads no picture."""
    found = []
    for known in KNOWN.values():
        folder = folder_of(known)
        where = "" if folder is None else \
            dict(zip(_folders(known), ("ships", "yours", "package"), strict=True))[folder]
        found.append(Listing(known.name, known.title, "not here" if folder is None else "here", where,
                             known.class_names, known.channels, known.size, known.counts, known.about, known.licence,
                             known.download_bytes, False))
    found += [_listing(description) for description in list_stored()]
    return found


def _listing(d: Description) -> Listing:
    about = f"Imported from {d.origin}{f'; resized: {d.rule}' if d.rule else ''}."
    return Listing(d.name, d.title, "here", "yours", d.class_names, d.channels, d.size, d.counts, about, "", 0, True)


def dataset_names() -> list[str]:
    """The names of the sets that are here, so that they can be learned."""
    return [listing.name for listing in listings() if listing.here]


def dataset_title(name: str) -> str:
    """What a set is called in words; its name where it is not known (any more)."""
    if name in KNOWN:
        return KNOWN[name].title
    try:
        return describe_stored(stored_file(name)).title
    except (OSError, ValueError, KeyError, TypeError, BadSetting):
        return name


@lru_cache(maxsize=3)
def load_dataset(name: str) -> Dataset:
    """A data set by name, read once. BadSetting for a name that is not known, DiffuscopeError where it is not here."""
    known = KNOWN.get(name)
    if known is None:
        try:
            there = stored_file(name).is_file()
        except BadSetting:
            there = False
        if not there:
            raise BadSetting(f"There is no data set called {name}.", f"Data sets: {', '.join(dataset_names())}.")
        return load_stored(name)
    folder = folder_of(known)
    if folder is None:
        raise DiffuscopeError(f"{known.title} is not on this computer yet.",
                              f"Get it with File, Data sets, or python main.py data download {name}.")
    return known.load(folder)


def load_test_half(name: str) -> Dataset:
    """What a finished run is looked at and measured with: the whole set where it is here, else the test half that
    ships, with no training pictures. Raises as load_dataset does where there is neither.
    """
    known = KNOWN.get(name)
    shipped = RESOURCES / "data" / name
    if known is None or known.load_test is None or folder_of(known) is not None \
            or not all((shipped / file).is_file() for file in known.test_files):
        return load_dataset(name)
    return _shipped_half(name)


@lru_cache(maxsize=2)
def _shipped_half(name: str) -> Dataset:
    known = KNOWN[name]
    assert known.load_test is not None
    return known.load_test(RESOURCES / "data" / name)


def forget_loaded() -> None:
    """Let go of what was read: a set of this name may now be another one."""
    load_dataset.cache_clear()
    _shipped_half.cache_clear()


def use_local(name: str, source: Path) -> Generator[Event, Any, None]:
    """Take a catalogue set from a file or folder of the user's: it is read and checked first, then copied.

    source: a folder with the set's files, or one of them. Raises DiffuscopeError where they are not the set's.
    """
    known = KNOWN.get(name)
    if known is None:
        raise BadSetting(f"There is no data set called {name} in the catalogue.", f"It has {', '.join(KNOWN)}.")
    folder = source if source.is_dir() else source.parent
    archives = [remote.name for remote in known.remotes if known.unpack is not None]
    packed = [folder / archive for archive in archives if (folder / archive).is_file()]
    if source.is_file() and known.unpack is not None and source.suffix.lower() == ".zip":
        packed = [source]
    target = datasets_dir() / name
    with saving(target):
        target.mkdir(parents=True, exist_ok=True)
    if packed:
        names = [known.remotes[0].name]
        sources = [packed[0]]
    else:
        names = list(known.needed)
        sources = [source] if len(names) == 1 and source.is_file() else [folder / needed for needed in names]
        missing = [path.name for path in sources if not path.is_file()]
        if missing:
            raise DiffuscopeError(f"{missing[0]} of {known.title} is not in {folder.name}.",
                                  f"The set needs {', '.join(names)}.")
        if len(names) > 1:
            known.load(folder)
    for n, (path, needed) in enumerate(zip(sources, names, strict=True)):
        yield JobProgress(n, len(names), "files")
        with saving(path):
            write_file(target / needed, [path.read_bytes()])
    yield JobProgress(len(names), len(names), "files")
    if packed and known.unpack is not None:
        known.unpack(target)
    try:
        known.load(target)
    except DiffuscopeError:
        for needed in known.needed:
            (target / needed).unlink(missing_ok=True)
        raise
    forget_loaded()


def remove(name: str) -> None:
    """Remove what the user downloaded or imported of a set. Raises SaveFailed where it cannot be removed."""
    if name not in KNOWN:
        remove_stored(name)
    else:
        folder = datasets_dir() / name
        with saving(folder):
            for file in (*KNOWN[name].needed, *(f"{r.name}{end}" for r in KNOWN[name].remotes
                                                for end in ("", ".part", ".part.json"))):
                (folder / file).unlink(missing_ok=True)
    forget_loaded()
