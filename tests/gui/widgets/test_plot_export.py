"""Plots into files: letters and lines as such, every plot of the window has a way out."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.theme import apply_theme
from gui.widgets.plot import Plot
from gui.widgets.plot_export import offer_saving, plot_menu, png_of, save_plot, svg_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plot(qtbot: QtBot) -> Plot:
    apply_theme(QGuiApplication.instance())
    made = Plot("Loss", "nats", "step")
    made.add_line("training").set_data(np.arange(50.0), np.sin(np.arange(50.0)))
    made.resize(400, 240)
    qtbot.addWidget(made)
    made.show()
    return made


def test_an_svg_has_letters_and_curves_and_no_pixels(plot: Plot) -> None:
    tree = ElementTree.fromstring(svg_of(plot))
    words = [e.text for e in tree.iter(f"{SVG}text")]
    assert "step" in words
    assert any("training" in (w or "") for w in words)
    assert any("Loss" in (w or "") for w in words)
    assert not list(tree.iter(f"{SVG}image"))
    longest = max((e.get("d") or e.get("points") or "" for e in tree.iter() if e.tag in (f"{SVG}path",
                                                                                        f"{SVG}polyline")), key=len)
    assert len(longest) > 300  # fifty points of a curve


def test_a_plot_inside_another_widget_is_drawn_at_its_place(qtbot: QtBot) -> None:
    outer = QWidget()
    qtbot.addWidget(outer)
    column, plot = QVBoxLayout(outer), Plot("Loss", "nats", "step")
    plot.add_line("training").set_data(np.arange(50.0), np.sin(np.arange(50.0)))
    column.addWidget(plot)
    outer.resize(500, 400)
    outer.show()
    assert not list(ElementTree.fromstring(svg_of(outer)).iter(f"{SVG}image"))


@pytest.mark.parametrize(("kind", "begins"), [("PNG", b"\x89PNG"), ("SVG", b"<?xml")])
def test_it_is_saved_under_the_ending_of_its_kind(plot: Plot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  kind: str, begins: bytes) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a"), ""))
    assert save_plot(plot, "Loss", kind)
    (file,) = tmp_path.iterdir()
    assert file.suffix == f".{kind.lower()}"
    assert file.read_bytes().startswith(begins)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    assert not save_plot(plot, "Loss", kind)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "a"), ""))
    assert not save_plot(plot, "Loss", kind)


def test_the_menu_offers_both(plot: Plot, qtbot: QtBot) -> None:
    wanted = ["Copy picture", "Save picture…", "Save as SVG…"]
    assert [a.text() for a in plot.menu().actions()][1:4] == wanted
    other = QWidget()
    qtbot.addWidget(other)
    offer_saving(other, "map")
    assert [a.text() for a in plot_menu(other, "map").actions()] == wanted
    assert other.property("plot") == "map"
    assert png_of(plot).startswith(b"\x89PNG")
