"""Pictures kept in a run: strips of samples, and recorded trajectories that a slider can show at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.errors import BadRun, BadSetting, DiffuscopeError
from engine.events import Trajectory
from engine.runs.jsontext import canonical
from engine.runs.manifest import step_name, step_of
from engine.runs.tensors import read_checked, write_checked
from engine.settings import parse

SAMPLES = "samples"
RECORDED = "recorded"
SUFFIX = ".safetensors"

_FRAME_ARRAYS = ("sigma", "t", "x", "x0", "eps", "guidance")


# ---- sample strips -----------------------------------------------------------------------------------

def sample_path(folder: Path, step: int) -> Path:
    """Where the strip of a step lies in a run folder."""
    return folder / SAMPLES / (step_name(step) + SUFFIX)


def sample_steps(folder: Path) -> list[int]:
    """Steps with a strip of samples, rising."""
    try:
        names = os.listdir(folder / SAMPLES)
    except OSError:
        return []
    found = [step_of(name.removesuffix(SUFFIX)) for name in names if name.endswith(SUFFIX)]
    return sorted(step for step in found if step is not None)


def write_samples(folder: Path, step: int, images: NDArray[np.uint8], classes: Sequence[int],
                  seeds: Sequence[int]) -> Path:
    """Save a strip: images (N, H, W) or (N, H, W, 3) uint8, with a class and a seed each."""
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(f"a strip is uint8 (N, H, W) or (N, H, W, 3), not {images.dtype} {images.shape}")
    if not len(images) == len(classes) == len(seeds):
        raise ValueError("a strip needs a class and a seed for each image")
    path = sample_path(folder, step)
    arrays: dict[str, NDArray[Any]] = {
        "images": images, "classes": np.asarray(classes, np.int64), "seeds": np.asarray(seeds, np.int64)}
    write_checked(path, arrays, {"step": step})
    return path


def read_samples(folder: Path, step: int) -> tuple[NDArray[np.uint8], tuple[int, ...], tuple[int, ...]]:
    """Images, classes and seeds of a strip; BadRun names the strip when it is missing or damaged."""
    what = f"The strip of samples at step {step} of {folder.name}"
    arrays, _ = read_checked(sample_path(folder, step), what)
    try:
        return (arrays["images"], tuple(int(c) for c in arrays["classes"]),
                tuple(int(s) for s in arrays["seeds"]))
    except KeyError as error:
        raise BadRun(f"{what} is damaged: it has no {error}.") from None


# ---- recorded trajectories ---------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Recording:
    """Trajectories of one snapshot, seed and set of sampling settings, by class label."""

    sampling: SamplingConfig
    snapshot: int
    seed: int
    trajectories: dict[int, Trajectory]


def write_recording(folder: Path, trajectories: Mapping[int, Trajectory], sampling: SamplingConfig) -> Path:
    """Save complete trajectories of one snapshot, seed and shape in one file."""
    labels = sorted(trajectories)
    if not labels:
        raise ValueError("there is no trajectory to record")
    first = trajectories[labels[0]]
    arrays: dict[str, NDArray[Any]] = {"classes": np.array(labels, np.int64)}
    for label in labels:
        trajectory = trajectories[label]
        same = (trajectory.seed, trajectory.snapshot) == (first.seed, first.snapshot)
        if not same or trajectory.filled != len(trajectory.t):
            raise ValueError("recorded are complete trajectories of one snapshot and one seed")
    for name in _FRAME_ARRAYS:
        arrays[name] = np.stack([np.asarray(getattr(trajectories[label], name)) for label in labels])
    facts = {"snapshot": first.snapshot, "seed": first.seed, "sampling": sampling.model_dump(mode="json")}
    mark = hashlib.sha256(canonical(facts["sampling"])).hexdigest()[:8]
    path = folder / RECORDED / f"{step_name(first.snapshot)}-seed-{first.seed}-{mark}{SUFFIX}"
    write_checked(path, arrays, facts)
    return path


def recording_paths(folder: Path) -> list[Path]:
    """Files of recorded trajectories, by name."""
    try:
        names = sorted(os.listdir(folder / RECORDED))
    except OSError:
        return []
    return [folder / RECORDED / name for name in names if name.endswith(SUFFIX) and not name.startswith(".")]


def recorded_as(path: Path) -> tuple[int, int] | None:
    """Snapshot and seed that a file of recorded trajectories is named after; None for another name."""
    snapshot, seed, rest = path.stem.partition("-seed-")
    step = step_of(snapshot)
    number = rest.partition("-")[0]
    return (step, int(number)) if seed and step is not None and number.isdecimal() else None


def read_recording(path: Path) -> Recording:
    """One file of recorded trajectories; BadRun when it is missing or damaged."""
    what = f"The recording {path.name}"
    arrays, facts = read_checked(path, what)
    try:
        sampling = parse(SamplingConfig, facts["sampling"])
        snapshot, seed = int(facts["snapshot"]), int(facts["seed"])
        trajectories = {}
        for i, label in enumerate(arrays["classes"].tolist()):
            frames = {name: arrays[name][i] for name in _FRAME_ARRAYS}
            trajectories[label] = Trajectory(
                class_label=label, seed=seed, snapshot=snapshot, filled=len(frames["t"]), **frames)
    except (KeyError, TypeError, ValueError, IndexError, BadSetting) as error:
        reason = error.headline if isinstance(error, DiffuscopeError) else f"{error} is missing"
        raise BadRun(f"{what} is damaged: {reason}", "The rest of the run can be used.") from None
    return Recording(sampling, snapshot, seed, trajectories)
