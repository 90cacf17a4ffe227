"""The map of loss by noise level: colours by the logarithm, columns by step, rows by hand and by key."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QSignalSpy, QTest
from pytestqt.qtbot import QtBot

from engine.diffusion.schedules import schedule
from engine.measure.learning import LearningPoint
from engine.measure.validation import ValidationLoss
from gui.app import make_application
from gui.pages.train_levels import LevelMap
from gui.theme import theme

LINEAR = schedule("linear", 1000)
SIGMA = tuple(np.geomspace(LINEAR.sigma[1], LINEAR.sigma_max, 4).tolist())


def point(step: int, *loss: float) -> LearningPoint:
    return LearningPoint(step, ValidationLoss(SIGMA, loss, loss, (0.25,) * 4, 8))


POINTS = (point(0, 1.0, 1.0, 1.0, 1.0), LearningPoint(20), point(40, 1.0, 0.1, 0.1, 1.0),
          point(100, 1.0, 0.01, 0.1, 1.0))


@pytest.fixture
def levels(qtbot: QtBot) -> LevelMap:
    make_application()
    made = LevelMap()
    qtbot.addWidget(made)
    made.resize(320, 260)
    made.set_points(POINTS, LINEAR)
    made.set_end(100)
    made.show()
    return made


def colour_at(levels: LevelMap, step: float, row: int) -> tuple[int, int, int]:
    box = levels._box()
    x = box.left() + round(box.width() * step / 100)
    y = round(box.bottom() + 1 - (row + 0.25) * box.height() / 4)  # beside the line through the chosen row
    colour = levels.grab().toImage().pixelColor(x, y)
    return colour.red(), colour.green(), colour.blue()


def test_colours_follow_the_logarithm_of_the_loss(levels: LevelMap) -> None:
    ramp = theme().ramp()
    assert levels.span() == (0.01, 1.0)
    assert colour_at(levels, 5, 0) == tuple(ramp[255])
    assert colour_at(levels, 40, 1) == tuple(ramp[128]), "0.1 is half way from 0.01 to 1"
    assert colour_at(levels, 90, 1) == tuple(ramp[0])
    assert colour_at(levels, 90, 3) == tuple(ramp[255]), "most noise on top"


def test_a_column_reaches_half_the_way_to_its_neighbours(levels: LevelMap) -> None:
    ramp = theme().ramp()
    assert colour_at(levels, 18, 2) == tuple(ramp[255])
    assert colour_at(levels, 22, 2) == tuple(ramp[128]), "what is not measured has no column"
    assert colour_at(levels, 68, 1) == tuple(ramp[128])
    assert colour_at(levels, 72, 1) == tuple(ramp[0])


def test_a_click_and_the_arrow_keys_choose_a_level(levels: LevelMap) -> None:
    spy = QSignalSpy(levels.level_chosen)
    box = levels._box()
    QTest.mouseClick(levels, Qt.MouseButton.LeftButton, pos=QPoint(box.left() + 20, box.top() + 3))
    assert levels.chosen == 3
    assert spy.at(0) == [1000]
    QTest.keyClick(levels, Qt.Key.Key_Up)
    assert levels.chosen == 3
    QTest.keyClick(levels, Qt.Key.Key_Down)
    assert levels.chosen == 2
    assert spy.at(2) == [LINEAR.t_of_sigma(SIGMA[2])]
    assert f"noise level t {LINEAR.t_of_sigma(SIGMA[2])}" in levels.accessibleDescription()
    levels.set_sigma(SIGMA[0] * 1.1)
    assert (levels.chosen, spy.count()) == (0, 3), "no signal where no hand did it"


def test_the_pointer_reads_a_loss(levels: LevelMap) -> None:
    box = levels._box()
    assert levels._readout() == "click a level for its curve"
    QTest.mouseMove(levels, QPoint(box.right() - 2, box.bottom() - box.height() // 4 - 5))
    assert levels._readout() == f"t {LINEAR.t_of_sigma(SIGMA[1])}, step 100: 0.01"
    QTest.mouseMove(levels, QPoint(2, 2))
    assert levels._hovered is None


def test_without_measurements_it_says_when_they_come(levels: LevelMap) -> None:
    levels.set_points((LearningPoint(0),), LINEAR)
    assert levels._readout() == "measured from the first snapshot on"
    levels.choose(2)
    levels.grab()
    assert levels.accessibleDescription() == "nothing measured yet"
    levels.set_points((point(0, 1, 1, 1, 1),), LINEAR)
    levels.grab()
    assert levels.span() == (1.0, 1.0)
