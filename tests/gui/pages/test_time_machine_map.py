"""The map of the time machine: what a cell shows, columns that are missing, two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import SIDE, config, make_run, no_more
from time_machine_scripted import Jobs, centre, column, pixel, settle

from engine.measure.time_machine import Column
from engine.page_config import TimeMachineConfig
from gui.pages.time_machine import TimeMachinePage
from gui.pages.time_machine_image import Canvas, Place, differences, side_by_side
from gui.session import Session
from gui.theme import theme
from gui.tokens import tokens


def test_a_cell_shows_the_picture_the_noise_or_the_judge(filled: TimeMachinePage) -> None:
    session = filled.session
    session.set_time_machine(TimeMachineConfig(show="xt"))
    assert [pixel(filled, 1, row)[0] for row in (0, 12, 24)] == [0, 128, 255]  # -2 and 2 are clipped
    session.set_time_machine(TimeMachineConfig(show="judge"))
    ramp = theme().ramp()
    sure, unsure = tuple(ramp[round(255 * float(np.float16(0.96)))]), tuple(ramp[51])
    assert pixel(filled, 3, 12) == tuple(int(v) for v in sure)
    assert pixel(filled, 3, 11) == tuple(int(v) for v in unsure)
    session.set_time_machine(TimeMachineConfig(tint=True))
    accent = QColor(tokens("dark")["accent"])
    plain = column(40, 3).x0[24, 0, 0, 0]
    expected = [int(plain * (1 - 0.96 * (1 - part / 255))) for part in (accent.red(), accent.green(), accent.blue())]
    assert np.abs(np.array(pixel(filled, 3, 24)) - expected).max() <= 1


def test_a_coarse_column_fills_the_rows_below_and_what_is_not_there_is_empty() -> None:
    canvas = Canvas()
    canvas.lay_out([Place(0, 5), Place(0, 9)], 9, (SIDE, SIDE))
    full = column(5, 3, 3)
    canvas.paint(0, replace(full, rows=(0, 4, 8), filled=2), None, "x0", False)
    rows = [canvas.image().pixelColor(1, row * (SIDE + 1)).red() for row in range(9)]
    assert rows[:8] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert rows[8] == theme().color("sunken").red()
    assert canvas.image().pixelColor(canvas.lefts[1], 0) == theme().color("sunken")
    canvas.paint(0, replace(full, probability=None), None, "judge", False)
    assert canvas.image().pixelColor(0, 0) == theme().color("sunken")


def test_while_a_column_is_missing_the_nearest_one_stands_in_faintly(qtbot: QtBot, map_page: TimeMachinePage,
                                                                     map_jobs: Jobs) -> None:
    map_jobs.bright = {"a": 200}
    map_jobs.only = {40}
    map_page.activate()
    qtbot.waitUntil(no_more(lambda: not map_page.maps.filling and not map_page.painter.waiting), timeout=8000)
    assert not map_page.maps.filled()
    empty = theme().color("sunken").red()
    assert pixel(map_page, 3, 5, 5) == (200,) * 3
    assert {pixel(map_page, index, 5, 5)[0] for index in range(3)} == {int(200 * 0.4 + empty * 0.6)}


def test_colour_pictures_keep_their_colours() -> None:
    canvas = Canvas()
    canvas.lay_out([Place(0, 5)], 1, (2, 2))
    x0 = np.zeros((1, 3, 2, 2), dtype=np.uint8)
    x0[0, :, 0, 0] = 200, 100, 50
    canvas.paint(0, Column(5, 0, (0,), x0.astype(np.float16), x0, None, None, 1), None, "x0", False)
    assert canvas.image().pixelColor(0, 0).getRgb()[:3] == (200, 100, 50)


def test_two_runs_stand_side_by_side_or_as_a_difference(qtbot: QtBot, session: Session, map_page: TimeMachinePage,
                                                        tmp_path: Path, map_jobs: Jobs) -> None:
    from engine import paths

    other = paths.runs_dir() / "second"
    other.parent.mkdir(parents=True, exist_ok=True)
    make_run(other, steps=(0, 25))
    map_jobs.bright = {"second": 40}
    map_page.activate()
    assert (str(other), "second") in map_page.setup._others
    map_page.setup.other.changed.emit(str(other))
    settle(qtbot, map_page)
    assert session.time_machine.other == str(other)
    assert map_jobs.asked[-1].runs == (session.run.path, other)  # type: ignore[union-attr]
    places = map_page.view.canvas.places
    assert [(p.number, p.step) for p in places] == [(0, 0), (0, 10), (0, 20), (0, 40), (1, 0), (1, 25)]
    assert pixel(map_page, 5, 3, 5) == (40,) * 3
    assert map_page.view._titles == ["a", "second"]
    QTest.mouseClick(map_page.view.viewport(), Qt.MouseButton.LeftButton, pos=centre(map_page, 5, 3))
    assert session.step == 20  # the open run's snapshot nearest to 25
    map_page.setup.way.committed.emit("compare", "difference")
    settle(qtbot, map_page)
    places = map_page.view.canvas.places
    assert [(p.number, p.step, p.minus) for p in places] == [(0, 0, 0), (0, 10, 0), (0, 20, 25), (0, 40, 25)]
    assert pixel(map_page, 3, 3, 5) == (148,) * 3  # 127.5 + 40 / 2
    assert pixel(map_page, 3, 3, 1) == (128,) * 3  # both say the row
    assert map_page.setup.why.isHidden()


def test_runs_of_other_schedules_can_only_stand_side_by_side(qtbot: QtBot, session: Session, map_page: TimeMachinePage,
                                                             map_jobs: Jobs) -> None:
    from engine import paths

    other = paths.runs_dir() / "cosine"
    other.parent.mkdir(parents=True, exist_ok=True)
    make_run(other, config=config().changed(diffusion={"schedule": "cosine"}))
    map_page.activate()
    session.set_time_machine(TimeMachineConfig(other=str(other), compare="difference"))
    settle(qtbot, map_page)
    assert len(map_page.view.canvas.places) == 8
    assert "schedules differ" in map_page.setup.why.text()
    assert map_page.setup.why.isVisible()


def test_places_of_two_runs() -> None:
    assert side_by_side([[1, 2], [3]]) == [Place(0, 1), Place(0, 2), Place(1, 3)]
    assert differences([1, 10], [0, 4, 30]) == [Place(0, 1, 0), Place(0, 10, 4)]
    assert differences([1], []) == []


def test_it_is_ready_when_what_came_is_painted(qtbot: QtBot, filled: TimeMachinePage) -> None:
    assert filled.ready()
    heard: list[bool] = []
    filled.ready_changed.connect(lambda: heard.append(filled.ready()))
    filled.painter.paint_soon(set())  # as when the job ends with nothing new
    assert not filled.ready()
    settle(qtbot, filled)
    assert filled.ready()
    assert heard[-1]
