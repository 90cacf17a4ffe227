"""How the Forward page looks, what it saves, how it plays."""

from __future__ import annotations

from pathlib import Path

import pytest
from jumps_scripted import notices
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractScrollArea, QLineEdit, QScrollBar, QWidget

from gui.explain import load_topic
from gui.pages.forward import ForwardPage
from gui.pages.forward_board import ForwardBoard
from gui.theme import theme


@pytest.mark.parametrize(("width", "height", "scale"), [
    (904, 683, 1.0), (1016, 503, 1.0), (868, 319, 1.0), (1440, 800, 1.0), (1900, 960, 2.0), (500, 400, 1.0),
    (1016, 503, 1.12)])
def test_nothing_overlaps_and_nothing_leaves_the_page(page: ForwardPage, width: int, height: int,
                                                      scale: float) -> None:
    try:
        theme().set_scale(scale)
        page.resize(width, height)
        QTest.qWait(30)
        board: ForwardBoard = page.board
        boxes = [w.geometry() for w in (page.formula, page.film, *page.plots.all)]
        for i, box in enumerate(boxes):
            assert board.rect().contains(box), i
            assert not any(box.intersects(other) for other in boxes[i + 1:]), i
        for picture in page.formula.pictures:
            assert page.formula.rect().contains(picture.geometry())
            assert picture.device_factor() == page.formula.factor()
        last = page.film.film.columns() - 1
        assert page.film.film.cell_rect(2, last).right() <= page.film.film.width() + 1
        first, second = (page.film.film.cell_rect(0, i) for i in (0, 1))
        assert first.right() < second.left()
    finally:
        theme().set_scale(1.0)


def test_in_the_design_size_nothing_scrolls(page: ForwardPage) -> None:
    assert not page.area.verticalScrollBar().isVisible()
    assert page.formula.factor() == 7
    page.resize(1016, 503)  # 1280 x 720 with Setup open
    QTest.qWait(30)
    assert not page.area.verticalScrollBar().isVisible()
    assert len(page.film.film._captions) == 11


def test_the_pictures_can_be_saved_and_a_failure_is_told(page: ForwardPage, tmp_path: Path) -> None:
    assert page.save_pictures(tmp_path / "page")
    with Image.open(tmp_path / "page.png") as saved:
        assert saved.size == (page.board.width(), page.board.height())
    heard = notices(page.session)
    assert not page.save_pictures(tmp_path / "nowhere" / "page.png")
    assert heard[0].headline == "page.png cannot be written."


def test_it_plays_from_picture_to_noise(page: ForwardPage) -> None:
    levels = page.play_levels()
    assert (levels[0], levels[-1], len(levels)) == (0, 1000, 101)
    assert levels == sorted(levels)


def test_everything_has_a_name_a_topic_and_a_tooltip(page: ForwardPage) -> None:
    dock: QWidget = page.test_dock  # type: ignore[attr-defined]
    for root in (page, dock):
        for widget in root.findChildren(QWidget):
            around = widget.parentWidget()
            inner = isinstance(around, QAbstractScrollArea) and around.viewport() is widget
            if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or inner or isinstance(widget, QScrollBar):
                continue
            assert widget.accessibleName(), widget
    for control in (*dock.findChildren(QLineEdit), page.images.dice, page.images.open, page.images.picker,
                    page.images.back, page.schedules.own, page.finding.links[0], *page.plots.all):
        assert control.toolTip(), control.accessibleName()
        assert load_topic(control.property("explain")) is not None, control.accessibleName()
    for cell in page.schedules.name.findChildren(QAbstractButton):
        assert cell.toolTip()
    assert load_topic(ForwardPage.explain) is not None


def test_it_redraws_in_the_other_theme(page: ForwardPage) -> None:
    before = page.grab().toImage()
    try:
        theme().set_mode("dark" if theme().name == "light" else "light")
        after = page.grab().toImage()
    finally:
        theme().set_mode("light")
    at = QPoint(4, page.height() - 4)
    assert before.pixelColor(at) != after.pixelColor(at)
