"""The seed: a number, back to the last one, a new one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import IconButton
from gui.widgets.index_box import IndexBox
from gui.widgets.words import Words

LARGEST_SEED = 2**63 - 1


class SeedBox(QWidget):
    """Seeds are Python ints from 0 to 2**63 - 1, so the signal carries an object."""

    changed = Signal(object)  # typed, at Enter
    new_requested = Signal()
    previous_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Seed")
        self.label = Words(self)
        self.label.set_parts(("Seed", "text", 500, 13, ""))
        self.box = IndexBox("Seed", 0, LARGEST_SEED, grouped=False)
        self.box.setFixedSize(self.box.sizeHint())
        self.previous = IconButton("undo", "Last seed\nShift+R")
        self.previous.setAccessibleName("Last seed")
        self.new = IconButton("dice", "New seed\nR")
        self.new.setAccessibleName("New seed")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme().px(4))
        for widget in (self.label, self.box, self.previous, self.new):
            layout.addWidget(widget)
        self.box.committed.connect(self.changed)
        self.new.clicked.connect(self.new_requested)
        self.previous.clicked.connect(self.previous_requested)

    def value(self) -> int:
        """The seed that applies."""
        return self.box.value()

    def set_value(self, seed: int) -> None:
        """Show a seed without a signal."""
        self.box.set_value(int(seed))
        self.box.set_help(f"Decides the noise that sampling starts from.\n{seed}\nR new, Shift+R last")

    def set_previous_enabled(self, enabled: bool) -> None:
        """Whether there is an earlier seed to go back to."""
        self.previous.setEnabled(enabled)
