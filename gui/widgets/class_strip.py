"""The class strip: one cell a class, its name over a bar of its colour."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from gui.theme import theme

CELL_WIDTH, CELL_HEIGHT, CELL_GAP = 26, 28, 2
SHOWN = 10  # more classes scroll past
LETTERS = 3  # of a longer name that a cell shows


class ClassCell(QAbstractButton):
    """One class of the strip."""

    def __init__(self, index: int, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self._keyboard = False
        self.setText(name)
        self.setAccessibleName(f"Class {name}")
        key = f"\nKey {index}" if index < 10 else ""
        self.setToolTip(f"Class {name}{key}")
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(CELL_WIDTH), theme().px(CELL_HEIGHT))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        box = QRectF(self.rect())
        focused = self._keyboard and self.hasFocus()
        if chosen or focused:
            painter.setBrush(colours.color("soft") if chosen else Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("accent"), 2 if focused else 1.5))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        elif self.isEnabled() and (self.isDown() or self.underMouse()):
            painter.setBrush(colours.color("pressed" if self.isDown() else "hover"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(box, 4, 4)
        bar_width, bar_height = colours.px(14), 3
        bar = QRectF((box.width() - bar_width) / 2, box.height() - colours.px(7) - 0.5, bar_width, bar_height)
        painter.setBrush(colours.class_color(self.index))
        ringed = colours.name == "light" and self.index == 4
        painter.setPen(QPen(colours.color("muted"), 0.6) if ringed else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(bar, 1.5, 1.5)
        name, px = self.text(), 13
        if len(name) >= LETTERS:  # "Trouser" is "Tro": an ellipsis would leave one letter
            name, px = name[:LETTERS], 11
        painter.setFont(colours.font(px, 600 if chosen else 500))
        token = "accent" if chosen else "text2" if self.isEnabled() else "disabled"
        painter.setPen(colours.color(token))
        room = QRectF(1, 0, box.width() - 2, bar.top())
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, name)
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        # Arrow keys move inside the group with OtherFocusReason after a key; the group's parent says so.
        self._keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                                            Qt.FocusReason.ShortcutFocusReason)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()


class ClassStrip(QWidget):
    """Exactly one class is chosen; arrow keys move between the cells."""

    changed = Signal(int)  # by hand only

    def __init__(self, names: Sequence[str] = tuple("0123456789"), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Class")
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(CELL_GAP)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._group.idClicked.connect(self._clicked)
        self._cells: list[ClassCell] = []
        self._names: tuple[str, ...] = ()
        self._value = -1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_names(names)

    def set_names(self, names: Sequence[str]) -> None:
        """One cell a class; of longer names a cell shows the first letters, its tooltip all."""
        if tuple(names) == self._names:
            return
        for cell in self._cells:
            self._group.removeButton(cell)
            self._layout.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self._names = tuple(names)
        self._cells = [ClassCell(i, name, self) for i, name in enumerate(self._names)]
        for i, cell in enumerate(self._cells):
            self._group.addButton(cell, i)
            self._layout.addWidget(cell)
        self.set_value(min(max(self._value, 0), len(self._cells) - 1))

    def cells(self) -> list[ClassCell]:
        """The buttons, in order."""
        return list(self._cells)

    def value(self) -> int:
        """The chosen class."""
        return self._value

    def set_value(self, index: int) -> None:
        """Choose without a signal."""
        self._value = index
        if 0 <= index < len(self._cells):
            self._cells[index].setChecked(True)
        self._show_around(index)

    def _show_around(self, index: int) -> None:
        first = min(max(0, index - SHOWN // 2), max(0, len(self._cells) - SHOWN))
        for i, cell in enumerate(self._cells):
            cell.setVisible(first <= i < first + SHOWN)

    def _clicked(self, index: int) -> None:
        if index != self._value:
            self._value = index
            self._show_around(index)
            self.changed.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._cells) - 1
        target = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: last}.get(Qt.Key(event.key()))
        if target is None:
            super().keyPressEvent(event)
            return
        self._cells[target].setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._cells[target].click()
