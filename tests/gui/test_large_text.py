"""Very large text in the whole window: nothing is cut, what has no room folds, and pages scroll."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot
from scripted import Script, make_bundled
from windows import Make

from engine import paths
from gui.page_room import LEAST, PageRoom
from gui.theme import theme

SIZES = [(1280, 720), (1440, 900)]


def set_text(scale: float) -> None:
    theme().set_scale(scale)
    for _ in range(3):  # a part that folds changes the room of others
        QApplication.processEvents()


def room_of(window: QWidget) -> PageRoom:
    found = window.findChild(PageRoom)
    assert isinstance(found, PageRoom)
    return found


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_at_the_usual_size_a_page_gets_the_room_and_does_not_scroll(make: Make, width: int, height: int) -> None:
    window = make(width=width, height=height)
    room = room_of(window)
    assert window.page.size() == room.viewport().size() == room.size()
    assert not room.verticalScrollBar().isVisible()
    assert not room.horizontalScrollBar().isVisible()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_with_large_text_a_page_keeps_its_least_height_and_scrolls(make: Make, width: int, height: int) -> None:
    window = make(width=width, height=height)
    set_text(2.0)
    room, page = room_of(window), window.page
    assert page.height() == 2 * LEAST.height() > room.viewport().height()
    assert page.width() == room.viewport().width()
    bar = room.verticalScrollBar()
    assert bar.isVisible()
    assert not room.horizontalScrollBar().isVisible()
    bar.setValue(bar.maximum())
    window.show_page("forward")
    assert bar.value() == 0, "another page begins at its top"
    set_text(1.0)
    assert window.page.size() == room.size()


def test_what_the_keyboard_reaches_is_scrolled_to(make: Make) -> None:
    window = make(width=1280, height=720)
    set_text(2.0)
    room, field = room_of(window), window.page.field  # type: ignore[attr-defined]
    window.page.body.insertStretch(0, 1)
    QApplication.processEvents()
    assert field.mapTo(room.viewport(), QPoint(0, 0)).y() > room.viewport().height()
    window.tab_row.tabs.setFocus()
    while not field.hasFocus():
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    QApplication.processEvents()
    assert field.mapTo(room.viewport(), QPoint(0, 0)).y() < room.viewport().height()


def test_what_a_pointer_presses_stays_under_it(make: Make) -> None:
    window = make(width=1280, height=720)
    set_text(2.0)
    room, field = room_of(window), window.page.field  # type: ignore[attr-defined]
    window.page.body.insertStretch(0, 1)
    QApplication.processEvents()
    bar = room.verticalScrollBar()
    bar.setValue(field.mapTo(window.page, QPoint(0, 0)).y() + field.height() // 2 - room.viewport().height())
    before = bar.value()
    assert 0 < before < bar.maximum(), "half of the field is in sight"
    QTest.mousePress(field, Qt.MouseButton.LeftButton, pos=QPoint(10, 2))
    assert field.hasFocus()
    assert bar.value() == before
    QTest.mouseRelease(field, Qt.MouseButton.LeftButton, pos=QPoint(10, 2))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_no_button_of_the_transport_is_cut(make: Make, script: Script, width: int, height: int, scale: float) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    window = make(width=width, height=height)
    set_text(scale)
    bar = window.transport
    shown = [widget for widget in (bar.train, bar.pause, bar.stop, bar.one_step, bar.one_epoch, bar.more, bar.steps)
             if widget.isVisible()]
    assert len(shown) in (4, 6)
    for widget in shown:
        assert widget.width() >= widget.sizeHint().width(), widget.accessibleName()
    for drop in (bar.run, bar.preset, bar.device):
        assert drop.width() >= drop.minimumSizeHint().width(), drop.accessibleName()
    assert bar.device.geometry().right() < bar.width() <= width


def test_the_steps_are_in_a_menu_where_they_have_no_room(qtbot: QtBot, make: Make, script: Script) -> None:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    window = make(width=1280, height=720)
    bar = window.transport
    assert bar.one_step.isVisible()
    assert bar.steps.isHidden()
    set_text(2.0)
    assert bar.steps.isVisible()
    assert bar.one_step.isHidden()
    assert bar.more.isHidden()
    menu = QMenu()
    qtbot.addWidget(menu)
    bar._fill_steps(menu)
    assert [action.text() for action in menu.actions()] == [bar.one_step.text(), bar.one_epoch.text(), bar.more.text()]
    assert [action.isEnabled() for action in menu.actions()] == [True, True, bar.more.isEnabled()]
    menu.actions()[0].trigger()
    qtbot.waitUntil(lambda: window.session.training, timeout=5000)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_titles_of_pages_are_whole(make: Make, scale: float) -> None:
    window = make(width=900 if scale == 1 else 1280, height=720)
    set_text(scale)
    tabs = window.tab_row.tabs
    for index in range(tabs.count()):
        assert theme().advance(tabs.tabText(index), 13, 600) <= tabs.tabRect(index).width()
    assert tabs.tabRect(tabs.count() - 1).right() <= window.tab_row.setup.x() or not window.tab_row.setup.isVisible()
