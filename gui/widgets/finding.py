"""The finding of a page in words: the answer, its numbers, and links at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from gui.theme import theme
from gui.widgets.buttons import Link
from gui.words import bound


class _Words(QWidget):
    """Holds the label at its full size, outside any layout.

    A label asks for a new layout whenever its words change, and that lays out and repaints the whole window
    beneath a moving slider. This asks only when the words take another height.
    """

    def __init__(self, label: QLabel) -> None:
        super().__init__()
        self._label = label
        label.setParent(self)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._tall = -1

    def set_text(self, rich: str) -> None:
        """Show this."""
        self._label.setText(rich)
        self.fit()

    def fit(self) -> None:
        """Tell the layout if the height that is needed is another."""
        tall = self.heightForWidth(self.width())
        if tall != self._tall:
            self._tall = tall
            self.updateGeometry()

    def heightForWidth(self, width: int) -> int:
        return max(self._label.heightForWidth(width), self._label.minimumHeight())

    def sizeHint(self) -> QSize:
        return QSize(self._label.sizeHint().width(), self._label.minimumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._label.minimumSizeHint().width(), self._label.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._label.setGeometry(self.rect())
        self.fit()


class Finding(QWidget):
    """set(answer, numbers) with words made from the data of this run; empty words take no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answer = self._numbers = ""
        self._html = False
        self.links: list[Link] = []
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._words = _Words(self._label)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        self._row.addWidget(self._words, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set(self, answer: str, numbers: str = "", html: bool = False) -> None:
        """answer: the finding in a few words. numbers: what it rests on. html: numbers may hold sub and sup."""
        if (answer, numbers, html) != (self._answer, self._numbers, self._html):
            self._answer, self._numbers, self._html = answer, numbers, html
            self._show()

    def text(self) -> str:
        """Both as plain text."""
        return f"{self._answer} {self._numbers}".strip()

    def set_links(self, links: Sequence[tuple[str, Callable[[], object], str]]) -> None:
        """Actions on what is seen: (label, callable, icon), icon "" for none."""
        for link in self.links:
            self._row.removeWidget(link)
            link.hide()
            link.deleteLater()
        self.links = []
        for label, then, icon in links:
            link = Link(label, icon)
            link.clicked.connect(lambda _=False, call=then: call())
            self.links.append(link)
            self._row.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)

    def _restyle(self) -> None:
        self._label.setFont(theme().font(13))
        self._label.setMinimumHeight(theme().height(24, 15))
        self._show()

    def _show(self) -> None:
        style = theme()
        numbers = bound(self._numbers if self._html else escape(self._numbers))
        self._words.set_text(
            # pre-wrap: otherwise Qt turns the thin space of 60 000 and 5 % into one that lines break at
            '<p style="margin:0; white-space:pre-wrap">'
            f'<span style="font-size:{style.px(15)}px; font-weight:600; color:{style.color("text").name()}">'
            f'{escape(bound(self._answer))}</span>'
            f'<span style="font-size:{style.px(13)}px; color:{style.color("text2").name()}">'
            f'{"&nbsp; " if self._answer and numbers else ""}{numbers}</span></p>')
        self._label.setAccessibleName(self.text())
        self.setAccessibleName(self.text() or "Finding")
