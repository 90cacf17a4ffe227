"""The named settings that a run can start from; each file in resources/presets says why it is as it is."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.errors import BadSetting
from engine.paths import RESOURCES
from engine.settings import parse


def preset_names() -> list[str]:
    """Presets that ship, in the order of their size."""
    order = {"quick": 0, "standard": 1, "textbook": 2, "large": 3}
    names = [path.stem for path in (RESOURCES / "presets").glob("*.json")]
    return sorted(names, key=lambda name: (order.get(name, 9), name))


def load_preset(name: str) -> RunConfig:
    """A preset by name; BadSetting names the ones that exist."""
    values = dict(_preset_file(name))
    values.pop("why", None)
    return parse(RunConfig, values)


def preset_why(name: str) -> str:
    """Why a preset is as it is and what it costs, in a few sentences; empty for a name that is not a preset's."""
    return str(_preset_file(name).get("why", "")) if name in preset_names() else ""


@lru_cache(maxsize=16)
def _preset_file(name: str) -> dict[str, Any]:
    path = RESOURCES / "presets" / f"{Path(name).name}.json"
    if not path.exists():
        raise BadSetting(f"There is no preset called {name}.", f"Presets: {', '.join(preset_names())}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadSetting(f"The preset {path.name} cannot be read: {error}.") from None
    if not isinstance(values, dict):
        raise BadSetting(f"The preset {path.name} is not a set of settings.")
    return values
