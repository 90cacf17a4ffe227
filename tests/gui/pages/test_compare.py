"""The Compare page: what races, what it shows on the way, what is measured, what it says."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QLineEdit, QScrollBar, QWidget
from pytestqt.qtbot import QtBot
from scripted import SIDE, make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.config import SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import schedule
from engine.errors import DiffuscopeError
from engine.events import Command, Event, JobProgress
from engine.measure.race import LaneFrames, RaceReady, RaceRequest, deterministic
from engine.measure.race_quality import LaneQuality, RaceQualityReady, RaceQualityRequest, stored_lanes
from engine.page_config import RaceConfig
from engine.runs import Run
from gui.explain import load_topic
from gui.pages.compare import ComparePage
from gui.pages.compare_lanes import LaneRow, lane_style
from gui.pages.compare_plots import DISTANCE, MANY, PICTURE, READ
from gui.pages.compare_words import lane_names, quality_finding, race_finding
from gui.session import Session
from gui.theme import apply_theme, theme
from gui.undo import History
from gui.window_state import WindowState, load_state, save_state

LANES = RaceConfig().lanes
NAMES = ["DDPM", "DDIM", "Heun", "DPM++ 2M"]


def lane(sampling: SamplingConfig, seed: int = 11, share: float = 1.0, *, sure_from: int = 0, compared: bool = True,
         place: int = 1) -> LaneFrames:
    """Frames whose first pixel tells seed and frame; the judge is sure from one frame on."""
    frames = sampling.num_steps + 1
    total = network_evaluations(sampling, schedule("linear", 1000))
    filled = max(1, round(share * frames))
    pictures = np.zeros((frames, 1, SIDE, SIDE), dtype=np.float16)
    pictures[:, 0, 0, 0] = seed / 100 + np.arange(frames) / 1000
    nfe = np.rint(np.linspace(total / (frames - 1), total, frames - 1)).astype(np.int64)
    nfe = np.append(nfe, total)
    probability = np.where(np.arange(frames) >= sure_from, 0.99, 0.5).astype(np.float32)
    off = 0.5 / (1 + np.arange(frames)) if compared and deterministic(sampling) else np.full(frames, np.nan)
    return LaneFrames(sampling, total, int(nfe[filled - 1]), np.append(np.geomspace(80, 0.02, frames - 1), 0.0),
                      np.linspace(1000, 0, frames).round().astype(np.int64), pictures, pictures, nfe, nfe / 1000,
                      probability, off.astype(np.float32), filled, place if filled == frames else 0)


def ready(request: RaceRequest, share: float, complete: bool, judged: bool = True) -> RaceReady:
    lanes = [lane(s, request.seed, share, compared=complete) for s in request.lanes]
    totals = [one.total for one in lanes]
    placed = [lane(s, request.seed, share, compared=complete, place=1 + sum(t < one.total for t in totals))
              for s, one in zip(request.lanes, lanes, strict=True)]
    return RaceReady(request, request.snapshot or 0, tuple(placed), judged, complete)


def figures(sampling: SamplingConfig, n: int = 100, right: tuple[int, ...] = (90, 97, 99, 100, 100, 100),
            judged: bool = True) -> LaneQuality:
    counts = (3, 5, 8, 12, 20, 50)
    nfe = tuple(network_evaluations(sampling.model_copy(update={"num_steps": c}), schedule("linear", 1000))
                for c in counts)
    distance = tuple(0.3 / c for c in counts) if deterministic(sampling) else None
    share = tuple(k * n // 100 for k in right)
    return LaneQuality(counts, nfe, tuple(k / 1000 for k in nfe), share if judged else None, distance,
                       n if judged else None, n, "CPU, fp32", False)


class Races:
    """Stands in for the race's jobs. `gate` holds a race in its middle; `measure_gate` a measurement."""

    def __init__(self) -> None:
        self.asked: list[RaceRequest] = []
        self.priorities: list[Priority] = []
        self.measured: list[RaceQualityRequest] = []
        self.gate, self.measure_gate = threading.Event(), threading.Event()
        self.gate.set()
        self.measure_gate.set()
        self.failure: Exception | None = None
        self.judged = True

    def race_job(self, request: RaceRequest, key: str = "race", priority: Priority = Priority.INTERACTIVE) -> Job:
        self.asked.append(request)
        self.priorities.append(priority)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield ready(request, 0.5, False, self.judged)
            while not self.gate.wait(0.002):
                yield ready(request, 0.5, False, self.judged)
            yield ready(request, 1.0, False, self.judged)
            yield ready(request, 1.0, True, self.judged)

        return Job(key, make, priority)

    def race_quality_job(self, request: RaceQualityRequest, key: str = "race-quality") -> Job:
        self.measured.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(10, 100, "network calls")
            yield RaceQualityReady(request, 40, tuple(figures(s, 20) for s in request.lanes), False)
            while not self.measure_gate.wait(0.002):
                yield JobProgress(20, 100, "network calls")
            yield RaceQualityReady(request, 40, tuple(figures(s) for s in request.lanes), True)

        return Job(key, make, Priority.BACKGROUND)


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> Generator[Races, None, None]:
    made = Races()
    monkeypatch.setattr("engine.jobs.race_job", made.race_job)
    monkeypatch.setattr("engine.jobs.race_quality_job", made.race_quality_job)
    monkeypatch.setattr("gui.pages.compare.judge_reads", lambda run: made.judged)
    yield made
    made.gate.set()
    made.measure_gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, races: Races, tmp_path: Path) -> ComparePage:
    """The page in front, with a run, its race over."""
    made = make_page(qtbot, session, tmp_path)
    wait_over(qtbot, made)
    return made


def make_page(qtbot: QtBot, session: Session, tmp_path: Path) -> ComparePage:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = ComparePage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    return made


def wait_over(qtbot: QtBot, page: ComparePage) -> None:
    qtbot.waitUntil(lambda: page.ready() and page.races.answer is not None and page.races.answer.complete
                    and page.races.answer.request == page.races.wanted, timeout=8000)


def first_pixel(page: ComparePage, index: int) -> float:
    values = page.row.views[index].x0.values
    assert values is not None
    return float(values[0, 0, 0])


def pixel(seed: int, frame: int) -> float:
    return float(np.float16(seed / 100 + frame / 1000))


# ---- racing ----

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


# ---- lanes ----

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


# ---- looks and reach ----

def test_pictures_are_as_large_as_whole_pixels_allow(page: ComparePage, qtbot: QtBot) -> None:
    row = LaneRow()
    qtbot.addWidget(row)
    row.set_lanes(LANES, 0, False)
    assert row.factor_for(870, 420) == (7, False)  # (870 - 3 * 16) / 4 / 28 = 7.3
    assert row.factor_for(870, 200)[0] < 7
    row.set_lanes(LANES[:2], 0, True)
    factor, beside = row.factor_for(870, 330)
    assert beside
    assert factor == 7  # two of 28 x 7 and a gap in 427
    row.set_lanes(LANES, 0, True)
    assert row.factor_for(870, 520)[1] is False
    for view in page.row.views:
        inside = view.x0.mapTo(page, QPoint(0, 0))
        assert page.rect().contains(inside)
        assert view.x0.height() == SIDE * view.x0.device_factor()


def test_both_themes_and_large_text_can_be_drawn(page: ComparePage) -> None:
    before = theme().mode
    try:
        for mode in ("dark", "light"):
            theme().set_mode(mode)
            page.plots.show_view(MANY if mode == "dark" else PICTURE)
            assert not page.grab().isNull()
        theme().set_scale(1.6)
        assert not page.grab().isNull()
    finally:
        theme().set_scale(1.0)
        theme().set_mode(before)


def test_everything_has_a_name_a_tooltip_and_a_topic(page: ComparePage) -> None:
    nameless = []
    for root in [page, *page.setup_sections()]:
        for widget in root.findChildren(QWidget):
            if not isinstance(widget, QAbstractButton | QAbstractSlider | QLineEdit) or isinstance(widget, QScrollBar):
                continue
            chain: list[QWidget | None] = [widget]
            while chain[-1] is not None:
                chain.append(chain[-1].parentWidget())
            topics = [str(w.property("explain")) for w in chain[:-1] if w is not None and w.property("explain")]
            head = type(widget).__name__ == "_Head"
            if not widget.accessibleName() or not (head or widget.toolTip()) \
                    or any(load_topic(t) is None for t in topics):
                nameless.append((type(widget).__name__, widget.accessibleName(), widget.toolTip(), topics))
    assert nameless == []


def test_lanes_can_be_chosen_by_keyboard(page: ComparePage) -> None:
    head = page.row.views[0].head
    head.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(head, Qt.Key.Key_Return)
    assert page.setup.chosen == 0
    assert page.setup.sampler.value() == "ddpm"
