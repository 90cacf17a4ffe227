"""Every plot of the window can be copied and saved, as PNG and as SVG."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from scripted import make_run

from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.pages.recognition_curves import CurveGrid
from gui.pages.recognition_ranking import Ranking
from gui.pages.train_levels import LevelMap
from gui.session import Session
from gui.theme import apply_theme
from gui.widgets.plot import Plot
from gui.widgets.plot_export import plot_menu

PAINTED = (CurveGrid, Ranking, LevelMap)  # plots that are no Plot


def test_every_plot_has_a_way_out(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    found: set[type] = set()
    window = MainWindow(session, page_classes(), keep_state=False)
    qtbot.addWidget(window, before_close_func=lambda w: setattr(w, "_closed", True))
    for page in window.build_pages():
        for widget in page.findChildren(QWidget):
            if isinstance(widget, Plot):
                words = [action.text() for action in widget.menu().actions()]
            elif isinstance(widget, PAINTED):
                assert widget.property("plot"), widget
                words = [action.text() for action in plot_menu(widget, str(widget.property("plot"))).actions()]
            else:
                continue
            found.add(type(widget))
            assert {"Save picture…", "Save as SVG…"} <= set(words), widget.accessibleName()
    assert {*PAINTED} <= found
    assert sum(issubclass(kind, Plot) for kind in found) > 3
