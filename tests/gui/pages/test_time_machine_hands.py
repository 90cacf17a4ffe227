"""What a hand does on the map of the time machine, by pointer and by keys, and with its settings."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import SIDE, no_more
from time_machine_scripted import Jobs, centre, settle

from engine.page_config import TimeMachineConfig
from gui.pages.time_machine import TimeMachinePage
from gui.pages.time_machine_view import between
from gui.preferences import Preferences, save_preferences
from gui.undo import History
from gui.window_state import WindowState, load_state, save_state


def press(page: TimeMachinePage, *keys: Qt.Key, shift: bool = False) -> None:
    for key in keys:
        QTest.keyClick(page.view, key, Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier)


def test_a_click_sets_both_sliders(filled: TimeMachinePage) -> None:
    session = filled.session
    QTest.mouseClick(filled.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 1, 6))
    assert (session.step, session.t) == (10, 750)
    assert filled.view.current == (1, 6)
    assert not session.following
    assert filled.walk.clock.row == ""


def test_the_pointer_enlarges_and_moves_nothing(qtbot: QtBot, filled: TimeMachinePage) -> None:
    before = filled.session.step, filled.session.t
    QTest.mouseMove(filled.view.viewport(), centre(filled, 2, 12))
    filled.view._hover((2, 12))
    qtbot.waitUntil(no_more(lambda: filled.side.title.text().startswith("Step 20 t 500, 50\u202f%")), timeout=8000)
    assert filled.side.x0.values is not None
    assert round(127.5 * (float(filled.side.x0.values[0, 0, 1]) + 1)) == 12
    assert filled.side.plot.title == "Judge reads 3"
    assert filled.side.here.y.round(2).tolist() == [0.2] * 16 + [0.96] * 9
    assert filled.side.last.y.round(2).tolist() == [0.2] * 12 + [0.96] * 13
    assert (filled.session.step, filled.session.t) == before
    filled.view._hover(None)
    qtbot.waitUntil(no_more(lambda: filled.side.title.text().startswith("Step 40")), timeout=8000)


def test_a_drag_draws_a_way_and_plays_it(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session, view = filled.session, filled.view
    history = History(session)
    seen: list[tuple[int, int]] = []
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 0, 2))
    for cell in ((1, 2), (1, 3), (2, 4)):
        QTest.mouseMove(view.viewport(), centre(filled, *cell))
        view.mouseMoveEvent(_move(filled, cell))
    assert (session.step, round(session.t)) == (20, 833)
    assert view.way == [(0, 2), (1, 2), (1, 3), (2, 4)]
    assert history.stack.count() == 0
    session.noise_level_changed.connect(lambda t: seen.append((session.step, t)))
    session.step_changed.connect(lambda step: seen.append((step, session.t)))
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=centre(filled, 2, 4))
    assert history.stack.count() == 2  # training step, noise level
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)
    assert seen[0][0] == 0
    assert (session.step, session.t) == (20, 833)
    assert filled.view.way == [(0, 2), (1, 2), (1, 3), (2, 4)]
    assert filled.setup.play.isEnabled()
    history.stack.undo()
    history.stack.undo()
    assert (session.step, session.t) == (40, 420)


def _move(map_page: TimeMachinePage, cell: tuple[int, int]) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    at = QPointF(centre(map_page, *cell))
    return QMouseEvent(QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton,
                       Qt.KeyboardModifier.NoModifier)


def test_a_quick_drag_passes_over_no_cell() -> None:
    assert between((0, 0), (3, 6)) == [(0, 1), (1, 2), (2, 3), (2, 4), (2, 5), (3, 6)]
    assert between((4, 4), (3, 4)) == [(3, 4)]
    assert between((4, 4), (4, 4)) == []


def test_with_reduced_motion_a_drag_is_not_played_by_itself(qtbot: QtBot, filled: TimeMachinePage) -> None:
    save_preferences(Preferences(reduced_motion=True))
    filled.view.drawn.emit([(0, 0), (1, 1)])
    assert filled.walk.clock.row == ""
    QTest.mouseClick(filled.setup.play, Qt.MouseButton.LeftButton)
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)


def test_the_map_is_walked_by_keys(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session, view = filled.session, filled.view
    session.set_noise_level(500)
    assert view.current == (3, 12)
    press(filled, Qt.Key.Key_Left, Qt.Key.Key_Up)
    assert (session.step, session.t) == (20, 542)
    press(filled, Qt.Key.Key_Home, Qt.Key.Key_PageUp)
    assert (session.step, session.t) == (0, 1000)
    press(filled, Qt.Key.Key_Left, Qt.Key.Key_Up)
    assert view.current == (0, 0)
    press(filled, Qt.Key.Key_End, Qt.Key.Key_PageDown)
    assert (session.step, session.t) == (40, 0)
    press(filled, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Up, shift=True)
    assert view.way == [(3, 24), (3, 23), (2, 23), (2, 22)]
    press(filled, Qt.Key.Key_Return)
    assert filled.walk.clock.row == "path"
    qtbot.waitUntil(no_more(lambda: filled.walk.clock.row == ""), timeout=8000)
    assert view.current == (2, 22)
    assert "step 20, t 83" in view.accessibleDescription()


def test_a_large_map_scrolls_to_the_point(filled: TimeMachinePage) -> None:
    filled.resize(500, 300)
    filled.session.set_time_machine(TimeMachineConfig(size=3))
    view = filled.view
    assert view.verticalScrollBar().maximum() > 0
    filled.session.set_noise_level(0)
    assert view.room().adjusted(-1, -1, 1, 1).contains(view.cell_rect((3, 24)))
    filled.session.set_noise_level(1000)
    assert view.room().adjusted(-1, -1, 1, 1).contains(view.cell_rect((3, 0)))
    assert view.cell_rect((3, 0)).width() == 3 * SIDE
    assert view.cell_at(view.cell_rect((3, 0)).center()) == (3, 0)


def test_settings_are_undone_and_kept(qtbot: QtBot, filled: TimeMachinePage) -> None:
    session = filled.session
    history = History(session)
    filled.setup.what.changed.emit("judge")
    filled.setup.boxes["line"].committed.emit("line", False)
    assert session.time_machine == TimeMachineConfig(show="judge", line=False)
    assert filled.view.curves == []
    assert filled.finding.text() == ""
    assert not filled.setup.rows["line_seeds"].isEnabled()
    state = WindowState()
    state.place.time_machine = session.time_machine
    save_state(state)
    assert load_state().place.time_machine == session.time_machine
    history.stack.undo()
    assert session.time_machine == TimeMachineConfig()
    assert filled.setup.what.value() == "x0"
    assert len(filled.view.curves) == 1


def test_the_line_over_one_seed_is_the_maps_own(qtbot: QtBot, filled: TimeMachinePage, map_jobs: Jobs) -> None:
    filled.session.set_time_machine(TimeMachineConfig(line_seeds=1))
    settle(qtbot, filled)
    assert map_jobs.asked[-1].line_seeds == 1
    assert [curve.dashed for curve in filled.view.curves] == [False]
    assert filled.finding.text().startswith("One seed. A 3 from seed 0 is first readable at 83\u202f% denoised after "
                                            "step 0, at 50\u202f% after 40.")
    assert filled.heading.note() == "line: this seed"


def test_every_control_says_what_it_does(filled: TimeMachinePage) -> None:
    setup = filled.setup
    for widget in (setup.play, setup.table, setup.picture, setup.other, setup.go_on, setup.progress.cancel,
                   filled.decided, filled.save, *(row.editor for row in (*setup.rows.values(), *setup.boxes.values()))):
        assert widget.toolTip(), widget.accessibleName()
        assert widget.accessibleName()
    assert filled.view.accessibleName()
