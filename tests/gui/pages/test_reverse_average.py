"""Which average of the weights is drawn from: the slider on the Reverse page, and what hangs on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from scripted import Script, config, make_run, trajectory, weights

from engine.runs import RunWriter
from gui.explain import load_topic
from gui.pages.reverse import ReversePage
from gui.pages.reverse_save import facts_of
from gui.session import Session
from gui.theme import apply_theme
from gui.undo import History

STEPS = (0, 10, 20, 40)


def make_wide_run(path: Path, wide_at: tuple[int, ...] = STEPS[1:]) -> None:
    """A run that keeps both averages, 10 % and 25 %, at some of its snapshots."""
    make_run(path, steps=STEPS, recorded=11, config=config(ema_power=18.0, ema_power_wide=6.0))
    with RunWriter.reopen(path) as writer:
        for step in wide_at:
            writer.save_snapshot(step, weights(step), wide=weights(step + 1))


@pytest.fixture
def page(qtbot: QtBot, session: Session, tmp_path: Path) -> ReversePage:
    """The page in front, with a run that keeps both averages."""
    apply_theme(QGuiApplication.instance())
    make_wide_run(tmp_path / "wide")
    session.open_run(tmp_path / "wide")
    made = ReversePage(session)
    qtbot.addWidget(made)
    for section in made.setup_sections():
        qtbot.addWidget(section)
    made.resize(902, 681)
    made.show()
    made.activate()
    wait_drawn(qtbot, made)
    return made


def wait_drawn(qtbot: QtBot, page: ReversePage) -> None:
    qtbot.waitUntil(lambda: page.ready() and page.session.trajectory() is not None, timeout=8000)


def shown(page: ReversePage) -> tuple[bool, bool, bool]:
    setup = page.setup
    return tuple(not row.isHidden() for row in (setup.average, setup.width, setup.width_note))  # type: ignore[return-value]


def test_it_begins_at_the_snapshots_own_average_and_asks_for_nothing(page: ReversePage, script: Script) -> None:
    setup = page.setup
    assert shown(page) == (False, True, True)
    assert setup.width.value() == 10
    assert setup.width_note.text() == "EMA over the last 10\u202f% of training, as the snapshot holds it."
    assert page.session.average() is None
    assert script.asked == []
    assert "--average" not in setup.command_text()


def test_moving_it_draws_anew_once_the_handle_rests(page: ReversePage, qtbot: QtBot, script: Script) -> None:
    setup, session = page.setup, page.session
    for percent in (11.0, 15.0, 25.0):
        setup.width.slider.moved.emit(percent)
        how = "the snapshot's second one" if percent == 25 else "made from those in the snapshots"
        assert setup.width_note.text() == f"EMA over the last {percent:g}\u202f% of training, {how}."
    assert session.average_percent is None, "not before it rests"
    qtbot.waitUntil(lambda: session.average_percent == 25.0, timeout=8000)
    wait_drawn(qtbot, page)
    assert {request.average_percent for _, request in script.asked} == {25.0}
    assert script.asked[0][1].class_labels == (3,)
    assert "--snapshot 40 --average 25 " in setup.command_text()
    assert facts_of(session, trajectory(3, 11, 40)).average_percent == 25.0
    asked = len(script.asked)
    setup.width.committed.emit("average_percent", 10.0)  # back to what came with the run, at once
    assert session.average_percent is None
    assert session.point() is not None
    assert page.session.trajectory() is not None
    assert len(script.asked) == asked
    assert facts_of(session, trajectory(3, 11, 40)).average_percent == pytest.approx(10.0)


def test_the_handle_let_go_applies_at_once(page: ReversePage, qtbot: QtBot) -> None:
    page.setup.width.slider.moved.emit(20.0)
    page.setup.width.slider.released.emit(21.0)
    assert page.session.average_percent == 21.0
    assert not page.setup._settle.isActive()
    wait_drawn(qtbot, page)


def test_its_ends_are_what_can_be_made_at_the_step(page: ReversePage, qtbot: QtBot) -> None:
    setup, session = page.setup, page.session
    there = session.average_range()
    assert there is not None
    assert (setup.width.setting.minimum, setup.width.setting.maximum) == there
    assert (setup.width.slider.minimum(), setup.width.slider.maximum()) == (0, there[1] - there[0])
    assert f"{there[0]} to {there[1]} %, default 10" in setup.width.slider.toolTip().replace("<br>", "\n")
    session.set_average(float(there[1]))
    session.set_step(10)
    first = session.average_range()
    assert first is not None
    assert first[1] < there[1]
    assert setup.width.value() == session.average() == first[1], "as far as it can be made there"
    setup.width.box.setText(str(there[1]))
    assert not setup.width.box.commit()
    assert f"from {first[0]} to {first[1]}" in setup.width.sentence.text()
    session.set_step(0)
    assert shown(page) == (True, False, False), "nothing was averaged yet"
    assert session.average() is None
    session.set_step(40)
    assert setup.width.value() == session.average() == there[1]
    wait_drawn(qtbot, page)


def test_it_is_absent_where_the_run_keeps_one_average(page: ReversePage, qtbot: QtBot, tmp_path: Path) -> None:
    page.session.set_average(25.0)
    make_run(tmp_path / "old", config=config(ema_power=10.0))
    page.session.open_run(tmp_path / "old")
    assert shown(page) == (True, False, False)
    assert page.setup.average.value.text() == "EMA, last 17\u202f%"
    assert page.session.average_percent is None, "another run begins at its own"
    make_wide_run(tmp_path / "some", wide_at=(20,))
    page.session.open_run(tmp_path / "some")
    assert shown(page) == (True, False, False)
    page.session.set_step(20)
    assert shown(page) == (False, True, True)
    wait_drawn(qtbot, page)


def test_undo_brings_it_back(page: ReversePage, qtbot: QtBot) -> None:
    history = History(page.session, page)
    page.session.set_average(25.0)
    assert page.setup.width.value() == 25
    assert history.stack.undoText() == "average"
    history.stack.undo()
    assert page.session.average_percent is None
    assert page.setup.width.value() == 10
    history.stack.redo()
    assert page.session.average_percent == 25.0
    wait_drawn(qtbot, page)


def test_it_can_be_reached_and_is_explained(page: ReversePage) -> None:
    setup = page.setup
    for part in (setup.width.slider, setup.width.box):
        assert part.accessibleName() == "Average over the last percent of training"
        assert part.toolTip()
        assert part.focusPolicy().value & 1, "by the keyboard"
    assert setup.width.property("explain") == "average"
    assert load_topic("average") is not None
