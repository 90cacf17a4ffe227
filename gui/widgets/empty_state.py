"""What stands where nothing can be shown yet: what is missing, when or how it comes, one or two buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import Button, OutlineButton, PrimaryButton, fill_box
from gui.widgets.labels import Text


class EmptyState(QWidget):
    """A sunken well. actions: (label, callable) or (label, callable, icon).

    primary: the first action is the window's one primary action.
    """

    def __init__(self, title: str, sentence: str = "",
                 actions: Sequence[tuple[str, Callable[[], object]] | tuple[str, Callable[[], object], str]] = (),
                 primary: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.title = Text(title, 13, 600, "text", wrap=True)
        self.sentence = Text(sentence, 13, 400, "text2", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(2)
        column.addStretch(1)
        for text in (self.title, self.sentence):
            text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(text)
        self.buttons: list[Button] = []
        row = QHBoxLayout()
        row.setContentsMargins(0, 6, 0, 0)
        row.setSpacing(8)
        row.addStretch(1)
        for i, (label, then, *icon) in enumerate(actions):
            kind = PrimaryButton if primary and i == 0 else OutlineButton
            button = kind(label, icon[0] if icon else "")
            button.clicked.connect(lambda _=False, call=then: call())
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        if self.buttons:
            column.addLayout(row)
        column.addStretch(1)
        self._name()
        theme().changed.connect(self.update)

    def set_texts(self, title: str, sentence: str) -> None:
        """Other words."""
        self.title.setText(title)
        self.sentence.setText(sentence)
        self._name()

    def _name(self) -> None:
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(self.sentence.text())
        self.sentence.setVisible(bool(self.sentence.text()))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill_box(painter, QRectF(self.rect()), theme().color("sunken"))
