"""The dock at the left: what may be set on the page in front. It only hosts the sections of the page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from gui.dock import SideDock
from gui.pages.base import Page
from gui.widgets.section import SectionList


class SetupDock(SideDock):
    """Shows page.setup_sections(), one page's at a time; folds are remembered by the sections themselves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Setup", parent)
        self._holders: dict[Page, QScrollArea] = {}
        self._shown: QScrollArea | None = None

    def add_page(self, page: Page) -> None:
        """Take the sections of a page; they show when the page comes to the front."""
        holder = self._holders[page] = self._make_holder(page)
        holder.hide()
        self.body.addWidget(holder)

    def show_page(self, page: Page) -> None:
        """Put the sections of this page in front."""
        holder = self._holders[page]
        if self._shown is not None and self._shown is not holder:
            self._shown.hide()
        self._shown = holder
        holder.show()

    def _make_holder(self, page: Page) -> QScrollArea:
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName(f"Settings of the {page.title} page")
        inner = SectionList(page.setup_sections())
        inner.setObjectName("dockBody")
        area.setWidget(inner)
        return area
