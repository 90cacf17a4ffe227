"""The loss plot paints only what has come to its curves, and all of it where that would not do."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from gui.pages.train_curve import LossCurve
from gui.pages.train_loss import LossPlot

STEPS = 600


def rows(count: int, seed: int = 0) -> np.ndarray:
    """A falling loss with noise; its largest and smallest values come early."""
    step = np.arange(1.0, count + 1)
    loss = 0.2 + 0.6 * np.exp(-step / 40) + 0.1 * np.random.default_rng(seed).random(count)
    loss[100] = 0.15
    return np.stack([step, loss, step / 10], axis=1)


@pytest.fixture
def plot(qtbot: QtBot) -> LossPlot:
    made = LossPlot(LossCurve(0.92))
    qtbot.addWidget(made)
    made.resize(700, 300)
    made.set_x_range(0, STEPS)
    made.curve.follow(rows(400))
    made.update_curve()
    made.show()
    made.grab()
    return made


@pytest.fixture
def wholes(plot: LossPlot, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Grows by one with each drawing of all curves."""
    drawn: list[float] = []
    below = plot.view._below
    monkeypatch.setattr(plot.view, "_below", lambda ratio: drawn.append(ratio) or below(ratio))
    return drawn


def pixels(plot: LossPlot) -> np.ndarray:
    image = plot.view.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB32)
    return np.array(image.constBits()).reshape(image.height(), -1, 4)[..., :3].astype(int)


def test_new_points_are_painted_alone_and_look_like_the_whole(plot: LossPlot, wholes: list[float]) -> None:
    before = pixels(plot)
    for count in range(410, 591, 10):
        plot.curve.follow(rows(count))
        plot.update_curve()
        plot.view.grab()
    assert wholes == []
    grown = pixels(plot)
    plot.data_changed(None)
    whole = pixels(plot)
    assert len(wholes) == 1
    new = (np.abs(grown - before).max(axis=2) > 24).sum()
    assert new > 500
    # Strokes without antialiasing may fall on the pixel beside.
    assert (np.abs(grown - whole).max(axis=2) > 48).sum() <= 0.03 * new


def test_a_point_beyond_the_axes_is_drawn_with_all_of_it(plot: LossPlot, wholes: list[float]) -> None:
    more = rows(410)
    more[405, 1] = 5.0
    plot.curve.follow(more)
    plot.update_curve()
    plot.view.grab()
    assert len(wholes) == 1
    assert plot.axes.y_range[1] > 5


def test_another_curve_of_more_points_is_drawn_with_all_of_it(plot: LossPlot, wholes: list[float]) -> None:
    plot.curve.follow(rows(420, seed=1))
    plot.update_curve()
    plot.view.grab()
    assert len(wholes) == 1


def test_another_smoothing_or_range_is_drawn_with_all_of_it(plot: LossPlot, wholes: list[float]) -> None:
    plot.set_smoothing(0.5)
    plot.view.grab()
    plot.set_x_range(0, 2 * STEPS)
    plot.curve.follow(rows(410))
    plot.update_curve()
    plot.view.grab()
    assert len(wholes) == 2


def test_thinning_is_worked_out_anew_when_the_curve_has_grown_much(plot: LossPlot, wholes: list[float]) -> None:
    plot.set_x_range(0, 2 * STEPS)
    plot.view.grab()
    wholes.clear()
    plot.curve.follow(rows(620))
    plot.update_curve()
    plot.view.grab()
    assert len(wholes) == 1


@pytest.mark.parametrize("known", [1, 3])
def test_a_validation_curve_that_stays_is_not_a_reason_to_draw_all(plot: LossPlot, wholes: list[float],
                                                                   known: int) -> None:
    plot.set_validation([0, 150, 400][:known], [0.7, 0.3, 0.25][:known])
    plot.view.grab()
    assert len(wholes) == 1
    plot.set_validation([0, 150, 400][:known], [0.7, 0.3, 0.25][:known])
    for count in range(410, 591, 10):
        plot.curve.follow(rows(count))
        plot.update_curve()
        plot.view.grab()
    assert len(wholes) == 1, "neither the same curve again nor new losses beside it"
    grown = pixels(plot)
    plot.data_changed(None)
    assert (np.abs(grown - pixels(plot)).max(axis=2) > 48).sum() <= 60
