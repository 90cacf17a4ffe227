"""Data sets in one .npz file, in the layout of MedMNIST: train_images, train_labels, test_images, test_labels.

Nothing is unpickled, and no array is read whose header claims more than it may have.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.data.stored import MOST_CLASSES, SIZES
from engine.errors import DiffuscopeError

HALVES = ("train", "val", "test")
LARGEST = 4 << 30  # bytes of one array
_ADVICE = "It needs train_images and test_images of type uint8, and their labels."


def load_npz(path: Path, name: str, title: str) -> Dataset:
    """Pictures (N, H, W) or (N, H, W, 3) of uint8 with one label each, 28, 32 or 64 pixels high and wide.

    Validation pictures (val_images) are learned too. Classes are named by their numbers. Raises DiffuscopeError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {f"{half}_{what}": _array(archive, f"{half}_{what}") for half in HALVES
                      for what in ("images", "labels")}
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError, MemoryError) as error:
        raise DiffuscopeError(f"{path.name} cannot be read as a data set: {error}.", _ADVICE) from None
    images, labels = {}, {}
    for half in HALVES:
        pictures, said = arrays[f"{half}_images"], arrays[f"{half}_labels"]
        if pictures is None or said is None:
            if half != "val":
                raise DiffuscopeError(f"{path.name} has no {half}_images with {half}_labels.", _ADVICE)
            continue
        images[half], labels[half] = _pictures(pictures, path), _labels(said, len(pictures), path)
    if "val" in images and images["val"].shape[1:] == images["train"].shape[1:]:
        images["train"] = np.concatenate([images["train"], images["val"]])
        labels["train"] = np.concatenate([labels["train"], labels["val"]])
    if images["train"].shape[1:] != images["test"].shape[1:]:
        raise DiffuscopeError(f"The training and test pictures of {path.name} differ in shape.", _ADVICE)
    classes = int(max(labels["train"].max(initial=0), labels["test"].max(initial=0))) + 1
    if not 2 <= classes <= MOST_CLASSES:
        raise DiffuscopeError(f"{path.name} has {classes} classes; there must be 2 to {MOST_CLASSES}.", "")
    channels, size = images["train"].shape[1], images["train"].shape[2]
    return Dataset(name=name, title=title, class_names=tuple(str(c) for c in range(classes)), channels=channels,
                   size=size, train_images=images["train"], train_labels=labels["train"],
                   test_images=images["test"], test_labels=labels["test"])


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any] | None:
    if f"{name}.npy" not in archive.namelist():
        return None
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{name} is in a format that is not known")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype.hasobject or dtype.kind not in "uib":
            raise ValueError(f"{name} holds {dtype} and not whole numbers")
        if int(np.prod(shape, dtype=np.float64)) * dtype.itemsize > LARGEST:
            raise ValueError(f"{name} is larger than {LARGEST >> 30} GB")
        count = int(np.prod(shape, dtype=np.int64))
        data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"{name} is cut short")
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")


def _pictures(images: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3)) \
            or images.shape[1] != images.shape[2] or images.shape[1] not in SIZES:
        raise DiffuscopeError(
            f"The pictures of {path.name} are {' x '.join(map(str, images.shape[1:]))} of type {images.dtype}.",
            f"They must be uint8, grey or RGB, and {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]} pixels square.")
    return np.ascontiguousarray(images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2))


def _labels(labels: NDArray[Any], count: int, path: Path) -> NDArray[np.int64]:
    if labels.shape not in ((count,), (count, 1)):
        raise DiffuscopeError(f"{path.name} has {' x '.join(map(str, labels.shape))} labels for {count} pictures; "
                              "there must be one label a picture.", "")
    flat = labels.reshape(-1).astype(np.int64)
    if count and flat.min() < 0:
        raise DiffuscopeError(f"{path.name} has the label {flat.min()}; labels count from 0.", "")
    return flat
