"""Named arrays as safetensors: written without copying them, read only after their hash agrees.

The format is eight bytes with the header's length, a JSON header, then the arrays one after another
(https://github.com/huggingface/safetensors). Writing it piece by piece spares the library's three copies of
the whole, and the interpreter lock is free while the system writes. Reading is the library's.

numpy has no bfloat16, and nothing here needs it: weights are float32, or float16 for looking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from engine.errors import BadRun
from engine.runs.atomic import Buffer, write_file
from engine.runs.jsontext import canonical

Arrays = dict[str, NDArray[Any]]

_DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
    "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}
_ALIGNMENT = 64  # bytes; so that a reader may map the arrays as they lie
_FLOAT16_MAX = 65504.0


def encode(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> list[Buffer]:
    """The pieces of a safetensors file. Raises TypeError for a dtype that safetensors or numpy lacks."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    pieces: list[Buffer] = []
    offset = 0
    # Larger items first: every array then starts at a multiple of its own item size.
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        array = np.asarray(arrays[name])
        code = _DTYPES.get(array.dtype.name)
        if code is None:
            raise TypeError(f"{name} has dtype {array.dtype}, which a run cannot hold")
        array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        header[name] = {"dtype": code, "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        if array.nbytes:
            pieces.append(array.reshape(-1).view(np.uint8).data)
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return [len(text).to_bytes(8, "little") + text, *pieces]


def decode(data: bytes) -> tuple[Arrays, dict[str, str]]:
    """Arrays (writable copies) and metadata. Raises ValueError for anything that is not safetensors."""
    try:
        arrays = load_safetensors(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None
    return {name: np.array(array) for name, array in arrays.items()}, header.get("__metadata__", {})


def as_float16(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Floats in half precision; an array with a value too large for it stays float32. Integers stay."""
    result: Arrays = {}
    for name, array in arrays.items():
        if not np.issubdtype(array.dtype, np.floating):
            result[name] = array
        elif array.size and float(np.abs(array).max()) > _FLOAT16_MAX:
            result[name] = array.astype(np.float32)
        else:
            result[name] = array.astype(np.float16)
    return result


def as_float32(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Floats in single precision, for computing with; integers stay."""
    return {name: array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array
            for name, array in arrays.items()}


# ---- one file that checks itself: samples and recordings have no manifest beside them ------------------

def _fingerprint(arrays: Mapping[str, NDArray[Any]], facts: str) -> str:
    digest = hashlib.sha256(facts.encode("utf-8"))
    for name in sorted(arrays):
        array = np.asarray(arrays[name], dtype=arrays[name].dtype.newbyteorder("<"), order="C")
        digest.update(canonical([name, array.dtype.name, list(array.shape)]))
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write_checked(path: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
    """Save arrays with facts (JSON) in one file that carries its own sha256. Raises SaveFailed."""
    text = canonical(facts).decode("utf-8")
    write_file(path, encode(arrays, {"facts": text, "sha256": _fingerprint(arrays, text)}))


def read_checked(path: Path, what: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and facts of `write_checked`.

    Raises BadRun, which calls the file `what`, when it is missing, truncated or altered.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadRun(f"{what} is not there (any more).") from None
    except OSError as error:
        raise BadRun(f"{what} cannot be read: {error.strerror or error}.") from None
    try:
        arrays, metadata = decode(data)
        text = metadata["facts"]
        if metadata["sha256"] != _fingerprint(arrays, text):
            raise ValueError("its contents do not match their checksum")
        facts = json.loads(text)
    except (ValueError, KeyError) as error:
        raise BadRun(f"{what} is damaged: {error}.", "The rest of the run can be used.") from None
    return arrays, facts
