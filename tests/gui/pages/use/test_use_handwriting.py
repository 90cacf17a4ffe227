"""A word in one hand, on the Use page."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from use_scripted import Jobs, part

from engine.export.picture_facts import read_facts
from gui.pages.use import UsePage
from gui.session import Session


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
