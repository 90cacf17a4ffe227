"""Measurements of a run: small JSON files, each under a key of weights and settings, written atomically.

Measuring takes no lock. What cannot lie in the run (it ships with the program, or another process is
training it) lies in the user's data folder under the run's id; both count as the run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.runs.atomic import saving, write_file
from engine.runs.jsontext import canonical, readable

MEASUREMENTS = "measurements"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def measurement_key(kind: str, weights_hash: str, settings: Mapping[str, Any]) -> str:
    """A key for `kind` of measurement: equal for equal weights and settings, else different."""
    digest = hashlib.sha256(canonical([kind, weights_hash, settings])).hexdigest()
    return f"{kind}-{digest[:32]}"


def _file_name(key: str) -> str:
    safe = _SAFE.fullmatch(key) is not None
    return f"{key if safe else hashlib.sha256(key.encode('utf-8')).hexdigest()}.json"


def write_measurement(folder: Path, key: str, values: Mapping[str, Any]) -> Path:
    """Save values under a key in a folder of measurements, which is made. Raises SaveFailed."""
    path = folder / _file_name(key)
    with saving(path):
        folder.mkdir(parents=True, exist_ok=True)
    write_file(path, [readable({"key": key, "values": values})])
    return path


def read_measurements(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The values of every measurement of a kind in a folder; those that cannot be read are left out."""
    found = []
    for path in sorted(folder.glob(f"{kind}-*.json")):
        try:
            stored = json.loads(path.read_bytes())
            if stored["key"].rpartition("-")[0] == kind:
                found.append(dict(stored["values"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def read_measurement(folder: Path, key: str) -> dict[str, Any] | None:
    """The values saved under a key; None when there are none or they cannot be read (measure again then)."""
    try:
        stored = json.loads((folder / _file_name(key)).read_bytes())
        values = stored["values"]
        return dict(values) if stored["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
