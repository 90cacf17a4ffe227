"""The Use page: its parts, what they ask of the compute thread, what they show, say and save."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot
from scripted import make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.errors import DiffuscopeError
from engine.events import Command, Event, JobProgress, JumpRequest, JumpsReady
from engine.export.data_card import Facts
from engine.export.handwriting_job import HandReady, HandRequest
from engine.export.picture_facts import read_facts
from engine.export.synthetic_set import SyntheticReady, SyntheticRequest, SyntheticSample, SyntheticSet
from engine.measure.augmentation import Augmentation, AugmentationReady, AugmentationRequest, Cell
from engine.measure.classification_score import Score, ScoreReady, ScoreRequest
from engine.measure.nearest import Nearest, NearestReady, NearestRequest, Neighbours
from engine.runs import Run
from engine.runs.info import read_info, write_info
from engine.use_config import UseConfig
from gui.explain import load_topic
from gui.nearest_dialog import NearestDialog
from gui.pages.use import UsePage
from gui.pages.use_augment import AugmentationPart
from gui.pages.use_handwriting import Handwriting
from gui.pages.use_set import SyntheticPart
from gui.pages.use_sketch import Sketch
from gui.session import Session
from gui.theme import apply_theme, theme
from gui.undo import History
from gui.widgets.sketch_pad import SketchPad
from gui.window_state import WindowState, load_state, save_state

SIDE = 8
Work = Generator[Event, Command | None, None]


class Jobs:
    """Stands in for the engine's jobs. `gate` holds those that take long."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.suspect = False

    def _job(self, request: Any, key: str, work: Any, priority: Priority = Priority.BACKGROUND) -> Job:
        self.asked.append(request)

        def make(_: Any) -> Work:
            if self.failure is not None:
                raise self.failure
            yield JobProgress(1, 10, "pictures")
            while not self.gate.wait(0.002):
                yield JobProgress(2, 10, "pictures")
            yield from work()

        return Job(key, make, priority)

    def hand_job(self, request: HandRequest, key: str = "handwriting",
                 priority: Priority = Priority.INTERACTIVE) -> Job:
        def work() -> Work:
            frames = np.full((3, len(request.class_labels), 1, SIDE, SIDE), -1, np.float16)
            frames[:, :, :, 2:6, 3:5] = 1
            yield HandReady(request, 40, frames[:1], False)
            yield HandReady(request, 40, frames, True)

        return self._job(request, key, work, priority)

    def jump_job(self, request: JumpRequest, key: str = "forward") -> Job:
        def work() -> Work:
            rows = np.repeat(request.x0[None].astype(np.float16), len(request.timesteps), axis=0)
            yield JumpsReady(request, 40, rows, rows, (True,) * len(rows), True)

        return self._job(request, key, work, Priority.INTERACTIVE)

    def synthetic_job(self, request: SyntheticRequest, key: str = "synthetic-set") -> Job:
        def work() -> Work:
            images = np.zeros((4, 1, SIDE, SIDE), np.uint8)
            yield SyntheticSample(request, images, (0, 1, 2, 3))
            count = request.config.per_class
            near = Nearest(0, Neighbours((1,), (0.5,), 0.4), None, 0.6, None)
            facts = Facts(Run.open(request.run), 40, None, request.sampling, request.config, (count,) * 10,
                          (count,) * 10, 9 * count, {"test_accuracy": 0.99}, (near,))
            made = SyntheticSet(images, np.zeros(4, np.int64), np.zeros(4, np.int64), None, facts)
            yield SyntheticReady(request, made, 12)

        return self._job(request, key, work)

    def augmentation_job(self, request: AugmentationRequest, key: str = "augmentation") -> Job:
        def work() -> Work:
            for seeds in (1, 2):
                yield AugmentationReady(request, augmentation(request, seeds))

        return self._job(request, key, work)

    def score_job(self, request: ScoreRequest, key: str = "score") -> Job:
        def work() -> Work:
            yield ScoreReady(request, Score(40, None, request.sampling, 10_000, 60_000, 10_000, 0.98, (0.98,) * 10,
                                            0.994, (0.994,) * 10, {}))

        return self._job(request, key, work)

    def nearest_job(self, request: NearestRequest, key: str = "nearest") -> Job:
        def work() -> Work:
            share = 0.0 if self.suspect else 0.6
            one = Nearest(request.class_labels[0], Neighbours((4, 9), (1.0, 2.0), share),
                          Neighbours((9, 4), (3.0, 4.0), 0.5), 1.5, 2.5)
            image = np.zeros((1, SIDE, SIDE), np.uint8)
            yield NearestReady(request, (one,), {4: image, 9: image}, {4: 3, 9: 3})

        return self._job(request, key, work, Priority.INTERACTIVE)


def augmentation(request: AugmentationRequest, seeds: int) -> Augmentation:
    cells = tuple(Cell(100, m, tuple(0.7 + 0.01 * s + bonus for s in range(seeds)))
                  for m, bonus in ((0, 0.0), (500, 0.1), (2000, 0.2)))
    return Augmentation(40, None, request.sampling, request.config.model_copy(update={"seeds": 2}), 640, 10_000, {},
                        cells)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[Jobs, None, None]:
    made = Jobs()
    for name in ("hand_job", "synthetic_job", "augmentation_job", "score_job", "nearest_job"):
        monkeypatch.setattr(f"engine.use_jobs.{name}", getattr(made, name))
    monkeypatch.setattr("engine.jobs.jump_job", made.jump_job)
    yield made
    made.gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> UsePage:
    """The page in front, on a run."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    return make_page(qtbot, session)


def make_page(qtbot: QtBot, session: Session) -> UsePage:
    made = UsePage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    return made


def part(page: UsePage, name: str) -> Any:
    page.show_part(name)
    return page.part


# ---- parts ----

def test_each_part_has_its_section_unfolded_and_the_other_way_round(page: UsePage) -> None:
    for name, kind in (("sketch", Sketch), ("set", SyntheticPart), ("augmentation", AugmentationPart),
                       ("handwriting", Handwriting)):
        now = part(page, name)
        assert isinstance(now, kind)
        assert now.isVisible()
        assert [p.section.folded for p in page.parts] == [p is not now for p in page.parts]
        assert page.choice.value() == name
        assert load_topic(now.explain) is not None
    head = page.parts[2].section.findChildren(QAbstractButton)[0]
    QTest.mouseClick(head, Qt.MouseButton.LeftButton)
    assert page.part is page.parts[2]
    assert load_topic(page.explain) is not None
    assert load_topic("nearest") is not None


def test_settings_can_be_undone_and_kept(page: UsePage, session: Session) -> None:
    history = History(session)
    now = part(page, "handwriting")
    now.set("text", "31")
    history.end_drag()  # what follows is another step
    now.set("variation", 0.5)
    history.stack.undo()
    assert session.use.handwriting.variation == 0.25
    assert now.rows["variation"].value() == 0.25
    kept = UseConfig.model_validate_json(session.use.model_dump_json())
    assert kept == session.use
    assert kept.handwriting.text == "31"


def test_settings_outlive_the_window(session: Session) -> None:
    state = WindowState()
    state.place.use = UseConfig.model_validate({"part": "sketch", "handwriting": {"text": "7 x"}, "synthetic": {
        "min_confidence": 0.9}, "augmentation": {"real": [10, 20]}})
    save_state(state)
    assert load_state().place.use == state.place.use
    session.restore("use", state.place.use)
    assert session.use.part == "sketch"


def test_without_a_run_or_a_snapshot_each_part_says_what_is_missing(qtbot: QtBot, session: Session, jobs: Jobs,
                                                                    tmp_path: Path) -> None:
    apply_theme(QGuiApplication.instance())
    page = make_page(qtbot, session)
    for name in ("handwriting", "sketch", "set", "augmentation"):
        assert "No run is open." in part(page, name).why_not()
        assert page.ready()
    make_run(tmp_path / "b", steps=())
    session.open_run(tmp_path / "b")
    for name in ("handwriting", "sketch", "set", "augmentation"):
        assert "no snapshot" in part(page, name).why_not()
    assert jobs.asked == []


def test_every_control_has_a_name_and_a_tooltip(page: UsePage) -> None:
    for name in ("handwriting", "sketch", "set", "augmentation"):
        now = part(page, name)
        for widget in [*now.section.findChildren(QAbstractButton), *now.section.findChildren(QLineEdit)]:
            if type(widget).__name__ == "_Head" or not widget.isVisible():
                continue
            assert widget.accessibleName(), widget
            assert widget.toolTip(), widget.accessibleName()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_it_fits_both_sizes_in_both_themes(page: UsePage, qtbot: QtBot, name: str) -> None:
    theme().set_mode(name)
    try:
        for size in ((902, 681), (1015, 501)):
            page.resize(*size)
            for which in ("handwriting", "sketch", "set", "augmentation"):
                now = part(page, which)
                qtbot.wait(1)
                assert not page.grab().isNull()
                assert now.minimumSizeHint().width() <= size[0]
                assert page.minimumSizeHint().height() <= size[1]
    finally:
        theme().set_mode("light")


def test_where_there_is_no_room_for_the_words_a_list_offers_the_parts(page: UsePage) -> None:
    assert page.choice.isVisible()
    assert not page.list.isVisible()
    theme().set_scale(2.0)
    try:
        page.resize(745, 600)
        assert page.list.isVisible()
        assert not page.choice.isVisible()
        page.list.setCurrentIndex(2)
        page.list.activated.emit(2)
        assert isinstance(page.part, SyntheticPart)
        assert page.choice.value() == "set"
    finally:
        theme().set_scale(1.0)


# ---- handwriting ----

def test_a_word_is_drawn_and_drawn_anew_for_what_it_depends_on(page: UsePage, session: Session, jobs: Jobs,
                                                               qtbot: QtBot) -> None:
    now = part(page, "handwriting")
    qtbot.waitUntil(page.ready, timeout=8000)
    asked = jobs.asked[-1]
    assert (asked.class_labels, asked.seed, asked.variation) == ((2, 0, 2, 6), session.seed, 0.25)
    assert len(now.word.glyphs) == 4
    assert page.finding.text().startswith("“2026” in the hand of seed")
    count = len(jobs.asked)
    now.set("spacing", 0.5)  # the same drawings, laid out otherwise
    qtbot.wait(300)
    assert len(jobs.asked) == count
    session.set_seed(77)
    qtbot.waitUntil(lambda: jobs.asked[-1].seed == 77 and page.ready(), timeout=8000)


def test_what_it_cannot_write_is_named(page: UsePage, qtbot: QtBot) -> None:
    now = part(page, "handwriting")
    now.set("text", "7x é")
    qtbot.waitUntil(lambda: page.ready() and now.word is not None, timeout=8000)
    assert "“x” or “é”" in page.finding.text()
    assert len(now.word.glyphs) == 1
    now.set("text", "abc")
    assert now.empty.isVisible()
    assert "0, 1, 2" in now.empty.sentence.text()


def test_a_word_is_saved_as_png_svg_and_gif(page: UsePage, session: Session, qtbot: QtBot, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    now = part(page, "handwriting")
    qtbot.waitUntil(lambda: page.ready() and now.word is not None, timeout=8000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / a[2]), ""))
    for action in now.menu().actions():
        action.trigger()
    assert now.saving.running
    assert not now.animate(tmp_path / "second.gif"), "one at a time"
    qtbot.waitUntil(lambda: not now.saving.running, timeout=8000)
    assert now.progress.isHidden()
    assert sorted(p.name for p in tmp_path.glob("2026.*")) == ["2026.gif", "2026.png", "2026.svg"]
    facts = read_facts(tmp_path / "2026.png")
    assert (facts.page, facts.classes, facts.seed) == ("use", (2, 0, 2, 6), session.seed)
    with Image.open(tmp_path / "2026.gif") as picture:
        assert picture.n_frames >= 1
    assert b"<path" in (tmp_path / "2026.svg").read_bytes()


def test_an_animation_of_a_word_is_left_off_or_refused_without_a_file(page: UsePage, session: Session, qtbot: QtBot,
                                                                      tmp_path: Path) -> None:
    now = part(page, "handwriting")
    qtbot.waitUntil(lambda: page.ready() and now.word is not None, timeout=8000)
    assert now.animate(tmp_path / "word.webp")
    now.progress.cancel.click()
    assert not now.saving.running
    told: list[str] = []
    session.message.connect(lambda notice: told.append(notice.headline))
    assert now.animate(tmp_path / "word.bmp")
    qtbot.waitUntil(lambda: bool(told), timeout=4000)
    assert told == ["An animation ends in .gif, .apng, .webp, .mp4 or .png; word.bmp does not."]
    assert not now.saving.running
    assert list(tmp_path.glob("word*")) == []


# ---- sketch ----

def test_a_sketch_is_denoised_at_the_slider_and_at_every_strength(page: UsePage, session: Session, jobs: Jobs,
                                                                  qtbot: QtBot, tmp_path: Path) -> None:
    now = part(page, "sketch")
    assert "Draw something" in page.finding.text()
    session.set_noise_level(600)
    session.set_class(5)
    now.pad.stroke([QPointF(2, 2), QPointF(6, 6)])
    qtbot.waitUntil(lambda: page.ready() and now.strengths is not None and now.answer is not None, timeout=8000)
    one = next(r for r in reversed(jobs.asked) if len(r.timesteps) == 1)
    row = next(r for r in reversed(jobs.asked) if len(r.timesteps) == 11)
    assert (one.timesteps, one.class_label, one.use_class) == ((600,), 5, True)
    assert row.guidance_scale == session.sampling.guidance_scale
    assert row.x0.shape == (1, SIDE, SIDE)
    assert page.finding.text().startswith("Denoised as 5 from t 600.")
    count = len([r for r in jobs.asked if len(r.timesteps) == 11])
    session.set_noise_level(300)
    qtbot.waitUntil(lambda: page.ready() and jobs.asked[-1].timesteps == (300,), timeout=8000)
    assert len([r for r in jobs.asked if len(r.timesteps) == 11]) == count  # the row is of all strengths
    assert now.write_png(tmp_path / "s.png")
    assert read_facts(tmp_path / "s.png").t == 300
    now.clear_sheet()
    assert "Draw something" in page.finding.text()


def test_a_picture_file_takes_the_place_of_a_drawing(page: UsePage, session: Session, jobs: Jobs, qtbot: QtBot,
                                                     tmp_path: Path) -> None:
    now = part(page, "sketch")
    Image.new("L", (50, 40), 200).save(tmp_path / "p.png")
    assert now.open_file(tmp_path / "p.png")
    qtbot.waitUntil(lambda: page.ready() and now.answer is not None, timeout=8000)
    assert now.section.state_text == "p.png"
    (tmp_path / "bad.png").write_text("no")
    told: list[Any] = []
    session.message.connect(told.append)
    assert not now.open_file(tmp_path / "bad.png")
    assert "bad.png" in told[-1].headline


def test_the_pad_is_drawn_on_by_pointer_and_keys(qtbot: QtBot) -> None:
    apply_theme(QGuiApplication.instance())
    pad = SketchPad(SIDE)
    qtbot.addWidget(pad)
    pad.resize(160, 160)
    pad.show()
    with qtbot.waitSignal(pad.changed):
        QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=pad.rect().center())
        QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=pad.rect().center())
    assert not pad.is_empty()
    pad.undo()
    assert pad.is_empty()
    pad.setFocus()
    QTest.keyClick(pad, Qt.Key.Key_Left)
    assert pad.is_empty()
    QTest.keyClick(pad, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert not pad.is_empty()
    QTest.keyClick(pad, Qt.Key.Key_Delete)
    assert pad.is_empty()
    QTest.keyClick(pad, Qt.Key.Key_Backspace)
    assert not pad.is_empty()
    pad.set_side(16)
    assert pad.is_empty()
    assert pad.drawn().shape == (160, 160)


# ---- sets ----

def test_a_set_is_made_cancelled_and_told(page: UsePage, session: Session, jobs: Jobs, qtbot: QtBot,
                                          tmp_path: Path) -> None:
    now = part(page, "set")
    now.set("per_class", 5)
    jobs.gate.clear()
    assert now.start(tmp_path / "set")
    assert not now.start(tmp_path / "other")  # one at a time
    qtbot.waitUntil(lambda: now.job.running, timeout=4000)
    assert not now.make.isVisible()
    now.progress.cancel.click()
    assert not now.job.running
    assert now.done is None
    jobs.gate.set()
    assert now.start(tmp_path / "set")
    qtbot.waitUntil(lambda: now.done is not None and not now.job.running, timeout=8000)
    assert page.finding.text().startswith("50 pictures in set.")
    assert "90.0" in page.finding.text()
    assert "Is it copying?" in now.card.text()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    told: list[Any] = []
    session.message.connect(told.append)
    assert not now.start(tmp_path / "full")
    assert "not empty" in told[-1].headline


def test_a_failure_is_told_and_can_be_tried_again(page: UsePage, session: Session, jobs: Jobs, qtbot: QtBot,
                                                  tmp_path: Path) -> None:
    now = part(page, "set")
    jobs.failure = DiffuscopeError("It went wrong.", "Try again.")
    told: list[Any] = []
    session.message.connect(told.append)
    now.start(tmp_path / "set")
    qtbot.waitUntil(lambda: now.job.failure is not None, timeout=4000)
    assert told[-1].headline == "It went wrong."
    assert now.make.isEnabled()


# ---- does it help ----

def test_the_gain_is_plotted_and_said_with_its_caveat(page: UsePage, jobs: Jobs, qtbot: QtBot) -> None:
    now = part(page, "augmentation")
    assert page.finding.text() == "Not measured."
    assert "10\u202f000 pictures of 8 network calls" in now.cost.text()
    now.measure()
    qtbot.waitUntil(lambda: now.result is not None and now.result.complete and not now.job.running, timeout=8000)
    assert page.finding.text().startswith("Yes: drawn pictures help.")
    assert "100 real pictures alone 70.5" in page.finding.text()
    assert "+20.00 points" in now.gains.text()
    assert "learned 640 real pictures" in now.caveat.text()
    assert now.plot.isVisible()
    assert [line.name for line in now.plot.lines if line.legend] == ["100 real"]
    assert not now.button.isEnabled()
    now.set("seeds", 7)
    assert page.finding.text() == "Not measured."
    assert jobs.asked[-1].config.seeds == 5


def test_the_score_is_measured_by_itself(page: UsePage, qtbot: QtBot) -> None:
    now = part(page, "augmentation")
    now.measure_score()
    qtbot.waitUntil(lambda: now.score is not None and not now.scoring.running, timeout=8000)
    assert "98.00\u202f% after 10\u202f000 drawn pictures alone, 99.40" in now.score_words.text()
    assert not now.score_button.isEnabled()


# ---- is it copying ----

def test_nearest_pictures_are_shown_beside_the_drawn_one(page: UsePage, session: Session, jobs: Jobs,
                                                         qtbot: QtBot) -> None:
    dialog = NearestDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.found is not None, timeout=8000)
    asked = jobs.asked[-1]
    assert asked.class_labels == (session.class_label,)
    assert dialog.answer.text() == "No sign of copying."
    assert "60\u202f% of test pictures" in dialog.rows["pixels"][1].text()
    jobs.suspect = True
    session.set_class(6)
    qtbot.waitUntil(lambda: dialog.answer.text().startswith("Suspect"), timeout=8000)
    assert jobs.asked[-1].class_labels == (6,)
    dialog.close()
    count = len(jobs.asked)
    session.set_class(7)
    qtbot.wait(350)
    assert len(jobs.asked) == count


# ---- colour ----

def test_every_part_takes_a_colour_run(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> None:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "rgb")
    write_info(tmp_path / "rgb", read_info(tmp_path / "rgb").changed(
        image_shape=(3, SIDE, SIDE), class_names=("airplane", "cat", "dog")))
    session.open_run(tmp_path / "rgb")
    page = make_page(qtbot, session)
    written = part(page, "handwriting")
    assert written.empty.isVisible()
    assert "called by a single character" in written.empty.sentence.text()
    session.set_class(1)
    sketch = part(page, "sketch")
    sketch.pad.stroke([QPointF(2, 2), QPointF(6, 6)])
    qtbot.waitUntil(lambda: page.ready() and sketch.answer is not None and sketch.strengths is not None, timeout=8000)
    assert jobs.asked[-1].x0.shape == (3, SIDE, SIDE)
    assert page.finding.text().startswith("Denoised as cat")
    assert sketch.write_png(tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.mode == "RGB"
    made = part(page, "set")
    assert not made.rows["min_confidence"].isEnabled()  # no judge knows these pictures
    assert "300 pictures" in made.cost.text()
    assert part(page, "augmentation").button.isEnabled()
    Image.new("RGB", (50, 40), (200, 10, 90)).save(tmp_path / "p.png")
    assert part(page, "sketch").open_file(tmp_path / "p.png")
    assert np.ptp(page.part.pixels().reshape(3, -1).mean(axis=1)) > 50
