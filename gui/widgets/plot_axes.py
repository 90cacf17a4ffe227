"""The axes of a plot: ranges, zoom, labels, and where a value lies in pixels. No painting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF

from gui.theme import theme
from gui.widgets.plot_numbers import linear_ticks, log_ticks, tick_label

if TYPE_CHECKING:
    from gui.widgets.plot_items import Bars, Line

Range = tuple[float, float]


class Axes:
    """Two axes over `box`, the rectangle of the data in pixels of the view.

    x_view and y_view are what is shown; y_view is log10 when log_y. `zoom` is the part of x wanted.
    """

    def __init__(self, reversed_x: bool, log_y: bool) -> None:
        self.reversed_x, self.log_y = reversed_x, log_y
        self.x_range: Range | None = None
        self.y_range: Range | None = None
        self.zoom: Range | None = None
        self.x_ticks: list[float] | None = None
        self.y_ticks: list[float] | None = None
        self.x_format: Callable[[float], str] = tick_label
        self.y_format: Callable[[float], str] = tick_label
        self.x_view: Range = (0.0, 1.0)
        self.y_view: Range = (0.0, 1.0)
        self.box = QRectF(0, 0, 1, 1)

    # ---- ranges ---------------------------------------------------------------------------------------

    def fit(self, lines: Sequence[Line], bars: Sequence[Bars]) -> None:
        """Take the views from what was set, else from the data."""
        self.full_x = self._whole_x(lines, bars)
        if self.zoom is not None:
            low, high = max(self.zoom[0], self.full_x[0]), min(self.zoom[1], self.full_x[1])
            self.zoom = (low, high) if high > low else None
        self.x_view = self.zoom or self.full_x
        self.y_view = self._wanted_y(lines, bars)

    def _whole_x(self, lines: Sequence[Line], bars: Sequence[Bars]) -> Range:
        if self.x_range is not None:
            return self.x_range
        spans = [(float(line.x[0]), float(line.x[-1])) for line in lines if line.visible and len(line.x)]
        spans += [(float(item.edges[0]), float(item.edges[-1])) for item in bars if len(item.edges)]
        if not spans:
            return 0.0, 1.0
        low, high = min(a for a, _ in spans), max(b for _, b in spans)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def _wanted_y(self, lines: Sequence[Line], bars: Sequence[Bars]) -> Range:
        if self.y_range is not None:
            a, b = self.y_range
            return (math.log10(max(a, 1e-12)), math.log10(max(b, 1e-11))) if self.log_y else (a, b)
        lows, highs = [], []
        for line in lines:
            if not line.visible or len(line.x) == 0:
                continue
            first, last = np.searchsorted(line.x, self.x_view)
            part = line.y[max(0, int(first) - 1):int(last) + 1]
            part = part[part > 0] if self.log_y else part
            if len(part):
                lows.append(float(part.min()))
                highs.append(float(part.max()))
        for item in bars:
            if len(item.heights):
                lows.append(0.0)
                highs.append(float(item.heights.max()))
        if not lows:
            return (-1.0, 0.0) if self.log_y else (0.0, 1.0)
        a, b = min(lows), max(highs)
        if self.log_y:
            a, b = math.log10(a), math.log10(b)
            pad = max(0.05, (b - a) * 0.08)
            return a - pad, b + pad
        pad = (b - a) * 0.05 if b > a else max(abs(a) * 0.1, 0.5)
        return (a if a == 0 else a - pad), b + pad

    def zoom_about(self, pixel: float, steps: float) -> None:
        """Zoom x about a pixel, 20 % a step; out as far as the whole."""
        full_low, full_high = self.full_x
        low, high = self.x_view
        at, factor = self.x_at(pixel), 0.8**steps
        span = (high - low) * factor
        if span >= full_high - full_low:
            self.zoom = None
        elif span > (full_high - full_low) * 1e-4:
            left = min(max(at - (at - low) * factor, full_low), full_high - span)
            self.zoom = (left, left + span)

    def pan(self, pixels: float) -> None:
        """Shift the zoomed part."""
        if self.zoom is None:
            return
        full_low, full_high = self.full_x
        low, high = self.zoom
        shift = pixels / max(1.0, self.box.width()) * (high - low) * (1 if self.reversed_x else -1)
        left = min(max(low + shift, full_low), full_high - (high - low))
        self.zoom = (left, left + high - low)

    full_x: Range = (0.0, 1.0)

    # ---- places ---------------------------------------------------------------------------------------

    def to_view(self, y: float) -> float:
        """y as drawn."""
        return math.log10(y) if self.log_y else y

    def x_pixel(self, x: float) -> float:
        """Pixel of a place."""
        low, high = self.x_view
        share = (x - low) / (high - low)
        return self.box.left() + self.box.width() * (1 - share if self.reversed_x else share)

    def y_pixel(self, y: float) -> float:
        """Pixel of a value as drawn."""
        low, high = self.y_view
        return self.box.bottom() - self.box.height() * (y - low) / (high - low)

    def x_at(self, pixel: float) -> float:
        """Place under a pixel."""
        low, high = self.x_view
        share = (pixel - self.box.left()) / max(1.0, self.box.width())
        return low + (high - low) * (1 - share if self.reversed_x else share)

    def y_at(self, pixel: float) -> float:
        """Value under a pixel, in data units."""
        low, high = self.y_view
        value = low + (high - low) * (self.box.bottom() - pixel) / max(1.0, self.box.height())
        return 10.0**value if self.log_y else value

    # ---- labels ---------------------------------------------------------------------------------------

    def x_labels(self) -> list[tuple[float, str]]:
        """(place, label), 3 to 6 as the width allows."""
        low, high = self.x_view
        most = max(3, min(6, int(self.box.width() / theme().px(44))))
        ticks = linear_ticks(low, high, most) if self.x_ticks is None else self.x_ticks
        return [(tick, self.x_format(tick)) for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]

    def y_labels(self, height: float | None = None) -> list[tuple[float, str]]:
        """(value as drawn, label), 2 to 6 as the height allows."""
        low, high = self.y_view
        height = self.box.height() if height is None else height
        most = max(2, min(6, int(height / theme().px(20))))
        if self.y_ticks is not None:
            ticks = self.y_ticks
        elif self.log_y:
            ticks = log_ticks(10.0**low, 10.0**high, most)
        else:
            ticks = linear_ticks(low, high, most)
        slack = (high - low) * 1e-6
        drawn = [(self.to_view(tick), self.y_format(tick)) for tick in ticks if tick > 0 or not self.log_y]
        return [(value, label) for value, label in drawn if low - slack <= value <= high + slack]
