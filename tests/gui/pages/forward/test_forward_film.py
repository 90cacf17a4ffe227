"""The film of the Forward page: what the model makes of each level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jumps_scripted import LEVELS, Jumpers, eights, expected, make_page, wait_ready, x_t
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import Script, make_run

from engine.diffusion.forward import to_float
from engine.errors import BadRun
from gui.pages.forward import ForwardPage
from gui.pages.forward_film import MANY, NOISED, ONE
from gui.pages.forward_image import ImageChoice
from gui.session import Session


def test_the_rows_are_the_noised_picture_and_what_the_model_says(page: ForwardPage, jumpers: Jumpers) -> None:
    request = jumpers.asked[-1]
    assert request.timesteps == LEVELS
    assert (request.snapshot, request.seed, request.num_steps, request.use_class) == (40, page.session.seed, 25, False)
    rows = page.film._rows
    for i, t in enumerate(LEVELS):
        np.testing.assert_allclose(rows[NOISED][i], expected(page, t))
        assert float(np.asarray(rows[ONE][i])[0, 0, 0]) == float(np.float16(t / 2000))
        assert float(np.asarray(rows[MANY][i])[0, 0, 0]) == float(np.float16(t / 2000))
    assert page.film.well is None


def test_a_click_on_a_column_goes_to_its_t(page: ForwardPage) -> None:
    film = page.film.film
    where = film.cell_rect(1, 3).center().toPoint()
    QTest.mouseClick(film, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    assert page.session.t == 700
    film.setFocus()
    QTest.keyClick(film, Qt.Key.Key_Right)
    assert page.session.t == 600


def test_a_new_point_asks_once_and_a_known_one_not_again(page: ForwardPage, jumpers: Jumpers, qtbot: QtBot) -> None:
    asked = len(jumpers.asked)
    page.session.set_step(10)
    wait_ready(qtbot, page)
    assert [r.snapshot for r in jumpers.asked[asked:]] == [10]
    page.session.set_step(40)
    assert page.ready()
    QTest.qWait(60)
    assert len(jumpers.asked) == asked + 1
    page.session.set_seed(77)
    page.images.choose(ImageChoice(8, 3))
    wait_ready(qtbot, page)
    assert len(jumpers.asked) == asked + 2  # two changes in one event are one request
    np.testing.assert_array_equal(jumpers.asked[-1].x0, to_float(eights()[2]))


def test_the_rows_stream_and_leaving_the_page_cancels(session: Session, jumpers: Jumpers, qtbot: QtBot,
                                                      tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    jumpers.hold = True
    page = make_page(qtbot, session)
    qtbot.waitUntil(lambda: page.jumps.answer is not None, timeout=8000)
    assert not page.ready()
    assert page.film._rows[ONE][0] is not None
    page.deactivate()
    qtbot.waitUntil(lambda: not session.bridge.compute.busy(), timeout=8000)
    jumpers.hold = False
    page.activate()
    wait_ready(qtbot, page)


def test_a_failure_is_told_in_the_rows_and_can_be_tried_again(session: Session, jumpers: Jumpers, qtbot: QtBot,
                                                              tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    jumpers.fail = BadRun("Snapshot 40 is damaged.")
    page = make_page(qtbot, session)
    qtbot.waitUntil(lambda: page.film.well is not None, timeout=8000)
    assert page.film.well is not None
    assert page.film.well.sentence.text() == "Snapshot 40 is damaged."
    assert page.ready()
    jumpers.fail = None
    page.film.well.buttons[0].click()
    qtbot.waitUntil(lambda: page.film.well is None and page.ready(), timeout=8000)
    assert page.film._rows[MANY][0] is not None


def test_without_a_run_the_rows_say_what_is_missing_and_the_rest_works(session: Session, jumpers: Jumpers,
                                                                      qtbot: QtBot) -> None:
    page = make_page(qtbot, session)
    wait_ready(qtbot, page)
    assert page.film.well is not None
    assert page.film.well.title.text() == "No model yet"
    assert not page.film.well.buttons  # none ships here
    session.set_noise_level(500)
    np.testing.assert_allclose(x_t(page), expected(page, 500))
    assert not jumpers.asked


def test_a_run_of_other_pictures_is_not_asked(session: Session, script: Script, qtbot: QtBot, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("engine.jobs.jump_job", lambda *a, **k: asked.append(a))
    make_run(tmp_path / "small")
    session.open_run(tmp_path / "small")
    page = make_page(qtbot, session)
    wait_ready(qtbot, page)
    assert page.film.well is not None
    assert "8 × 8" in page.film.well.sentence.text()
    assert not asked
