"""The data sets that come as four gzip IDX files, as MNIST does: what is in them, and what they must be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.data.idx import read_idx

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class IdxFile:
    """One file: its name, the shape its header must say, and the sha256 of what it unpacks to ("": not known)."""

    name: str
    shape: tuple[int, ...]
    sha256: str = ""


@dataclass(frozen=True)
class IdxSet:
    """Training pictures and labels, test pictures and labels. first_label: what the first class is called in them."""

    name: str
    title: str
    class_names: tuple[str, ...]
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    flips: tuple[bool, ...] = ()
    first_label: int = 0
    upright: Callable[[Pixels], Pixels] | None = None

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return self.files[0].shape[-1]

    def load(self, folder: Path, test_folder: Path | None = None) -> Dataset:
        """The whole set from a folder, or its test half alone where `test_folder` is given instead.

        Raises DiffuscopeError when a file is missing, damaged or not the original.
        """
        def read(file: IdxFile) -> Pixels:
            return read_idx((test_folder or folder) / file.name, file.shape, file.sha256)

        wanted = self.files[2:] if test_folder else self.files
        # Unpacking holds no lock: the small files are done while the big one is.
        with ThreadPoolExecutor(max_workers=2) as pool:
            values = list(pool.map(read, wanted))
        if test_folder:
            values = [np.empty((0, *self.files[0].shape[1:]), np.uint8), np.empty(0, np.uint8), *values]
        train_images, test_images = (self.upright(v) if self.upright else v for v in (values[0], values[2]))
        return Dataset(
            name=self.name, title=self.title, class_names=self.class_names, channels=1, size=self.size,
            train_images=train_images[:, None], train_labels=values[1].astype(np.int64) - self.first_label,
            test_images=test_images[:, None], test_labels=values[3].astype(np.int64) - self.first_label,
            flips=self.flips)


def _files(train: int, test: int, sha256: tuple[str, str, str, str] = ("", "", "", ""),
           pattern: str = "{half}-{what}-idx{rank}-ubyte.gz", test_half: str = "t10k",
           ) -> tuple[IdxFile, IdxFile, IdxFile, IdxFile]:
    def file(half: str, what: str, shape: tuple[int, ...], digest: str) -> IdxFile:
        return IdxFile(pattern.format(half=half, what=what, rank=len(shape)), shape, digest)

    return (file("train", "images", (train, 28, 28), sha256[0]), file("train", "labels", (train,), sha256[1]),
            file(test_half, "images", (test, 28, 28), sha256[2]), file(test_half, "labels", (test,), sha256[3]))


MNIST = IdxSet("mnist", "MNIST", tuple("0123456789"), _files(60000, 10000, (
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2")))

# Shoes all point one way, so that a mirrored one is a picture the set does not have.
FASHION_MNIST = IdxSet(
    "fashion-mnist", "Fashion-MNIST",
    ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    _files(60000, 10000, (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34")),
    flips=(True, True, True, True, True, False, True, False, True, False))

KMNIST = IdxSet("kmnist", "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
                _files(60000, 10000))


def transposed(images: Pixels) -> Pixels:
    """(N, H, W) with rows and columns exchanged: EMNIST's files hold each letter lying on its side and mirrored."""
    return np.ascontiguousarray(images.transpose(0, 2, 1))


# Capital and small letters are one class, so a letter's name is both.
EMNIST_LETTERS = IdxSet(
    "emnist-letters", "EMNIST letters", tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    _files(124800, 20800, pattern="emnist-letters-{half}-{what}-idx{rank}-ubyte.gz", test_half="test"),
    first_label=1, upright=transposed)
