"""The data sets Diffuscope knows, by name, as uint8 arrays with train and test apart."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.idx import read_idx
from engine.errors import BadSetting
from engine.paths import MNIST_DIR


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and their classes: uint8 (N, C, H, W) and int64 (N,). Shared by all: not to be changed."""

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    size: int  # height and width in pixels
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        return (self.channels, self.size, self.size)


# Name, shape and sha256 of the unpacked file.
_MNIST_FILES: tuple[tuple[str, tuple[int, ...], str], ...] = (
    ("train-images-idx3-ubyte.gz", (60000, 28, 28),
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte.gz", (60000,),
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte.gz", (10000, 28, 28),
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte.gz", (10000,),
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)


def load_mnist(folder: Path = MNIST_DIR) -> Dataset:
    """MNIST from its four original files: 60 000 training and 10 000 test pictures of 1 x 28 x 28.

    Raises DiffuscopeError when a file is missing, damaged or not the original.
    """
    def read(entry: tuple[str, tuple[int, ...], str]) -> NDArray[np.uint8]:
        name, shape, sha256 = entry
        return read_idx(folder / name, shape, sha256)

    # Unpacking holds no lock: the small files are done while the big one is.
    with ThreadPoolExecutor(max_workers=2) as pool:
        train_images, train_labels, test_images, test_labels = pool.map(read, _MNIST_FILES)
    return Dataset(
        name="mnist", title="MNIST", class_names=tuple("0123456789"), channels=1, size=28,
        train_images=train_images[:, None], train_labels=train_labels.astype(np.int64),
        test_images=test_images[:, None], test_labels=test_labels.astype(np.int64))


_LOADERS: dict[str, Callable[[], Dataset]] = {"mnist": load_mnist}


def dataset_names() -> list[str]:
    """The names `load_dataset` knows."""
    return list(_LOADERS)


@lru_cache(maxsize=2)
def load_dataset(name: str) -> Dataset:
    """A data set by name, read once. BadSetting for a name that is not known."""
    loader = _LOADERS.get(name)
    if loader is None:
        raise BadSetting(f"There is no data set called {name}.", f"Data sets: {', '.join(dataset_names())}.")
    return loader()
