"""The keyboard in the whole window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from windows import CTRL, NONE, SHIFT, Make, Plain, press


def test_keys_move_the_point(make: Make) -> None:
    window = make()
    window.setFocus()
    press(window, Qt.Key.Key_7, NONE, window)
    assert window.session.class_label == 7
    press(window, Qt.Key.Key_R, NONE, window)
    drawn = window.session.seed
    press(window, Qt.Key.Key_R, SHIFT, window)
    assert window.session.seed == 0 != drawn
    press(window, Qt.Key.Key_3, CTRL, window)
    assert window.page.name == "reverse"


def test_no_key_acts_while_a_field_has_focus(make: Make) -> None:
    window = make()
    page = window.page
    assert isinstance(page, Plain)
    page.field.setFocus()
    before = (window.session.class_label, window.session.seed, window.page.name)
    for key, modifiers in ((Qt.Key.Key_7, NONE), (Qt.Key.Key_R, NONE), (Qt.Key.Key_R, SHIFT),
                           (Qt.Key.Key_Space, NONE), (Qt.Key.Key_F, NONE), (Qt.Key.Key_2, CTRL),
                           (Qt.Key.Key_Return, CTRL), (Qt.Key.Key_S, CTRL), (Qt.Key.Key_F1, NONE)):
        press(window, key, modifiers, page.field)
    assert (window.session.class_label, window.session.seed, window.page.name) == before
    assert not window.session.training
    assert window.timeline.playing == ""
    assert window.commands.dialogs == {}
    assert page.field.text().lower() == "7rr f"


def test_a_focused_button_keeps_its_space(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.tab_row.question.setFocus(Qt.FocusReason.TabFocusReason)
    window.explain_dock.show_topic("seed")
    press(window, Qt.Key.Key_Space, NONE, window.tab_row.question)
    assert window.timeline.playing == ""
    assert window.explain_dock.topic is not None
    assert window.explain_dock.topic.name == "transport", "the button was pressed"
    window.page.setFocus()
    window.setFocus()
    press(window, Qt.Key.Key_Space, NONE, window)
    assert window.timeline.playing == "t"
    press(window, Qt.Key.Key_Space, NONE, window)
    assert window.timeline.playing == ""


def test_text_size_keys(make: Make) -> None:
    window = make()
    before = window.transport.height()
    for _ in range(5):
        press(window, Qt.Key.Key_Plus, CTRL, window)
    assert window.preferences.text_scale == pytest.approx(1.5)
    assert window.transport.height() > before
    press(window, Qt.Key.Key_0, CTRL, window)
    assert window.preferences.text_scale == 1.0
    assert window.transport.height() == before
