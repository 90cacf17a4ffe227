"""The lanes of the Compare page and their settings."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from races_scripted import LANES, NAMES, Races, wait_over

from engine.config import SamplingConfig
from gui.pages.compare import ComparePage
from gui.pages.compare_lanes import lane_style
from gui.pages.compare_words import lane_names
from gui.undo import History
from gui.window_state import WindowState, load_state, save_state


def test_the_chosen_lanes_settings_are_set_in_the_dock(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    setup = page.setup
    assert setup.sampler.value() == "dpmpp-2m"
    QTest.mouseClick(page.row.views[1].head, Qt.MouseButton.LeftButton)
    assert (setup.sampler.value(), setup.steps.value()) == ("ddim", 20)
    assert setup.eta.isEnabled()
    setup._set("num_steps", 30)
    setup._set("guidance_scale", 1.0)
    assert page.session.race.lanes[1] == LANES[1].model_copy(update={"num_steps": 30, "guidance_scale": 1.0})
    assert page.session.race.lanes[0] == LANES[0]
    assert setup.cost.text() == "30 network calls a picture"
    assert page.row.views[1].head.steps == "30 steps"
    setup._set("sampler", "heun")
    assert not setup.eta.isEnabled()
    wait_over(qtbot, page)
    assert races.asked[-1].lanes == page.session.race.lanes


def test_what_does_not_fit_is_refused_in_a_sentence(page: ComparePage) -> None:
    page.setup.choose(0)
    before = page.session.race
    page.setup._set("num_steps", 1001)
    assert page.setup.steps.sentence.text().startswith("Steps must be from 1 to 1\u202f000")
    assert page.session.race == before


def test_lanes_are_added_and_removed_within_two_and_six(page: ComparePage, qtbot: QtBot) -> None:
    setup = page.setup
    setup.choose(1)
    for count in (5, 6):
        QTest.mouseClick(setup.add, Qt.MouseButton.LeftButton)
        assert len(page.session.race.lanes) == len(page.row.views) == count
        assert setup.chosen == count - 1
        assert page.session.race.lanes[-1] == LANES[1]
    assert not setup.add.isEnabled()
    assert setup.add.toolTip().endswith("a race has at most 6")
    for count in (5, 4, 3, 2):
        QTest.mouseClick(setup.remove, Qt.MouseButton.LeftButton)
        assert len(page.session.race.lanes) == count
    assert not setup.remove.isEnabled()
    QTest.mouseClick(setup.reset, Qt.MouseButton.LeftButton)
    assert page.session.race.lanes == LANES
    wait_over(qtbot, page)


def test_lanes_can_be_undone_and_come_back_at_the_next_start(page: ComparePage, qtbot: QtBot) -> None:
    history = History(page.session)
    page.setup._set("num_steps", 4)
    assert page.session.race.lanes[3].num_steps == 4
    history.stack.undo()
    assert page.session.race.lanes == LANES
    assert page.setup.steps.value() == 8
    history.stack.redo()
    assert page.session.race.lanes[3].num_steps == 4
    state = WindowState()
    state.place.race = page.session.race
    save_state(state)
    assert load_state().place.race == page.session.race
    wait_over(qtbot, page)


def test_a_kept_state_that_makes_no_sense_is_left_out() -> None:
    state = WindowState()
    state.place.seed = 7
    save_state(state)
    from PySide6.QtCore import QSettings

    from gui import window_state

    store = window_state._settings()
    store.setValue("place/race", '{"lanes": [{"sampler": "magic"}]}')
    store.sync()
    assert isinstance(store, QSettings)
    assert (load_state().place.race, load_state().place.seed) == (None, 7)


def test_names_say_what_sets_two_lanes_apart() -> None:
    assert lane_names(LANES) == NAMES
    two = (SamplingConfig(sampler="ddim", num_steps=20), SamplingConfig(sampler="ddim", num_steps=50),
           SamplingConfig(sampler="heun"))
    assert lane_names(two) == ["DDIM 20", "DDIM 50", "Heun"]
    assert lane_names((two[0], two[0].model_copy(update={"guidance_scale": 1.5}))) == ["DDIM, w 2", "DDIM, w 1.5"]
    styles = {lane_style(i, 5) for i in range(6)}
    assert len(styles) == 6, "every lane can be told from the others"


def test_x_t_is_shown_on_request(page: ComparePage, qtbot: QtBot) -> None:
    view = page.row.views[2]
    assert not view.x_t.isVisible()
    page.setup.show_x.editor.click()  # type: ignore[union-attr]
    assert page.session.race.show_x
    assert view.x_t.isVisible()
    assert view.x_t.values is not None
