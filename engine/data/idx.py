"""IDX files, the format MNIST was published in: gzip around a short header and raw big-endian values."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import DiffuscopeError

_UNSIGNED_BYTE = 0x08  # the only type of value that image and label files use
_GZIP_WINDOW = 31  # for zlib: expect a gzip header, and check its CRC


def read_idx(path: Path, shape: tuple[int, ...], sha256: str = "") -> NDArray[np.uint8]:
    """The values of one gzip IDX file of unsigned bytes.

    shape: what the header must say. sha256: of the unpacked file; checked when given.
    Raises DiffuscopeError when the file is missing, damaged, or not what was expected.
    """
    name = f"The data file {path.name}"
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise DiffuscopeError(f"{name} is missing.", f"It belongs in {path.parent}.") from None
    except OSError as error:
        raise DiffuscopeError(f"{name} cannot be read: {error.strerror or error}.",
                              f"It lies in {path.parent}.") from None
    restore = f"Replace it in {path.parent} by the original."
    size = math.prod(shape) + 4 + 4 * len(shape)
    try:
        # One call with the final size known: faster than gzip.open, and no file can fill the memory.
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        data = unpacker.decompress(packed, size + 1)
    except zlib.error:
        raise DiffuscopeError(f"{name} is damaged: it cannot be unpacked.", restore) from None
    if len(data) != size or not unpacker.eof:
        raise DiffuscopeError(f"{name} is damaged: it does not unpack to {size} bytes.", restore)
    header = bytes((0, 0, _UNSIGNED_BYTE, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
    if data[: len(header)] != header:
        raise DiffuscopeError(f"{name} is not an IDX file of {' x '.join(map(str, shape))} bytes.", restore)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise DiffuscopeError(f"{name} is damaged: its checksum differs from the original's.", restore)
    # A writable copy: torch warns of memory it may not write to.
    return np.frombuffer(bytearray(data), dtype=np.uint8, offset=len(header)).reshape(shape)
