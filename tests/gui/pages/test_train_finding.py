"""The words at the top of the Train page follow the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from engine.events import TrainingState
from engine.measure.learning import LearningPoint, judge
from engine.measure.sample_check import SampleCheck
from engine.measure.validation import ValidationLoss
from gui.pages.train_finding import finding, percent, stretch

TRAINING, FINISHED = TrainingState.TRAINING, TrainingState.FINISHED
EPOCH = 250


def rows(losses: np.ndarray) -> np.ndarray:
    """Steps from 1 on, a twelfth of a second each."""
    steps = np.arange(1, len(losses) + 1)
    return np.stack([steps, losses, steps / 12], axis=1)


def curve(count: int, fall: float, noise: float = 0.02) -> np.ndarray:
    """A loss that each doubling of the steps takes a share off, with scatter."""
    steps = np.arange(1, count + 1)
    scatter = np.random.default_rng(3).normal(scale=noise, size=count)
    return (steps ** np.log2(1 - fall)) * (1 + scatter)


def point(step: int, loss: float, right: int | None = None) -> LearningPoint:
    return LearningPoint(step, ValidationLoss((1.0,), (loss,), (loss,), (1.0,), 8),
                         None if right is None else SampleCheck(100, right, 0.5, (0.9,), 99))


def words(losses: np.ndarray, state: TrainingState = TRAINING, planned: int = 1000,
          points: tuple[LearningPoint, ...] = ()) -> tuple[str, str]:
    there = rows(losses)
    return finding(there, judge(there[:, 0], there[:, 1], points), state, len(losses), planned, EPOCH)


def test_nothing_yet() -> None:
    assert words(np.empty(0), TrainingState.IDLE)[0] == "Not started."
    assert words(np.empty(0), TrainingState.PREPARING)[0] == "Preparing."
    assert words(np.empty(0))[0] == "Just started."


def test_few_steps_are_too_few() -> None:
    assert words(curve(199, 0.1)) == ("Too short to say.", "199 steps so far; a judgement takes 200.")
    assert words(np.array([0.5]))[1].startswith("1 step so far;")


@pytest.mark.parametrize(("fall", "answer"), [(0.1, "Still learning."), (0.0, "Learned out.")])
def test_the_fall_decides(fall: float, answer: str) -> None:
    assert words(curve(2000, fall))[0] == answer


def test_scatter_that_hides_a_fall_says_so() -> None:
    answer, numbers = words(curve(400, 0.0, noise=0.4))
    assert answer == "Too short to say."
    assert "a fall of 3\u202f% a doubling of the steps can be neither told nor excluded yet" in numbers


def test_numbers_are_of_this_run() -> None:
    steps = np.arange(1, 1001)
    assert words(steps ** np.log2(0.9))[1] == (
        "Loss fell 10\u202f% in the last 2.0 epochs, from 0.389 to 0.350.")
    points = tuple(point(step, 0.5 * step ** np.log2(0.95)) for step in (500, 600, 750, 1000))
    scattered = curve(1000, 0.0, noise=0.1)
    assert words(scattered, points=points)[1] == (
        "Validation loss fell 5.0\u202f% in the last 2.0 epochs, from 0.316 to 0.300.")


def test_samples_are_told_beside_the_loss() -> None:
    points = (point(500, 0.3, 61), point(750, 0.3, 70), point(1000, 0.3, 84))
    answer, numbers = words(np.full(1000, 0.3), points=points)
    assert answer == "Still learning."
    assert numbers == ("Loss stayed at 0.300 in the last 2.0 epochs: any change is below 0.0\u202f%; samples read "
                       "right rose from 61\u202f% to 84\u202f%.")


def test_worse_is_told_with_what_it_was() -> None:
    losses = np.concatenate([np.full(900, 0.2), np.full(100, 0.3)])
    assert words(losses) == ("Diverging.", "Loss rose 50\u202f% from its lowest, 0.200 to 0.300.")
    losses[-5:] = np.nan
    assert words(losses) == ("Diverging.", "Loss is not finite any more; its lowest mean was 0.200.")
    assert words(np.full(300, np.nan))[1] == "Loss is not finite."


def test_finished_and_stopped_early() -> None:
    answer, numbers = words(curve(1000, 0.1), FINISHED, planned=1000)
    assert answer == "Finished."
    assert numbers.startswith("1\u202f000 steps in 1:23; loss ")
    assert "Still learning at the end: loss fell 10\u202f%" in numbers
    answer, numbers = words(curve(400, 0.0, noise=0.001), FINISHED, planned=1000)
    assert answer == "Stopped early."
    assert "400 of 1\u202f000 steps" in numbers
    assert "Learned out: loss stayed at" in numbers
    assert words(curve(100, 0.1), FINISHED)[1].endswith("at the start."), "too short for more"


def test_failed_says_so() -> None:
    assert words(curve(400, 0.0), TrainingState.FAILED)[0] == "Failed."
    assert words(np.full(300, np.nan), TrainingState.FAILED)[0] == "Failed."


def test_percent_and_stretch() -> None:
    assert percent(-0.052) == "5.2\u202f%"
    assert percent(0.2) == "20\u202f%"
    assert stretch(249, 250) == "in the last 249 steps"
    assert stretch(500, 250) == "in the last 2.0 epochs"
