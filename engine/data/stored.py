"""Imported data sets: each one safetensors file in the user's data folder, with its description in the header."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.dataset import Dataset
from engine.data.known import KNOWN
from engine.errors import BadSetting, DiffuscopeError
from engine.paths import data_dir, datasets_dir
from engine.runs.atomic import saving, write_file
from engine.runs.tensors import decode, encode

KEY = "diffuscope_dataset"  # of the description in the header
FORMAT = 1
SIZES = (28, 32, 64)  # height and width that pictures may have
MOST_CLASSES = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LARGEST_HEADER = 1 << 20
_LARGEST_FILE = 8 << 30


@dataclass(frozen=True)
class Description:
    """What a stored set says of itself. flips as in `Dataset`; origin: where it came from; rule: how pictures were
    brought to their size; counts: training and test pictures; skipped: files that were left out.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    size: int
    flips: tuple[bool, ...]
    counts: tuple[int, int]
    origin: str = ""
    rule: str = ""
    skipped: int = 0
    made: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Description:
        """From the header's JSON. Raises ValueError for what no set can be."""
        try:
            found = cls(
                name=str(values["name"]), title=str(values["title"])[:100],
                class_names=tuple(str(name)[:60] for name in values["class_names"]),
                channels=int(values["channels"]), size=int(values["size"]),
                flips=tuple(bool(may) for may in values["flips"]),
                counts=(int(values["counts"][0]), int(values["counts"][1])), origin=str(values.get("origin", "")),
                rule=str(values.get("rule", "")), skipped=int(values.get("skipped", 0)),
                made=str(values.get("made", "")))
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(str(error)) from None
        if not _NAME.fullmatch(found.name) or found.channels not in (1, 3) or found.size not in SIZES \
                or not 2 <= len(found.class_names) <= MOST_CLASSES \
                or len(found.flips) not in (0, len(found.class_names)) or min(found.counts) < 0:
            raise ValueError("its description is not one of a data set")
        return found


def stored_file(name: str) -> Path:
    """Where an imported set of this name lies. Raises BadSetting for what cannot be a name."""
    if not _NAME.fullmatch(name):
        raise BadSetting(f"{name!r} is not the name of a data set.", "Names have small letters, digits and hyphens.")
    return datasets_dir() / f"{name}.safetensors"


def free_name(title: str) -> str:
    """A name for a new set, from its title, that no other set has."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:32].strip("-") or "pictures"
    name, number = stem, 2
    while name in KNOWN or stored_file(name).exists():
        name, number = f"{stem}-{number}", number + 1
    return name


def save_stored(dataset: Dataset, description: Description) -> Path:
    """Write a set, replacing one of its name whole or not at all. Raises SaveFailed."""
    file = stored_file(dataset.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {"train_images": dataset.train_images, "train_labels": dataset.train_labels,
              "test_images": dataset.test_images, "test_labels": dataset.test_labels}
    told = {"format": FORMAT, **asdict(description)}
    write_file(file, encode(arrays, {KEY: json.dumps(told, ensure_ascii=False)}))
    return file


def describe_stored(file: Path) -> Description:
    """What a file says of itself; its pictures are not read. Raises ValueError or OSError where it is none of ours."""
    with open(file, "rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= _LARGEST_HEADER:
            raise ValueError("it is not a data set")
        header = json.loads(opened.read(length))
    found = Description.read(json.loads(header["__metadata__"][KEY]))
    if found.name != file.stem:
        raise ValueError(f"it calls itself {found.name}")
    return found


def list_stored() -> list[Description]:
    """The imported sets that are here, by title; files that are none are passed over."""
    found = []
    for file in sorted(datasets_dir().glob("*.safetensors")):
        with suppress(ValueError, OSError, KeyError, TypeError):
            found.append(describe_stored(file))
    return sorted(found, key=lambda d: d.title.lower())


def load_stored(name: str) -> Dataset:
    """An imported set, checked. Raises DiffuscopeError where it is not there or not what it says it is."""
    file = stored_file(name)
    advice = "Import its pictures again, or remove it from the data sets."
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise DiffuscopeError(f"The data set {name} is too large to be read.", advice)
        description = describe_stored(file)
        arrays, _ = decode(file.read_bytes())
    except FileNotFoundError:
        raise DiffuscopeError(f"There is no data set called {name} here.", "Import its pictures first.") from None
    except OSError as error:
        raise DiffuscopeError(f"The data set {name} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DiffuscopeError(f"The data set {name} is damaged: {error}.", advice) from None
    shape = (description.channels, description.size, description.size)
    for half, count in zip(("train", "test"), description.counts, strict=True):
        images, labels = arrays.get(f"{half}_images"), arrays.get(f"{half}_labels")
        if images is None or labels is None or images.dtype != np.uint8 or labels.dtype != np.int64 \
                or images.shape != (count, *shape) or labels.shape != (count,) \
                or (count and not 0 <= labels.min() <= labels.max() < len(description.class_names)):
            raise DiffuscopeError(f"The data set {name} is damaged: its {half}ing pictures are not what it says."
                                  if half == "train" else
                                  f"The data set {name} is damaged: its test pictures are not what it says.", advice)
    return Dataset(name=name, title=description.title, class_names=description.class_names,
                   channels=description.channels, size=description.size, train_images=arrays["train_images"],
                   train_labels=arrays["train_labels"], test_images=arrays["test_images"],
                   test_labels=arrays["test_labels"], flips=description.flips)


def remove_stored(name: str) -> None:
    """Remove an imported set and the judges that learned it. Raises SaveFailed where it cannot be removed."""
    file = stored_file(name)
    with saving(file):
        file.unlink(missing_ok=True)
    forget_judges(name)


def forget_judges(name: str) -> None:
    """Remove the judges of an imported set: they learned other pictures than what now has its name."""
    for file in (data_dir() / "judges").glob(f"{name}-*judge*"):
        if re.fullmatch(rf"{re.escape(name)}-(judge|judge-2|noise-judge)\.(safetensors|json)", file.name):
            with suppress(OSError):
                file.unlink()
