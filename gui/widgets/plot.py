"""A plot as the design has it: title above, quiet grid, legend as readout, markers, crosshair.

Data change by `Line.set_data`; drawing is thinned to what is visible and happens at the next paint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStyleOptionGraphicsItem,
    QVBoxLayout,
    QWidget,
)

from engine.settings import number
from gui.theme import theme
from gui.widgets.plot_axes import Axes
from gui.widgets.plot_export import add_saving
from gui.widgets.plot_growth import SPILL, paint_line
from gui.widgets.plot_items import Bars, Grid, Line, Marks, Overlay
from gui.widgets.plot_legend import Entry, Legend
from gui.widgets.plot_numbers import MOST_POINTS
from gui.widgets.plot_view import PlotView
from gui.widgets.words import Words


class Plot(QWidget):
    """One pair of axes. x may run down to the right (`reversed_x`: every t axis)."""

    point_double_clicked = Signal(float)
    crosshair_moved = Signal(object)  # x, or None when the pointer left
    clicked = Signal(float, float)  # x, y

    def __init__(self, title: str, unit: str = "", x_name: str = "", *, reversed_x: bool = False,
                 log_y: bool = False, parent: QWidget | None = None) -> None:
        """unit is written after the title ("Loss", "dB"). x_name stands in the bottom left corner."""
        super().__init__(parent)
        self.title, self.unit, self.x_name = title, unit, x_name
        self.axes = Axes(reversed_x, log_y)
        self.vertical_grid = False
        self.double_click_resets = True
        self.subtitle_for: Callable[[float | None], str] | None = None
        self.marks = Marks()
        self.lines: list[Line] = []
        self.bars: list[Bars] = []
        self._stale = True
        self._ratio = 0.0
        self._keyboard = False
        self._note = ""

        self._heading = Words()
        self._heading.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._heading.gap = 10
        self._head = QHBoxLayout()
        self._head.setContentsMargins(0, 0, 0, 0)
        self._head.setSpacing(8)
        self._head.addWidget(self._heading, 1)
        self.legend = Legend()
        self._grid, self.overlay = Grid(self), Overlay(self)
        self.view = PlotView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._head)
        layout.addWidget(self.legend)
        layout.addWidget(self.view, 1)

        self.box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
        self.box.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.box.setAcceptHoverEvents(False)
        self.box.disableAutoRange()
        self.view.scene().addItem(self.box)
        # Beside the view box, not inside it: it clips its children.
        self._grid.setZValue(-1000)
        self.view.scene().addItem(self._grid)

        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"{title}, {unit}" if unit else title)
        theme().changed.connect(self._theme_changed)
        self._theme_changed()

    # ---- contents -------------------------------------------------------------------------------------

    def add_line(self, name: str, token: str = "accent", width: float = 2.0, style: str = "solid", *,
                 legend: bool = True, decimals: int | None = 3, points: bool = False,
                 between: bool = True) -> Line:
        """A curve. style: solid, dash (comparison, give 1.5), raw (data as measured), thin (faint dashes).

        decimals: of the readout; None shows the name alone. points: a dot at each point. between False: the
        readout takes the nearest point, not the line between two.
        """
        line = Line(self, name, token, width, style, legend, decimals, points, between)
        self.lines.append(line)
        self.box.addItem(line.item, ignoreBounds=True)
        self.refresh_legend()
        return line

    def remove_line(self, line: Line) -> None:
        """Take a curve out."""
        self.lines.remove(line)
        self.box.removeItem(line.item)
        self.data_changed(None)

    def add_bars(self, token: str = "muted") -> Bars:
        """Bars of a histogram, behind the curves."""
        bars = Bars(self, token)
        self.bars.append(bars)
        return bars

    def add_tail(self, widget: QWidget) -> None:
        """A control at the right of the title (smoothing, linear or log)."""
        self._head.addWidget(widget)

    def set_title(self, title: str, unit: str | None = None) -> None:
        """Change the words above."""
        self.title = title
        self.unit = self.unit if unit is None else unit
        self._describe()

    def set_subtitle(self, note: str) -> None:
        """Smaller words after the title; `subtitle_for` overrules them."""
        self._note = note
        self._describe()

    def set_log_y(self, log_y: bool) -> None:
        """Logarithmic y; values that are not above 0 are left out."""
        if log_y != self.axes.log_y:
            self.axes.log_y = log_y
            self._changed()

    def set_x_range(self, low: float, high: float) -> None:
        """The whole range of x (wheel zooms inside it)."""
        if (low, high) != self.axes.x_range:
            self.axes.x_range = (float(low), float(high))
            self._changed()

    def set_y_range(self, low: float | None, high: float | None = None) -> None:
        """Fixed range of y in data units; None: what is visible decides."""
        wanted = None if low is None or high is None else (float(low), float(high))
        if wanted != self.axes.y_range:
            self.axes.y_range = wanted
            self._changed()

    def set_ticks(self, x: Sequence[float] | None = None, y: Sequence[float] | None = None) -> None:
        """Labels at these values only; None: chosen by range."""
        self.axes.x_ticks = None if x is None else list(x)
        self.axes.y_ticks = None if y is None else list(y)
        self._changed()

    def set_current(self, x: float | None) -> None:
        """The current point: 1 px accent line with a dot on each curve."""
        if x != self.marks.current:
            self.marks.current = x
            self._marks_changed()

    def set_events(self, events: Sequence[tuple[float, str]]) -> None:
        """Dotted lines with a word ("paused 0:12")."""
        self.marks.events = [(float(x), word) for x, word in events]
        self.view.marks_moved()

    def set_small_ticks(self, places: Sequence[float]) -> None:
        """Small triangles on the x axis (snapshots)."""
        self.marks.small_ticks = [float(x) for x in places]
        self.view.marks_moved()

    def set_verticals(self, verticals: Sequence[tuple[float, str, str]]) -> None:
        """Solid 1 px lines: (x, token, word)."""
        self.marks.verticals = [(float(x), token, word) for x, token, word in verticals]
        self.view.marks_moved()

    def set_crosshair(self, x: float | None) -> None:
        """Put the crosshair at a place (a linked plot does this); no signal."""
        if x != self.marks.crosshair:
            self.marks.crosshair = x
            self._marks_changed()

    def data_changed(self, line: Line | None) -> None:
        """A curve has new points: lay out again at the next paint, once however many changed."""
        self._changed()

    def data_grown(self) -> None:
        """All curves have more points at their ends, and the same before: only those are painted, where that does."""
        if self._stale or not self.view.grow():
            self._changed()
        else:
            self.refresh_legend()

    # ---- ranges and places ----------------------------------------------------------------------------

    def _changed(self) -> None:
        self._stale = True
        self.refresh_legend()
        self.view.draw_anew()

    def lay_out(self) -> None:
        """Bring ranges and curves up to date; called before painting, cheap when nothing changed."""
        if not self._stale:
            return
        self._stale = False
        if self._ratio != self.devicePixelRatioF():
            self._ratio = self.devicePixelRatioF()
            for line in self.lines:
                line.restyle()
        axes = self.axes
        axes.fit(self.lines, self.bars)
        axes.box = self._inner()
        # A little larger than the axes, so that a thick line along an edge is not cut in half.
        across = SPILL * (axes.x_view[1] - axes.x_view[0]) / axes.box.width()
        up = SPILL * (axes.y_view[1] - axes.y_view[0]) / axes.box.height()
        self.box.setGeometry(axes.box.adjusted(-SPILL, -SPILL, SPILL, SPILL))
        self.box.invertX(axes.reversed_x)
        self.box.setRange(xRange=(axes.x_view[0] - across, axes.x_view[1] + across),
                          yRange=(axes.y_view[0] - up, axes.y_view[1] + up), padding=0, disableAutoRange=True)
        wide = max(200, int(axes.box.width()))
        for line in self.lines:
            line.draw(*axes.x_view, MOST_POINTS if line.style == "raw" else min(MOST_POINTS, wide))

    def paint_grid(self, painter: QPainter) -> None:
        """Grid and labels, in pixels of the view."""
        self._grid.paint(painter, QStyleOptionGraphicsItem())

    def paint_lines(self, painter: QPainter) -> None:
        """All curves, in pixels of the view."""
        box = self.axes.box
        painter.setClipRect(box.adjusted(-SPILL, -SPILL, SPILL, SPILL))
        for line in self.lines:
            if line.visible:
                paint_line(painter, line, math.floor(box.left()), math.ceil(box.right()))

    def resized(self) -> None:
        """The view has another size."""
        self._stale = True
        self._grid.prepareGeometryChange()

    def _inner(self) -> QRectF:
        """The box of the data inside the view; the left margin follows the widest label."""
        px = theme().px
        style = theme()
        metrics = style.metrics(11)
        below = metrics.height() + px(8)
        above = metrics.height() / 2 + 2
        size = self.view.size()
        height = max(10.0, size.height() - above - below)
        labels = [label for _, label in self.axes.y_labels(height)]
        left = max([style.advance(label, 11) for label in labels], default=0) + px(8)
        if self.x_name:
            left = max(left, style.advance(self.x_name, 11) + px(12))
        left = max(left, px(34))
        # By the whole range, so that zooming does not move the box under the pointer.
        last = self.axes.x_format(self.axes.full_x[0 if self.axes.reversed_x else 1])
        right = style.advance(last, 11) / 2 + 2
        return QRectF(round(left), round(above), max(10, round(size.width() - left - right)), round(height))

    def scene_rect(self) -> QRectF:
        """The whole view."""
        return QRectF(0, 0, self.view.width(), self.view.height())

    # ---- words ----------------------------------------------------------------------------------------

    def _marks_changed(self) -> None:
        self.refresh_legend()
        self.view.marks_moved()

    def readout_place(self) -> float | None:
        """Where the legend reads: under the crosshair, else at the current point, else at the end."""
        if self.marks.crosshair is not None:
            return self.marks.crosshair
        return self.marks.current

    def refresh_legend(self) -> None:
        """Values at the place that is read."""
        at = self.readout_place()
        entries = []
        for line in self.lines:
            if not (line.legend and line.visible):
                continue
            value = ""
            if line.decimals is not None and line.style != "thin" and len(line.x):
                found = line.value_at(at) if at is not None else float(line.y[-1])
                value = "" if math.isnan(found) else f"{found:.{line.decimals}f}".replace("-", "\u2212")
            widest = line.widest_value()
            entries.append(Entry(line.name, value, line.swatch_color(), line.width,
                                 line.style in ("dash", "thin"), widest if value else ""))
        self.legend.set_entries(entries)
        self.legend.setVisible(bool(entries))
        self._describe()

    def _describe(self) -> None:
        note = self._note if self.subtitle_for is None else self.subtitle_for(self.readout_place())
        parts = [(f"{self.title}, {self.unit}" if self.unit else self.title, "text", 600, 13, "")]
        if note:
            parts.append((note, "muted", 400, 12, ""))
        self._heading.set_parts(*parts)
        at = self.readout_place()
        where = f" at {self.x_name or 'x'} {number(round(at, 2))}" if at is not None else ""
        self.setAccessibleDescription(f"{self.legend.text()}{where}")

    def _theme_changed(self) -> None:
        self.view.setBackground(theme().color("surface"))
        for line in self.lines:
            line.restyle()
        self._heading.setFixedHeight(QFontMetrics(theme().font(13, 600)).height() + theme().px(6))
        self._changed()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(280), theme().px(180))

    # ---- hands, called by the view --------------------------------------------------------------------

    def pointer_at(self, position: QPointF | None) -> None:
        """The pointer moved over the view, or left it."""
        x: float | None = None
        if position is not None and self.axes.box.contains(position):
            x = self.axes.x_at(position.x())
        if x != self.marks.crosshair:
            self.set_crosshair(x)
            self.crosshair_moved.emit(x)

    def zoom_at(self, pixel: float, steps: float) -> None:
        """Zoom x about a pixel; out as far as the whole."""
        self.axes.zoom_about(pixel, steps)
        self._changed()

    def pan_by(self, pixels: float) -> None:
        """Drag a zoomed plot along x."""
        if self.axes.zoom is not None:
            self.axes.pan(pixels)
            self._changed()

    def reset_zoom(self) -> None:
        """Show the whole range."""
        self.axes.zoom = None
        self._changed()

    def double_clicked(self, position: QPointF) -> None:
        """Reset, or tell where, as `double_click_resets` says."""
        if self.double_click_resets:
            self.reset_zoom()
        if self.axes.box.contains(position):
            self.point_double_clicked.emit(self.axes.x_at(position.x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None:
            many = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            low, high = self.axes.x_view
            start = self.readout_place()
            start = (low + high) / 2 if start is None else start
            way = -step if self.axes.reversed_x else step
            x = min(max(start + way * many * (high - low) / 100, low), high)
            self.set_crosshair(x)
            self.crosshair_moved.emit(x)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.marks.crosshair is not None:
            self.point_double_clicked.emit(self.marks.crosshair)
        elif event.key() == Qt.Key.Key_Escape and (self.marks.crosshair is not None or self.axes.zoom):
            self.set_crosshair(None)
            self.crosshair_moved.emit(None)
            self.reset_zoom()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                                            Qt.FocusReason.ShortcutFocusReason)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._keyboard and self.hasFocus():
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawLine(0, self._heading.geometry().bottom(), 24, self._heading.geometry().bottom())
        painter.end()

    # ---- copy and save --------------------------------------------------------------------------------

    def values_text(self) -> str:
        """All curves as tab-separated text: x and y of each."""
        shown = [line for line in self.lines if line.visible and len(line.x)]
        head = "\t".join(f"{self.x_name or 'x'}\t{line.name}" for line in shown)
        rows = [head]
        for i in range(max((len(line.x) for line in shown), default=0)):
            rows.append("\t".join(f"{line.x[i]:.10g}\t{line.y[i]:.10g}" if i < len(line.x) else "\t"
                                  for line in shown))
        return "\n".join(rows)

    def menu(self) -> QMenu:
        """Copy values, copy picture, save as PNG or SVG."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        clipboard = QGuiApplication.clipboard()
        menu.addAction("Copy values").triggered.connect(lambda: clipboard.setText(self.values_text()))
        add_saving(menu, self, self.title)
        if self.axes.zoom is not None:
            menu.addAction("Show the whole range").triggered.connect(self.reset_zoom)
        return menu
