"""The row above the pages: a tab each, and at its right the icons that bring docks back."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QTabBar, QWidget

from gui.dropdown import KEYBOARD
from gui.theme import theme
from gui.widgets.buttons import IconButton

HEIGHT, PAD, RULE = 36, 12, 2
LEAST_PAD = 4  # beside a title, before titles are cut


class PageTabs(QTabBar):
    """Flat tabs; the chosen one has an accent rule below. Left and Right move, as in any tab bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ring = False
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName("Pages")
        theme().changed.connect(self._restyle)

    def tabSizeHint(self, index: int) -> QSize:
        return QSize(self._title(index) + 2 * theme().px(PAD), theme().px(HEIGHT))

    def minimumTabSizeHint(self, index: int) -> QSize:
        least = 2 * theme().px(LEAST_PAD)
        titles = [self._title(i) for i in range(self.count())]
        all_fit = sum(titles) + least * len(titles) <= self.width()
        short = theme().advance("Me…", 13, 600)
        return QSize((titles[index] if all_fit else min(titles[index], short)) + least, theme().px(HEIGHT))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(200), theme().px(HEIGHT))

    def _title(self, index: int) -> int:
        return theme().advance(self.tabText(index), 13, 600)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._measure()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        under = self.tabAt(self.mapFromGlobal(self.cursor().pos())) if self.underMouse() else -1
        for index in range(self.count()):
            rect: QRect = self.tabRect(index)
            chosen = index == self.currentIndex()
            painter.setFont(style.font(13, 600))
            painter.setPen(style.color("text" if chosen or index == under else "muted"))
            title = self.tabText(index)
            if self._title(index) > rect.width():
                title = style.metrics(13, 600).elidedText(title, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, title)
            if chosen:
                painter.fillRect(QRectF(rect.left(), rect.bottom() + 1 - RULE, rect.width(), RULE),
                                 style.color("accent"))
                if self._ring:
                    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                    painter.setPen(QPen(style.color("accent"), 2))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(rect.adjusted(3, 4, -3, -5), 4, 4)

    def _measure(self) -> None:
        self.setIconSize(self.iconSize() + QSize(1, 0))  # QTabBar measures its tabs anew only when told
        self.setIconSize(self.iconSize() - QSize(1, 0))

    def _restyle(self) -> None:
        self._measure()
        self.updateGeometry()
        self.update()


class TabRow(QWidget):
    """Tabs at the left; at the right a question mark while both docks are open, else their icons."""

    explain_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tabRow")
        self.tabs = PageTabs(self)
        self.setup = IconButton("panel-left", "Show or hide Setup")
        self.explain = IconButton("panel-right", "Show or hide Explain")
        self.question = IconButton("help", "Explain this page")
        for button, name in ((self.setup, "Setup"), (self.explain, "Explain"),
                             (self.question, "Explain this page")):
            button.setAccessibleName(name)
        self.question.clicked.connect(self.explain_asked)
        self._row = row = QHBoxLayout(self)
        row.setSpacing(0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        for button in (self.setup, self.explain, self.question):
            row.addWidget(button)
        theme().changed.connect(self._restyle)
        self._restyle()

    def show_docks(self, setup: bool, explain: bool) -> None:
        """Which docks are open."""
        both = setup and explain
        self.setup.setVisible(not both)
        self.explain.setVisible(not both)
        self.question.setVisible(both)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("bg"))
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme().color("line"))

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(HEIGHT) + 1)
        self._row.setContentsMargins(theme().px(4), 0, theme().px(8), 1)
        self.update()
