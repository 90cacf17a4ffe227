"""The timeline: columns, readouts, boxes, play, class and seed."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from engine.diffusion.schedules import schedule
from gui.theme import theme
from gui.widgets.class_strip import ClassStrip
from gui.widgets.index_box import IndexBox
from gui.widgets.play_clock import PlayClock
from gui.widgets.seed_box import LARGEST_SEED, SeedBox
from gui.widgets.timeline import Timeline


@pytest.fixture
def timeline(qtbot):
    made = Timeline()
    qtbot.addWidget(made)
    made.set_steps([0, 10, 50, 200, 700], 1100)
    made.set_step(200)
    made.set_t(420)
    made.resize(1440, made.sizeHint().height())
    made.show()
    return made


@pytest.fixture
def text_scale(request, timeline) -> Iterator[float]:
    """The size of the text, back at 1 after the test."""
    theme().set_scale(request.param)
    yield request.param
    theme().set_scale(1.0)


@pytest.mark.parametrize(("width", "text_scale"), [
    (840, 1.0), (900, 1.0), (1000, 1.0), (1280, 1.0), (1440, 1.0), (1280, 1.5), (1440, 1.5), (1280, 2.0), (1440, 2.0)],
    indirect=["text_scale"])
@pytest.mark.parametrize("following", [True, None])
def test_rows_share_columns_and_nothing_overlaps(timeline, width, following, text_scale) -> None:
    timeline.set_following(following, "" if following else "Viewing the last snapshot")
    timeline.resize(width, timeline.sizeHint().height())
    QApplication.processEvents()
    assert timeline.step_slider.geometry().left() == timeline.t_slider.geometry().left()
    assert timeline.step_slider.width() == timeline.t_slider.width() >= 60
    assert timeline.step_box.x() == timeline.t_box.x()
    first = timeline.follow if following else timeline.status
    rows = [[timeline.step_name, timeline.step_play, timeline.step_left, timeline.step_slider,
             timeline.step_right, timeline.step_box, timeline.step_of, first, timeline.class_label,
             timeline.classes],
            [timeline.t_name, timeline.t_play, timeline.t_left, timeline.t_slider, timeline.t_right,
             timeline.t_box, timeline.t_of, timeline.readout, timeline.loop, timeline.bounce, timeline.speed,
             timeline.seed]]
    for row in rows:
        shown = [widget for widget in row if widget.isVisible() and widget.width() > 0]
        for left, right in pairwise(shown):
            assert left.geometry().right() < right.geometry().left(), (left.accessibleName(), right.accessibleName())
        assert shown[-1].geometry().right() < width


def test_words_give_way_to_the_sliders_one_kind_after_the_other(timeline) -> None:
    timeline.set_following(None, "Viewing the last snapshot")
    kinds = {"ends": timeline.t_left, "of": timeline.t_of, "readout": timeline.readout}
    seen = []
    for width in range(1440, 780, -10):
        timeline.resize(width, timeline.height())
        QApplication.processEvents()
        shown = {name for name, words in kinds.items() if words.isVisible() and words.width() > 0}
        if not seen or shown != seen[-1]:
            seen.append(shown)
    assert seen == [{"ends", "of", "readout"}, {"of", "readout"}, {"readout"}, set()]


def test_height_is_two_rows_of_32_and_18(timeline) -> None:
    if theme().scale == 1:
        assert timeline.sizeHint().height() == 1 + 2 * 32 + 18


def test_readouts_come_from_the_schedule(timeline) -> None:
    timeline.set_schedule(schedule("linear", 1000))
    timeline.set_t(420)
    assert timeline.readout.accessibleName() == "58\u202f% denoised, SNR \u22127.0 dB"
    timeline.set_t(0)
    assert "100\u202f%" in timeline.readout.accessibleName()
    assert "∞" in timeline.readout.accessibleName()


def test_readouts_do_not_dance(timeline) -> None:
    widths = set()
    for t in (995, 900, 420, 20):
        timeline.set_t(t)
        widths.add(timeline.readout.sizeHint().width())
    assert len(widths) == 1


def test_setters_are_silent_and_hands_are_not(qtbot, timeline) -> None:
    said: list[tuple[str, int]] = []
    timeline.t_changed.connect(lambda t: said.append(("t", t)))
    timeline.step_changed.connect(lambda step: said.append(("step", step)))
    timeline.class_changed.connect(lambda c: said.append(("class", c)))
    timeline.set_t(300)
    timeline.set_step(50)
    timeline.set_class(4)
    assert said == []
    qtbot.keyClick(timeline.t_slider, Qt.Key.Key_Right)
    qtbot.keyClick(timeline.step_slider, Qt.Key.Key_Right)
    qtbot.mouseClick(timeline.classes.cells()[7], Qt.MouseButton.LeftButton)
    assert said == [("t", 299), ("step", 200), ("class", 7)]
    assert timeline.t_box.value() == 299


def test_typed_step_goes_to_the_nearest_snapshot(qtbot, timeline) -> None:
    timeline.step_box.selectAll()
    qtbot.keyClicks(timeline.step_box, "600")
    with qtbot.waitSignal(timeline.step_changed) as caught:
        qtbot.keyClick(timeline.step_box, Qt.Key.Key_Return)
    assert caught.args == [700]
    assert timeline.step_box.text() == "700"


def test_shorter_schedule_moves_t_into_its_range(timeline) -> None:
    timeline.set_t(800)
    timeline.set_schedule(schedule("cosine", 200))
    assert timeline.t_slider.maximum() == 200
    assert timeline.t_box.value() == 200


def test_only_one_row_plays_and_by_the_same_signals(timeline) -> None:
    said: list[tuple[str, object]] = []
    timeline.play_t.connect(lambda on: said.append(("t", on)))
    timeline.play_step.connect(lambda on: said.append(("step", on)))
    timeline.t_changed.connect(lambda t: said.append(("at", t)))
    timeline.set_play_stops([1000, 420, 300, 0])
    timeline.toggle_play("t")
    assert timeline.playing == "t"
    assert timeline.clock.running
    timeline.clock.advance()
    timeline.toggle_play("step")
    assert timeline.playing == "step"
    timeline.toggle_play("step")
    assert said == [("t", True), ("at", 300), ("step", True), ("t", False), ("step", False)]
    assert not timeline.clock.running


def test_forward_play_runs_towards_noise(timeline) -> None:
    timeline.set_direction(adding_noise=True)
    timeline.set_play_stops([0, 300, 420, 1000])
    timeline.toggle_play("t")
    timeline.clock.advance()
    assert timeline.t_slider.value() == 1000
    timeline.stop_play()


def test_moving_the_slider_by_hand_ends_its_play(qtbot, timeline) -> None:
    timeline.toggle_play("t")
    qtbot.keyClick(timeline.t_slider, Qt.Key.Key_Right)
    assert timeline.playing == ""


def walk(clock: PlayClock, frames: int) -> list[int]:
    seen: list[int] = []
    clock.moved.connect(lambda _, value: seen.append(value))
    clock.play("t")
    for _ in range(frames):
        if clock.running:
            clock.advance()
    return seen


@pytest.mark.parametrize(("loop", "bounce", "reduced", "wanted"), [
    (False, False, False, [2, 1]), (True, False, False, [2, 1, 3, 2, 1, 3]),
    (False, True, False, [2, 1, 2, 3]), (True, True, False, [2, 1, 2, 3, 2, 1]),
    (True, False, True, [2, 1]), (True, True, True, [2, 1, 2, 3])])
def test_play_leaves_no_frame_out(qtbot, loop, bounce, reduced, wanted) -> None:
    clock = PlayClock()
    clock.loop, clock.bounce, clock.reduced_motion = loop, bounce, reduced
    clock.set_stops("t", [3, 2, 1])
    clock.set_value("t", 3)
    assert walk(clock, 6) == wanted
    clock.stop()
    assert not clock.running


def test_play_waits_for_a_frame_that_is_not_there(qtbot) -> None:
    clock = PlayClock()
    clock.set_stops("t", [3, 2, 1])
    clock.set_value("t", 3)
    ready = {3, 2}
    clock.may_show = lambda _, value: value in ready
    seen = walk(clock, 3)
    ready.add(1)
    clock.advance()
    assert seen == [2, 1]
    clock.stop()


def test_speed_is_kept_between_a_quarter_and_four(qtbot) -> None:
    clock = PlayClock()
    assert clock.interval == 42
    clock.set_speed(100)
    assert clock.interval == 10
    clock.set_speed(0)
    assert clock.interval == 167


@pytest.fixture
def box(qtbot):
    made = IndexBox("Noise level t", 0, 1000)
    qtbot.addWidget(made)
    made.set_value(420)
    made.show()
    return made


def test_box_applies_at_enter_and_restores_at_escape(qtbot, box) -> None:
    got: list[int] = []
    box.committed.connect(got.append)
    box.selectAll()
    qtbot.keyClicks(box, "1 000")
    assert got == []
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert got == [1000]
    assert box.text() == "1\u202f000"
    box.selectAll()
    qtbot.keyClicks(box, "77")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert got == [1000]
    assert box.text() == "1\u202f000"


@pytest.mark.parametrize("typed", ["1001", "-1", "abc", "4.5", ""])
def test_box_says_the_range_and_applies_nothing_wrong(qtbot, box, typed) -> None:
    got: list[int] = []
    box.committed.connect(got.append)
    box.selectAll()
    qtbot.keyClick(box, Qt.Key.Key_Delete)
    qtbot.keyClicks(box, typed)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert got == []
    assert box.value() == 420
    assert "from 0 to 1\u202f000" in box.error


def test_program_does_not_overwrite_what_is_being_typed(qtbot, box) -> None:
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    qtbot.keyClicks(box, "33")
    box.set_value(500)
    assert box.text() == "33"
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == "500"


def test_seeds_are_python_ints_of_63_bits(qtbot) -> None:
    seed = SeedBox()
    qtbot.addWidget(seed)
    got: list[int] = []
    seed.changed.connect(got.append)
    seed.box.selectAll()
    qtbot.keyClicks(seed.box, str(LARGEST_SEED))
    qtbot.keyClick(seed.box, Qt.Key.Key_Return)
    assert got == [2**63 - 1]
    seed.box.selectAll()
    qtbot.keyClicks(seed.box, str(LARGEST_SEED + 1))
    qtbot.keyClick(seed.box, Qt.Key.Key_Return)
    assert got == [2**63 - 1]
    with qtbot.waitSignal(seed.new_requested):
        qtbot.mouseClick(seed.new, Qt.MouseButton.LeftButton)
    seed.set_previous_enabled(False)
    assert not seed.previous.isEnabled()


def test_class_strip_arrow_keys_and_names(qtbot) -> None:
    strip = ClassStrip(["T-shirt", "Trouser", "Pullover"])
    qtbot.addWidget(strip)
    strip.show()
    got: list[int] = []
    strip.changed.connect(got.append)
    strip.set_value(1)
    assert got == []
    assert [cell.accessibleName() for cell in strip.cells()] == ["Class T-shirt", "Class Trouser", "Class Pullover"]
    strip.cells()[1].setFocus()
    qtbot.waitUntil(strip.cells()[1].hasFocus)
    qtbot.keyClick(strip.cells()[1], Qt.Key.Key_Right)
    assert strip.value() == 2
    assert got == [2]
    strip.set_names([str(i) for i in range(10)])
    assert len(strip.cells()) == 10
    assert strip.value() == 2
    assert strip.cells()[2].isChecked()
