"""A sketch made into a picture, on the Use page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from use_scripted import SIDE, Jobs, part

from engine.export.picture_facts import read_facts
from gui.pages.use import UsePage
from gui.session import Session
from gui.theme import apply_theme
from gui.widgets.sketch_pad import SketchPad


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
