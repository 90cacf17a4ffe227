"""Weights of a file, read so that nothing in it can run.

safetensors holds numbers only. A file of torch.save is read by torch's restricted unpickler, which knows tensors and
plain containers; whatever else is in it is refused, and there is no second attempt. TorchScript archives hold code and
are refused.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import DiffuscopeError

LARGEST_HEADER = 100_000_000  # bytes, as safetensors has it


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Tensors by name, and the sha256 of the file. Raises DiffuscopeError, one sentence, for anything else."""
    try:
        sha256 = file_sha256(path)
        size, begin = path.stat().st_size, _beginning(path)
    except OSError as error:
        raise DiffuscopeError(f"{path.name} cannot be read: {error.strerror or error}.") from None
    if begin[:2] == b"PK" or begin[:1] == b"\x80":
        return _unpickled(path, begin), sha256
    header = struct.unpack("<Q", begin[:8])[0] if len(begin) >= 9 else 0
    if begin[8:9] != b"{" or not 2 <= header <= LARGEST_HEADER:
        raise DiffuscopeError(f"{path.name} holds no weights: it is neither a safetensors file nor one of torch.")
    if header + 8 > size:
        raise _truncated(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path), sha256
    except SafetensorError as error:
        if "ncomplete" in str(error):
            raise _truncated(path) from None
        raise DiffuscopeError(f"{path.name} is damaged: its table of tensors does not fit what follows.") from None
    except OSError as error:
        raise DiffuscopeError(f"{path.name} cannot be read: {error.strerror or error}.") from None


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _truncated(path: Path) -> DiffuscopeError:
    return DiffuscopeError(f"{path.name} is cut short: it ends before its tensors do.", "Get the file once more.")


def _unpickled(path: Path, begin: bytes) -> dict[str, Tensor]:
    if begin[:2] == b"PK":
        try:
            names = zipfile.ZipFile(path).namelist()
        except (zipfile.BadZipFile, OSError):
            raise _truncated(path) from None
        if any("/code/" in name or name.endswith("constants.pkl") for name in names):
            raise DiffuscopeError(f"{path.name} is a TorchScript archive, which holds code; nothing of it was run.",
                                  "Save its weights as safetensors and choose that file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of pickles of a newer kind before it refuses them
            values = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DiffuscopeError(f"{path.name} holds more than weights, so it was not read; nothing of it was run.",
                              "Save its weights as safetensors and choose that file.") from None
    except Exception:  # torch has no error type of its own for a damaged file
        raise DiffuscopeError(f"{path.name} is damaged or cut short.", "Get the file once more.") from None
    if isinstance(values, dict) and isinstance(values.get("state_dict"), dict):
        values = values["state_dict"]
    if not isinstance(values, dict) or not values or \
            not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in values.items()):
        raise DiffuscopeError(f"{path.name} holds no weights: it is not a table of tensors by name.")
    return {name.removeprefix("module."): value for name, value in values.items()}


def file_sha256(path: Path) -> str:
    """Of a whole file, read in parts."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
