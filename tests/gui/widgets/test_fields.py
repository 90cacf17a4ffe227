"""Fields: what is right is applied once, what is wrong is explained and not applied."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from engine.config import find_setting
from gui.theme import apply_theme, theme
from gui.widgets.fields import (
    CheckBox,
    Choice,
    FixedRow,
    NumberField,
    SettingRow,
    SliderField,
    read_number,
    value_text,
    write_number,
)


@pytest.mark.parametrize(("text", "value"), [
    ("12", 12), (" 1 000 ", 1000), ("1\u202f000", 1000), ("\u22122.5", -2.5), ("0,5", 0.5), ("3e-3", 0.003),
    ("", None), ("abc", None), ("1,000.5", None), ("nan", None), ("inf", None), ("1e999", None)])
def test_reads_what_people_type(text: str, value: float | None) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(("value", "decimals", "text"), [
    (1000, 0, "1\u202f000"), (2.0, 1, "2.0"), (2.05, 1, "2.05"), (0.0, 2, "0.00"), (0.003, None, "0.003"),
    (-1.5, 1, "\u22121.5"), (0.1 + 0.2, 1, "0.3"), (1e-5, None, "1e\u221205"), (2.0, None, "2")])
def test_writes_with_fixed_digits(value: float, decimals: int | None, text: str) -> None:
    assert write_number(value, decimals) == text
    assert read_number(text) == pytest.approx(value)


@pytest.fixture(autouse=True)
def themed(qapp: QApplication) -> None:
    apply_theme(qapp)


def type_in(field: NumberField, text: str, enter: bool = True) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)
    if enter:
        QTest.keyClick(field, Qt.Key.Key_Return)


@pytest.fixture
def steps(qtbot: QtBot) -> NumberField:
    field = NumberField(50, 1000, 0, "steps", name="T")
    field.set_value(100)
    qtbot.addWidget(field)
    field.show()
    field.setFocus()
    return field


def test_a_right_number_is_committed_once(steps: NumberField) -> None:
    got: list[object] = []
    steps.committed.connect(got.append)
    type_in(steps, "1 000")
    QTest.keyClick(steps, Qt.Key.Key_Return)
    assert got == [1000]
    assert isinstance(got[0], int)
    assert steps.text() == "1\u202f000"


@pytest.mark.parametrize(("typed", "sentence"), [
    ("0", "T must be from 50 to 1\u202f000 steps; 0 is not."),
    ("1001", "T must be from 50 to 1\u202f000 steps; 1\u202f001 is not."),
    ("60.5", "T must be a whole number from 50 to 1\u202f000 steps; 60.5 is not."),
    ("many", "T must be a number from 50 to 1\u202f000 steps; “many” is not."),
    (" ", "T must be a number from 50 to 1\u202f000 steps; nothing is not.")])
def test_a_wrong_number_is_explained_and_not_applied(steps: NumberField, typed: str, sentence: str) -> None:
    got: list[object] = []
    said: list[str] = []
    steps.committed.connect(got.append)
    steps.error_changed.connect(said.append)
    type_in(steps, typed)
    assert got == []
    assert steps.value() == 100
    assert steps.error == sentence
    assert said == [sentence]
    assert steps.property("wrong") is True
    assert steps.text() == typed, "what was typed stays, to be mended"
    edge = steps.grab().toImage().pixelColor(0, steps.height() // 2)
    assert edge == theme().color("error")
    type_in(steps, "70")
    assert (steps.error, steps.value(), got) == ("", 70, [70])
    assert said[-1] == ""


def test_escape_restores(steps: NumberField) -> None:
    type_in(steps, "7")
    QTest.keyClick(steps, Qt.Key.Key_Escape)
    assert (steps.text(), steps.error, steps.value()) == ("100", "", 100)


def test_leaving_the_box_applies(qtbot: QtBot, steps: NumberField) -> None:
    type_in(steps, "77", enter=False)
    assert steps.value() == 100
    with qtbot.waitSignal(steps.committed, timeout=1000):
        steps.clearFocus()
    assert steps.value() == 77


def test_arrows_step_and_stop_at_the_ends(steps: NumberField) -> None:
    QTest.keyClick(steps, Qt.Key.Key_Up)
    assert steps.value() == 101
    QTest.keyClick(steps, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert steps.value() == 91
    for _ in range(10):
        QTest.keyClick(steps, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert steps.value() == 50


def wheel(widget: QWidget, turns: int) -> bool:
    event = QWheelEvent(QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120 * turns), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_wheel_only_while_focused(steps: NumberField) -> None:
    steps.clearFocus()
    assert not wheel(steps, 1), "the dock behind it scrolls"
    assert steps.value() == 100
    steps.setFocus()
    wheel(steps, 1)
    assert steps.value() == 101


def test_setting_a_value_does_not_disturb_typing(steps: NumberField) -> None:
    type_in(steps, "55", enter=False)
    steps.set_value(100)
    assert steps.text() == "55"


def test_choice_keeps_values(qtbot: QtBot) -> None:
    choice = Choice([("ddim", "DDIM"), ("ddpm", "DDPM")], "Sampler")
    qtbot.addWidget(choice)
    got: list[object] = []
    choice.changed.connect(got.append)
    choice.set_value("ddpm")
    assert (choice.value(), got) == ("ddpm", [])
    choice.setCurrentIndex(0)
    choice.activated.emit(0)
    choice.activated.emit(0)
    assert got == ["ddim"]
    choice.set_choices([("x", "X"), ("ddim", "DDIM")])
    assert choice.value() == "ddim"
    assert not wheel(choice, 1)
    assert choice.accessibleName() == "Sampler"
    with pytest.raises(ValueError, match="none"):
        choice.set_value("none")


def test_check_box(qtbot: QtBot) -> None:
    box = CheckBox("Clip")
    qtbot.addWidget(box)
    got: list[object] = []
    box.changed.connect(got.append)
    box.set_value(True)
    assert got == []
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    assert got == [False]
    assert box.accessibleName() == "Clip"


@pytest.mark.parametrize(("name", "group", "editor"), [
    ("num_steps", "training", NumberField), ("sampler", "sampling", Choice), ("clip_x0", "sampling", CheckBox),
    ("learning_rate", "training", NumberField)])
def test_row_has_the_editor_that_fits(qtbot: QtBot, name: str, group: str, editor: type[QWidget]) -> None:
    setting = find_setting(name, group)
    row = SettingRow(setting)
    qtbot.addWidget(row)
    assert isinstance(row.editor, editor)
    assert row.value() == setting.default
    assert row.editor.accessibleName().startswith(setting.label)
    assert row.editor.toolTip().replace("\n", " ").startswith(setting.help[:20])


def test_row_shows_the_sentence_and_applies_nothing(qtbot: QtBot) -> None:
    row = SettingRow(find_setting("learning_rate"), 0.003)
    qtbot.addWidget(row)
    row.resize(231, row.sizeHint().height())
    row.show()
    got: list[tuple[str, object]] = []
    row.committed.connect(lambda name, value: got.append((name, value)))
    assert isinstance(row.editor, NumberField)
    before = row.sizeHint().height()
    type_in(row.editor, "0")  # in the closed range, but the engine wants more than 0
    assert row.sentence.isVisible()
    assert row.sentence.text() == "Learning rate must be above 0 and at most 1; 0 is not."
    assert row.sizeHint().height() > before
    assert (row.value(), got) == (0.003, [])
    type_in(row.editor, "0.001")
    assert not row.sentence.isVisible()
    assert got == [("learning_rate", 0.001)]


def test_row_of_whole_numbers(qtbot: QtBot) -> None:
    row = SettingRow(find_setting("widths"), (32, 64))
    qtbot.addWidget(row)
    got: list[object] = []
    row.committed.connect(lambda name, value: got.append(value))
    row.editor.setText("16, 32 64")
    assert row.editor.commit()
    row.editor.setText("wide")
    assert not row.editor.commit()
    assert "wide" in row.editor.error
    row.editor.setText("")
    assert not row.editor.commit()
    assert got == [(16, 32, 64)]
    assert row.value() == (16, 32, 64)


def test_switched_off_says_why(qtbot: QtBot) -> None:
    row = SettingRow(find_setting("batch_size"))
    qtbot.addWidget(row)
    row.set_enabled(False, "Fixed while the run is trained.")
    assert not row.editor.isEnabled()
    assert row.editor.toolTip().startswith("Fixed while the run is trained.\n")
    row.set_enabled(True)
    assert not row.editor.toolTip().startswith("Fixed")


def test_slider_drag_is_one_change(qtbot: QtBot) -> None:
    field = SliderField(find_setting("guidance_scale"), 2.0, ticks=[1.0])
    qtbot.addWidget(field)
    field.resize(231, 28)
    field.show()
    done: list[object] = []
    on_the_way: list[object] = []
    field.committed.connect(lambda name, value: done.append(value))
    field.moved.connect(lambda name, value: on_the_way.append(value))
    slider = field.slider
    middle = slider.height() // 2
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(20, middle))
    for x in (30, 40, slider.width()):
        QTest.mouseMove(slider, QPoint(x, middle))
    field.set_value(2.0)  # an answer that comes late must not pull the handle back
    assert slider.real() == 8
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
                       QPoint(slider.width(), middle))
    assert done == [8.0]
    assert len(on_the_way) >= 2
    assert field.box.text() == "8.0"
    QTest.keyClick(slider, Qt.Key.Key_Left)
    assert done[-1] == pytest.approx(7.9)
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, middle))
    assert done[-1] == find_setting("guidance_scale").default


def test_slider_box_takes_what_the_track_does_not(qtbot: QtBot) -> None:
    field = SliderField(find_setting("num_steps", "sampling"), 50, limit=200)
    qtbot.addWidget(field)
    field.show()
    done: list[object] = []
    field.committed.connect(lambda name, value: done.append(value))
    type_in(field.box, "800")
    assert done == [800]
    assert field.value() == 800
    assert field.slider.real() == 200
    type_in(field.box, "2000")
    assert done == [800]
    assert field.sentence.text() == "Steps must be from 1 to 1\u202f000; 2\u202f000 is not."


def test_fixed_row_is_plain_text(qtbot: QtBot) -> None:
    row = FixedRow("Data", "MNIST, 60\u202f000")
    qtbot.addWidget(row)
    assert row.height() == 22 or row.sizeHint().height() <= 22
    assert row.accessibleName() == "Data: MNIST, 60\u202f000"
    row.set_value("Fashion")
    assert row.accessibleName() == "Data: Fashion"
    assert row.findChildren(QComboBox) == []


def test_values_in_words() -> None:
    assert value_text(find_setting("batch_size"), 64) == "64 images"
    assert value_text(find_setting("sampler"), "dpmpp-2m") == "DPM++ 2M"
    assert value_text(find_setting("widths"), (32, 64)) == "32, 64"
    assert value_text(find_setting("skips"), False) == "off"
    assert value_text(find_setting("stem"), 2) == "2"
