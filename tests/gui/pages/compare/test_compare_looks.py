"""How the Compare page looks, and its keys."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from races_scripted import LANES
from scripted import SIDE
from shown import unexplained

from gui.pages.compare import ComparePage
from gui.pages.compare_lanes import LaneRow
from gui.pages.compare_plots import MANY, PICTURE
from gui.theme import theme


def test_pictures_are_as_large_as_whole_pixels_allow(page: ComparePage, qtbot: QtBot) -> None:
    row = LaneRow()
    qtbot.addWidget(row)
    row.set_lanes(LANES, 0, False)
    assert row.factor_for(870, 420) == (7, False)  # (870 - 3 * 16) / 4 / 28 = 7.3
    assert row.factor_for(870, 200)[0] < 7
    row.set_lanes(LANES[:2], 0, True)
    factor, beside = row.factor_for(870, 330)
    assert beside
    assert factor == 7  # two of 28 x 7 and a gap in 427
    row.set_lanes(LANES, 0, True)
    assert row.factor_for(870, 520)[1] is False
    for view in page.row.views:
        inside = view.x0.mapTo(page, QPoint(0, 0))
        assert page.rect().contains(inside)
        assert view.x0.height() == SIDE * view.x0.device_factor()


def test_both_themes_and_large_text_can_be_drawn(page: ComparePage) -> None:
    before = theme().mode
    try:
        for mode in ("dark", "light"):
            theme().set_mode(mode)
            page.plots.show_view(MANY if mode == "dark" else PICTURE)
            assert not page.grab().isNull()
        theme().set_scale(1.6)
        assert not page.grab().isNull()
    finally:
        theme().set_scale(1.0)
        theme().set_mode(before)


def test_everything_has_a_name_a_tooltip_and_a_topic(page: ComparePage) -> None:
    assert unexplained([page, *page.setup_sections()]) == []


def test_lanes_can_be_chosen_by_keyboard(page: ComparePage) -> None:
    head = page.row.views[0].head
    head.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(head, Qt.Key.Key_Return)
    assert page.setup.chosen == 0
    assert page.setup.sampler.value() == "ddpm"
