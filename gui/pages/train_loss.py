"""The loss plot: raw and smoothed curve, smoothing, linear or log, snapshots and pauses along the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.events import Marker
from engine.measure.alerts import Alert
from engine.settings import number
from gui.pages.train_alerts import events_of
from gui.pages.train_curve import Extremes, Float64, LossCurve
from gui.theme import theme, tip
from gui.widgets.dock_slider import DockSlider
from gui.widgets.labels import Text
from gui.widgets.plot import Plot
from gui.widgets.plot_items import Line
from gui.widgets.plot_numbers import linear_ticks, log_ticks, thin, visible
from gui.widgets.segmented import Segmented
from gui.words import clock

DEFAULT_SMOOTHING = 0.92
MOST_SMOOTHING = 0.99
MOST_RAW, MOST_SMOOTH = 2000, 700  # points drawn
SAME_PLACE = 0.04  # of the x axis: pauses nearer than that share a word


class LiveLine(Line):
    """A line over columns that grow in place: nothing is copied, drawing looks at few candidates."""

    def __init__(self, plot: Plot, name: str, width: float, style: str, between: bool, most: int) -> None:
        """most: points drawn."""
        super().__init__(plot, name, "accent", width, style, legend=True, decimals=3, points=False,
                         between=between)
        self.most = most
        self.extremes: Extremes | None = None
        self._part_of: tuple[float, float] | None = None
        self._part: tuple[Float64, Float64] = (self.x, self.y)

    def attach(self, x: Float64, y: Float64, extremes: Extremes) -> None:
        """Views of a curve that has grown; finite, x rising."""
        self.x, self.y, self.extremes = x, y, extremes
        self._part_of = self._widest = None

    def part(self, low: float, high: float) -> tuple[Float64, Float64]:
        """Enough points of what lies in low..high to know all its extremes; looked up once a redraw."""
        if not len(self.x) or self.extremes is None:
            return self.x, self.y
        if self._part_of != (low, high):
            first = max(0, int(np.searchsorted(self.x, low)) - 1)
            last = min(len(self.x), int(np.searchsorted(self.x, high, side="right")) + 1)
            picks = self.extremes.candidates(first, last, self.most)
            self._part_of, self._part = (low, high), (self.x[picks], self.y[picks])
        return self._part

    def draw(self, low: float, high: float, most: int) -> None:
        x, y = self.part(low, high)
        if self.plot.axes.log_y:
            good = y > 0
            x, y = x[good], np.log10(y[good])
        self.item.set_points(*thin(x, y, min(most, self.most)))


class SnapshotLine(Line):
    """A dashed line through the snapshots' validation losses; after the newest one it reads that."""

    def __init__(self, plot: Plot) -> None:
        super().__init__(plot, "validation", "text", 1.5, "dash", legend=True, decimals=3, points=False, between=True)
        self.visible = False

    def value_at(self, x: float) -> float:
        return super().value_at(min(x, float(self.x[-1])) if len(self.x) else x)


class LossPlot(Plot):
    """Reads a LossCurve. `smoothing_changed` and `scale_changed` fire when a person moved them."""

    smoothing_changed = Signal(float)
    scale_changed = Signal(bool)  # whether the y axis is logarithmic

    def __init__(self, curve: LossCurve, parent: QWidget | None = None) -> None:
        self.curve = curve
        self._live_step: float | None = None
        self._marked: list[tuple[float, str]] = []  # by training
        self._alerts: list[tuple[float, str]] = []
        self._edition = -1  # of the curve, when it was last attached
        super().__init__("Loss", x_name="step", log_y=True, parent=parent)
        self.double_click_resets = False
        self.subtitle_for = self._where
        self.raw = self._add("raw", 1.0, "raw", MOST_RAW, between=False)
        self.smooth = self._add("smoothed", 2.0, "solid", MOST_SMOOTH, between=True)
        self.validation = SnapshotLine(self)
        self.lines.append(self.validation)
        self.box.addItem(self.validation.item, ignoreBounds=True)
        self.smoothing = DockSlider(0.0, MOST_SMOOTHING, 0.01, DEFAULT_SMOOTHING, "Smoothing")
        self.smoothing.set_real(curve.smoothing)
        self.smoothing_words = Text(_two_digits(curve.smoothing), 13, 400, "text")
        self.scale = Segmented([(False, "Linear"), (True, "Log")], "Scale of the loss axis")
        self.scale.set_value(True)
        self._add_controls()
        self.setProperty("explain", "loss")
        self.setToolTip(tip("Training loss of each step, faint, and smoothed; dashed: validation loss "
                            "of the snapshots.\nPoint: step, time and values; double-click: go to the snapshot "
                            "nearest to there; wheel: zoom; drag: move; Esc: all of it."))
        theme().changed.connect(self._size_controls)

    def _add(self, name: str, width: float, style: str, most: int, *, between: bool) -> LiveLine:
        line = LiveLine(self, name, width, style, between, most)
        self.lines.append(line)
        self.box.addItem(line.item, ignoreBounds=True)
        return line

    def _add_controls(self) -> None:
        words = Text("Smoothing", 13, 400, "text2")
        help_text = ("How strongly the curve is smoothed: share of the last smoothed value that is kept from step "
                     "to step. 0 is the raw loss; more is calmer and later.\n0 to 0.99, default 0.92")
        words.setToolTip(help_text)
        self.smoothing.setToolTip(help_text)
        self.smoothing.setProperty("explain", "smoothing")
        self.scale.set_tooltips(["Equal distances are equal differences.",
                                 "Equal distances are equal factors: small losses late in training stay apart. "
                                 "Default."])
        self.scale.setProperty("explain", "loss")
        self.smoothing.moved.connect(self._smoothing_moved)
        self.smoothing.released.connect(self._smoothing_moved)
        self.scale.changed.connect(self._scale_chosen)
        for widget in (words, self.smoothing, self.smoothing_words, self.scale):
            self.add_tail(widget)
        self._size_controls()

    def _size_controls(self) -> None:
        self.smoothing.setFixedWidth(theme().px(90))
        self.smoothing_words.setFixedWidth(self.smoothing_words.fontMetrics().horizontalAdvance("0.00") + 8)

    # ---- what is shown ----

    def update_curve(self) -> None:
        """The curve has grown, which paints its new end, or is another one: lay out at the next paint."""
        curve = self.curve
        grown, self._edition = curve.edition == self._edition, curve.edition
        self.raw.attach(curve.steps, curve.losses, curve.raw_extremes)
        self.smooth.attach(curve.steps, curve.smooth, curve.smooth_extremes)
        if grown:
            self.data_grown()
        else:
            self.data_changed(None)

    def set_validation(self, steps: Sequence[float], losses: Sequence[float]) -> None:
        """Validation losses of the snapshots; without any the curve is not in the legend."""
        if (same := len(steps) == len(self.validation.x)) and not len(steps):
            return
        if not (same and np.array_equal(self.validation.x, steps) and np.array_equal(self.validation.y, losses)):
            self.validation.set_data(steps, losses)
        self.validation.set_visible(len(steps) > 0)

    def set_smoothing(self, smoothing: float) -> None:
        """Another smoothing; no signal."""
        self.smoothing.set_real(smoothing)
        self.smoothing_words.setText(_two_digits(smoothing))
        self.curve.set_smoothing(smoothing)
        self.update_curve()

    def set_scale(self, log: bool) -> None:
        """Logarithmic or linear; no signal."""
        self.scale.set_value(log)
        self.set_log_y(log)

    def set_live(self, live: bool) -> None:
        """While following a live run the legend reads the newest values, not those of the last snapshot."""
        self._live_step = math.inf if live else None

    def set_markers(self, markers: Sequence[Marker], segment_starts: Sequence[int], num_steps: int) -> None:
        """Pauses, changed learning rates and the starts of added segments."""
        self._marked = event_words(markers, segment_starts, max(1, num_steps))
        self.set_events(sorted(self._marked + self._alerts))

    def set_alerts(self, alerts: Sequence[Alert], num_steps: int) -> None:
        """Spikes, where it lies flat, and a loss that is no number."""
        found = events_of(alerts, max(1, num_steps))
        if found != self._alerts:
            self._alerts = found
            self.set_events(sorted(self._marked + found))

    def readout_place(self) -> float | None:
        place = super().readout_place()
        if self.marks.crosshair is None and self._live_step is not None and len(self.curve):
            return float(self.curve.steps[-1])
        return place

    def _where(self, at: float | None) -> str:
        if not len(self.curve):
            return "the first value comes with the first step"
        if at is None:
            return ""
        step = number(round(at))
        seconds = self.curve.seconds_at(at)
        return f"at step {step}" + (f", {clock(seconds)}" if seconds is not None else "")

    def lay_out(self) -> None:
        """The y axis takes what is visible of both curves, looked up in few candidates."""
        if self._stale:
            low, high = self.axes.zoom or self.axes.x_range or (0.0, 1.0)
            parts = [line.part(low, high)[1] for line in (self.raw, self.smooth)]
            parts.append(visible(self.validation.x, self.validation.y, low, high)[1])
            values = np.concatenate(parts)
            self.axes.y_range = y_range(values, self.axes.log_y)
            self.axes.y_ticks = y_ticks(self.axes.y_range, self.axes.log_y, self.view.height())
        super().lay_out()

    # ---- hands ----

    def _smoothing_moved(self, value: float) -> None:
        self.set_smoothing(value)
        self.smoothing_changed.emit(value)

    def _scale_chosen(self, log: bool) -> None:
        self.set_log_y(log)
        self.scale_changed.emit(log)


def y_range(values: Float64, log: bool) -> tuple[float, float] | None:
    """Range of the y axis for these losses; None without any."""
    values = values[values > 0] if log else values
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if log:
        pad = (high / low) ** 0.06 if high > low else 1.1
        return low / pad, high * pad
    return 0.0 if low >= 0 else low * 1.05, high * 1.05 if high > 0 else 1.0


def y_ticks(shown: tuple[float, float] | None, log: bool, height: float) -> list[float]:
    """3 to 6 labels where there is room for them; none on an axis without values."""
    if shown is None:
        return []
    most = max(3, min(6, int(height / theme().px(36))))
    ticks = log_ticks(*shown, most) if log else []
    return ticks if len(ticks) >= 3 else linear_ticks(*shown, most)


def event_words(markers: Sequence[Marker], segment_starts: Sequence[int], num_steps: int) -> list[tuple[float, str]]:
    """Dotted lines with their words; pauses close together share one."""
    events: list[tuple[float, str]] = []
    pauses: list[list[Marker]] = []
    for marker in markers:
        if marker.kind == "paused":
            if pauses and marker.step - pauses[-1][-1].step < SAME_PLACE * num_steps:
                pauses[-1].append(marker)
            else:
                pauses.append([marker])
        elif marker.kind == "lr":
            events.append((marker.step, marker.text.replace("learning rate", "rate")))
        elif marker.kind == "plan":
            events.append((marker.step, marker.text))
    for group in pauses:
        first = group[0]
        words = f"paused {clock(first.seconds)}" if len(group) == 1 else f"paused {len(group)} times"
        events.append((first.step, words))
    events += [(start, "continued") for start in segment_starts if start > 0]
    return sorted(events)


def _two_digits(value: float) -> str:
    return f"{value:.2f}"


