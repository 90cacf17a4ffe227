"""CIFAR-10 from its binary archive. The version for Python holds pickles, which can run code, and is never read."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.errors import DiffuscopeError

FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"
SIZE, CHANNELS = 32, 3
RECORD = 1 + CHANNELS * SIZE * SIZE  # a label, then red, green and blue, each by rows
RECORDS = 10_000  # in each file

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

Halves = tuple[NDArray[np.uint8], NDArray[np.int64]]


def load_cifar10(archive: Path, records: int = RECORDS) -> Dataset:
    """CIFAR-10 from cifar-10-binary.tar.gz, read where it is: nothing is unpacked onto the disk.

    records: pictures in each of the six files. Raises DiffuscopeError for an archive that is missing, damaged or holds
    something else.
    """
    restore = f"Replace it in {archive.parent} by the original."
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN, TEST)}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = wanted.get(member.name.removeprefix("./"))
                if name is None:
                    continue
                if not member.isreg() or member.size != records * RECORD:
                    raise DiffuscopeError(f"{name} in {archive.name} is not {records} pictures of {SIZE} x {SIZE}.",
                                          restore)
                unpacked = tar.extractfile(member)
                found[name] = b"" if unpacked is None else unpacked.read()
                if len(found) == len(wanted):
                    break
    except FileNotFoundError:
        raise DiffuscopeError(f"The data file {archive.name} is missing.", f"It belongs in {archive.parent}.") from None
    except (OSError, EOFError, tarfile.TarError, ValueError):  # a truncated gzip, or no archive at all
        raise DiffuscopeError(f"The data file {archive.name} is damaged: it cannot be unpacked.", restore) from None
    if missing := [name for name in wanted.values() if len(found.get(name, b"")) != records * RECORD]:
        raise DiffuscopeError(f"{archive.name} lacks {missing[0]}.", restore)
    train = [_pictures(found[name], name, restore) for name in TRAIN]
    test_images, test_labels = _pictures(found[TEST], TEST, restore)
    return Dataset(
        name="cifar10", title="CIFAR-10", class_names=CLASSES, channels=CHANNELS, size=SIZE,
        train_images=np.concatenate([images for images, _ in train]),
        train_labels=np.concatenate([labels for _, labels in train]),
        test_images=test_images, test_labels=test_labels, flips=(True,) * len(CLASSES))


def _pictures(data: bytes, name: str, restore: str) -> Halves:
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, RECORD)
    labels = rows[:, 0].astype(np.int64)
    if labels.max(initial=0) >= len(CLASSES):
        raise DiffuscopeError(f"{name} names a class {labels.max()}; classes are 0 to {len(CLASSES) - 1}.", restore)
    return rows[:, 1:].reshape(-1, CHANNELS, SIZE, SIZE).copy(), labels
