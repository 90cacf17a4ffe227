"""The words at the top of the Train page follow the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from engine.events import TrainingState
from gui.pages.train_finding import finding, percent, trend

TRAINING, FINISHED = TrainingState.TRAINING, TrainingState.FINISHED


def curve(count: int, slope: float, noise: float = 0.02) -> np.ndarray:
    """A loss of 1 that changes by `slope` over its last fifth, with scatter."""
    values = np.full(count, 1.0)
    tail = count // 5
    values[-tail:] += np.linspace(0, slope, tail)
    return values + np.random.default_rng(3).normal(scale=noise, size=count)


def words(losses: np.ndarray, state: TrainingState = TRAINING, planned: int = 1000) -> tuple[str, str]:
    return finding(losses, 83.0, state, len(losses), planned)


def test_nothing_yet() -> None:
    assert words(np.empty(0), TrainingState.IDLE)[0] == "Not started."
    assert words(np.empty(0), TrainingState.PREPARING)[0] == "Preparing."


def test_few_steps_are_too_few() -> None:
    answer, numbers = words(curve(49, 0.0))
    assert answer == "Too early to say."
    assert "49 steps" in numbers
    assert words(np.array([0.5]))[1].startswith("Loss 0.500 after 1 step;")


@pytest.mark.parametrize(("slope", "answer"), [(-0.3, "Still falling."), (0.0, "Flat for now."), (0.3, "Rising.")])
def test_the_trend_decides(slope: float, answer: str) -> None:
    assert words(curve(1000, slope))[0] == answer


def test_a_fall_within_the_scatter_is_not_called_one() -> None:
    assert words(curve(1000, -0.01, noise=0.5))[0] == "Flat for now."


def test_numbers_are_of_this_run() -> None:
    losses = np.concatenate([np.full(900, 0.5), np.full(100, 0.4)])
    losses += np.tile([0.001, -0.001], 500)
    found = trend(losses)
    assert found is not None
    assert (found.steps, round(found.before, 3), round(found.after, 3)) == (100, 0.5, 0.4)
    _, numbers = words(losses)
    assert numbers == "Loss fell 20\u202f% over the last 200 steps, from 0.500 to 0.400."


def test_finished_and_stopped_early() -> None:
    answer, numbers = words(curve(1000, -0.3), FINISHED, planned=1000)
    assert answer == "Finished."
    assert numbers.startswith("1\u202f000 steps in 1:23; loss ")
    assert "still falling at the end" in numbers
    answer, numbers = words(curve(400, 0.0), FINISHED, planned=1000)
    assert answer == "Stopped early."
    assert "400 of 1\u202f000 steps" in numbers
    assert "flat at the end" in numbers


def test_failed_says_so() -> None:
    assert words(curve(400, 0.0), TrainingState.FAILED)[0] == "Failed."


def test_percent() -> None:
    assert percent(-0.052) == "5.2\u202f%"
    assert percent(0.2) == "20\u202f%"
