"""Buttons and segmented choices: states, keyboard, names."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.theme import theme
from gui.widgets.buttons import Button, IconButton, Link, OutlineButton, PlainButton, PrimaryButton
from gui.widgets.segmented import Segmented

KINDS = [PrimaryButton, PlainButton, OutlineButton, Link]


def corner(button: QWidget) -> QColor:
    """The colour in the middle of the left edge, where a focus border is and no text."""
    return button.grab().toImage().pixelColor(0, button.height() // 2)


def ground(button: QWidget) -> QColor:
    return button.grab().toImage().pixelColor(4, button.height() // 2)


def shown(qtbot: QtBot, widget: QWidget) -> None:
    qtbot.addWidget(widget)
    with qtbot.waitActive(widget):
        widget.show()
        widget.activateWindow()


@pytest.mark.parametrize("kind", KINDS)
def test_is_a_button_with_a_name_and_room_for_its_text(qtbot: QtBot, kind: type[Button]) -> None:
    button = kind("Measure again", "save")
    qtbot.addWidget(button)
    assert isinstance(button, QAbstractButton)
    assert button.accessibleName() == "Measure again"
    plain = kind("Measure again")
    qtbot.addWidget(plain)
    text = QFontMetrics(theme().font(13)).horizontalAdvance("Measure again")
    assert plain.sizeHint().width() > text
    assert button.sizeHint().width() >= plain.sizeHint().width() + 16
    assert plain.sizeHint().height() == (24 if kind is Link else 28)
    button.setText("Other")
    assert button.accessibleName() == "Other"


@pytest.mark.parametrize("kind", KINDS)
def test_click_return_and_space_press_it(qtbot: QtBot, kind: type[Button]) -> None:
    button = kind("Go")
    shown(qtbot, button)
    pressed: list[int] = []
    button.clicked.connect(lambda: pressed.append(1))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert len(pressed) == 3
    button.setEnabled(False)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(pressed) == 3


def test_running_is_lit_and_inert(qtbot: QtBot) -> None:
    button = PrimaryButton("Train", "play")
    shown(qtbot, button)
    assert ground(button) in (theme().color("accent"), theme().color("accent_hover"))  # the pointer may be there
    pressed: list[int] = []
    button.clicked.connect(lambda: pressed.append(1))
    button.set_running(True)
    assert button.running()
    assert ground(button) == theme().color("soft")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert not pressed
    button.set_running(False)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert pressed == [1]


@pytest.mark.parametrize(("kind", "token"), [(PrimaryButton, "text"), (PlainButton, "accent")])
def test_focus_border_is_for_the_keyboard_only(qtbot: QtBot, kind: type[Button], token: str) -> None:
    button = kind("Go")
    shown(qtbot, button)
    button.setFocus(Qt.FocusReason.MouseFocusReason)
    assert button.hasFocus()
    assert corner(button) != theme().color(token)
    QApplication.sendEvent(button, QFocusEvent(QFocusEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))
    assert corner(button) == theme().color(token)
    QApplication.sendEvent(button, QFocusEvent(QFocusEvent.Type.FocusOut, Qt.FocusReason.TabFocusReason))
    assert corner(button) != theme().color(token)


def test_pressed_and_off_look_different(qtbot: QtBot) -> None:
    button = PlainButton("Go")
    shown(qtbot, button)
    QTest.mousePress(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
    assert ground(button) == theme().color("pressed")
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
    button.setEnabled(False)
    assert button.ink() == "disabled"
    assert button.icon_ink() == "disabled"


def test_icon_button_takes_its_name_from_the_tooltip(qtbot: QtBot) -> None:
    button = IconButton("loop", "Loop: start again at the end\nL", checkable=True)
    shown(qtbot, button)
    assert button.accessibleName() == "Loop"
    assert button.size().width() == button.size().height() == 28
    assert button.icon_ink() == "text2"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.isChecked()
    assert button.icon_ink() == "accent"
    assert ground(button) == theme().color("soft")


def test_nothing_clips_at_twice_the_size(qtbot: QtBot) -> None:
    button = PlainButton("Measure again")
    qtbot.addWidget(button)
    try:
        theme().set_scale(2)
        metrics = QFontMetrics(theme().font(13))
        assert button.sizeHint().height() >= metrics.height()
        assert button.sizeHint().width() >= metrics.horizontalAdvance("Measure again")
    finally:
        theme().set_scale(1)


def test_a_button_cut_short_keeps_inside_its_edge(qtbot: QtBot) -> None:
    button = OutlineButton("A very long name for a small button")
    qtbot.addWidget(button)
    button.setMinimumWidth(0)
    button.resize(60, 28)
    image = button.grab().toImage()
    inside = {image.pixelColor(x, 14).name() for x in range(51, 58)}
    assert theme().color("text").name() not in inside


def test_segmented_chooses_by_mouse_and_keys(qtbot: QtBot) -> None:
    choice = Segmented([("linear", "Linear"), ("log", "Log"), (3, "Third")], "Scale")
    shown(qtbot, choice)
    got: list[object] = []
    choice.changed.connect(got.append)
    assert choice.value() == "linear"
    assert choice.accessibleName() == "Scale"
    choice.set_value("log")
    assert choice.value() == "log"
    assert got == []
    cells = choice.findChildren(QAbstractButton)
    qtbot.mouseClick(cells[2], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(cells[2], Qt.MouseButton.LeftButton)
    assert got == [3], "pressing the chosen one again changes nothing"
    qtbot.keyClick(cells[2], Qt.Key.Key_Left)
    assert choice.value() == "log"
    qtbot.keyClick(cells[1], Qt.Key.Key_Home)
    qtbot.keyClick(cells[0], Qt.Key.Key_Left)
    assert got == [3, "log", "linear"]
    tab_stops = [cell for cell in cells if cell.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert tab_stops == [cells[0]]
    with pytest.raises(ValueError, match="cube"):
        choice.set_value("cube")


def test_segmented_choice_that_is_off_is_passed_over(qtbot: QtBot) -> None:
    choice = Segmented([(1, "One"), (2, "Two")])
    shown(qtbot, choice)
    choice.set_choice_enabled(2, False, "Not trained here.")
    cells = choice.findChildren(QAbstractButton)
    qtbot.keyClick(cells[0], Qt.Key.Key_Right)
    qtbot.mouseClick(cells[1], Qt.MouseButton.LeftButton)
    assert choice.value() == 1
    assert cells[1].toolTip() == "Not trained here."
