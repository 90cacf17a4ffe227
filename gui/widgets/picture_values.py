"""From values to what is put on the screen: clipping, ramps, whole-pixel enlargement.

Data are never inverted and never smoothed; what is shown is clipped, what is read out is the true value.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from engine.diffusion.forward import to_float, to_uint8

Kind = Literal["grey", "noise", "signed", "map"]
Uint8 = NDArray[np.uint8]

# Standard deviations of noise between the two ends of its ramp and its middle.
NOISE_SPAN = 2.6


def colour_ramp(stops: list[str]) -> Uint8:
    """(256, 3) colours, linear between equally spaced stops."""
    colours = [QColor(stop) for stop in stops]
    ends = np.array([(c.red(), c.green(), c.blue()) for c in colours], dtype=np.float64)
    at = np.linspace(0, 1, 256)
    place = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(at, place, ends[:, i]) for i in range(3)], axis=1).round().astype(np.uint8)


NOISE_RAMP = colour_ramp(["#040E16", "#006CAA", "#F7FBFD"])


def channels_first(values: NDArray[Any]) -> NDArray[Any]:
    """(C, H, W) of a picture given as (H, W), (C, H, W) or (H, W, 3)."""
    values = np.asarray(values)
    if values.ndim == 2:
        return values[None]
    if values.ndim != 3:
        raise ValueError(f"a picture has 2 or 3 axes, not {values.ndim}")
    if values.shape[0] not in (1, 3) and values.shape[2] in (1, 3):
        return np.moveaxis(values, 2, 0)
    return values


def as_values(array: NDArray[Any]) -> NDArray[np.float32]:
    """float32 (C, H, W); uint8 becomes -1..1."""
    array = channels_first(array)
    return to_float(array) if array.dtype == np.uint8 else array.astype(np.float32)


def signed_span(values: NDArray[Any]) -> float:
    """Largest magnitude, at least 0.05, so that a difference of nothing stays even grey."""
    finite = np.abs(values[np.isfinite(values)])
    return max(0.05, float(finite.max())) if finite.size else 0.05


def to_pixels(values: NDArray[Any], kind: Kind = "grey", span: float | None = None,
              ramp: Uint8 | None = None) -> Uint8:
    """uint8 (H, W) or (H, W, 3) of values (C, H, W).

    grey: -1..1 clipped. noise: +-2.6 standard deviations on the blue ramp. signed: +-span around middle grey,
    span None taking the largest magnitude. map: 0..span (None: the largest value) on `ramp`.
    """
    values = channels_first(values).astype(np.float32)
    if not np.isfinite(values).all():  # rare, and the repair costs more than all the rest
        values = np.nan_to_num(values, nan=0.0, posinf=1e6, neginf=-1e6)
    if kind == "grey":
        pixels = to_uint8(values)
        return np.moveaxis(pixels, 0, 2) if len(pixels) == 3 else pixels[0]
    if kind == "signed":
        pixels = to_uint8(values / np.float32(span or signed_span(values)))
        return np.moveaxis(pixels, 0, 2) if len(pixels) == 3 else pixels[0]
    # Noise of three channels on one ramp: their mean, scaled so that its spread is that of one channel.
    first = values.mean(axis=0) * np.float32(len(values) ** 0.5 if kind == "noise" else 1)
    if kind == "noise":
        levels = (first / (span or NOISE_SPAN) + 1) / 2
        table = NOISE_RAMP
    else:
        largest = span or max(float(first.max()), 1e-12)
        levels = first / largest
        table = NOISE_RAMP if ramp is None else ramp
    coloured: Uint8 = table[np.rint(levels * 255).clip(0, 255).astype(np.uint8)]
    return coloured


def to_image(pixels: Uint8) -> QImage:
    """A QImage that owns its memory, of uint8 (H, W) or (H, W, 3)."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    if pixels.ndim == 2:
        image = QImage(pixels.data, width, height, width, QImage.Format.Format_Grayscale8)
    else:
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()


def enlarge(pixels: Uint8, factor: int) -> Uint8:
    """Each pixel as a square of factor x factor."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def to_pixmap(pixels: Uint8, factor: int = 1, ratio: float = 1.0) -> QPixmap:
    """A pixmap enlarged by a whole factor of device pixels; ratio is the screen's devicePixelRatioF."""
    pixmap = QPixmap.fromImage(to_image(enlarge(pixels, factor)))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def device_factor(factor: float, ratio: float) -> int:
    """The whole number of device pixels for a factor meant at 100 %: never above it, at least 1."""
    return max(1, int(factor * ratio + 1e-6))


def draw_aligned(painter: QPainter, x: float, y: float, pixmap: QPixmap) -> None:
    """Draw at the device pixel nearest to (x, y), so that no pixel of the picture straddles two."""
    transform = painter.deviceTransform()
    inverse, invertible = transform.inverted()
    if not invertible:
        return
    at = transform.map(QPointF(x, y))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawPixmap(inverse.map(QPointF(round(at.x()), round(at.y()))), pixmap)


def value_text(values: NDArray[Any], row: int, column: int) -> str:
    """The true value of a pixel, one number a channel: U+2212 minus, two decimals."""
    numbers = [f"{float(v):.2f}".replace("-", "\u2212") for v in values[:, row, column]]
    return "  ".join(numbers)
