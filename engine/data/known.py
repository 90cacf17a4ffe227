"""The data sets that the program knows by name: what is in them, where they are had, and what they must be.

Checksums are of the files as published; docs/data.md says where each was taken from, and what could not be checked.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.data.cifar import CLASSES, load_cifar10
from engine.data.dataset import Dataset
from engine.data.idx_sets import EMNIST_LETTERS, FASHION_MNIST, KMNIST, MNIST, IdxSet
from engine.errors import DiffuscopeError
from engine.runs.atomic import write_file

_COPIED = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A file to download: its name here, where it lies (tried in turn), its size in bytes and its published md5."""

    name: str
    urls: tuple[str, ...]
    size: int
    md5: str


@dataclass(frozen=True)
class Known:
    """A data set of the catalogue. needed: the files that `load` reads, which `unpack` makes of the `remotes`."""

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    size: int
    counts: tuple[int, int]  # training and test pictures
    about: str
    licence: str
    needed: tuple[str, ...]
    load: Callable[[Path], Dataset]
    remotes: tuple[Remote, ...] = ()
    unpack: Callable[[Path], None] | None = None
    load_test: Callable[[Path], Dataset] | None = None  # of the test half, where that ships alone
    test_files: tuple[str, ...] = ()

    @property
    def download_bytes(self) -> int:
        """All that is downloaded."""
        return sum(remote.size for remote in self.remotes)


def _idx(known: IdxSet, about: str, licence: str, remotes: tuple[Remote, ...] = (),
         unpack: Callable[[Path], None] | None = None) -> Known:
    return Known(
        known.name, known.title, known.class_names, 1, known.size,
        (known.files[0].shape[0], known.files[2].shape[0]), about, licence, tuple(f.name for f in known.files),
        known.load, remotes, unpack, lambda folder: known.load(folder, folder), tuple(f.name for f in known.files[2:]))


def _remotes(known: IdxSet, folders: tuple[str, ...], files: tuple[tuple[int, str], ...]) -> tuple[Remote, ...]:
    return tuple(Remote(file.name, tuple(folder + file.name for folder in folders), size, md5)
                 for file, (size, md5) in zip(known.files, files, strict=True))


def _unpack_emnist(folder: Path) -> None:
    """The four files of the letters out of the archive of all of EMNIST, which is then removed."""
    archive = folder / "gzip.zip"
    try:
        with zipfile.ZipFile(archive) as packed:
            for file in EMNIST_LETTERS.files:
                member = packed.getinfo(f"gzip/{file.name}")
                if member.file_size > 200 << 20:
                    raise DiffuscopeError(f"{file.name} in {archive.name} is larger than it can be.")
                with packed.open(member) as source:
                    write_file(folder / file.name, list(iter(partial(source.read, _COPIED), b"")))
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, RuntimeError, NotImplementedError):
        raise DiffuscopeError("The archive of EMNIST is damaged or holds something else.",
                              "Remove it and download it again.") from None
    archive.unlink(missing_ok=True)


_FASHION_FOLDERS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/")
_KMNIST_FOLDERS = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/")

_CIFAR_ARCHIVE = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz"),
    170_052_171, "c32a1d4ab5d03f1284b67883e8d87530")

KNOWN: dict[str, Known] = {known.name: known for known in (
    _idx(MNIST, "Handwritten digits (LeCun and Cortes). Ships with the program.", "CC BY-SA 3.0"),
    _idx(FASHION_MNIST, "Ten kinds of clothing (Zalando Research). Its test pictures ship.", "MIT",
         _remotes(FASHION_MNIST, _FASHION_FOLDERS, (
             (26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"), (29_515, "25c81989df183df01b3e8a0aad5dffbe"),
             (4_422_102, "bef4ecab320f06d8554ea6380940ec79"), (5_148, "bb300cfdad3c16e7a12a480ee83cd310")))),
    _idx(KMNIST, "Ten cursive Japanese characters (ROIS-DS Center for Open Data in the Humanities).", "CC BY-SA 4.0",
         _remotes(KMNIST, _KMNIST_FOLDERS, (
             (18_165_135, "bdb82020997e1d708af4cf47b453dcf7"), (29_497, "e144d726b3acfaa3e44228e80efcd344"),
             (3_041_136, "5c965bf0a639b31b8f53240b1b52f4d7"), (5_120, "7320c461ea6c1c855c0b718fb2a4b134")))),
    _idx(EMNIST_LETTERS, "The letters A to Z by hand, capital and small in one class (NIST).",
         "Public domain (United States government)",
         (Remote("gzip.zip", ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                              "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip"),
                 561_753_746, "58c8d27c78d21e728a6bc7b3cc06412e"),), _unpack_emnist),
    Known("cifar10", "CIFAR-10", CLASSES, 3, 32, (50_000, 10_000),
          "Small colour photographs of ten kinds of things (Krizhevsky).", "Not stated by its authors",
          (_CIFAR_ARCHIVE.name,), lambda folder: load_cifar10(folder / _CIFAR_ARCHIVE.name), (_CIFAR_ARCHIVE,)),
)}
