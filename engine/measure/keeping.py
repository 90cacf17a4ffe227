"""How measurements are kept: arrays as text, and an answer that is told even where it cannot be saved."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import Event
from engine.runs import Run, SaveFailed


def pack(array: NDArray[Any]) -> str:
    """Little-endian bytes, compressed, as base64."""
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(data)).decode("ascii")


def unpack(text: str, kind: Any) -> NDArray[Any]:
    """What `pack` was given, flat. Raises ValueError, TypeError or zlib.error for anything else."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, dtype=np.dtype(kind).newbyteorder("<")).astype(kind)


def save_and_tell(run: Run, key: str, values: Mapping[str, Any], ready: Event) -> Generator[Event, None, None]:
    """Save values, then say they are ready. Raises SaveFailed after that where they could not be saved."""
    failed: SaveFailed | None = None
    try:
        run.save_measurement(key, values)
    except SaveFailed as error:
        failed = error
    yield ready
    if failed is not None:
        raise failed
