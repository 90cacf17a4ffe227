"""What every page is: a finding in words at its top, a body, its sections for the Setup dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.finding import Finding

if TYPE_CHECKING:
    from gui.session import Session
    from gui.widgets.section import Section

MARGIN_X, MARGIN_Y = 16, 12


class Page(QWidget):
    """Base of the pages. Subclasses set the class attributes, fill `self.body` and read `self.session`.

    A page connects to the session's signals once, but works only while it is in front: `refresh` is called
    on activation, and handlers return early while `self.active` is False.
    """

    name: ClassVar[str] = ""  # "reverse": for the command line, settings and Ctrl+number
    title: ClassVar[str] = ""  # "Reverse": the tab
    explain: ClassVar[str] = ""  # topic of the Explain dock while nothing more special has focus

    ready_changed = Signal()  # ready() may have a new answer
    explain_asked = Signal(str)  # show this topic in the Explain dock, opening it
    nearest_asked = Signal()  # show the training pictures nearest to the drawn one

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.active = False
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # the window beneath need not be painted
        self.setAccessibleName(f"{self.title} page")
        outer = QVBoxLayout(self)
        self._outer = outer
        self.finding = Finding(self)
        outer.addWidget(self.finding)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)
        outer.addLayout(self.body, 1)
        theme().changed.connect(self._scale)
        self._scale()

    def _scale(self) -> None:
        px = theme().px
        self._outer.setContentsMargins(px(MARGIN_X), px(MARGIN_Y), px(MARGIN_X), px(MARGIN_Y))
        self._outer.setSpacing(px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme().color("surface"))
        painter.end()

    def setup_sections(self) -> list[Section]:
        """Sections for the Setup dock, made once by the page and kept; shown while the page is in front."""
        return []

    def activate(self) -> None:
        """The page came to the front."""
        self.active = True
        self.refresh()

    def deactivate(self) -> None:
        """Another page came to the front; jobs that only this page wants are cancelled here."""
        self.active = False

    def refresh(self) -> None:
        """Draw the current point anew."""

    def ready(self) -> bool:
        """Whether everything the page shows at this point is there (the screenshot waits for it)."""
        return True

    def play_levels(self) -> list[int]:
        """The noise levels t that the play button of the noise row walks through, in order of playing.

        Reverse walks its recorded frames, T to 0; Forward goes the other way.
        """
        last = self.session.schedule.num_timesteps
        count = min(100, last)
        return [round(last * (1 - i / count)) for i in range(count + 1)]

    def small(self) -> bool:
        """Whether the page must do with the layout for 1280x720."""
        return self.width() < 860 or self.height() < 560
