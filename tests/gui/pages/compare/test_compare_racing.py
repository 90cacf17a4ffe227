"""A race on the Compare page: when it starts, what it shows, how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from races_scripted import LANES, Races, first_pixel, make_page, pixel, wait_over
from scripted import make_run

from engine.compute import Priority
from engine.errors import DiffuscopeError
from engine.page_config import RaceConfig
from engine.runs import Run
from gui.pages.compare import ComparePage
from gui.pages.compare_plots import PICTURE, READ
from gui.session import Session
from gui.theme import apply_theme


def test_a_race_of_the_sessions_lanes_starts_at_its_point(page: ComparePage, races: Races) -> None:
    assert len(races.asked) == 1
    asked = races.asked[0]
    assert (asked.class_label, asked.seed, asked.snapshot, asked.lanes) == (3, 11, 40, LANES)
    assert races.priorities == [Priority.INTERACTIVE]
    for view, sampling in zip(page.row.views, LANES, strict=True):
        assert first_pixel(page, view.index) == pixel(11, sampling.num_steps)
        assert view.bar.share == 1


def test_lanes_grow_on_the_way_and_get_their_place_at_the_end(qtbot: QtBot, session: Session, races: Races,
                                                              tmp_path: Path) -> None:
    races.gate.clear()
    page = make_page(qtbot, session, tmp_path)
    qtbot.waitUntil(lambda: page.races.answer is not None, timeout=8000)
    assert not page.ready()
    view = page.row.views[1]
    assert view.count.text() == "20 of 40 calls, 20 ms"
    assert view.place.text() == ""
    assert 0 < view.bar.share < 1
    assert page.finding.text().startswith("Racing. Class 3, seed 11")
    assert page.run.text() == "Stop"
    assert page.plots.empty.isVisible(), "no reference to be distant from yet"
    page.plots.quality.changed.emit(READ)
    page.plots.show_view(PICTURE)
    assert [len(one.x) for one, _ in page.plots._lines] == [26, 10, 4, 4]
    races.gate.set()
    wait_over(qtbot, page)
    assert [v.place.text() for v in page.row.views] == ["4th", "3rd", "2nd", "1st"]
    assert view.count.text() == "40 calls, 40 ms"
    assert page.row.views[0].reading.text() == "judge 3, 99\u202f%; not comparable"
    assert page.row.views[3].reading.text() == "judge 3, 99\u202f%; off by 0.056"
    assert page.run.text() == "Run again"


@pytest.mark.parametrize(("move", "told"), [
    (lambda s: s.set_class(7), {"class_label": 7}), (lambda s: s.set_seed(5), {"seed": 5}),
    (lambda s: s.set_step(10), {"snapshot": 10}),
    (lambda s: s.set_race(RaceConfig(lanes=LANES[:2])), {"lanes": LANES[:2]})])
def test_a_move_races_anew(page: ComparePage, races: Races, qtbot: QtBot, move: Any, told: dict[str, Any]) -> None:
    move(page.session)
    wait_over(qtbot, page)
    assert len(races.asked) == 2
    for name, value in told.items():
        assert getattr(races.asked[1], name) == value
    assert len(page.row.views) == len(page.session.race.lanes)


def test_the_noise_slider_walks_the_race_that_is_over(page: ComparePage, qtbot: QtBot) -> None:
    page.session.set_noise_level(1000)
    assert [first_pixel(page, i) for i in range(4)] == [pixel(11, 0)] * 4
    page.session.set_noise_level(500)
    assert first_pixel(page, 3) == pixel(11, 4)
    assert page.row.views[3].place.text() == ""
    page.session.set_noise_level(0)
    assert first_pixel(page, 3) == pixel(11, 8)
    page.session.set_noise_level(1000)
    page.session.set_seed(12)  # a new race is seen at its end again
    wait_over(qtbot, page)
    assert first_pixel(page, 3) == pixel(12, 8)


def test_the_distances_of_the_race_before_stay_until_the_new_ones_are_there(page: ComparePage, races: Races,
                                                                            qtbot: QtBot) -> None:
    before = [list(one.y) for one, _ in page.plots._lines]
    assert [len(y) for y in before] == [0, 20, 8, 8], "fresh noise has none"
    races.gate.clear()
    page.session.set_seed(12)
    qtbot.waitUntil(lambda: page.races.answer is not None and page.races.answer.request.seed == 12, timeout=8000)
    assert [list(one.y) for one, _ in page.plots._lines] == before
    assert page.plots.note.text().startswith("the race before")
    races.gate.set()
    wait_over(qtbot, page)
    assert page.plots.note.text() == "each prediction on the way, n = 1; DDPM draws fresh noise: not comparable"


def test_run_again_and_stop(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    races.gate.clear()
    QTest.mouseClick(page.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.races.answer is not None and not page.races.answer.complete, timeout=8000)
    assert races.asked[1] == races.asked[0]
    QTest.mouseClick(page.run, Qt.MouseButton.LeftButton)
    assert page.finding.text() == "Stopped. Run again starts the race anew."
    assert page.ready()


def test_another_page_in_front_ends_the_race_and_asks_nothing(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    page.deactivate()
    page.session.set_seed(99)
    page.session.set_noise_level(10)
    assert not page.races.running()
    assert len(races.asked) == 1
    page.activate()
    wait_over(qtbot, page)
    assert races.asked[-1].seed == 99


def test_a_race_that_fails_says_why(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    races.failure = DiffuscopeError("Snapshot 40 is damaged.", "Choose another.")
    page.session.set_seed(50)
    qtbot.waitUntil(lambda: page.finding.text().startswith("The race failed."), timeout=8000)
    assert page.finding.text() == "The race failed. Snapshot 40 is damaged. Choose another."
    qtbot.waitUntil(page.ready, timeout=2000)
    assert page.row.views[0].x0.values is None or page.races.answer is None or \
        page.races.answer.request.seed != 50
    races.failure = None
    QTest.mouseClick(page.run, Qt.MouseButton.LeftButton)
    wait_over(qtbot, page)
    assert first_pixel(page, 3) == pixel(50, 8)


def test_while_training_the_race_follows_behind(qtbot: QtBot, session: Session, races: Races, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(session), "training", property(lambda _: True))
    monkeypatch.setattr(session, "open_run", lambda path: session._take_run(Run.open(path)))
    races.gate.clear()
    page = make_page(qtbot, session, tmp_path)
    qtbot.waitUntil(lambda: page.races.answer is not None, timeout=8000)
    assert races.priorities == [Priority.BACKGROUND]
    session.set_step(10, by_hand=False)  # as a new snapshot would
    assert len(races.asked) == 1, "the race under way comes to its end"
    races.gate.set()
    wait_over(qtbot, page)
    assert [request.snapshot for request in races.asked] == [40, 10]


def test_without_a_run_or_a_snapshot_it_says_so(qtbot: QtBot, session: Session, races: Races, tmp_path: Path) -> None:
    apply_theme(QGuiApplication.instance())
    page, dock = ComparePage(session), QWidget()
    for section in page.setup_sections():
        section.setParent(dock)
    qtbot.addWidget(page)
    qtbot.addWidget(dock)
    page.activate()
    assert page.empty.title.text() == "No run is open."
    make_run(tmp_path / "b", steps=())
    session.open_run(tmp_path / "b")
    assert page.empty.title.text() == "This run has no snapshot yet."
    assert races.asked == []
    assert page.ready()
