"""The CLIP page: what it says of scores, its parts, and what it saves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clip_scripted import WORST_CLASS, Jobs, settle
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot
from scripted import make_run

from engine.config import RunConfig
from engine.errors import DiffuscopeError
from engine.measure.clip_course import DENOISING, TRAINING
from gui.pages.clip import CLASSES, COURSES, GUIDANCE, PICTURES, ClipPage
from gui.pages.clip_scored import BEST, WORST

# ---- scoring ----

def test_before_it_was_scored_it_says_so_and_offers_to(clip_page: ClipPage, clip_jobs: Jobs) -> None:
    assert clip_page.finding.text() == "Not scored."
    assert clip_page.empty.isVisible()
    assert clip_page.empty.buttons[0].isVisible()
    assert "500 pictures" in clip_page.empty.sentence.text()
    assert not clip_page.setup.buttons["csv"][0].isEnabled()
    assert clip_jobs.asked == []


def test_it_scores_the_point_that_is_looked_at(scored: ClipPage, clip_jobs: Jobs) -> None:
    asked = clip_jobs.asked[0]
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


def test_the_words_of_a_picture_stand_only_beside_the_pictures(scored: ClipPage) -> None:
    QTest.keyClick(scored.pictures.gallery, Qt.Key.Key_End)
    said = scored.selected.text()
    assert "CLIP reads" in said
    for part in (CLASSES, COURSES, GUIDANCE):
        scored.show_part(part)
        assert scored.selected.text() == ""
    scored.show_part(PICTURES)
    assert scored.selected.text() == said
    scored.session.set_sampling(guidance_scale=4.5)  # not scored there
    assert scored.selected.text() == ""


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


def test_both_courses_are_followed(qtbot: QtBot, scored: ClipPage, clip_jobs: Jobs) -> None:
    scored.show_part(COURSES)
    for over in (TRAINING, DENOISING):
        plot = scored.courses.plots[over]
        assert plot.empty.isVisible()
        QTest.mouseClick(plot.empty.buttons[0], Qt.MouseButton.LeftButton)
        settle(qtbot, scored)
        assert plot.plot.isVisible()
        assert clip_jobs.asked[-1].over == over
        assert plot.course.each == 10
    assert clip_jobs.asked[-2].snapshot is None  # over training it does not matter what is looked at
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


def test_a_failure_is_told_and_it_can_be_tried_again(qtbot: QtBot, clip_page: ClipPage, clip_jobs: Jobs) -> None:
    clip_jobs.failure = DiffuscopeError("It went wrong.", "Try again.")
    told = []
    clip_page.session.message.connect(told.append)
    QTest.mouseClick(clip_page.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told), timeout=8000)
    assert told[0].headline == "It went wrong."
    assert clip_page.empty.buttons[0].isVisible()


def test_scoring_can_be_cancelled(qtbot: QtBot, clip_page: ClipPage, clip_jobs: Jobs) -> None:
    clip_jobs.gate.clear()
    QTest.mouseClick(clip_page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert clip_page.jobs.scoring.busy
    assert clip_page.empty.title.text() == "Scoring"
    qtbot.waitUntil(clip_page.setup.bar.isVisible, timeout=8000)
    QTest.mouseClick(clip_page.setup.bar.cancel, Qt.MouseButton.LeftButton)
    assert not clip_page.jobs.scoring.busy
    assert clip_page.empty.title.text() == "Not scored for these weights"


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


def test_a_run_without_snapshots_and_no_run(clip_page: ClipPage, tmp_path: Path) -> None:
    make_run(tmp_path / "b", steps=(), config=RunConfig())
    clip_page.session.open_run(tmp_path / "b")
    assert clip_page.empty.title.text() == "This run has no snapshot yet."
    assert not clip_page.setup.measure.isEnabled()


def test_every_control_has_a_name_and_a_tooltip(clip_page: ClipPage) -> None:
    pictures, setup = clip_page.pictures, clip_page.setup
    for widget in (clip_page.part, clip_page.figure, pictures.order, pictures.who, pictures.gallery,
                   clip_page.classes.means, setup.source, setup.editor, setup.file, setup.get, setup.agree,
                   setup.refuse, setup.measure):
        assert widget.accessibleName() or widget.text()
    for widget in (pictures.order, pictures.who, setup.source, setup.editor, setup.architecture, setup.file, setup.get,
                   setup.agree, setup.refuse):
        assert widget.toolTip()
