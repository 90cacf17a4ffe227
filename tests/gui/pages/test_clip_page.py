"""The CLIP page: what it says of scores, its gallery, prompts and sources, and what it saves."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from scripted import make_run

from engine.clip import jobs as clip_jobs
from engine.clip.config import ClipConfig
from engine.clip.hub import ClipDownloaded, ClipOffered, Offer
from engine.clip.jobs import ClipFacts, ClipLoaded, ClipSources
from engine.clip.sources import DEFAULT_GENERAL, GeneralClip
from engine.compute import Job, Priority
from engine.config import RunConfig
from engine.errors import DiffuscopeError
from engine.events import Event, JobProgress
from engine.measure.clip_course import DENOISING, TRAINING, Course, CoursePoint, CourseReady, ScoreCourseRequest
from engine.measure.clip_scores import ClipReady, ClipRequest, ClipScores
from engine.measure.clip_summary import METRICS, Mean
from gui.pages.clip import CLASSES, COURSES, GUIDANCE, PICTURES, ClipPage
from gui.pages.clip_scored import BEST, WORST
from gui.session import Session
from gui.theme import apply_theme
from gui.undo import History

WORST_CLASS = 8


def scores(request: ClipRequest) -> ClipScores:
    """Generated pictures as good as real ones, but for one class; picture i is i grey levels bright."""
    count = request.count
    rng, label = np.random.default_rng(2), np.arange(count) % 10
    own, real = rng.normal(0, 0.02, (2, count, 10))
    places = np.arange(count), label
    own[places] += 0.8
    real[places] += 0.8
    own[label == WORST_CLASS, WORST_CLASS] -= 0.3
    own[WORST_CLASS] = np.roll(own[WORST_CLASS], 1)  # the first 8 is taken for a 9
    image = np.zeros((count, 28, 28), np.uint8)
    image[:] = np.arange(count)[:, None, None] % 256
    clip = request.clip
    templates = clip.templates or ("a handwritten digit {}.",)
    from dataclasses import replace
    return ClipScores(
        snapshot=40, average_percent=None, sampling=request.sampling,
        clip=replace(clip, templates=templates, names=tuple("0123456789")), title="In-domain CLIP", in_domain=True,
        sha256="abc", words=("a", "handwritten", "digit", *"0123456789"), logit_scale=16.0,
        class_names=tuple("0123456789"), first_seed=0, nfe=8, judge="def", judge_accuracy=0.99, image_shape=(28, 28),
        seconds=0.4, class_label=label.astype(np.int16), seed=np.arange(count), cosine=own.astype(np.float32),
        read=label.astype(np.int16), image=image, real_label=label.astype(np.int16), real_index=np.arange(count),
        real_cosine=real.astype(np.float32), real_read=label.astype(np.int16))


def course(request: ScoreCourseRequest) -> Course:
    places = (0.0, 10.0, 40.0) if request.over == TRAINING else (0.0, 50.0, 100.0)
    points = tuple(CoursePoint(place, 1.0, {m: Mean(0.1 * i, (0.05 * i, 0.2 * i), 100) for m in METRICS}, (0.1,) * 10)
                   for i, place in enumerate(places))
    return Course(request.over, "In-domain CLIP", 40, tuple("0123456789"), request.each, points,
                  {m: Mean(0.9, (0.8, 1.0), 100) for m in METRICS})


class Jobs:
    """Stands in for the jobs. `gate` holds them in their middle."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.here: tuple[str, ...] = ()

    def _job(self, key: str, *events: Event) -> Job:
        def make(_: Any) -> Generator[Event, Any, None]:
            yield JobProgress(1, 10, "pictures")
            while not self.gate.wait(0.002):
                yield JobProgress(2, 10, "pictures")
            if self.failure is not None:
                raise self.failure
            yield from events

        return Job(key, make, Priority.BACKGROUND)

    def clip_scores_job(self, request: ClipRequest, key: str) -> Job:
        self.asked.append(request)
        return self._job(key, ClipReady(request, scores(request), False))

    def score_course_job(self, request: ScoreCourseRequest, key: str) -> Job:
        self.asked.append(request)
        return self._job(key, CourseReady(request, course(request), True, False))

    def clip_load_job(self, source: str, key: str) -> Job:
        self.asked.append(source)
        return self._job(key, ClipLoaded(ClipFacts(source, source, False, 224, 151_000_000, ())))

    def clip_sources_job(self, key: str) -> Job:
        return self._job(key, ClipSources(self.here, Path("/cache"), 10**12))

    def clip_offer_job(self, known: GeneralClip, key: str) -> Job:
        self.asked.append(known)
        return self._job(key, ClipOffered(offered(known)))

    def clip_download_job(self, offer: Offer, key: str) -> Job:
        self.asked.append(offer)
        self.here = (offer.known.source,)
        return self._job(key, ClipDownloaded(offer.known.source, Path("/cache/x")))


def offered(known: GeneralClip) -> Offer:
    return Offer(known, "http://127.0.0.1:9/x", 605_000_000, "ab" * 32, "c", 100_000_000, 10**12, Path("/cache/x"))


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[Jobs, None, None]:
    made = Jobs()
    for name in ("clip_scores_job", "score_course_job", "clip_load_job", "clip_sources_job", "clip_offer_job",
                 "clip_download_job"):
        monkeypatch.setattr(clip_jobs, name, getattr(made, name))
    yield made
    made.gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> ClipPage:
    """The page in front, with a run that was not scored."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made, dock = ClipPage(session), QWidget()
    column = QVBoxLayout(dock)
    for section in made.setup_sections():
        column.addWidget(section)
    qtbot.addWidget(made)
    qtbot.addWidget(dock)
    made.test_dock = dock  # type: ignore[attr-defined]  # qtbot holds it only weakly
    made.resize(902, 681)
    dock.show()
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.jobs.sources is not None, timeout=8000)
    return made


@pytest.fixture
def scored(qtbot: QtBot, page: ClipPage) -> ClipPage:
    """The same, scored."""
    QTest.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.jobs.known is not None and not page.jobs.scoring.busy, timeout=8000)
    return page


def settle(qtbot: QtBot, page: ClipPage) -> None:
    tasks = (page.jobs.loading, page.jobs.looking, page.jobs.asking, page.jobs.getting, page.jobs.following)
    qtbot.waitUntil(lambda: not any(task.busy for task in tasks), timeout=8000)


# ---- scoring ----

def test_before_it_was_scored_it_says_so_and_offers_to(page: ClipPage, jobs: Jobs) -> None:
    assert page.finding.text() == "Not scored."
    assert page.empty.isVisible()
    assert page.empty.buttons[0].isVisible()
    assert "500 pictures" in page.empty.sentence.text()
    assert not page.setup.buttons["csv"][0].isEnabled()
    assert jobs.asked == []


def test_it_scores_the_point_that_is_looked_at(scored: ClipPage, jobs: Jobs) -> None:
    asked = jobs.asked[0]
    assert (asked.snapshot, asked.count, asked.sampling) == (40, 500, scored.session.sampling)
    assert f"{WORST_CLASS} worst" in scored.finding.text()
    assert "the model's doing" in scored.finding.text()
    assert "learned pictures of these very data sets" in scored.caveat.text()
    assert scored.pictures.gallery.isVisible()
    assert not scored.setup.measure.isEnabled()


def test_the_gallery_is_sorted_and_filtered(scored: ClipPage) -> None:
    label = scored.jobs.known.scores.class_label
    order = scored.pictures.gallery.order()
    assert len(order) == 500
    assert order[0] == WORST_CLASS  # the one that CLIP takes for a 9
    assert (label[order[:50]] == WORST_CLASS).all()
    scored.pictures.order.set_value(BEST)
    scored.pictures.order.changed.emit(BEST)
    assert scored.pictures.gallery.order().tolist() == order[::-1].tolist()
    scored.pictures.who.set_value(3)
    scored.pictures.who.changed.emit(3)
    assert (label[scored.pictures.gallery.order()] == 3).all()
    assert len(scored.pictures.gallery.order()) == 50
    scored.pictures.order.set_value(WORST)


def test_a_picture_moves_the_session_by_hand_and_by_key(scored: ClipPage) -> None:
    gallery, session = scored.pictures.gallery, scored.session
    middle = gallery.cell_rect(0).center().toPoint()
    QTest.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    assert (session.class_label, session.seed) == (WORST_CLASS, WORST_CLASS)
    assert "CLIP reads 9, the judge reads 8" in scored.selected.text()
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    place = gallery.picture()
    assert place == gallery.order()[1]
    assert session.seed == place
    QTest.keyClick(gallery, Qt.Key.Key_End)
    assert gallery.picture() == gallery.order()[-1]
    assert gallery.verticalScrollBar().value() == gallery.verticalScrollBar().maximum()


def test_classes_stand_beside_real_ones_with_the_agreement(scored: ClipPage) -> None:
    scored.show_part(CLASSES)
    assert scored.classes.means.isVisible()
    assert len(scored.classes.means.rows) == 10
    row = scored.classes.means.rows[WORST_CLASS]
    assert row.sure
    assert row.words.startswith("\u22120.7")
    assert scored.classes.agreement.cells[0][0].text() == "499"
    assert scored.classes.agreement.cells[1][0].text() == "1"
    QTest.keyClick(scored.classes.means, Qt.Key.Key_Home)
    assert scored.session.class_label == 0


def test_both_courses_are_followed(qtbot: QtBot, scored: ClipPage, jobs: Jobs) -> None:
    scored.show_part(COURSES)
    for over in (TRAINING, DENOISING):
        plot = scored.courses.plots[over]
        assert plot.empty.isVisible()
        QTest.mouseClick(plot.empty.buttons[0], Qt.MouseButton.LeftButton)
        settle(qtbot, scored)
        assert plot.plot.isVisible()
        assert jobs.asked[-1].over == over
        assert plot.course.each == 10
    assert jobs.asked[-2].snapshot is None  # over training it does not matter what is looked at
    scored.courses.plots[TRAINING].place_chosen.emit(11.0)
    assert scored.session.step == 10


def test_guidance_has_its_own_part_and_sections(scored: ClipPage) -> None:
    scored.show_part(GUIDANCE)
    assert scored.guidance.isVisible()
    assert scored.guidance.active
    assert not any(section.isVisible() for section in scored.setup.sections)
    assert all(section.isVisible() for section in scored.guidance.sections)
    scored.show_part(PICTURES)
    assert not scored.guidance.active
    assert all(section.isVisible() for section in scored.setup.sections)


def test_the_finding_has_room_for_its_words_after_another_part(qtbot: QtBot, scored: ClipPage) -> None:
    for part in (GUIDANCE, PICTURES):
        scored.show_part(part)
        qtbot.wait(50)
        words = scored.finding.findChild(QLabel)
        assert words is not None
        assert scored.finding.height() >= words.heightForWidth(words.width()) - 1


def test_a_failure_is_told_and_it_can_be_tried_again(qtbot: QtBot, page: ClipPage, jobs: Jobs) -> None:
    jobs.failure = DiffuscopeError("It went wrong.", "Try again.")
    told = []
    page.session.message.connect(told.append)
    QTest.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told), timeout=8000)
    assert told[0].headline == "It went wrong."
    assert page.empty.buttons[0].isVisible()


def test_scoring_can_be_cancelled(qtbot: QtBot, page: ClipPage, jobs: Jobs) -> None:
    jobs.gate.clear()
    QTest.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert page.jobs.scoring.busy
    assert page.empty.title.text() == "Scoring"
    qtbot.waitUntil(page.setup.bar.isVisible, timeout=8000)
    QTest.mouseClick(page.setup.bar.cancel, Qt.MouseButton.LeftButton)
    assert not page.jobs.scoring.busy
    assert page.empty.title.text() == "Not scored for these weights"


# ---- prompts ----

def test_a_wrong_template_is_told_at_once_and_not_applied(qtbot: QtBot, page: ClipPage) -> None:
    page.setup.editor.setPlainText("a {}\nno place")
    assert "Line 2: It needs {}" in page.setup.error.text()
    page.setup._typing.timeout.emit()
    assert page.session.clip.templates == ""
    page.setup.editor.setPlainText("a {}\nthe {}")
    assert not page.setup.error.isVisible()
    page.setup._typing.timeout.emit()
    page.setup._typing.stop()
    assert page.session.clip.templates == "a {}\nthe {}"
    assert page.jobs.request.clip.templates == ("a {}", "the {}")
    page.setup.reset.click()
    assert page.session.clip.templates == ""
    assert "handwritten digit" in page.setup.editor.toPlainText()


def test_words_the_in_domain_clip_never_learned_are_flagged(page: ClipPage) -> None:
    assert not page.setup.unknown.isVisible()
    page.session.set_clip(ClipConfig(templates="a zebra like {}"))
    assert page.setup.unknown.text() == "The in-domain CLIP never learned: zebra, like."


def test_settings_can_be_undone_and_are_kept(page: ClipPage) -> None:
    history = History(page.session)
    page.setup.rows["count"].committed.emit("count", 100)
    assert page.session.clip.count == 100
    assert page.jobs.request.count == 100
    history.stack.undo()
    assert page.session.clip.count == 500


# ---- sources ----

def choose(page: ClipPage, source: str) -> None:
    values = [value for value, _ in page.setup._labels]
    page.setup.source.setCurrentIndex(values.index(source))
    page.setup.source.activated.emit(values.index(source))


def test_weights_that_are_not_here_are_offered_at_their_size_and_scores_stay(qtbot: QtBot, scored: ClipPage,
                                                                            jobs: Jobs) -> None:
    setup = scored.setup
    choose(scored, DEFAULT_GENERAL.source)
    assert scored.session.clip.source == "in-domain"
    assert scored.jobs.known is not None  # the scores that are there stay
    assert setup.get.isVisible()
    assert setup.get.text() == "Download 605\u202fMB…"
    assert setup.other_file.isVisible()
    assert "Not on this computer" in setup.loading.text()
    assert "MNIST 81" in setup.about.text()
    setup.get.click()
    settle(qtbot, scored)
    assert setup.offer.isVisible()
    assert "605\u202fMB. 100\u202fMB of it are here already" in setup.offer.text()
    assert setup.agree.text() == "Download 505\u202fMB"
    assert not any(isinstance(asked, Offer) for asked in jobs.asked)  # nobody has said yes
    setup.refuse.click()
    assert not setup.offer.isVisible()


def test_after_a_yes_they_are_downloaded_and_used(qtbot: QtBot, page: ClipPage, jobs: Jobs) -> None:
    choose(page, DEFAULT_GENERAL.source)
    page.setup.get.click()
    settle(qtbot, page)
    page.setup.agree.click()
    qtbot.waitUntil(lambda: page.session.clip.source == DEFAULT_GENERAL.source, timeout=8000)
    settle(qtbot, page)
    assert any(isinstance(asked, Offer) for asked in jobs.asked)
    assert page.jobs.request.clip.source == DEFAULT_GENERAL.source
    assert not page.setup.get.isVisible()


def test_without_a_network_it_says_so_and_the_page_goes_on(qtbot: QtBot, page: ClipPage, jobs: Jobs) -> None:
    told = []
    page.session.message.connect(told.append)
    choose(page, DEFAULT_GENERAL.source)
    jobs.failure = DiffuscopeError("The hub cannot be reached.", "Choose a file of weights.")
    page.setup.get.click()
    settle(qtbot, page)
    assert told[-1].headline == "The hub cannot be reached."
    assert page.setup.other_file.isVisible()
    jobs.failure = None
    page.jobs.measure()
    qtbot.waitUntil(lambda: page.jobs.known is not None, timeout=8000)


def test_a_file_is_loaded_for_the_architecture_and_a_bad_one_changes_nothing(
        qtbot: QtBot, scored: ClipPage, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    choose(scored, "file")
    assert scored.setup.file_row.isVisible()
    jobs.failure = DiffuscopeError("weights.safetensors holds no weights.")
    scored.setup.file.click()
    settle(qtbot, scored)
    assert jobs.asked[-1] == f"ViT-B-32@{file}"
    assert scored.session.clip.source == "in-domain"
    assert scored.jobs.known is not None
    jobs.failure = None
    scored.setup.file.click()
    settle(qtbot, scored)
    assert scored.session.clip.source == f"ViT-B-32@{file}"
    assert scored.jobs.known is None  # nothing was scored with this one


# ---- files and other runs ----

@pytest.mark.parametrize("kind", ["csv", "json", "png"])
def test_it_saves(scored: ClipPage, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out"), ""))
    scored.setup.buttons[kind][0].click()
    path = tmp_path / f"out.{kind}"
    if kind == "csv":
        assert len(path.read_text().splitlines()) == 1001
    elif kind == "json":
        assert json.loads(path.read_text())["worst"] == str(WORST_CLASS)
    else:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_run_without_snapshots_and_no_run(page: ClipPage, tmp_path: Path) -> None:
    make_run(tmp_path / "b", steps=(), config=RunConfig())
    page.session.open_run(tmp_path / "b")
    assert page.empty.title.text() == "This run has no snapshot yet."
    assert not page.setup.measure.isEnabled()


def test_every_control_has_a_name_and_a_tooltip(page: ClipPage) -> None:
    pictures, setup = page.pictures, page.setup
    for widget in (page.part, page.figure, pictures.order, pictures.who, pictures.gallery, page.classes.means,
                   setup.source, setup.editor, setup.file, setup.get, setup.agree, setup.refuse, setup.measure):
        assert widget.accessibleName() or widget.text()
    for widget in (pictures.order, pictures.who, setup.source, setup.editor, setup.architecture, setup.file, setup.get,
                   setup.agree, setup.refuse):
        assert widget.toolTip()
