"""The judges that ship, by name. Free of torch: what was measured with them can be looked up before it loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import DiffuscopeError
from engine.paths import RESOURCES

JUDGE_FILE = RESOURCES / "models" / "mnist-judge.safetensors"
SECOND_JUDGE_FILE = RESOURCES / "models" / "mnist-judge-2.safetensors"
NOISE_JUDGE_FILE = RESOURCES / "models" / "mnist-noise-judge.safetensors"
JUDGE_FILES = {"first": JUDGE_FILE, "second": SECOND_JUDGE_FILE}


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


def accuracy_at(record: dict[str, Any], sigma: ArrayLike) -> NDArray[np.float64]:
    """How often the noise judge of this record is right about real test digits at noise level sigma.

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
