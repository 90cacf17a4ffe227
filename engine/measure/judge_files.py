"""Where the judges of each data set lie: those that ship, and those that the user had trained. Free of torch: what was
measured with them can be looked up before it loads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import BadRun, DiffuscopeError
from engine.paths import RESOURCES, data_dir

if TYPE_CHECKING:
    from engine.runs import Run

JUDGE_FILE = RESOURCES / "models" / "mnist-judge.safetensors"
SECOND_JUDGE_FILE = RESOURCES / "models" / "mnist-judge-2.safetensors"
NOISE_JUDGE_FILE = RESOURCES / "models" / "mnist-noise-judge.safetensors"
JUDGE_FILES = {"first": JUDGE_FILE, "second": SECOND_JUDGE_FILE}

# The kinds of judge that a data set may have, and how their files' names end.
ENDINGS = {"first": "judge", "second": "judge-2", "noise": "noise-judge"}


def judge_record(path: Path) -> dict[str, Any]:
    """How the judge of a weights file was trained, how accurate it is, and the file's sha256; {} without a record.

    Raises DiffuscopeError for a record that cannot be read.
    """
    try:
        return dict(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError):
        raise DiffuscopeError(f"The judge's record {path.stem}.json cannot be read.", restoring(path)) from None


def judge_file(dataset: str, kind: str = "first") -> Path:
    """Where a data set's judge of a kind of ENDINGS lies, or would lie: shipped, else in the user's data folder."""
    name = f"{Path(dataset).name}-{ENDINGS[kind]}.safetensors"
    shipped = RESOURCES / "models" / name
    return shipped if shipped.exists() else data_dir() / "judges" / name


def judge_for(run: Run, kind: str = "first") -> Path | None:
    """The judge that learned what a run learned, of the same classes and the same shape; None where there is none.

    Raises DiffuscopeError for a record that cannot be read.
    """
    info = run.info
    file = judge_file(info.config.data.dataset, kind)
    record = judge_record(file) if file.exists() else {}
    shape = {"num_classes": len(info.class_names), "channels": info.image_shape[0], "size": info.image_shape[-1]}
    return file if record.get("data") == info.config.data.dataset and network_shape(record) == shape else None


def judges_for(run: Run) -> dict[str, Path]:
    """The judges of clean pictures that a run has, by kind: two where its data set ships them."""
    return {kind: file for kind in ("first", "second") if (file := judge_for(run, kind)) is not None}


def no_judge(run: Run) -> DiffuscopeError:
    """What is said where a run has no judge."""
    name = run.info.config.data.dataset
    return BadRun(f"There is no judge for {name} yet, so nothing can read what {run.name} draws.",
                  f"Train one: File, Data sets, or python main.py data judge {name}.")


def network_shape(record: dict[str, Any]) -> dict[str, int]:
    """num_classes, channels and size of the pictures a judge reads; a record that does not say is of MNIST."""
    return {"num_classes": int(record.get("num_classes", 10)), "channels": int(record.get("channels", 1)),
            "size": int(record.get("size", 28))}


def accuracy_at(record: dict[str, Any], sigma: ArrayLike) -> NDArray[np.float64]:
    """How often the noise judge of this record is right about real test pictures at noise level sigma.

    By interpolation in ln sigma between the recorded levels, held at the outer ones.
    """
    levels = np.array([level["sigma"] for level in record["levels"]])
    shares = np.array([level["accuracy"] for level in record["levels"]])
    smallest = levels[levels > 0].min()
    at = np.log(np.maximum(np.asarray(sigma, dtype=np.float64), smallest))
    return np.asarray(np.interp(at, np.log(levels[levels > 0]), shares[levels > 0]))


def restoring(path: Path, script: str = "train_judge.py") -> str:
    """What to do where a judge's file is not what it was."""
    return f"Restore {path}, or make it anew with benchmarks/{script}."
