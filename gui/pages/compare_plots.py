"""Quality against network calls and against seconds: of the picture that races, or measured over many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from engine.config import SamplingConfig
from engine.measure.race import RaceReady, deterministic
from engine.measure.race_quality import LaneQuality, interval
from engine.settings import number
from gui.pages.compare_lanes import CHOSEN, LaneStyle, lane_style
from gui.pages.compare_words import lane_names, listed
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.plot import Plot
from gui.widgets.plot_items import Line
from gui.widgets.plot_numbers import log_ticks, tick_label
from gui.widgets.segmented import Segmented

PICTURE, MANY = "picture", "many"
READ, DISTANCE = "read", "distance"

READ_HELP = "What the judge reads: the probability of the class asked for, or the share of pictures read as it."
DISTANCE_HELP = ("Mean squared difference from a fine solution from the same noise. Samplers that draw fresh noise go "
                 "elsewhere, so they have none.")


@dataclass(frozen=True, eq=False)
class Curve:
    """One lane: quality at network calls and at seconds, with the interval of each point where there is one."""

    nfe: NDArray[np.float64]
    seconds: NDArray[np.float64]
    quality: NDArray[np.float64]
    intervals: tuple[tuple[float, float], ...] = ()


class CostPlot(Plot):
    """A plot whose x runs over costs by their logarithm, since 3 steps and 50 are to be seen at once.

    Lines are given log10 x; labels, the description and copied values tell x itself.
    """

    def __init__(self, x_name: str) -> None:
        super().__init__("Quality", "", x_name)
        self.axes.x_format = lambda place: number(float(f"{10**place:.4g}"))
        self.axes.y_format = lambda y: tick_label(y) if y >= 1e-4 or y == 0 else f"{y:.8f}".rstrip("0")

    def set_costs(self, low: float, high: float) -> None:
        """The range of x, both above 0, with labels at 1, 2 or 5 times a power of ten."""
        low, high = math.log10(low), math.log10(max(high, 1.001 * low))
        self.set_x_range(low, high)
        ticks = [math.log10(tick) for tick in log_ticks(10**low, 10**high, 6)]
        self.set_ticks(x=ticks)

    def values_text(self) -> str:
        shown = [line for line in self.lines if line.visible and line.legend and len(line.x)]
        rows = ["\t".join(f"{self.x_name}\t{line.name}" for line in shown)]
        for i in range(max((len(line.x) for line in shown), default=0)):
            rows.append("\t".join(f"{10**line.x[i]:.6g}\t{line.y[i]:.10g}" if i < len(line.x) else "\t"
                                  for line in shown))
        return "\n".join(rows)

    def _describe(self) -> None:
        super()._describe()
        at = self.readout_place()
        where = "" if at is None else f" at {number(float(f'{10**at:.3g}'))} {self.x_name}"
        self.setAccessibleDescription(f"{self.legend.text()}{where}")


class ComparePlots(QWidget):
    """Two plots with one quality axis, and what is shown in them."""

    view_changed = Signal()

    def __init__(self, measure: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.which = Segmented([(PICTURE, "This picture"), (MANY, "Many pictures")], "Which pictures")
        self.which.set_tooltips(["The race above: one picture, each prediction on the way.",
                                 "Finished pictures of every class, drawn with several numbers of steps."])
        self.quality = Segmented([(READ, "Read right"), (DISTANCE, "Distance")], "Quality")
        self._wanted = {PICTURE: DISTANCE, MANY: READ}  # a guided prediction is readable from the first call on
        self._judged = True
        self.set_judged(True)
        self.note = Text("", 12, 400, "muted", elide=True)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        for widget, stretch in ((self.which, 0), (self.quality, 0), (self.note, 1)):
            head.addWidget(widget, stretch)
        self.by_calls, self.by_seconds = CostPlot("calls"), CostPlot("ms")
        self._lines: list[tuple[Line, Line]] = []
        self._bars: list[tuple[Line, Line]] = []
        self._drawn: tuple[object, ...] = ()
        plots = QWidget()
        row = QHBoxLayout(plots)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        for plot in (self.by_calls, self.by_seconds):
            row.addWidget(plot, 1)
        self.empty = EmptyState("", "", [("Measure", measure)])
        self.empty.buttons[0].setToolTip("Draw the pictures in the background and read them; it can be cancelled.")
        self._either = QStackedLayout()
        self._either.addWidget(plots)
        self._either.addWidget(self.empty)
        self._plots = plots
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(self._either, 1)
        self.which.changed.connect(self.show_view)
        self.quality.changed.connect(self._on_quality)
        for plot in (self.by_calls, self.by_seconds):
            plot.setProperty("explain", "race-plots")
        self.which.setProperty("explain", "race-plots")
        self.quality.setProperty("explain", "race-plots")
        self.empty.setProperty("explain", "race-plots")

    def many(self) -> bool:
        """Whether the measurement over many pictures is looked at."""
        return bool(self.which.value() == MANY)

    def set_judged(self, judged: bool) -> None:
        """Without a judge the distance is the only quality."""
        self.quality.set_choice_enabled(READ, judged)
        self.quality.set_tooltips([READ_HELP if judged else "No judge reads what this run draws.", DISTANCE_HELP])
        self._judged = judged
        self.quality.set_value(self._wanted[self.which.value()] if judged else DISTANCE)

    def show_view(self, view: str) -> None:
        """This picture, or many; each keeps the quality that was chosen for it."""
        self.which.set_value(view)
        self.set_judged(self._judged)
        self.view_changed.emit()

    def _on_quality(self, quality: str) -> None:
        self._wanted[self.which.value()] = quality
        self.view_changed.emit()

    # ---- what is drawn ----

    def show_race(self, race: RaceReady | None, lanes: Sequence[SamplingConfig], chosen: int, class_name: str) -> None:
        """The predictions of the race so far."""
        reading = self.quality.value() == READ
        self._titles(f"Judge reads {class_name}" if reading else "Distance", reading)
        if not reading and not (race is not None and race.complete):
            self._await_reference(lanes, chosen)
            return
        found: list[Curve | None] = [None] * len(lanes)
        if race is not None and len(race.lanes) == len(lanes):
            for i, lane in enumerate(race.lanes):
                end = lane.filled if not lane.arrived else lane.filled - 1  # the last frame repeats the last answer
                quality = 100 * lane.probability[:end] if reading else lane.distance[:end]
                if np.isnan(quality).all():
                    continue
                found[i] = Curve(lane.nfe[:end].astype(np.float64), lane.seconds[:end], quality.astype(np.float64))
        self._draw(lanes, found, chosen)
        self.note.setText(f"each prediction on the way, n = 1{self._without(lanes)}")
        for plot in (self.by_calls, self.by_seconds):
            plot.set_y_range(0, 100) if reading else plot.set_y_range(None)
        self._either.setCurrentWidget(self._plots)

    def _await_reference(self, lanes: Sequence[SamplingConfig], chosen: int) -> None:
        """While lanes run there is no distance: the curves of the race before stay, if they are of these lanes."""
        if self._drawn[:4] == (tuple(self._names(lanes)), chosen, False, False) and self._either.currentWidget() \
                is self._plots:
            self.note.setText("the race before; the reference is found when all lanes have arrived")
            return
        self.empty.buttons[0].hide()
        self.empty.set_texts("The race is on", "The reference solution is found when all lanes have arrived.")
        self._either.setCurrentWidget(self.empty)
        self.note.setText("")

    def show_many(self, found: Sequence[LaneQuality | None], lanes: Sequence[SamplingConfig], chosen: int,
                  pictures: int, busy: str) -> None:
        """Figures over many pictures; busy: what to say instead while there are none."""
        reading = self.quality.value() == READ
        self._titles("Read right" if reading else "Distance", reading)
        known = [quality for quality in found if quality is not None]
        if not known:
            button = self.empty.buttons[0]
            button.setText(f"Measure over {number(pictures)} pictures")
            button.setVisible(not busy)
            self.empty.set_texts("Measuring" if busy else "Not measured for these weights",
                                 busy or "Every lane draws the same pictures with 3 to 50 steps, behind "
                                 "everything else; the result is kept with the run.")
            self._either.setCurrentWidget(self.empty)
            self.note.setText("")
            return
        self._draw(lanes, [self._curve(quality, reading) for quality in found], chosen)
        names = self._names(lanes)
        few, many = known[0].num_steps[0], known[0].num_steps[-1]
        bars = f"; bars: 95\u202f% interval of {names[chosen]}" if reading and found[chosen] is not None else ""
        slow = ", beside training" if any(quality.beside_training for quality in known) else ""
        count = f"n = {number(known[0].pictures)} at each of {few} to {many} steps"
        self.note.setText(f"{count}{slow}{bars}{self._without(lanes)}")
        for plot in (self.by_calls, self.by_seconds):
            plot.set_y_range(None)
        self._either.setCurrentWidget(self._plots)

    def _without(self, lanes: Sequence[SamplingConfig]) -> str:
        """Which lanes have no distance, and why."""
        names = [name for name, lane in zip(self._names(lanes), lanes, strict=True) if not deterministic(lane)]
        if self.quality.value() == READ or not names:
            return ""
        verb = "draws" if len(names) == 1 else "draw"
        return f"; {listed(names)} {verb} fresh noise: not comparable"

    def _names(self, lanes: Sequence[SamplingConfig]) -> list[str]:
        """Over many pictures a lane's own number of steps is one of several."""
        return lane_names([lane.model_copy(update={"num_steps": 1}) for lane in lanes] if self.many() else lanes)

    def _curve(self, quality: LaneQuality | None, reading: bool) -> Curve | None:
        if quality is None:
            return None
        nfe, seconds = np.array(quality.nfe, dtype=np.float64), np.array(quality.seconds)
        if not reading:
            return None if quality.distance is None else Curve(nfe, seconds, np.array(quality.distance))
        if quality.right is None:
            return None
        n = quality.pictures
        spans = tuple((100 * low, 100 * high) for low, high in (interval(right, n) for right in quality.right))
        return Curve(nfe, seconds, 100 * np.array(quality.right) / n, spans)

    def _titles(self, title: str, percent: bool) -> None:
        for plot, against in ((self.by_calls, "network calls"), (self.by_seconds, "time on this machine")):
            plot.set_title(title, "%" if percent else "mean square")
            plot.set_subtitle(f"against {against}")
            plot.set_log_y(not percent)

    def _draw(self, lanes: Sequence[SamplingConfig], curves: Sequence[Curve | None], chosen: int) -> None:
        reading = self.quality.value() == READ
        own = curves[chosen]
        spans = own.intervals if own is not None else ()
        shape = (tuple(self._names(lanes)), chosen, reading, self.many(), len(spans))
        if shape != self._drawn:
            self._drawn = shape
            self._make_lines(lanes, chosen, 1 if reading else 5 if self.many() else 4, len(spans))
        reach: list[list[float]] = [[], []]
        for (one, other), curve in zip(self._lines, curves, strict=True):
            for axis, line in enumerate((one, other)):
                if curve is None or len(curve.quality) == 0:
                    line.set_data([], [])
                    continue
                x = self._x(curve, axis)
                line.set_data(np.log10(x), curve.quality)
                reach[axis] += [float(x.min()), float(x.max())]
        for k, (pair, (low, high)) in enumerate(zip(self._bars, spans, strict=True)):
            assert own is not None
            for axis, line in enumerate(pair):
                at = math.log10(float(self._x(own, axis)[k]))
                line.set_data([at, at], [low, high])
        for plot, costs in zip((self.by_calls, self.by_seconds), reach, strict=True):
            plot.set_costs(min(costs, default=1.0), max(costs, default=100.0))

    @staticmethod
    def _x(curve: Curve, axis: int) -> NDArray[np.float64]:
        return curve.nfe if axis == 0 else np.maximum(1000 * curve.seconds, 1e-3)

    def _make_lines(self, lanes: Sequence[SamplingConfig], chosen: int, decimals: int, bars: int) -> None:
        for one, other in [*self._lines, *self._bars]:
            self.by_calls.remove_line(one)
            self.by_seconds.remove_line(other)

        def pair(name: str, look: LaneStyle, **how: Any) -> tuple[Line, Line]:
            one, other = (plot.add_line(name, look.token, look.width, look.style, **how)
                          for plot in (self.by_calls, self.by_seconds))
            return one, other

        self._bars = [pair("", LaneStyle(CHOSEN.token, 1.0, "solid"), legend=False) for _ in range(bars)]
        self._lines = [pair(name, lane_style(i, chosen), decimals=decimals, points=self.many())
                       for i, name in enumerate(self._names(lanes))]
