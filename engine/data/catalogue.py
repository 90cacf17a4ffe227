"""The data sets Diffuscope knows, by name, as uint8 arrays with train and test apart."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from engine.data.dataset import Dataset
from engine.data.idx_sets import FASHION_MNIST, MNIST, IdxSet
from engine.errors import BadSetting, DiffuscopeError
from engine.paths import MNIST_DIR, RESOURCES, datasets_dir

__all__ = ["Dataset", "dataset_names", "load_dataset", "load_mnist", "load_test_half"]

DEBIAN = Path("/usr/share/datasets")  # where Debian's packages of data sets put them

_KNOWN: dict[str, IdxSet] = {known.name: known for known in (MNIST, FASHION_MNIST)}


def load_mnist(folder: Path = MNIST_DIR) -> Dataset:
    """MNIST from its four original files: 60 000 training and 10 000 test pictures of 1 x 28 x 28.

    Raises DiffuscopeError when a file is missing, damaged or not the original.
    """
    return MNIST.load(folder)


def folder_of(known: IdxSet) -> Path | None:
    """Where all files of a set lie: shipped, in the user's data folder, or from a package; None where they are not."""
    for folder in (RESOURCES / "data" / known.name, datasets_dir() / known.name, DEBIAN / known.name):
        if all((folder / file.name).is_file() for file in known.files):
            return folder
    return None


def dataset_names() -> list[str]:
    """The names of the sets that are here, so that they can be learned."""
    return [name for name, known in _KNOWN.items() if folder_of(known) is not None]


@lru_cache(maxsize=3)
def load_dataset(name: str) -> Dataset:
    """A data set by name, read once. BadSetting for a name that is not known, DiffuscopeError where it is not here."""
    known = _KNOWN.get(name)
    if known is None:
        raise BadSetting(f"There is no data set called {name}.", f"Data sets: {', '.join(dataset_names())}.")
    folder = folder_of(known)
    if folder is None:
        raise DiffuscopeError(f"{known.title} is not on this computer yet.",
                              f"Get it with: python main.py data download {name}.")
    return known.load(folder)


def load_test_half(name: str) -> Dataset:
    """What a finished run is looked at and measured with: the whole set where it is here, else the test half that
    ships, with no training pictures. Raises as load_dataset does where there is neither.
    """
    known = _KNOWN.get(name)
    shipped = RESOURCES / "data" / name
    if known is None or folder_of(known) is not None or not all((shipped / f.name).is_file() for f in known.files[2:]):
        return load_dataset(name)
    return _shipped_half(name)


@lru_cache(maxsize=2)
def _shipped_half(name: str) -> Dataset:
    return _KNOWN[name].load(RESOURCES, RESOURCES / "data" / name)
