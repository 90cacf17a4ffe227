"""Many pictures on the Compare page, and the sentences about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from races_scripted import LANES, Races, figures, lane, make_page, wait_over

from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import schedule
from engine.errors import DiffuscopeError
from engine.measure.race import RaceReady, RaceRequest
from engine.measure.race_quality import stored_lanes
from gui.pages.compare import ComparePage
from gui.pages.compare_plots import DISTANCE, MANY
from gui.pages.compare_words import quality_finding, race_finding
from gui.session import Session

# ---- many pictures ----

def test_nothing_is_measured_before_it_is_asked_for(page: ComparePage, races: Races) -> None:
    page.plots.show_view(MANY)
    assert page.finding.text().startswith("Not measured.")
    assert page.plots.empty.isVisible()
    assert page.plots.empty.buttons[0].text() == "Measure over 100 pictures"
    assert races.measured == []


def test_a_measurement_shows_as_it_grows_and_its_finding_is_made_from_it(page: ComparePage, races: Races,
                                                                         qtbot: QtBot) -> None:
    races.measure_gate.clear()
    QTest.mouseClick(page.setup.measure, Qt.MouseButton.LeftButton)
    assert races.measured[0].lanes == LANES
    assert races.measured[0].pictures == 100
    qtbot.waitUntil(lambda: page.measurements.measured, timeout=8000)
    assert page.plots.many()
    assert page.finding.text().endswith("Still measuring.")
    assert page.setup.measure.isHidden()
    races.measure_gate.set()
    qtbot.waitUntil(lambda: not page.measurements.measuring, timeout=8000)
    assert page.finding.text() == (
        "DDPM, DDIM and DPM++ 2M are there first. 99 of 100 read right (95\u202f% interval 95 to 100\u202f%) after 16 "
        "network calls (8 steps, 16 ms a picture); Heun needs 30. Calls to within 0.01 of the reference: DDIM 100, "
        "DPM++ 2M 100, Heun 198.")
    assert page.plots.note.text() == ("n = 100 at each of 3 to 50 steps; bars: 95\u202f% interval of "
                                      "DPM++ 2M")
    assert [list(one.y) for one, _ in page.plots._lines] == [[90, 97, 99, 100, 100, 100]] * 4
    assert 10 ** page.plots._lines[2][0].x == pytest.approx([10, 18, 30, 46, 78, 198])
    assert 10 ** page.plots._lines[3][1].x == pytest.approx([6, 10, 16, 24, 40, 100])
    assert page.plots.by_calls.values_text().splitlines()[2] == "10\t97\t10\t97\t18\t97\t10\t97"
    assert [page.plots.by_calls.axes.x_format(place) for place, _ in page.plots.by_calls.axes.x_labels()] == [
        "10", "20", "30", "50", "100"]
    bars = [(10 ** one.x[0], *one.y) for one, _ in page.plots._bars]
    assert bars[2] == pytest.approx((16, 94.55, 99.82), abs=0.01)
    page.plots.quality.changed.emit(DISTANCE)
    page.plots.show_view(MANY)
    assert [len(one.x) for one, _ in page.plots._lines] == [0, 6, 6, 6]
    assert page.plots.note.text().endswith("DDPM draws fresh noise: not comparable")
    assert page.setup.measure.text() == "Measure again over 100"


def test_only_lanes_that_are_not_known_are_measured(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    page.measure()
    qtbot.waitUntil(lambda: not page.measurements.measuring and page.measurements.measured, timeout=8000)
    page.setup.choose(3)
    page.setup._set("sampler", "unipc")
    assert page.measurements.lanes[3] is None or page.session.race.lanes[3].sampler == "unipc"
    run = page.session.run
    assert run is not None
    assert stored_lanes(run, page.measurements.request) == [None] * 4, "scripted jobs save nothing"  # type: ignore[arg-type]
    wait_over(qtbot, page)


def test_cancelling_a_measurement_goes_back_to_what_was_known(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    races.measure_gate.clear()
    page.measure()
    qtbot.waitUntil(lambda: page.measurements.measured, timeout=8000)
    page.setup.progress.cancel.click()
    assert not page.measurements.measuring
    assert page.measurements.lanes == [None] * 4
    assert page.finding.text().startswith("Not measured.")
    assert page.setup.measure.isVisible()


def test_a_measurement_that_fails_is_told_in_a_banner(page: ComparePage, races: Races, qtbot: QtBot) -> None:
    told = []
    page.session.message.connect(told.append)
    races.failure = DiffuscopeError("The judge's weights cannot be read.")
    page.measure()
    qtbot.waitUntil(lambda: bool(told), timeout=8000)
    assert (told[0].key, told[0].headline) == ("race-quality", "The judge's weights cannot be read.")
    assert page.finding.text() == "Not measured. The measurement failed; the banner above says why."


def test_where_no_judge_reads_the_distance_is_the_quality(qtbot: QtBot, session: Session, races: Races,
                                                          tmp_path: Path) -> None:
    races.judged = False
    page = make_page(qtbot, session, tmp_path)
    wait_over(qtbot, page)
    assert page.plots.quality.value() == DISTANCE
    assert page.row.views[3].reading.text() == "off by 0.056"
    assert page.plots.by_calls.title == "Distance"
    assert "judge" not in page.finding.text()


# ---- words ----

def race_of(*sure_from: int, judged: bool = True) -> RaceReady:
    request = RaceRequest(Path("run"), 40, 3, 11, LANES)
    totals = [network_evaluations(s, schedule("linear", 1000)) for s in LANES]
    return RaceReady(request, 40, tuple(
        lane(s, sure_from=k, place=1 + sum(t < total for t in totals))
        for s, k, total in zip(LANES, sure_from, totals, strict=True)), judged, True)


def test_the_finding_of_a_race_follows_its_readings() -> None:
    tail = ("DPM++ 2M finished first, after 16 network calls (16 ms); DDIM is nearest the reference, off by 0.024. "
            "Class 3, seed 11, n = 1.")
    said = race_finding(race_of(5, 3, 2, 1), "3")
    assert said.answer == "DPM++ 2M is there first."
    assert said.numbers == ("From 4 network calls on the judge is sure of 3; DDPM from 12, DDIM from 8, Heun from 11. "
                            + tail)
    said = race_finding(race_of(99, 3, 99, 99), "3")
    assert said.answer == "DDIM is there first."
    assert "DDPM never" in said.numbers
    assert race_finding(race_of(99, 99, 99, 99), "3").answer == "No lane is there."
    alike = RaceReady(RaceRequest(Path("run"), 40, 3, 11, LANES[:2]), 40, tuple(lane(s) for s in LANES[:2]), True, True)
    assert race_finding(alike, "3").answer == "Both lanes are readable from 2 network calls on."


def test_the_finding_over_many_pictures_follows_its_figures() -> None:
    lanes = LANES[2:]
    slow = figures(LANES[2], right=(100, 100, 100, 100, 100, 100))
    never = figures(LANES[3], right=(10, 20, 30, 40, 50, 60))
    said = quality_finding(lanes, [slow, never], True)
    assert said.answer == "Heun is there first."
    assert "; DPM++ 2M is not there by 100." in said.numbers
    said = quality_finding(lanes, [None, never], True)
    assert said.answer == "No lane is there within 50 steps."
    assert said.numbers.endswith("Not measured yet: Heun.")
    said = quality_finding(lanes, [None, None], True)
    assert said.answer == "Not measured."
    blind = [figures(s, judged=False) for s in lanes]
    said = quality_finding(lanes, blind, True)
    assert said.answer == "DPM++ 2M is there first."
    assert said.numbers.startswith("Mean squared distance 0.006 after 100 network calls (50 steps, 100 ms a picture); "
                                   "Heun needs 198.")
