"""JSON as runs write it: plain types, no bare NaN, one form for one value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The value in JSON's own types; a float that is not finite becomes null.

    Raises TypeError for what JSON cannot hold.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} does not fit in JSON")


def canonical(value: Any) -> bytes:
    """Compact JSON with sorted keys, as UTF-8: equal values give equal bytes, so it can be hashed."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False,
                      allow_nan=False)
    return text.encode("utf-8")


def readable(value: Any) -> bytes:
    """Indented JSON for files that a person may open, as UTF-8."""
    return (json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
