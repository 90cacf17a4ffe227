"""A dock at the side of the window: flat, a title line with a cross, and a grip that can be grabbed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import IconButton

TITLE = 34
WIDTHS = {"Setup": 264, "Explain": 272}
GRIP = 5
NARROWEST, WIDEST = 240, 480


class DockTitle(QWidget):
    """The word and a cross."""

    def __init__(self, dock: QDockWidget, words: str) -> None:
        super().__init__(dock)
        self.label = QLabel(words)
        self.close_button = IconButton("close", f"Close {words}")
        self.close_button.setAccessibleName(f"Close {words}")
        self.close_button.clicked.connect(dock.close)
        self._row = row = QHBoxLayout(self)
        row.addWidget(self.label)
        row.addStretch(1)
        row.addWidget(self.close_button)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.label.setFont(theme().font(12, 600))
        self._row.setContentsMargins(theme().px(16), 0, theme().px(6), 0)
        self.setFixedHeight(theme().px(TITLE))

    def paintEvent(self, _: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme().color("bg"))


class SideDock(QDockWidget):
    """Setup and Explain. `body` is the layout to fill."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(words, parent)
        self.setObjectName(f"{words.lower()}Dock")
        self.setAccessibleName(words)
        self.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        self.title = DockTitle(self, words)
        self.setTitleBarWidget(self.title)
        self.inner = QWidget()
        self.inner.setObjectName("dockBody")
        self.body = QVBoxLayout(self.inner)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self.setWidget(self.inner)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.inner.setMinimumWidth(theme().px(NARROWEST))
        self.inner.setMaximumWidth(theme().px(WIDEST))


class DockGrip(QWidget):
    """Lies over the 1 px line between a dock and the page, 5 px wide, and resizes the dock when dragged."""

    moved = Signal()

    def __init__(self, window: QMainWindow, dock: SideDock, *, left: bool) -> None:
        super().__init__(window)
        self._window, self._dock, self._left = window, dock, left
        self._from: tuple[float, int] | None = None
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip(f"Drag: width of {dock.windowTitle()}; double-click: the usual width")
        dock.installEventFilter(self)
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide):
            self.place()
        return False

    def place(self) -> None:
        """Follow the dock."""
        dock = self._dock
        self.setVisible(dock.isVisible() and not dock.isFloating())
        x = dock.geometry().right() - GRIP // 2 + 1 if self._left else dock.geometry().left() - GRIP // 2 - 1
        self.setGeometry(x, dock.y(), GRIP, dock.height())
        self.raise_()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = (event.globalPosition().x(), self._dock.width())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        way = event.globalPosition().x() - self._from[0]
        self._set_width(round(self._from[1] + (way if self._left else -way)))

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        self._from = None
        self.moved.emit()

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        self._set_width(theme().px(WIDTHS[self._dock.windowTitle()]))

    def _set_width(self, width: int) -> None:
        self._window.resizeDocks([self._dock], [width], Qt.Orientation.Horizontal)

    def paintEvent(self, _: QPaintEvent) -> None:
        middle = GRIP // 2
        QPainter(self).fillRect(QRectF(middle, 0, 1, self.height()), theme().color("line"))
