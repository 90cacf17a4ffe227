"""Forward and Reverse are exported as animations: the very pictures that the pages show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot
from scripted import SIDE, make_run, no_more

from engine.diffusion.forward import to_uint8
from gui.animation_export import AnimationExport
from gui.app import make_application
from gui.main_window import MainWindow
from gui.pages import forward_image
from gui.pages.forward import ForwardPage
from gui.pages.reverse import ReversePage
from gui.session import Session
from gui.widgets.export_animation import AnimationDialog


@pytest.fixture
def window(qtbot: QtBot, session: Session) -> Iterator[MainWindow]:
    make_application()
    made = MainWindow(session, [ReversePage, ForwardPage], keep_state=False)
    made.resize(1440, 900)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def written(qtbot: QtBot, exports: AnimationExport, path: Path) -> AnimationDialog:
    dialog = exports.dialog
    assert dialog is not None
    dialog.save_to(path)
    qtbot.waitUntil(no_more(lambda: path.name in dialog.outcome.text()), timeout=10_000)
    return dialog


def test_a_trajectory_is_exported_with_the_settings_that_made_it(qtbot: QtBot, window: MainWindow, session: Session,
                                                                 tmp_path: Path) -> None:
    page = window.page
    assert isinstance(page, ReversePage)
    page.export_animation()
    assert page.exports.dialog is None, "there is nothing yet"
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    qtbot.waitUntil(no_more(page.ready), timeout=5000)
    page.export_animation()
    dialog = written(qtbot, page.exports, tmp_path / "film.apng")
    with Image.open(tmp_path / "film.apng") as picture:
        assert (picture.n_frames, picture.size[0]) == (session.sampling.num_steps + 1, 4 * (2 * SIDE + 2))
        facts = json.loads(picture.text["diffuscope"])
    assert (facts["run"], facts["snapshot"], facts["classes"], facts["seed"]) == ("run", 40, [3], session.seed)
    assert facts["sampling"] == session.sampling.model_dump()
    assert facts["parts"] == ["x", "x0"]
    dialog._choose(2)
    written(qtbot, page.exports, tmp_path / "x0.apng")
    with Image.open(tmp_path / "x0.apng") as picture:
        assert picture.size[0] == 4 * SIDE
    dialog.close()


def test_noising_is_exported_from_the_picture_to_noise(qtbot: QtBot, window: MainWindow, session: Session,
                                                       tmp_path: Path) -> None:
    window.show_page("forward")
    page = window.page
    assert isinstance(page, ForwardPage)
    qtbot.waitUntil(no_more(lambda: page._x0 is not None), timeout=20_000)
    page.export_animation()
    dialog = page.exports.dialog
    assert dialog is not None
    assert not dialog.takes.isVisible()
    frames, captions = dialog._made
    assert len(frames) == len(page.play_levels()) == 101
    assert (captions[0], captions[-1]) == ("t 0", "t 1\u202f000")
    assert (frames[0] == to_uint8(page._x0)[0]).all()
    assert np.abs(frames[-1].astype(int) - to_uint8(page._eps)[0]).mean() < 2
    written(qtbot, page.exports, tmp_path / "forward.gif")
    dialog.close()
    forward_image._read.clear()


@pytest.mark.parametrize("name", ["reverse", "forward"])
def test_the_save_menus_offer_it(qtbot: QtBot, window: MainWindow, session: Session, tmp_path: Path, name: str,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path / "run")
    session.open_run(tmp_path / "run")
    window.show_page(name)
    page = window.page
    assert isinstance(page, ReversePage | ForwardPage)
    qtbot.waitUntil(no_more(lambda: page.ready() and (name == "reverse" or page._x0 is not None)), timeout=20_000)
    menus: list[QMenu] = []
    monkeypatch.setattr(f"gui.pages.{name}.open_below", lambda menu, owner: menus.append(menu))
    page.save.click()
    action = menus[0].actions()[-1]
    assert action.text() == "Export animation…"
    assert action.isEnabled()
    action.trigger()
    assert page.exports.dialog is not None
    page.exports.close()
    menus[0].deleteLater()
    forward_image._read.clear()
