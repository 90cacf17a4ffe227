"""What the user prefers: a small JSON file that the command line reads too. Bad values fall back singly."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine import paths

log = logging.getLogger(__name__)

THEMES = ("system", "light", "dark")
DEVICES = ("auto", "cpu", "cuda", "mps")
SMALLEST_TEXT, LARGEST_TEXT = 0.8, 3.0


@dataclass(frozen=True, slots=True)
class Preferences:
    """runs_dir: where new runs are made ("" is the data folder); text_scale: 1 is the system's size."""

    runs_dir: str = ""
    theme: str = "system"
    text_scale: float = 1.0
    device: str = "auto"
    reduced_motion: bool = False

    def changed(self, **changes: Any) -> Preferences:
        """A copy with some values replaced."""
        return replace(self, **changes)


def load_preferences() -> Preferences:
    """What the file says, as far as it makes sense."""
    try:
        values = json.loads(paths.preferences_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError) as error:
        log.warning("The preferences cannot be read: %s", error)
        return Preferences()
    if not isinstance(values, dict):
        return Preferences()
    good = {f.name: values[f.name] for f in fields(Preferences)
            if f.name in values and _sensible(f.name, values[f.name])}
    return Preferences(**good)


def save_preferences(preferences: Preferences) -> None:
    """Write them beside the old ones and swap; keys of other programs' parts are kept."""
    target = paths.preferences_file()
    try:
        known = json.loads(target.read_text(encoding="utf-8"))
        known = known if isinstance(known, dict) else {}
    except (OSError, ValueError):
        known = {}
    known.update(asdict(preferences))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    beside.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, target)


def runs_dir_problem(folder: str) -> str:
    """Why new runs cannot be made in a folder; empty if they can."""
    if not folder:
        return ""
    path = Path(folder).expanduser()
    if not path.is_absolute():
        return "The folder must be given from the root."
    if path.exists() and not path.is_dir():
        return f"{path.name} is a file, not a folder."
    there = next((p for p in (path, *path.parents) if p.exists()), None)
    if there is None or not os.access(there, os.W_OK):
        return f"{path} cannot be written."
    return ""


def _sensible(name: str, value: Any) -> bool:
    match name:
        case "theme":
            return value in THEMES
        case "device":
            return value in DEVICES
        case "text_scale":
            return isinstance(value, int | float) and SMALLEST_TEXT <= value <= LARGEST_TEXT
        case "reduced_motion":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)
