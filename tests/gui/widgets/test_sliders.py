"""The two timeline sliders: keys, wheel, double click, what they snap to, which way they run."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from gui.theme import theme
from gui.widgets.sliders import NoiseSlider, StepSlider, TrackSlider


def wheel(slider: TrackSlider, turn: int) -> None:
    place = QPointF(20, 10)
    event = QWheelEvent(place, QPointF(slider.mapToGlobal(place.toPoint())), QPoint(), QPoint(0, turn),
                        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
                        Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(slider, event)


@pytest.fixture
def noise(qtbot):
    slider = NoiseSlider()
    qtbot.addWidget(slider)
    slider.set_alpha_bar(np.linspace(1, 0, 1001))
    slider.resize(520, 32)
    slider.set_value(500)
    return slider


@pytest.fixture
def step(qtbot):
    slider = StepSlider()
    qtbot.addWidget(slider)
    slider.setRange(0, 1000)
    slider.set_ticks([0, 10, 50, 200, 700, 1000])
    slider.resize(520, 32)
    slider.set_value(200)
    return slider


def test_noise_is_left_and_picture_right(noise) -> None:
    assert noise.x_of(1000) < noise.x_of(0)
    assert noise.value_at(noise.x_of(1000)) == 1000
    assert noise.value_at(10_000) == 0


@pytest.mark.parametrize(("key", "shift", "wanted"), [
    (Qt.Key.Key_Right, False, 499), (Qt.Key.Key_Left, False, 501), (Qt.Key.Key_Right, True, 490),
    (Qt.Key.Key_Left, True, 510), (Qt.Key.Key_Home, False, 1000), (Qt.Key.Key_End, False, 0)])
def test_noise_keys(qtbot, noise, key, shift, wanted) -> None:
    moved: list[int] = []
    noise.user_moved.connect(moved.append)
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(noise, key, modifier)
    assert moved == [wanted]


def test_wheel_is_one_step_and_parts_of_a_notch_add_up(noise) -> None:
    wheel(noise, 120)
    assert noise.value() == 499
    wheel(noise, -60)
    assert noise.value() == 499
    wheel(noise, -60)
    assert noise.value() == 500


def test_double_click_goes_to_the_default(qtbot, noise) -> None:
    noise.default = 1000
    qtbot.mouseDClick(noise, Qt.MouseButton.LeftButton, pos=QPoint(300, 16))
    assert noise.value() == 1000


def test_a_drag_is_bracketed_and_the_program_is_silent(qtbot, noise) -> None:
    said: list[str] = []
    noise.sliderPressed.connect(lambda: said.append("pressed"))
    noise.sliderReleased.connect(lambda: said.append("released"))
    noise.user_moved.connect(lambda value: said.append(str(value)))
    noise.set_value(300)
    qtbot.mousePress(noise, Qt.MouseButton.LeftButton, pos=QPoint(260, 16))
    qtbot.mouseRelease(noise, Qt.MouseButton.LeftButton, pos=QPoint(260, 16))
    assert said == ["pressed", "500", "released"]


def test_track_is_orange_as_far_up_as_signal_goes(noise) -> None:
    theme().set_mode("light")
    noise.set_value(1000)
    shown = noise.grab().toImage()
    middle = shown.height() // 2
    orange, blue = theme().color("signal_track"), theme().color("noise_track")
    at = round(noise.x_of(250))
    assert shown.pixelColor(at, middle + 2) == orange
    assert shown.pixelColor(at, middle - 4) == blue
    at = round(noise.x_of(750))
    assert shown.pixelColor(at, middle - 1) == blue
    theme().set_mode("system")


def test_first_readable_is_drawn_only_when_measured(noise) -> None:
    without = noise.grab().toImage()
    noise.set_readable(300)
    with_it = noise.grab().toImage()
    assert with_it != without
    noise.set_readable(None)
    assert noise.grab().toImage() == without


def test_steps_go_from_snapshot_to_snapshot(qtbot, step) -> None:
    qtbot.keyClick(step, Qt.Key.Key_Right)
    assert step.value() == 700
    qtbot.keyClick(step, Qt.Key.Key_Left)
    qtbot.keyClick(step, Qt.Key.Key_Left)
    assert step.value() == 50
    qtbot.keyClick(step, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert step.value() == 0
    qtbot.keyClick(step, Qt.Key.Key_End)
    assert step.value() == 1000


def test_dragging_steps_snaps_to_the_nearest_snapshot(qtbot, step) -> None:
    qtbot.mousePress(step, Qt.MouseButton.LeftButton, pos=QPoint(round(step.x_of(640)), 16))
    assert step.value() == 700


def test_live_point_can_be_reached_though_it_is_no_snapshot(qtbot, step) -> None:
    step.set_live(850)
    step.set_value(700)
    qtbot.keyClick(step, Qt.Key.Key_Right)
    assert step.value() == 850


def test_live_ring_shows_only_while_looking_back(step) -> None:
    step.set_value(700)
    plain = step.grab().toImage()
    step.set_live(700)
    assert step.grab().toImage() == plain
    step.set_live(850)
    assert step.grab().toImage() != plain


def test_focus_ring_is_for_the_keyboard_only(qtbot, noise) -> None:
    with qtbot.waitExposed(noise):
        noise.show()
    noise.setFocus(Qt.FocusReason.MouseFocusReason)
    by_mouse = noise.grab().toImage()
    noise.clearFocus()
    noise.setFocus(Qt.FocusReason.TabFocusReason)
    assert noise.grab().toImage() != by_mouse
