"""The slider of a dock row: 4 px track, round handle, a tick below where something plain happens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.widgets.buttons import KEYBOARD_REASONS

HANDLE = 8  # radius
TRACK = 4


class DockSlider(QAbstractSlider):
    """Real values on a QAbstractSlider, which counts steps (so keyboard and screen reader work).

    `moved` carries each value on the way, `released` the last one: a drag is one change. Arrow 1 step, Shift 10,
    Home, End, wheel 1 while focused, double-click the default.
    """

    moved = Signal(float)
    released = Signal(float)

    def __init__(self, minimum: float, maximum: float, step: float, default: float, name: str,
                 ticks: Sequence[float] = (), power: float = 1.0, parent: QWidget | None = None) -> None:
        """power: 2 gives the low values more of the track."""
        super().__init__(parent)
        self._low, self._step = minimum, step
        self._default, self._ticks, self._power = default, tuple(ticks), power
        self._keyboard = False
        self._before = 0
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setAccessibleName(name)
        self.setRange(0, max(1, round((maximum - minimum) / step)))
        self.setSingleStep(1)
        self.setPageStep(10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def set_span(self, minimum: float, maximum: float, default: float, ticks: Sequence[float]) -> None:
        """Other ends, default and ticks; the handle stays at its value where that is possible. No signal."""
        value = self.real()
        self._low, self._default, self._ticks = minimum, default, tuple(ticks)
        blocked = self.blockSignals(True)
        self.setRange(0, max(1, round((maximum - minimum) / self._step)))
        self.blockSignals(blocked)
        self.set_real(value)

    def real(self) -> float:
        """The value at the handle."""
        return round(self._low + self.value() * self._step, 9)

    def set_real(self, value: float) -> None:
        """Move the handle without a signal; values beyond the ends stop there."""
        blocked = self.blockSignals(True)
        self.setValue(round((value - self._low) / self._step))
        self.blockSignals(blocked)
        self.update()

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))

    # ---- geometry ----

    def sizeHint(self) -> QSize:
        return QSize(theme().px(90), theme().height(26))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(48), theme().height(26))

    def _ends(self) -> tuple[float, float]:
        edge = theme().px(HANDLE)
        return edge, max(edge + 1.0, self.width() - edge)

    def _x_of(self, position: float) -> float:
        left, right = self._ends()
        share = max(0.0, min(1.0, position / self.maximum()))
        return left + (right - left) * math.pow(share, 1 / self._power)

    def _position_at(self, x: float) -> int:
        left, right = self._ends()
        share = max(0.0, min(1.0, (x - left) / (right - left)))
        return round(math.pow(share, self._power) * self.maximum())

    # ---- events ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._keyboard = False
        self._before = self.value()
        self.setSliderDown(True)
        self._move(self._position_at(event.position().x()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._move(self._position_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isSliderDown():
            self.setSliderDown(False)
            self._finish()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._before = self.value()
        self._move(round((self._default - self._low) / self._step))
        self._finish()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        if not self.hasFocus() or not turned:
            event.ignore()
            return
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self._jump(self.value() + (far if turned > 0 else -far))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        target = {Qt.Key.Key_Left: self.value() - far, Qt.Key.Key_Down: self.value() - far,
                  Qt.Key.Key_Right: self.value() + far, Qt.Key.Key_Up: self.value() + far,
                  Qt.Key.Key_PageDown: self.value() - 10, Qt.Key.Key_PageUp: self.value() + 10,
                  Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.maximum()}.get(Qt.Key(event.key()))
        if target is None:
            super().keyPressEvent(event)
            return
        self._keyboard = True
        self._jump(target)

    def _jump(self, position: int) -> None:
        self._before = self.value()
        self._move(position)
        self._finish()

    def _move(self, position: int) -> None:
        position = max(0, min(self.maximum(), position))
        if position != self.value():
            self.setValue(position)
            self.moved.emit(self.real())
            self.update()

    def _finish(self) -> None:
        if self.value() != self._before:
            self._before = self.value()
            self.released.emit(self.real())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def set_keyboard_focus(self, shown: bool) -> None:
        """Show or hide the ring round the handle."""
        self._keyboard = shown
        self.update()

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    # ---- paint ----

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        y = self.height() / 2
        left, right = self._ends()
        x = self._x_of(self.value())
        on = self.isEnabled()
        gap = style.px(HANDLE) + 1  # the track ends short of the handle, whatever the ground is
        painter.setPen(Qt.PenStyle.NoPen)
        for token, start, end in (("accent" if on else "disabled", left, x - gap), ("line", x + gap, right)):
            if end > start:
                painter.setBrush(style.color(token))
                painter.drawRoundedRect(QRectF(start, y - TRACK / 2, end - start, TRACK), 2, 2)
        painter.setPen(QPen(style.color("muted"), 1))
        for tick in self._ticks:
            at = round(self._x_of((tick - self._low) / self._step)) + 0.5
            painter.drawLine(QPointF(at, y + style.px(HANDLE)), QPointF(at, y + style.px(HANDLE) + 3))
        radius = style.px(HANDLE)
        painter.setPen(Qt.PenStyle.NoPen)
        hot = on and (self.underMouse() or self.isSliderDown())
        painter.setBrush(style.color("disabled" if not on else "accent_hover" if hot else "accent"))
        painter.drawEllipse(QPointF(x, y), radius - 0.5, radius - 0.5)
        if self._keyboard and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(style.color("accent"), 2))
            painter.drawEllipse(QPointF(x, y), style.px(10), style.px(10))
