"""The line of first recognition over training, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measure.time_machine_line import Decides, compare, line, percents

T = np.arange(1000, -1, -100)  # 11 rows
PLACES = percents(T, 1000)
NEVER = len(T)


def test_places_are_percent_denoised_and_never_is_none_of_them() -> None:
    np.testing.assert_allclose(PLACES[:-1], np.arange(0, 101, 10), atol=1e-9)
    assert np.isnan(PLACES[NEVER])


def test_the_line_is_the_mean_of_those_that_are_read_where_at_least_half_are() -> None:
    points = line({50: [6, 8, NEVER, NEVER], 10: [5, NEVER, NEVER, NEVER], 90: [5, 5, 5, 7], 0: [NEVER] * 4}, PLACES)
    assert [p.snapshot for p in points] == [0, 10, 50, 90]
    assert [p.percent for p in points] == [None, None, 70.0, 55.0]
    assert [p.read for p in points] == [0, 1, 2, 4]
    assert {p.seeds for p in points} == {4}


def test_earlier_later_and_the_same() -> None:
    rng = np.random.default_rng(3)
    before = rng.integers(6, 9, 24)
    earlier = compare({5: [NEVER] * 24, 20: before.tolist(), 90: (before - 2).tolist()}, PLACES)
    assert earlier.decides is Decides.EARLIER
    assert earlier.first is not None
    assert earlier.last is not None
    assert (earlier.first.snapshot, earlier.last.snapshot, earlier.n) == (20, 90, 24)
    assert earlier.change == pytest.approx(-20)
    assert compare({20: before.tolist(), 90: (before + 1).tolist()}, PLACES).decides is Decides.LATER
    mixed = before + np.tile([1, -1], 12)
    same = compare({20: before.tolist(), 90: mixed.tolist()}, PLACES)
    assert same.decides is Decides.SAME
    assert same.ci95 is not None
    assert same.ci95[0] < 0 < same.ci95[1]


def test_only_seeds_that_are_read_in_both_are_compared() -> None:
    before, after = [8] * 10 + [NEVER] * 4, [NEVER] * 3 + [7, 6] * 5 + [2]
    found = compare({20: before, 90: after}, PLACES)
    assert found.n == 7
    assert found.decides is Decides.EARLIER


def test_where_nothing_can_be_said() -> None:
    assert compare({}, PLACES).decides is Decides.UNREAD
    assert compare({0: [NEVER] * 8, 9: [NEVER] * 8}, PLACES).decides is Decides.UNREAD
    lost_again = compare({0: [5] * 8, 9: [NEVER] * 8}, PLACES)
    assert lost_again.decides is Decides.UNREAD
    assert compare({0: [NEVER] * 8, 9: [5] * 8}, PLACES).decides is Decides.SHORT
    assert compare({0: [6], 9: [5]}, PLACES).decides is Decides.SHORT
