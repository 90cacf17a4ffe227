"""What every part of page Use is: a section for the Setup dock, a body, and what it says."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.settings import Group, describe, parse
from engine.use_config import UsePart
from gui.session import Session
from gui.widgets.fields import WIDE, SettingRow
from gui.widgets.section import Section


class Part(QWidget):
    """Base of the parts. `config` is this part's group of the session's UseConfig."""

    name: ClassVar[UsePart]
    title: ClassVar[str]
    explain: ClassVar[str]
    group: ClassVar[str]  # of UseConfig

    said = Signal()  # `finding` or `links` has a new answer

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.front = False
        self.setAccessibleName(self.title)
        self.section = Section(self.title)
        self.section.setProperty("explain", self.explain)
        self.rows: dict[str, SettingRow] = {}
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(8)

    @property
    def config(self) -> Any:
        """The settings of this part."""
        return getattr(self.session.use, self.group)

    def add_rows(self, model: type[Group], *names: str, width: int = WIDE) -> None:
        """A row of the section for each of these settings, in order."""
        known = {setting.name: setting for setting in describe(model)}
        for name in names:
            row = self.rows[name] = SettingRow(known[name], getattr(self.config, name), label_width=width)
            row.committed.connect(self.set)
            self.section.add(row)

    def set(self, name: str, value: Any) -> None:
        """Another value, by hand: it may be undone."""
        group = parse(type(self.config), {**self.config.model_dump(), name: value})
        self.session.set_use(self.session.use.model_copy(update={self.group: group}))

    def show_config(self) -> None:
        """The session's settings in the rows."""
        for name, row in self.rows.items():
            value = getattr(self.config, name)
            if row.value() != value:
                row.set_value(value)

    def why_not(self) -> str:
        """Why nothing can be drawn here; empty if it can."""
        if self.session.run is None:
            return "No run is open."
        return "" if self.session.snapshots else "This run has no snapshot yet."

    def finding(self) -> tuple[str, str]:
        """The answer in a few words, and its numbers."""
        return "", ""

    def links(self) -> list[tuple[str, Any, str]]:
        """Actions on what is seen: (label, callable, icon)."""
        return []

    def activate(self) -> None:
        """It came to the front."""
        self.front = True
        self.refresh()

    def deactivate(self) -> None:
        """Something else came to the front; what only this part wants is cancelled."""
        self.front = False

    def refresh(self) -> None:
        """Look at the session anew."""

    def ready(self) -> bool:
        """Whether everything it shows is there."""
        return True


