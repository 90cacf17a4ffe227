"""The list of keys (F1)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from gui.shortcuts import KEYS, SLIDER_KEYS
from gui.theme import theme
from gui.widgets.buttons import PlainButton

GROUPS = ("Look", "Train", "View", "File", "Edit", "Help")


class ShortcutsDialog(QDialog):
    """Keys and what they do, group by group."""

    def __init__(self, page_titles: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setModal(False)
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        self._headings: list[QLabel] = []
        for group, rows in self._rows(page_titles):
            heading = QLabel(group)
            self._headings.append(heading)
            grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
            for keys, what in rows:
                line = grid.rowCount()
                grid.addWidget(QLabel(keys), line, 0)
                grid.addWidget(QLabel(what), line, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(grid.rowCount(), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setAccessibleName("Keyboard shortcuts")
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        note = QLabel("None of them acts while you type in a field.")
        close = PlainButton("Close")
        close.setToolTip("Close this list.  Esc")
        close.clicked.connect(self.close)
        end = QHBoxLayout()
        end.addWidget(note, 1)
        end.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.addWidget(area, 1)
        column.addLayout(end)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.resize(theme().px(560), theme().px(600))

    @staticmethod
    def _rows(page_titles: Sequence[str]) -> list[tuple[str, list[tuple[str, str]]]]:
        found = []
        for group in GROUPS:
            rows = [(", ".join(dict.fromkeys(native(k) for k in key.keys)), key.what)
                    for key in KEYS.values() if key.group == group]
            if group == "Look":
                rows.insert(1, ("0 to 9", "The class of that digit"))
                rows += list(SLIDER_KEYS)
            if group == "View":
                pages = enumerate(page_titles, 1)
                rows = [(native(f"Ctrl+{i}"), f"{title} page") for i, title in pages] + rows
            found.append((group, rows))
        return found

    def _restyle(self) -> None:
        for heading in self._headings:
            heading.setFont(theme().font(12, 600))
            heading.setContentsMargins(0, theme().px(10), 0, 2)


def native(keys: str) -> str:
    """A key sequence as this platform writes it."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
