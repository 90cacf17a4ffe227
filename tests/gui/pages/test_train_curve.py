"""The loss curve that only grows: smoothing, extremes, what counts as a new run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.pages.train_curve import BLOCK, Extremes, LossCurve, Smoother


def rows(count: int, start: int = 0, seed: int = 0) -> np.ndarray:
    losses = np.random.default_rng(seed).uniform(0.1, 2.0, start + count)
    steps = np.arange(1, start + count + 1)
    return np.stack([steps, losses, steps / 10], axis=1)


def smoothed(values: np.ndarray, s: float) -> np.ndarray:
    """The definition, one value at a time."""
    mean = weight = 0.0
    found = []
    for value in values:
        mean, weight = s * mean + (1 - s) * value, s * weight + (1 - s)
        found.append(mean / weight)
    return np.array(found)


@pytest.mark.parametrize("s", [0.0, 0.5, 0.92, 0.99])
def test_smoothing_is_the_bias_corrected_average_however_it_is_cut(s: float) -> None:
    values = rows(3 * BLOCK + 17)[:, 1]
    smoother = Smoother(s)
    pieces = np.split(values, [1, 2, 40, BLOCK, 2 * BLOCK + 5])
    found = np.concatenate([smoother(piece) for piece in [np.empty(0), *pieces]])
    np.testing.assert_allclose(found, smoothed(values, s), rtol=1e-10)


def test_first_smoothed_value_is_the_first_loss() -> None:
    assert Smoother(0.99)(np.array([1.7]))[0] == pytest.approx(1.7)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=4), st.integers(0, 400), st.integers(1, 900))
def test_candidates_hold_every_extreme(pieces: list[int], first: int, length: int) -> None:
    values = np.random.default_rng(sum(pieces)).normal(size=sum(pieces))
    extremes, known = Extremes(), 0
    for piece in pieces:
        known += piece
        extremes.grow(values[:known])
    first = min(first, known - 1)
    last = min(known, first + length)
    picks = extremes.candidates(first, last, most=10)
    part = values[first:last]
    assert picks[0] >= first
    assert picks[-1] < last
    assert (np.diff(picks) >= 0).all()
    assert values[picks].min() == part.min()
    assert values[picks].max() == part.max()


def test_long_curves_offer_few_candidates() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    extremes = Extremes()
    extremes.grow(values)
    assert len(extremes.candidates(0, len(values), most=1000)) <= 4000


def test_following_appends_what_is_new_in_place() -> None:
    curve = LossCurve(0.9)
    everything = rows(600)
    assert curve.follow(everything[:500])
    before = curve.losses
    assert curve.follow(everything[:540])
    assert np.shares_memory(before, curve.losses), "the column was copied for 40 more points"
    assert not curve.follow(everything[:540])
    np.testing.assert_array_equal(curve.losses, everything[:540, 1])
    np.testing.assert_allclose(curve.smooth, smoothed(everything[:540, 1], 0.9))


def test_another_run_begins_anew_even_if_it_is_longer() -> None:
    curve = LossCurve(0.9)
    curve.follow(rows(100, seed=1))
    other = rows(150, seed=2)
    assert curve.follow(other)
    np.testing.assert_array_equal(curve.losses, other[:, 1])
    assert curve.follow(np.empty((0, 3)))
    assert len(curve) == 0


def test_a_resume_that_drops_rows_begins_anew() -> None:
    curve = LossCurve(0.5)
    all_rows = rows(100)
    curve.follow(all_rows)
    curve.follow(all_rows[:60])
    assert len(curve) == 60
    np.testing.assert_allclose(curve.smooth, smoothed(all_rows[:60, 1], 0.5))


def test_losses_that_are_not_numbers_are_left_out() -> None:
    data = rows(10)
    data[4, 1] = np.nan
    data[9, 1] = np.inf
    curve = LossCurve(0.5)
    assert curve.follow(data)
    assert len(curve) == 8
    assert np.isfinite(curve.smooth).all()
    assert not curve.follow(data), "the same rows are not a new run"


def test_other_smoothing_smooths_all_of_it() -> None:
    curve = LossCurve(0.92)
    curve.follow(rows(300))
    curve.set_smoothing(0.0)
    np.testing.assert_allclose(curve.smooth, curve.losses)
    curve.set_smoothing(0.6)
    more = rows(350)
    curve.follow(more)
    np.testing.assert_allclose(curve.smooth, smoothed(more[:, 1], 0.6))


def test_seconds_at_a_step() -> None:
    curve = LossCurve(0.9)
    assert curve.seconds_at(3) is None
    curve.follow(rows(50))
    assert curve.seconds_at(20) == pytest.approx(2.0)
    assert curve.seconds_at(70) is None
