"""A list to choose from, and a check box, with focus borders for the keyboard only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.widgets.buttons import KEYBOARD_REASONS, fill_box, outline_box


class Choice(QComboBox):
    """A list of (value, label). `changed` carries the value a person chose."""

    changed = Signal(object)

    def __init__(self, choices: Sequence[tuple[Any, str]] = (), name: str = "",
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: list[Any] = []
        self._keyboard = False
        self.setAccessibleName(name or "Choice")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(5)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_choices(choices)
        self.activated.connect(self._activated)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_choices(self, choices: Sequence[tuple[Any, str]]) -> None:
        """Offer others; the value stays if it is among them."""
        kept = self.value()
        self._values = [value for value, _ in choices]
        self.clear()
        self.addItems([label for _, label in choices])
        self._shown = 0
        if kept in self._values:
            self.set_value(kept)

    def value(self) -> Any:
        """The chosen value; None if nothing is offered."""
        index = self.currentIndex()
        return self._values[index] if 0 <= index < len(self._values) else None

    def set_value(self, value: Any) -> None:
        """Choose without a signal; ValueError for a value that is not offered."""
        self._shown = self._values.index(value)
        self.setCurrentIndex(self._shown)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))

    def _activated(self, index: int) -> None:
        if index != self._shown:
            self._shown = index
            self.changed.emit(self._values[index])

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()  # scrolling the dock must not change a choice on the way

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)

    def set_keyboard_focus(self, shown: bool) -> None:
        """Show or hide the focus border."""
        self._keyboard = shown
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._keyboard and self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            outline_box(painter, QRectF(self.rect()), theme().color("accent"), 2)

    def _restyle(self) -> None:
        self.setFont(theme().font(13))
        self.setFixedHeight(theme().height(26))
        self.updateGeometry()


class CheckBox(QCheckBox):
    """A box and its sentence. `changed` carries what a person set."""

    changed = Signal(object)

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._keyboard = False
        self.setAccessibleName(text)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda on: self.changed.emit(bool(on)))
        theme().changed.connect(self._theme_changed)

    def value(self) -> bool:
        """Whether it is checked."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Check or uncheck without `changed`."""
        self.setChecked(bool(value))

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))

    def sizeHint(self) -> QSize:
        style = theme()
        wide = QFontMetrics(style.font(13)).horizontalAdvance(self.text())
        return QSize(style.px(24) + wide + style.px(4), style.height(28))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(60), theme().height(28))

    def hitButton(self, _: QPoint) -> bool:
        return True

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = style.px(16)
        box = QRectF(0, (self.height() - side) // 2, side, side)
        on, enabled = self.isChecked(), self.isEnabled()
        hot = enabled and self.underMouse()
        if on:
            fill_box(painter, box, style.color("disabled" if not enabled else "accent_hover" if hot else "accent"))
            painter.drawPixmap(QPointF(box.topLeft()), style.pixmap("check", "on_accent", side))
        else:
            fill_box(painter, box, style.color("hover" if hot else "surface"))
            outline_box(painter, box, style.color("line" if not enabled else "accent" if hot else "ctl"), 1)
        x = side + style.px(8)
        font = style.font(13)
        painter.setFont(font)
        painter.setPen(style.color("text" if enabled else "disabled"))
        shown = QFontMetrics(font).elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width() - x)
        painter.drawText(QRect(x, 0, self.width() - x, self.height()),
                         Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        if self._keyboard and self.hasFocus():
            outline_box(painter, box.adjusted(-0.5, -0.5, 0.5, 0.5), style.color("text" if on else "accent"), 2)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def set_keyboard_focus(self, shown: bool) -> None:
        """Show or hide the focus border."""
        self._keyboard = shown
        self.update()

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()
