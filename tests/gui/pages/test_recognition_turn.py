"""The other directions of the Recognition page: real pictures into noise, and back."""

from __future__ import annotations

import csv
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from scripted import make_run
from shown import show_beside_sections

from engine.compute import Job, Priority
from engine.events import Command, Event, JobProgress
from engine.measure.recognition_summary import SNR
from engine.measure.u_turn import UTurn, UTurnReady, UTurnRequest
from engine.page_config import RecognitionConfig
from gui.pages.recognition import RecognitionPage
from gui.session import Session
from gui.theme import apply_theme

TIMES = (1000, 800, 600, 400, 200)
SIGMA = (157.0, 25.0, 6.0, 1.9, 0.6)


def u_turn(request: UTurnRequest) -> UTurn:
    """Class c keeps itself up to level 1 + c % 3 from most noise; guided, everywhere."""
    n = request.pictures
    label = np.repeat(np.arange(10), n)
    first = 0 if request.guided else 1 + label[:, None] % 3
    top = np.where(np.arange(5) >= first, label[:, None], (label[:, None] + 1) % 10)
    return UTurn(
        snapshot=40, average_percent=None, sampling=request.drawn_with, guided=request.guided, pictures=n,
        first_seed=0, class_names=tuple("0123456789"), num_timesteps=1000, sigma=SIGMA, t=TIMES, judge="abc",
        judge_accuracy=0.99, class_label=label.astype(np.uint8), seed=np.tile(np.arange(n), 10),
        top=top.astype(np.uint8), probability=np.full((10 * n, 5), 0.9, dtype=np.float16),
        real_top=label.astype(np.uint8), real=np.zeros((10, 28, 28), dtype=np.uint8),
        examples=np.full((10, 5, 28, 28), 9, dtype=np.uint8))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    requests: list[Any] = []

    def job(request: UTurnRequest, key: str = "u-turn") -> Job:
        requests.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            yield JobProgress(1, 10, "pictures")
            yield UTurnReady(request, u_turn(request), False)

        return Job(key, make, Priority.BACKGROUND)

    monkeypatch.setattr("engine.jobs.u_turn_job", job)
    monkeypatch.setattr("gui.pages.recognition.measurable", lambda run: True)
    return requests


@pytest.fixture
def page(qtbot: QtBot, session: Session, asked: list[Any], tmp_path: Path) -> RecognitionPage:
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = RecognitionPage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    made.set_config(RecognitionConfig(direction="u-turn", turned=4))
    return made


def measure(qtbot: QtBot, page: RecognitionPage) -> None:
    page.measure()
    qtbot.waitUntil(lambda: page.turns.known is not None and not page.turns.measuring, timeout=8000)


def test_each_direction_has_its_own_settings(page: RecognitionPage) -> None:
    setup = page.setup
    assert not setup.turned.isHidden()
    assert not setup.towards.isHidden()
    assert setup.seeds.isHidden()
    assert page.reader.isHidden()
    assert page.finding.text() == "Not measured."
    assert "Real pictures are noised to twenty levels" in page.empty.sentence.text()
    assert setup.guidance.value.text() == "none"
    page._choose(direction="forward")
    assert setup.turned.isHidden()
    assert not setup.seeds.isHidden()
    assert setup.unconditional.isHidden()
    assert setup.guidance.isHidden()
    assert "the model is not asked" in page.empty.sentence.text()
    request = page.recognitions.request
    assert request is not None
    assert request.direction == "forward"
    assert request.snapshot is None


def test_it_says_from_where_on_the_class_is_lost(qtbot: QtBot, page: RecognitionPage, asked: list[Any]) -> None:
    measure(qtbot, page)
    assert (asked[0].pictures, asked[0].guided, asked[0].snapshot) == (4, False, 40)
    assert page.turn.isVisible()
    # First levels 1, 2, 3 are t 800, 600, 400; half of the pictures are beyond 600.
    assert page.finding.text().startswith("Half of the pictures lose their class beyond t = 600:")
    assert "keeps it longest, to t = 800 of 1\u202f000 on average" in page.finding.text()
    assert "40 real pictures, told no class on the way back." in page.turn.figures.text()
    curve = page.turn.all.curves[0]
    np.testing.assert_allclose(curve.mean, [0, 0.4, 0.7, 1, 1])
    assert (curve.low <= curve.mean).all()
    assert (curve.mean <= curve.high).all()
    assert curve.dashed is None
    assert [row.mean for row in page.turn.ranking.rows] == [20] * 4 + [40] * 3 + [60] * 3
    page.scale.set_value(SNR)
    page._show()
    assert page.turn.all.span[0] < -40
    page.grab()


def test_the_contrast_is_dashed(qtbot: QtBot, page: RecognitionPage) -> None:
    measure(qtbot, page)
    page.setup._set("towards", True)
    assert page.finding.text() == "Not measured."
    measure(qtbot, page)
    assert page.finding.text() == "Told their class, half of the pictures are of it even from pure noise."
    dashed = page.turn.all.curves[0].dashed
    assert dashed is not None
    np.testing.assert_allclose(dashed, [0, 0.4, 0.7, 1, 1])
    page.setup._set("towards", False)
    assert "Told its class and guided, 100\u202f% are of their class even from t = 1000." in page.turn.figures.text()
    page.grab()


def test_the_film_shows_one_picture_of_the_class_and_moves_the_point(qtbot: QtBot, page: RecognitionPage) -> None:
    measure(qtbot, page)
    page.session.set_class(2)
    assert page.turn.film._captions == ["1000: 3", "800: 3", "600: 3", "400: 2", "200: 2", "real"]
    page.turn.film.clicked.emit(2)
    assert page.session.t == 600
    page.turn.film.clicked.emit(5)  # the real picture has no noise level
    assert page.session.t == 600
    page.turn.ranking.class_chosen.emit(7)
    assert page.session.class_label == 7
    assert page.turn.film._captions[1] == "800: 8"


def test_it_is_saved_as_a_table(qtbot: QtBot, page: RecognitionPage, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    measure(qtbot, page)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "turn.csv"), ""))
    page.save_table()
    with (tmp_path / "turn.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40 * 5
    assert rows[1] == {"class": "0", "seed": "0", "t": "800", "snr_db": "-27.9588", "read": "0",
                       "probability": "0.8999"}


@pytest.mark.parametrize("size", [(983, 491), (902, 681)])
def test_nothing_overlaps(qtbot: QtBot, page: RecognitionPage, size: tuple[int, int]) -> None:
    measure(qtbot, page)
    page.resize(*size)
    assert page.turn.all.box(0).height() > 30
    assert page.turn.film.geometry().bottom() <= page.turn.height()
    assert page.turn.ranking.axes().width() > 60
