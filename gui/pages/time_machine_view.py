"""The map under a hand: the pointer enlarges, a click chooses, a drag draws a way; arrow keys do the same."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent

from gui.pages.time_machine_paper import Cell, MapPaper
from gui.widgets.picture_parts import KEYBOARD_REASONS


def between(start: Cell, end: Cell) -> list[Cell]:
    """The cells on the straight way from one to another, without the first: a quick hand passes over some."""
    count = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    return [(round(start[0] + (end[0] - start[0]) * i / count), round(start[1] + (end[1] - start[1]) * i / count))
            for i in range(1, count + 1)]


class MapView(MapPaper):
    """`hovered` tells the cell under the pointer or None. `chosen` (cell, final) tells a click or a key, and each cell
    that a drag comes to; final is False while the button is down. `drawn` tells a finished way of two cells or more.
    """

    hovered = Signal(object)
    chosen = Signal(object, bool)
    drawn = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pressed = False
        self._growing = False  # Shift and arrows draw a way
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self._pressed, self._keyboard, self.way = True, False, [cell]
            self.chosen.emit(cell, False)
            self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._pressed:
            self._hover(self.cell_at(event.position()))
            return
        cell = self.cell_at(event.position(), nearest=True)
        if cell is not None and cell != self.way[-1]:
            self.way += between(self.way[-1], cell)
            self.show_cell(cell)
            self._hover(None)
            self.chosen.emit(cell, False)
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._pressed:
            self._pressed = False
            self._finish()

    def _finish(self) -> None:
        way = list(self.way)
        if not way:
            return
        self.chosen.emit(way[-1], True)
        if len(way) > 1:
            self.drawn.emit(way)

    def _hover(self, cell: Cell | None) -> None:
        if cell != self.hover:
            before, self.hover = self.hover, cell
            self.hovered.emit(cell)
            self._update_cells(before, cell)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.current is None or not self.canvas.lefts:
            super().keyPressEvent(event)
            return
        column, row = self.current
        last_column, last_row = len(self.canvas.lefts) - 1, self.canvas.rows - 1
        target = {Qt.Key.Key_Left: (column - 1, row), Qt.Key.Key_Right: (column + 1, row),
                  Qt.Key.Key_Up: (column, row - 1), Qt.Key.Key_Down: (column, row + 1),
                  Qt.Key.Key_Home: (0, row), Qt.Key.Key_End: (last_column, row),
                  Qt.Key.Key_PageUp: (column, 0), Qt.Key.Key_PageDown: (column, last_row)}.get(Qt.Key(event.key()))
        if target is None:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and len(self.way) > 1:
                self.drawn.emit(list(self.way))
            else:
                super().keyPressEvent(event)
            return
        self._keyboard = True
        cell = min(max(target[0], 0), last_column), min(max(target[1], 0), last_row)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            if not self._growing or not self.way or self.way[-1] != (column, row):
                self.way, self._growing = [(column, row)], True
            if cell != self.way[-1]:
                self.way.append(cell)
        else:
            self._growing = False
        self._hover(None)
        self.show_cell(cell)
        self.chosen.emit(cell, True)
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.viewport().update()
