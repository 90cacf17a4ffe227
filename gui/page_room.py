"""The room for the pages: where it is less than a page can use, as with very large text, the page scrolls."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QStackedWidget, QWidget

from gui.theme import theme

LEAST = QSize(560, 470)  # px at 100 %, of a page


class PageRoom(QScrollArea):
    """Gives the pages the whole room, but never less than `LEAST` at the text size that is set."""

    def __init__(self, stack: QStackedWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pageRoom")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys that a page does not want come here all the same
        self.setWidgetResizable(True)
        self._stack, self._ground = stack, _Ground(stack)
        self.setWidget(self._ground)
        stack.currentChanged.connect(self._to_top)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)
        theme().changed.connect(self._restyle)
        self._restyle()

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(120))

    def _to_top(self) -> None:
        for bar in (self.horizontalScrollBar(), self.verticalScrollBar()):
            bar.setValue(bar.minimum())

    def _on_focus(self, _: QWidget | None, now: QWidget | None) -> None:
        """Tab may lead to what is out of sight; Qt looks after that only for Tab from within. What a pointer presses
        stays under it.
        """
        page: QWidget | None = self._stack.currentWidget()
        pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        if now is not None and page is not None and page.isAncestorOf(now) and not pressed:
            self.ensureWidgetVisible(now, 0, theme().px(8))

    def _restyle(self) -> None:
        self._ground.setMinimumSize(theme().px(LEAST.width()), theme().px(LEAST.height()))


class _Ground(QWidget):
    """As large as the pages are. It has no layout: what a page asks for counts for nothing here, since pages arrange
    themselves by the room that they get.
    """

    def __init__(self, stack: QStackedWidget) -> None:
        super().__init__()
        self._stack = stack
        stack.setParent(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stack.setGeometry(self.rect())
