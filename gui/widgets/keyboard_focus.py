"""A focus ring that only the keyboard brings, for widgets that paint themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QFocusEvent, QPainter

from gui.theme import theme
from gui.widgets.buttons import KEYBOARD_REASONS, outline_box

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget as Base
else:
    Base = object  # Qt allows one widget class among the bases


class KeyboardFocus(Base):
    """Before the widget class among the bases. Knows whether the keyboard brought focus here: `keyboard_here`."""

    _keyboard = False

    @property
    def keyboard_here(self) -> bool:
        """Whether the ring is shown."""
        return self._keyboard and self.hasFocus()

    def paint_focus(self, painter: QPainter) -> None:
        """The ring, where it is shown."""
        if self.keyboard_here:
            outline_box(painter, QRectF(self.rect()), theme().color("accent"), 2)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()
