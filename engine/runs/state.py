"""Resume points: everything training needs to go on, bit for bit. The newest two are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.errors import BadRun
from engine.runs.atomic import Buffer, remove
from engine.runs.jsontext import canonical
from engine.runs.manifest import read_files, step_folders, write_step
from engine.runs.tensors import Arrays, decode, encode

STATE = "state"
TENSORS_FILE = "state.safetensors"
EXTRA_FILE = "extra.json"
KEPT = 2


def write_state(folder: Path, step: int, tensors: Mapping[str, NDArray[Any]],
                extra: Mapping[str, Any]) -> Path:
    """Save a resume point, then drop all but it and the one before. Raises SaveFailed."""
    files: dict[str, Sequence[Buffer]] = {TENSORS_FILE: encode(tensors), EXTRA_FILE: [canonical(extra)]}
    path = write_step(folder / STATE, step, files, {})
    # A resume point beyond this step belongs to a future that a resume from an earlier one gave up.
    below = [older.path for older in step_folders(folder / STATE) if older.step < step]
    beyond = [other.path for other in step_folders(folder / STATE) if other.step > step]
    for old in [*beyond, *below[KEPT - 1:]]:
        remove(old)
    return path


def read_state(folder: Path) -> tuple[int, Arrays, dict[str, Any], str]:
    """Step, tensors and extra of the newest resume point that verifies; a notice if it was not the newest.

    Raises BadRun when there is none, or none is whole.
    """
    damaged: list[str] = []
    for candidate in step_folders(folder / STATE):
        try:
            files, _facts = read_files(candidate.path)
            tensors, _metadata = decode(files[TENSORS_FILE])
            extra = json.loads(files[EXTRA_FILE])
        except (OSError, ValueError, KeyError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            damaged.append(f"The resume point at step {candidate.step} is damaged ({reason})")
            continue
        notice = ""
        if damaged:
            notice = f"{damaged[0]}; training goes on from the one before, at step {candidate.step}."
        return candidate.step, tensors, extra, notice
    if damaged:
        raise BadRun(f"{folder.name} cannot be resumed: {damaged[0][0].lower()}{damaged[0][1:]}, and there "
                     "is no whole one before it.", "Its snapshots can still be looked at and sampled from.")
    raise BadRun(f"{folder.name} cannot be resumed: it has no resume point.",
                 "Its snapshots can still be looked at and sampled from.")
