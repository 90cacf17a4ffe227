"""Two to four short choices side by side, one of them chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.widgets.buttons import KEYBOARD_REASONS, fill_box, outline_box

PAD = 14


class _Cell(QAbstractButton):
    def __init__(self, label: str, parent: Segmented) -> None:
        super().__init__(parent)
        self._box = parent
        self.setText(label)
        self.setAccessibleName(label)
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(theme().font(13, 600)).horizontalAdvance(self.text())
        return QSize(wide + 2 * theme().px(PAD), theme().height(26))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        on = self.isChecked()
        if self.isEnabled():
            token = "soft" if on else "pressed" if self.isDown() else "hover" if self.underMouse() else ""
            if token:
                fill_box(painter, box, style.color(token))
        elif on:
            fill_box(painter, box, style.color("hover"))
        painter.setFont(style.font(13, 600 if on else 400))
        painter.setPen(style.color("disabled" if not self.isEnabled() else "accent" if on else "text2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._box.step_by_key(event.key()):
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._box.set_keyboard_focus(event.reason() in KEYBOARD_REASONS)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._box.set_keyboard_focus(False)
        super().focusOutEvent(event)


class Segmented(QWidget):
    """`choices` are (value, label). `changed` carries the value a person chose."""

    changed = Signal(object)

    def __init__(self, choices: Sequence[tuple[Any, str]], name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keyboard = False
        self._values: list[Any] = []
        self._cells: list[_Cell] = []
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name or " or ".join(label for _, label in choices))
        for value, label in choices:
            cell = _Cell(label, self)
            self._values.append(value)
            self._cells.append(cell)
            self._group.addButton(cell, len(self._cells) - 1)
            self._row.addWidget(cell)
        self._cells[0].setChecked(True)
        self._one_tab_stop()
        self._group.idClicked.connect(self._clicked)
        theme().changed.connect(self._theme_changed)

    def value(self) -> Any:
        """The chosen value."""
        return self._values[self._group.checkedId()]

    def set_value(self, value: Any) -> None:
        """Choose without a signal; ValueError for a value that is not offered."""
        self._cells[self._values.index(value)].setChecked(True)
        self._one_tab_stop()

    def set_tooltips(self, texts: Sequence[str]) -> None:
        """One tooltip for each choice."""
        for cell, text in zip(self._cells, texts, strict=True):
            cell.setToolTip(tip(text))

    def set_choice_enabled(self, value: Any, enabled: bool, why: str = "") -> None:
        """Switch one choice off and say why."""
        cell = self._cells[self._values.index(value)]
        cell.setEnabled(enabled)
        cell.setToolTip(tip(why))

    def set_keyboard_focus(self, shown: bool) -> None:
        """Show or hide the focus border."""
        self._keyboard = shown
        self.update()

    def step_by_key(self, key: int) -> bool:
        """Arrow keys, Home and End choose; whether the key was one of them."""
        now, last = self._group.checkedId(), len(self._cells) - 1
        target = {Qt.Key.Key_Left: now - 1, Qt.Key.Key_Up: now - 1, Qt.Key.Key_Right: now + 1,
                  Qt.Key.Key_Down: now + 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}.get(Qt.Key(key))
        if target is None:
            return False
        target = min(last, max(0, target))
        if target != now and self._cells[target].isEnabled():
            self._cells[target].setChecked(True)
            self._one_tab_stop()
            self._cells[target].setFocus(Qt.FocusReason.TabFocusReason)
            self.changed.emit(self._values[target])
        return True

    def _clicked(self, index: int) -> None:
        if self._last != index:
            self._one_tab_stop()
            self.changed.emit(self._values[index])

    def _one_tab_stop(self) -> None:
        """Tab reaches the chosen one only; arrows go on from there."""
        self._last = self._group.checkedId()
        for i, cell in enumerate(self._cells):
            cell.setFocusPolicy(Qt.FocusPolicy.StrongFocus if i == self._last else Qt.FocusPolicy.ClickFocus)

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        outline_box(painter, box, style.color("ctl" if self.isEnabled() else "line"), 1)
        if self._keyboard:
            outline_box(painter, box, style.color("accent"), 2)

    def _theme_changed(self) -> None:
        for cell in self._cells:
            cell.updateGeometry()
        self.updateGeometry()
        self.update()
