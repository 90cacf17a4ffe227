"""The Time machine page: what fills its map, and what it says meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import config, make_run, no_more, weights
from time_machine_scripted import STEPS, Jobs, pixel, settle

from engine.errors import DiffuscopeError
from engine.page_config import TimeMachineConfig
from engine.runs import RunWriter
from gui.pages.time_machine import TimeMachinePage
from gui.session import Session
from gui.theme import theme


def test_nothing_is_drawn_before_the_page_is_in_front(map_page: TimeMachinePage, map_jobs: Jobs) -> None:
    assert map_jobs.asked == []
    assert map_page.ready()


def test_it_fills_with_the_class_seed_and_settings_looked_at(filled: TimeMachinePage, map_jobs: Jobs) -> None:
    session = filled.session
    assert len(map_jobs.asked) == 1
    asked = map_jobs.asked[0]
    assert asked.runs == (session.run.path,)  # type: ignore[union-attr]
    assert (asked.class_label, asked.seed, asked.levels, asked.line_seeds) == (3, session.seed, 25, 24)
    assert asked.drawn_with.guidance_scale == session.sampling.guidance_scale
    assert [place.step for place in filled.view.canvas.places] == list(STEPS)
    for index, step in enumerate(STEPS):
        for row in (0, 11, 24):
            assert pixel(filled, index, row, 0) == (step,) * 3
            assert pixel(filled, index, row, 1) == (row,) * 3
            assert pixel(filled, index, row, 2) == (3,) * 3
    assert filled.ready()
    assert filled.setup.work.text() == "Every picture is there."


def test_the_finding_is_the_verdict_on_the_line(filled: TimeMachinePage) -> None:
    said = filled.finding.text()
    assert said.startswith("It learns to decide earlier. A 3 is first readable at 77\u202f% denoised after step 10, at "
                           "52\u202f% after 40; \u221225.0 points")
    assert said.endswith("24 seeds.")
    assert filled.heading.note() == "line: mean of 24 seeds"
    curve = filled.view.curves[0]
    assert [(index, None if share is None else round(100 * share)) for index, share in curve.points] == \
        [(0, None), (1, 77), (2, 69), (3, 52)]
    assert (curve.class_label, curve.dashed, curve.name) == (3, False, "first readable")
    assert len(filled.view.curves) == 1


def test_until_the_line_is_measured_the_maps_own_seed_stands_in(qtbot: QtBot, map_page: TimeMachinePage,
                                                                map_jobs: Jobs) -> None:
    map_jobs.more.clear()
    map_page.activate()
    qtbot.waitUntil(no_more(lambda: map_page.maps.filled() and not map_page.painter.waiting), timeout=8000)
    assert [curve.dashed for curve in map_page.view.curves] == [True]
    # Rows 20, 18, 16 and 12 of 25.
    assert [round(24 * share) for _, share in map_page.view.curves[0].points] == [20, 18, 16, 12]  # type: ignore[operator]
    assert map_page.finding.text().startswith("Filling the map. A 3 from seed 0 is first readable at 83\u202f%")
    assert not map_page.ready()
    map_jobs.more.set()
    settle(qtbot, map_page)
    assert map_page.ready()


def test_progress_stands_in_the_dock_and_filling_can_be_stopped_and_taken_up(qtbot: QtBot, map_page: TimeMachinePage,
                                                                             map_jobs: Jobs) -> None:
    map_jobs.gate.clear()
    map_page.activate()
    qtbot.waitUntil(no_more(lambda: "20 of 100" in map_page.setup.progress.words()), timeout=8000)
    assert map_page.setup.work.text() == "Every level"
    assert map_page.setup.go_on.isHidden()
    qtbot.waitUntil(no_more(map_page.setup.progress.isVisible), timeout=8000)
    QTest.mouseClick(map_page.setup.progress.cancel, Qt.MouseButton.LeftButton)
    assert not map_page.maps.filling
    assert map_page.setup.work.text() == "Stopped; what is finished is kept."
    map_page.session.set_noise_level(300)
    assert len(map_jobs.asked) == 1
    map_jobs.gate.set()
    QTest.mouseClick(map_page.setup.go_on, Qt.MouseButton.LeftButton)
    settle(qtbot, map_page)
    assert len(map_jobs.asked) == 2


def test_leaving_the_page_ends_the_filling(qtbot: QtBot, map_page: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.gate.clear()
    map_page.activate()
    qtbot.waitUntil(no_more(lambda: len(map_jobs.asked) == 1), timeout=8000)
    map_page.deactivate()
    assert not map_page.maps.filling
    map_jobs.gate.set()
    map_page.activate()
    settle(qtbot, map_page)


def test_a_failure_is_said_and_can_be_tried_again(qtbot: QtBot, map_page: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.failure = DiffuscopeError("The noise judge's weights cannot be read.", "Restore them.")
    heard: list[Any] = []
    map_page.session.message.connect(heard.append)
    map_page.activate()
    qtbot.waitUntil(no_more(lambda: map_page.maps.failure is not None), timeout=8000)
    assert [(told.key, told.headline) for told in heard] == [
        ("time-machine", "The noise judge's weights cannot be read.")]
    assert map_page.setup.go_on.isVisible()
    map_jobs.failure = None
    QTest.mouseClick(map_page.setup.go_on, Qt.MouseButton.LeftButton)
    settle(qtbot, map_page)
    assert map_page.maps.failure is None


def test_another_class_is_there_at_once(qtbot: QtBot, filled: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.gate.clear()
    filled.session.set_class(7)
    assert pixel(filled, 2, 5, 2) == (7,) * 3
    assert len(map_jobs.asked) == 2
    assert map_jobs.asked[1].class_label == 7
    map_jobs.gate.set()
    settle(qtbot, filled)
    assert "A 7 is first readable" in filled.finding.text()


def test_another_seed_empties_the_map(qtbot: QtBot, filled: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.gate.clear()
    filled.session.set_seed(5)
    sunken = theme().color("sunken")
    assert pixel(filled, 2, 5) == (sunken.red(), sunken.green(), sunken.blue())
    map_jobs.gate.set()
    settle(qtbot, filled)
    assert map_jobs.asked[-1].seed == 5


def test_what_a_map_leaves_out_asks_for_no_other(filled: TimeMachinePage, map_jobs: Jobs) -> None:
    filled.session.set_sampling(num_steps=33)
    filled.session.set_sampling(grid="karras")
    assert len(map_jobs.asked) == 1
    filled.session.set_sampling(guidance_scale=4.5)
    assert len(map_jobs.asked) == 2


def test_a_new_snapshot_becomes_a_column(qtbot: QtBot, filled: TimeMachinePage, map_jobs: Jobs) -> None:
    run = filled.session.run
    assert run is not None
    writer = RunWriter.reopen(run.path)
    writer.save_snapshot(60, weights(60))
    writer.close()
    filled.session.poll_run()
    assert [place.step for place in filled.view.canvas.places] == [*STEPS, 60]
    settle(qtbot, filled)
    assert len(map_jobs.asked) == 2
    assert pixel(filled, 4, 3) == (60,) * 3


def test_a_snapshot_that_comes_when_the_job_has_looked_for_the_last_time_becomes_a_column_too(
        qtbot: QtBot, map_page: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.more.clear()
    map_page.activate()
    qtbot.waitUntil(no_more(map_page.maps.filled), timeout=8000)  # it looks for no more snapshots, but goes on
    assert map_page.maps.filling
    run = map_page.session.run
    assert run is not None
    writer = RunWriter.reopen(run.path)
    writer.save_snapshot(60, weights(60))
    writer.close()
    map_page.session.poll_run()
    assert len(map_jobs.asked) == 1
    map_jobs.more.set()
    settle(qtbot, map_page)
    assert len(map_jobs.asked) == 2
    assert pixel(map_page, 4, 3) == (60,) * 3


def test_it_grows_with_a_run_that_trains_here(qtbot: QtBot, filled: TimeMachinePage, map_jobs: Jobs) -> None:
    session = filled.session
    session.start_training(config())
    qtbot.waitUntil(no_more(lambda: not session.training and session.snapshots[-1] == 40), timeout=15_000)
    assert map_jobs.asked[-1].runs == (session.run.path,)  # type: ignore[union-attr]
    settle(qtbot, filled)
    assert [place.step for place in filled.view.canvas.places] == session.snapshots
    assert len(session.snapshots) > 3
    assert pixel(filled, -1, 3) == (40,) * 3


def test_a_lost_snapshot_has_no_column(qtbot: QtBot, map_page: TimeMachinePage, map_jobs: Jobs) -> None:
    map_jobs.lost = {20}
    map_page.activate()
    settle(qtbot, map_page)
    assert [place.step for place in map_page.view.canvas.places] == [0, 10, 40]
    assert map_page.maps.maps[0].comparison() is not None


def test_fewer_columns_and_other_rows(qtbot: QtBot, session: Session, map_page: TimeMachinePage, tmp_path: Path,
                                      map_jobs: Jobs) -> None:
    make_run(tmp_path / "long", steps=tuple(range(0, 240, 8)))
    session.open_run(tmp_path / "long")
    session.set_time_machine(TimeMachineConfig(columns=10, levels=13))
    map_page.activate()
    settle(qtbot, map_page)
    assert len(map_page.view.canvas.places) == 10
    assert [map_page.view.canvas.places[i].step for i in (0, -1)] == [0, 232]
    assert map_page.view.canvas.rows == 13
    assert (map_jobs.asked[-1].columns, map_jobs.asked[-1].levels) == (10, 13)


def test_without_a_run_or_snapshot_it_says_what_is_missing(qtbot: QtBot, session: Session, map_page: TimeMachinePage,
                                                           tmp_path: Path, map_jobs: Jobs) -> None:
    map_page.activate()
    make_run(tmp_path / "none", steps=())
    session.open_run(tmp_path / "none")
    assert map_page.empty.isVisible()
    assert map_page.empty.title.text() == "This run has no snapshot yet."
    session.close_run()
    assert map_page.empty.title.text() == "No run is open."
    assert map_page.ready()
    assert not map_page.setup.table.isEnabled()


def test_a_schedule_of_too_few_timesteps_is_said(qtbot: QtBot, session: Session, map_page: TimeMachinePage,
                                                 tmp_path: Path) -> None:
    make_run(tmp_path / "short", config=config().changed(diffusion={"num_timesteps": 50}))
    session.open_run(tmp_path / "short")
    map_page.activate()
    settle(qtbot, map_page)
    assert [int(t) for t in map_page.maps.maps[0].t[:3]] == [50, 48, 46]
