"""A denoising path in few bytes: predicted x0 by its change from level to level, x_t by what x0 does not foretell.

Between two levels DDIM's formula (Song et al. 2020, arXiv 2010.02502, eq. 12 without fresh noise) foretells the next
x_t from this one and its predicted x0. What is stored of x_t is the rest, rounded: next to nothing for samplers that
follow that formula, small for higher-order ones. The coder foretells from its own rounded values, so errors do not add
up. numpy and zlib only.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]
Uint8 = NDArray[np.uint8]

STEP = 1 / 128  # between two values of x_t, as between those of x0 in uint8
LARGEST = 200.0  # of x_t; beyond lies only what a diverged model draws


def packed_path(x: NDArray[np.floating], x0: Uint8, sigma: NDArray[np.floating]) -> dict[str, Any]:
    """x_t (F, ...) scaled as sqrt(alpha_bar) (x0 + sigma eps), x0 uint8 (F, ...) and sigma (F,), most noise first, as
    plain values. `unpacked_path` gives x0 back exactly and x_t to half a STEP.
    """
    rests = np.empty(x.shape, dtype=np.int16)
    known: Float32 | None = None
    for i in range(len(x)):
        foretold = _foretold(known, x0, sigma, i)
        true = np.clip(np.nan_to_num(x[i].astype(np.float32), nan=0.0), -LARGEST, LARGEST)
        rests[i] = np.clip(np.rint((true - foretold) / np.float32(STEP)), -32_768, 32_767)
        known = _next(foretold, rests[i])
    changes = np.concatenate([x0[:1], np.diff(x0, axis=0)])  # modulo 256
    # Low bytes, then high ones, which are nearly all alike.
    halves = (rests & 255).astype(np.uint8).tobytes() + (rests >> 8 & 255).astype(np.uint8).tobytes()
    return {"shape": list(x.shape), "x": _text(halves), "x0": _text(changes.tobytes())}


def unpacked_path(values: dict[str, Any], sigma: NDArray[np.floating]) -> tuple[Float16, Uint8]:
    """(x_t, x0) of `packed_path`. Raises ValueError where the values are of another kind."""
    try:
        shape = tuple(int(size) for size in values["shape"])
        low, high = np.frombuffer(_data(values["x"]), dtype=np.uint8).reshape(2, *shape).astype(np.int16)
        changes = np.frombuffer(_data(values["x0"]), dtype=np.uint8).reshape(shape)
    except (KeyError, TypeError, zlib.error) as error:
        raise ValueError("not a packed path") from error
    if len(sigma) != shape[0]:
        raise ValueError("a packed path of other levels")
    x0 = np.cumsum(changes, axis=0, dtype=np.uint8)
    rests, x = low | high << 8, np.empty(shape, dtype=np.float16)
    known: Float32 | None = None
    for i in range(len(x)):
        known = _next(_foretold(known, x0, sigma, i), rests[i])
        x[i] = known
    return x, x0


def _foretold(known: Float32 | None, x0: Uint8, sigma: NDArray[np.floating], i: int) -> Float32:
    """x_t at level i from the one before: a' x0 + (s' / s) (x - a x0), a = sqrt(alpha_bar) and s = a sigma."""
    if known is None:
        return np.zeros(x0.shape[1:], dtype=np.float32)
    (a, s), (a_next, s_next) = _signal_noise(float(sigma[i - 1])), _signal_noise(float(sigma[i]))
    picture = x0[i - 1].astype(np.float32) / np.float32(127.5) - np.float32(1)
    kept = np.float32(s_next / s) if s > 0 else np.float32(0)
    return np.asarray(np.float32(a_next) * picture + kept * (known - np.float32(a) * picture), dtype=np.float32)


def _signal_noise(sigma: float) -> tuple[float, float]:
    signal = (1 + sigma**2) ** -0.5
    return signal, signal * sigma


def _next(foretold: Float32, rest: NDArray[np.int16]) -> Float32:
    return np.asarray(foretold + rest.astype(np.float32) * np.float32(STEP), dtype=np.float32)


def _text(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _data(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
