"""The parts of the Use page, their settings and their looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit
from pytestqt.qtbot import QtBot
from scripted import make_run
from use_scripted import SIDE, Jobs, make_page, part

from engine.runs.info import read_info, write_info
from engine.use_config import UseConfig
from gui.explain import load_topic
from gui.pages.use import UsePage
from gui.pages.use_augment import AugmentationPart
from gui.pages.use_handwriting import Handwriting
from gui.pages.use_set import SyntheticPart
from gui.pages.use_sketch import Sketch
from gui.session import Session
from gui.theme import apply_theme, theme
from gui.undo import History
from gui.window_state import WindowState, load_state, save_state

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
