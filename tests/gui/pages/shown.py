"""A page by itself, with its sections of the Setup dock in a window beside it."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QLineEdit,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui.explain import load_topic


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


def unexplained(roots: Sequence[QWidget]) -> list[tuple[str, str, str, list[str]]]:
    """Controls without a name or a tooltip, or with a topic that Explain does not know: kind, name, tooltip, topics."""
    found = []
    for root in roots:
        for widget in root.findChildren(QWidget):
            if not isinstance(widget, QAbstractButton | QAbstractSlider | QLineEdit) or isinstance(widget, QScrollBar):
                continue
            chain: list[QWidget | None] = [widget]
            while chain[-1] is not None:
                chain.append(chain[-1].parentWidget())
            topics = [str(w.property("explain")) for w in chain[:-1] if w is not None and w.property("explain")]
            head = type(widget).__name__ == "_Head"
            if not widget.accessibleName() or not (head or widget.toolTip()) \
                    or any(load_topic(topic) is None for topic in topics):
                found.append((type(widget).__name__, widget.accessibleName(), widget.toolTip(), topics))
    return found
