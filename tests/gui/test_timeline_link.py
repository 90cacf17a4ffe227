"""The timeline in the whole window, and what is undone."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from scripted import make_run
from windows import SHIFT, Make, press


def test_timeline_and_session_are_one(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    window = make()
    session, timeline = window.session, window.timeline
    session.open_run(tmp_path / "a")
    assert timeline.step_slider.ticks() == [0, 10, 20, 40]
    session.set_step(10)
    assert timeline.step_slider.value() == 10
    timeline.t_slider.setFocus()
    press(window, Qt.Key.Key_Left, SHIFT, timeline.t_slider)
    assert abs(session.t - 420) == 10
    session.set_seed(77)
    assert timeline.seed.value() == 77


def test_playing_is_no_undo_step_but_a_hand_is(qtbot: QtBot, make: Make) -> None:
    window = make()
    stack = window.history.stack
    window.commands.toggle_play()
    qtbot.wait(150)
    window.commands.toggle_play()
    assert window.session.t != 420
    assert stack.count() == 0
    at = window.session.t
    for t in (400, 390, 380):
        window.timeline._t_by_hand(t)
    assert stack.count() == 1, "moves that follow closely are one step"
    stack.undo()
    assert window.session.t == at
    stack.redo()
    assert window.session.t == 380


def test_two_seeds_are_two_steps_and_undo_brings_each_back(make: Make) -> None:
    window = make()
    window.session.set_seed(5)
    window.session.set_seed(6)
    window.history.stack.undo()
    assert window.session.seed == 5
    window.history.stack.undo()
    assert window.session.seed == 0


def test_forward_plays_the_other_way(make: Make) -> None:
    window = make()
    window.show_page("forward")
    assert window.timeline.t_play._leftwards
    window.show_page("reverse")
    assert not window.timeline.t_play._leftwards
