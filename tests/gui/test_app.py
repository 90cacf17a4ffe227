"""Pictures of pages without a screen, and what is refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from scripted import Script, make_run

from engine.errors import BadSetting, DiffuscopeError
from gui.app import parse_size, render_page
from gui.page_list import page_classes
from gui.theme import theme


@pytest.fixture(autouse=True)
def tidy(qtbot: QtBot, script: Script) -> Iterator[None]:
    yield
    theme().set_mode("system")
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_pages_there_are() -> None:
    assert [page.name for page in page_classes()] == [
        "train", "forward", "reverse", "time-machine", "recognition", "clip", "race", "use"]
    for page in page_classes():
        assert (page.load().name, page.load().title) == (page.name, page.title)


@pytest.mark.parametrize("page", ["train", "reverse"])
def test_a_page_becomes_a_picture_of_that_size(tmp_path: Path, script: Script, page: str) -> None:
    make_run(tmp_path / "a", recorded=11)
    pictures = {}
    for name in ("light", "dark"):
        out = tmp_path / f"{name}.png"
        render_page(page, "1280x720", name, str(tmp_path / "a"), out)
        pictures[name] = QImage(str(out))
        assert (pictures[name].width(), pictures[name].height()) == (1280, 720)
    corner = {name: picture.pixelColor(640, 10).lightness() for name, picture in pictures.items()}
    assert corner["light"] > 200
    assert corner["dark"] < 60
    assert script.asked == [], "recorded frames need no computing"


def test_missing_frames_are_computed_first(tmp_path: Path, script: Script) -> None:
    make_run(tmp_path / "a")
    render_page("reverse", (1280, 720), "light", str(tmp_path / "a"), tmp_path / "f.png")
    assert [len(request.class_labels) for _, request in script.asked] == [1, 9]


def test_nothing_of_the_user_is_touched(tmp_path: Path, own_home: Path) -> None:
    make_run(tmp_path / "a", recorded=11)
    render_page("reverse", "1280x720", "light", str(tmp_path / "a"), tmp_path / "f.png")
    assert not (own_home / "window.ini").exists()
    assert not (own_home / "preferences.json").exists()


def test_what_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    make_run(tmp_path / "a", recorded=11)
    run = str(tmp_path / "a")
    with pytest.raises(BadSetting, match="no page called kitchen"):
        render_page("kitchen", "1280x720", "light", run, tmp_path / "f.png")
    with pytest.raises(BadSetting, match="no theme called pink"):
        render_page("train", "1280x720", "pink", run, tmp_path / "f.png")
    with pytest.raises(DiffuscopeError, match="no run at"):
        render_page("train", "1280x720", "light", str(tmp_path / "none"), tmp_path / "f.png")
    with pytest.raises(DiffuscopeError, match="cannot be written"):
        render_page("train", "1280x720", "light", run, tmp_path / "no" / "folder" / "f.png")


@pytest.mark.parametrize("size", ["big", "1280", "10x10", "1280x720x3", "99999x99999"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(BadSetting):
        parse_size(size)
