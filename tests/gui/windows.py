"""Windows for tests: three plain pages, and keys pressed in them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from gui.main_window import MainWindow
from gui.pages.base import Page
from gui.session import Session
from gui.widgets.section import Section

Make = Callable[..., MainWindow]


class Plain(Page):
    """A page with a field, a button and a section."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.field = QLineEdit()
        self.field.setAccessibleName("Field")
        self.body.addWidget(self.field)
        self.section = Section(f"Settings of {self.title}")

    def setup_sections(self) -> list[Section]:
        return [self.section]


class TrainPage(Plain):
    name, title, explain = "train", "Train", "transport"


class ForwardPage(Plain):
    name, title, explain = "forward", "Forward", "noise-level"

    def play_levels(self) -> list[int]:
        return super().play_levels()[::-1]


class ReversePage(Plain):
    name, title, explain = "reverse", "Reverse", "class"


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
          target: QWidget | None = None) -> None:
    QTest.keyClick(target or QApplication.focusWidget() or window, key, modifiers)
    QApplication.processEvents()


NONE, CTRL, SHIFT = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier,
                     Qt.KeyboardModifier.ShiftModifier)
