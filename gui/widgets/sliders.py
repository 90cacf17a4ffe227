"""The timeline's two sliders: QAbstractSlider underneath, for keyboard and screen readers; painted here."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from gui.theme import theme

MARGIN = 10  # room for the focus ring beyond the track's ends
HANDLE = 6.5
RING = 10


def scaled(size: float) -> float:
    """px at 100 % on this theme's text scale."""
    return size * theme().scale


class TrackSlider(QAbstractSlider):
    """A horizontal slider painted by its subclasses.

    Keys: arrows 1, Shift and arrows or Page 10, Home the left end, End the right end. Wheel 1 step.
    Double click: `default`. sliderPressed and sliderReleased bracket a drag (one undo step).
    """

    user_moved = Signal(int)  # a value chosen by hand, not set by the program
    # Whether the smallest value lies at the left.
    rising = True

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.default: int | None = None
        self._keyboard = False
        self._wheel = 0
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(32))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(100), theme().px(32))

    # ---- value and place ------------------------------------------------------------------------------

    def track(self) -> QRectF:
        """The track's box: x from its left to its right end, y its middle line (height 0)."""
        margin = scaled(MARGIN)
        return QRectF(margin, self.height() / 2, self.width() - 2 * margin, 0)

    def x_of(self, value: float) -> float:
        """Place of a value on the track."""
        track = self.track()
        share = (value - self.minimum()) / max(1, self.maximum() - self.minimum())
        return track.left() + track.width() * (share if self.rising else 1 - share)

    def value_at(self, x: float) -> int:
        """The value whose place is nearest."""
        track = self.track()
        share = min(1.0, max(0.0, (x - track.left()) / max(1.0, track.width())))
        share = share if self.rising else 1 - share
        return round(self.minimum() + share * (self.maximum() - self.minimum()))

    def moved_by(self, value: int, steps: int) -> int:
        """The value `steps` to the right (negative: left) of `value`."""
        return value + (steps if self.rising else -steps)

    def set_value(self, value: int) -> None:
        """Set by the program: no user_moved."""
        self.setValue(value)

    def _move(self, value: int) -> None:
        value = min(max(value, self.minimum()), self.maximum())
        if value != self.value():
            self.setValue(value)
            self.user_moved.emit(value)

    # ---- hands ----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.minimum() == self.maximum():
            event.ignore()
            return
        self._keyboard = False
        self.setSliderDown(True)
        self._move(self.value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._move(self.value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.default is not None:
            self._move(self.default)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Touchpads send parts of a notch: gather them. Up and right mean further.
        turn = event.angleDelta()
        self._wheel += turn.y() if abs(turn.y()) >= abs(turn.x()) else -turn.x()
        steps = int(self._wheel / 120)
        if steps:
            self._wheel -= steps * 120
            self._move(self.moved_by(self.value(), steps))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        many = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        steps = {Qt.Key.Key_Right: many, Qt.Key.Key_Up: many, Qt.Key.Key_Left: -many, Qt.Key.Key_Down: -many,
                 Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}.get(Qt.Key(key))
        if steps is not None:
            self._move(self.moved_by(self.value(), steps))
        elif key == Qt.Key.Key_Home:
            self._move(self.minimum() if self.rising else self.maximum())
        elif key == Qt.Key.Key_End:
            self._move(self.maximum() if self.rising else self.minimum())
        else:
            super().keyPressEvent(event)
            return
        self._keyboard = True
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                                            Qt.FocusReason.ShortcutFocusReason)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    # ---- paint ----------------------------------------------------------------------------------------

    def paint_handle(self, painter: QPainter, token: str, ground: str) -> None:
        """The handle, with the ring that keyboard focus draws round it."""
        colours = theme()
        centre = QPointF(self.x_of(self.value()), self.track().y())
        if self._keyboard and self.hasFocus():
            painter.setPen(QPen(colours.color("accent"), 1.6))
            painter.setBrush(colours.color(ground))
            painter.drawEllipse(centre, scaled(RING) - 1, scaled(RING) - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color(ground))
        radius = scaled(HANDLE)
        painter.drawEllipse(centre, radius + 1.6, radius + 1.6)
        painter.setBrush(colours.color(token if self.isEnabled() else "disabled"))
        painter.drawEllipse(centre, radius, radius)


class StepSlider(TrackSlider):
    """Training step: a thin track filled up to the handle, a tick for each snapshot, a ring where live is.

    With ticks set, keys, wheel and drags go from snapshot to snapshot.
    """

    TRACK = 4

    def __init__(self, name: str = "Training step", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._ticks: list[int] = []
        self._live: int | None = None
        self.ground = "bg"

    def set_ticks(self, steps: Sequence[int]) -> None:
        """Steps of the snapshots, in any order."""
        self._ticks = sorted({int(step) for step in steps})
        self.update()

    def ticks(self) -> list[int]:
        """Steps of the snapshots, rising."""
        return list(self._ticks)

    def set_live(self, step: int | None) -> None:
        """Where training stands; None when nothing trains."""
        if step != self._live:
            self._live = step
            self.update()

    def _stops(self) -> list[int]:
        if self._live is None:
            return self._ticks
        return sorted({*self._ticks, self._live})

    def value_at(self, x: float) -> int:
        value = super().value_at(x)
        stops = self._stops()
        return min(stops, key=lambda stop: abs(stop - value)) if stops else value

    def moved_by(self, value: int, steps: int) -> int:
        stops = self._stops()
        if not stops:
            return super().moved_by(value, steps)
        if steps > 0:
            at = bisect.bisect_right(stops, value) - 1 + steps
        else:
            at = bisect.bisect_left(stops, value) + steps
        return stops[min(max(at, 0), len(stops) - 1)]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        stops = self._stops()
        if stops and event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._keyboard = True
            self._move(stops[0] if event.key() == Qt.Key.Key_Home else stops[-1])
            self.update()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = self.track()
        tall = round(scaled(self.TRACK))
        bar = QRectF(track.left(), track.y() - tall / 2, track.width(), tall)
        x = self.x_of(self.value())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("line"))
        painter.drawRoundedRect(bar, 2, 2)
        looking_back = self._live is not None and self._live != self.value()
        if looking_back:
            assert self._live is not None
            live = self.x_of(self._live)
            painter.setBrush(colours.color("ctl"))
            painter.drawRect(QRectF(min(x, live), bar.y(), abs(live - x), tall))
        painter.setBrush(colours.color("accent" if self.isEnabled() else "disabled"))
        painter.drawRoundedRect(QRectF(bar.x(), bar.y(), max(0.0, x - bar.x()), tall), 2, 2)

        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(colours.color("text2"), 1))
        top = round(track.y() + scaled(6))
        for step in self._ticks:
            at = round(self.x_of(step))
            painter.drawLine(at, top, at, top + round(scaled(4)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if looking_back:
            painter.setBrush(colours.color(self.ground))
            painter.setPen(QPen(colours.color("accent"), 1.6))
            painter.drawEllipse(QPointF(live, track.y()), scaled(4), scaled(4))
        self.paint_handle(painter, "accent", self.ground)
        painter.end()


class NoiseSlider(TrackSlider):
    """Noise level t, T at the left, 0 at the right. The track is the schedule: blue, orange up to abar(t)."""

    TRACK = 8
    rising = False

    def __init__(self, name: str = "Noise level t", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._alpha_bar: NDArray[np.float64] = np.linspace(1, 0, 2)
        self._readable: int | None = None
        self._track: QPixmap | None = None  # made once: only the handle moves
        self._track_of: tuple[object, ...] = ()
        self.ground = "bg"
        self.setRange(0, 1000)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # nothing beneath is painted with it

    def set_alpha_bar(self, alpha_bar: ArrayLike) -> None:
        """Share of signal power over t = 0..T; sets the range to 0..T."""
        self._alpha_bar = np.asarray(alpha_bar, dtype=np.float64)
        self._track = None
        self.setRange(0, len(self._alpha_bar) - 1)
        self.update()

    def set_readable(self, t: int | None) -> None:
        """Where the digit is first readable; None: not measured, nothing is drawn."""
        if t != self._readable:
            self._readable = t
            self.update()

    def _theme_changed(self) -> None:
        self._track = None
        super()._theme_changed()

    def _bar(self) -> QRectF:
        track = self.track()
        tall = round(scaled(self.TRACK))
        return QRectF(track.left(), track.y() - tall / 2, track.width(), tall)

    def _picture(self) -> QPixmap:
        """Ground and track without handle."""
        ratio = self.devicePixelRatioF()
        if self._track is None or self._track_of != (self.size(), ratio, self.ground):
            self._track_of = (self.size(), ratio, self.ground)
            self._track = QPixmap(self.size() * ratio)
            self._track.setDevicePixelRatio(ratio)
            self._track.fill(theme().color(self.ground))
            painter = QPainter(self._track)
            self._paint_track(painter)
            painter.end()
        return self._track

    def _paint_track(self, painter: QPainter) -> None:
        colours = theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = self._bar()
        tall = bar.height()
        clip = QPainterPath()
        clip.addRoundedRect(bar, 2, 2)
        painter.fillPath(clip, colours.color("noise_track"))
        at = np.linspace(0, 1, 65)
        last = len(self._alpha_bar) - 1
        # The track's left end is t = T.
        shares = np.interp((1 - at) * last, np.arange(last + 1), self._alpha_bar)
        points = [QPointF(bar.left() + bar.width() * float(a), bar.bottom() - tall * float(s))
                  for a, s in zip(at, shares, strict=True)]
        signal = QPainterPath()
        signal.addPolygon(QPolygonF([*points, bar.bottomRight(), bar.bottomLeft()]))
        painter.fillPath(signal.intersected(clip), colours.color("signal_track"))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = self._bar()
        if self._readable is not None:
            x, y = self.x_of(self._readable), bar.bottom() + scaled(2.5)
            wide, high = scaled(4), scaled(5.5)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.color("text"))
            painter.drawPolygon(QPolygonF([QPointF(x, y), QPointF(x - wide, y + high), QPointF(x + wide, y + high)]))
        self.paint_handle(painter, "text", self.ground)
        painter.end()
