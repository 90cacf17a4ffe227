"""A page by itself, with its sections of the Setup dock in a window beside it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot


def show_beside_sections(qtbot: QtBot, page: Any, sections: Sequence[QWidget],
                         size: tuple[int, int] = (902, 681)) -> None:
    """Show both; the page does not come to the front by that."""
    dock = QWidget()
    column = QVBoxLayout(dock)
    for section in sections:
        column.addWidget(section)
    qtbot.addWidget(page)
    qtbot.addWidget(dock)
    page.test_dock = dock  # qtbot holds it only weakly
    page.resize(*size)
    dock.show()
    page.show()
