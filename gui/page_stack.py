"""The middle of the window: one page in front, each built when it is first wanted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from gui.page_list import LazyPage
from gui.pages.base import Page

if TYPE_CHECKING:
    from gui.session import Session

log = logging.getLogger(__name__)


class PageMaker(Protocol):
    """A page class, or a LazyPage that stands for one."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def __call__(self, session: Session) -> Page: ...


class PageStack(QStackedWidget):
    """Builds pages and keeps them. A page that is not built hears no signal: it reads the session when built."""

    built = Signal(object)  # a Page that has just been made

    def __init__(self, session: Session, makers: Sequence[PageMaker], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pages")
        self._session = session
        self._makers = tuple(makers)
        self._pages: dict[int, Page] = {}

    def page(self, index: int) -> Page:
        """The page of a tab."""
        page = self._pages.get(index)
        if page is None:
            page = self._pages[index] = self._makers[index](self._session)
            self.addWidget(page)
            self.built.emit(page)
        return page

    def front(self) -> Page | None:
        """The page in front; None while there is none."""
        page = self.currentWidget()
        return page if isinstance(page, Page) else None

    def missing(self) -> list[int]:
        """Tabs whose page is not built yet."""
        return [index for index in range(len(self._makers)) if index not in self._pages]

    def load_missing(self) -> None:
        """Load the code of what is missing; touches no widget, so any thread may do it."""
        for index in self.missing():
            maker = self._makers[index]
            if isinstance(maker, LazyPage):
                try:
                    maker.load()
                except Exception:  # building the page meets it again, where it is told
                    log.exception("The page %s cannot be loaded", maker.name)
