"""The verdict on a run: right on made runs that its rule was not tuned on, and what it rests on is what it says."""

import numpy as np
import pytest
from made_runs import HELD_OUT, TUNED, Made

from engine.measure.verdict import MATTERS, Kind, verdict


def _name(made: Made) -> str:
    return f"{made.kind.name.lower()}-{made.seed}"


@pytest.mark.parametrize("made", TUNED, ids=_name)
def test_runs_that_the_rule_was_tuned_on(made: Made) -> None:
    assert made.verdict().kind is made.kind


@pytest.mark.parametrize("made", HELD_OUT, ids=_name)
def test_held_out_runs(made: Made) -> None:
    assert made.verdict().kind is made.kind


def test_the_two_sets_share_nothing_and_have_five_of_each_kind() -> None:
    for kind in Kind:
        assert sum(made.kind is kind for made in HELD_OUT) == 5
    for name in ("seed", "length"):
        assert not {getattr(made, name) for made in TUNED} & {getattr(made, name) for made in HELD_OUT}
    assert not {(made.noise, made.rate) for made in TUNED} & {(made.noise, made.rate) for made in HELD_OUT}


def test_the_fall_of_a_power_law_is_found_and_its_interval_covers_it() -> None:
    covered = 0
    for seed in range(400):
        made = Made(Kind.LEARNING, seed, 2000, 0.15, 1e6, power=0.1, snapshots=False)
        fall = made.verdict().fall
        assert fall is not None
        assert fall.source == "training"
        covered += fall.low <= 1 - 2**-0.1 <= fall.high
    assert 0.92 <= covered / 400 <= 0.98


def test_validation_decides_where_raw_losses_scatter_too_much() -> None:
    steps = np.arange(1, 1001.0)
    losses = np.random.default_rng(5).lognormal(0, 0.6, 1000)
    at = np.linspace(0, 1000, 21)
    assert verdict(steps, losses).kind is Kind.TOO_SHORT
    flat = verdict(steps, losses, (at, np.full(21, 0.2)))
    assert (flat.kind, flat.fall and flat.fall.source) == (Kind.FINISHED, "validation")
    falling = verdict(steps, losses, (at, np.maximum(at, 1) ** -0.2))
    assert falling.kind is Kind.LEARNING
    assert falling.fall is not None
    assert falling.fall.share == pytest.approx(1 - 2**-0.2)
    assert falling.fall.after == pytest.approx(1000**-0.2)
    assert falling.fall.before == pytest.approx(500**-0.2)


def test_what_the_learning_rate_takes_off_raw_losses_is_no_learning() -> None:
    steps = np.arange(1, 4001.0)
    rate = np.clip((4000 - steps) / 1600, 0, 1)  # falls over the last two fifths
    losses = (0.2 + 0.02 * rate) * np.random.default_rng(8).lognormal(0, 0.02, 4000)
    assert verdict(steps, losses).kind is Kind.LEARNING, "raw losses alone cannot tell"
    at = np.linspace(0, 4000, 21)
    checked = 0.19 + 0.0004 * np.random.default_rng(9).standard_normal(21)
    found = verdict(steps, losses, (at, checked))
    assert (found.kind, found.fall and found.fall.source) == (Kind.FINISHED, "validation")
    rough = np.where(np.arange(21) % 2, 0.184, 0.2)
    told = verdict(steps, losses, (at, rough))
    assert told.fall is not None
    assert told.fall.source == "training", "an interval that wide decides nothing"


def test_samples_that_are_read_better_mean_learning_although_the_loss_is_flat() -> None:
    steps, losses = np.arange(1, 20_001.0), np.random.default_rng(6).lognormal(0, 0.1, 20_000)
    at = np.array([0, 10_000, 20_000.0])
    assert verdict(steps, losses, read_right=(at, np.array([0.1, 0.84, 0.84]), 100)).kind is Kind.FINISHED
    better = verdict(steps, losses, read_right=(at, np.array([0.1, 0.61, 0.84]), 100))
    assert better.kind is Kind.LEARNING
    assert better.judged is not None
    assert (better.judged.before_step, better.judged.before, better.judged.after) == (10_000, 0.61, 0.84)
    # The pooled share is 0.725: (0.84 - 0.61) / sqrt(2 * 0.725 * 0.275 / 100).
    assert better.judged.z == pytest.approx(3.6424, abs=1e-4)


def test_a_validation_loss_that_rises_is_told_although_training_falls() -> None:
    steps = np.arange(1, 2001.0)
    found = verdict(steps, steps**-0.3, (np.array([0, 500, 1000, 2000.0]), np.array([1.0, 0.2, 0.21, 0.25])))
    assert found.kind is Kind.DIVERGING
    assert found.rise is not None
    assert (found.rise.source, found.rise.before) == ("validation", 0.2)


def test_nothing_is_too_short() -> None:
    none = np.empty(0)
    assert verdict(none, none, (none, none), (none, none, 100)).kind is Kind.TOO_SHORT
    assert verdict(np.arange(1, 300.0), np.zeros(299)).kind is Kind.TOO_SHORT, "no logarithm, no traceback"
    all_nan = verdict(np.arange(1, 300.0), np.full(299, np.nan))
    assert all_nan.kind is Kind.DIVERGING
    assert MATTERS > 0
