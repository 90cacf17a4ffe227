"""Spikes, plateaus and losses that are no number: found where they were put, and nowhere else."""

import numpy as np
import pytest
from made_runs import HELD_OUT, TUNED, Made

from engine.measure.alerts import Alert, AlertKind, AlertWatch, find_alerts
from engine.measure.verdict import Kind

NOT_FINITE, SPIKE, PLATEAU = AlertKind.NOT_FINITE, AlertKind.SPIKE, AlertKind.PLATEAU
ALL = [*TUNED, *HELD_OUT]


def curve(length: int, level: float = 0.3, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A flat curve."""
    return np.arange(1, length + 1.0), level * np.random.default_rng(seed).lognormal(0, noise, length)


def kinds(alerts: tuple[Alert, ...]) -> list[AlertKind]:
    return [alert.kind for alert in alerts]


@pytest.mark.parametrize("made", [m for m in ALL if not m.ending], ids=lambda m: f"{m.kind.name}-{m.seed}")
def test_made_runs_without_an_event_have_no_spike(made: Made) -> None:
    found = kinds(find_alerts(*made.losses()))
    assert SPIKE not in found
    assert NOT_FINITE not in found
    assert PLATEAU not in found or made.kind is Kind.FINISHED, "what still learns is not called flat"


@pytest.mark.parametrize("made", [m for m in ALL if m.ending == "spike"], ids=lambda m: str(m.seed))
def test_the_spike_of_a_made_run_is_found_and_is_over(made: Made) -> None:
    spikes = [alert for alert in find_alerts(*made.losses()) if alert.kind is SPIKE]
    assert len(spikes) == 1
    spike, begin, end = spikes[0], made.length // 2 + 1, made.length // 2 + made.length // 50
    assert begin <= spike.step <= end
    assert 2 < spike.times < 10
    assert spike.over_step is not None
    assert end - 15 <= spike.over_step <= end + 40


@pytest.mark.parametrize("made", [m for m in ALL if m.ending == "nan"], ids=lambda m: str(m.seed))
def test_the_first_loss_that_is_no_number_is_named(made: Made) -> None:
    steps, losses = made.losses()
    bad = [alert for alert in find_alerts(steps, losses) if alert.kind is NOT_FINITE]
    assert [alert.step for alert in bad] == [int(steps[np.isnan(losses)][0])]
    assert [a.step for a in find_alerts(np.array([1.0, 2]), np.array([0.5, np.inf]))] == [2]


def test_a_loss_that_leaves_for_good_is_a_spike_that_is_not_over() -> None:
    steps, losses = curve(900)
    losses[600:] *= 6
    spikes = [alert for alert in find_alerts(steps, losses) if alert.kind is SPIKE]
    assert len(spikes) == 1
    assert 601 <= spikes[0].step <= 701
    assert spikes[0].over_step is None
    assert spikes[0].level == pytest.approx(0.3, rel=0.05)


def test_two_spikes_near_each_other_are_one_and_far_ones_are_two() -> None:
    for apart, count in ((30, 1), (120, 2)):
        steps, losses = curve(800)
        losses[[400, 400 + apart]] = 3.0, 4.0
        spikes = [alert for alert in find_alerts(steps, losses) if alert.kind is SPIKE]
        assert len(spikes) == count
        assert spikes[-1].step == 401 + apart
        assert spikes[-1].loss == 4.0


def test_noise_alone_makes_no_spike() -> None:
    for seed in range(20):
        assert SPIKE not in kinds(find_alerts(*curve(5000, noise=0.3, seed=seed)))


def test_a_plateau_is_told_with_where_it_began_and_ends_when_the_loss_falls_again() -> None:
    steps, losses = curve(4000, noise=0.05)
    losses[:1000] *= np.linspace(4, 1, 1000)
    plateau = find_alerts(steps, losses)[-1]
    assert plateau.kind is PLATEAU
    assert 900 <= plateau.step <= 1300
    assert plateau.level == pytest.approx(0.3, rel=0.02)
    falls = losses.copy()
    falls[3000:] *= np.linspace(1, 0.5, 1000)
    assert find_alerts(steps, falls) == ()
    assert find_alerts(steps[:399], np.full(399, 0.2)) == (), "too few to say"


def test_a_curve_that_grows_gives_what_the_whole_curve_gives() -> None:
    steps, losses = curve(3000, noise=0.15, seed=4)
    losses[[700, 1500, 2980]] = 5.0, 7.0, 9.0
    losses[2990:] = np.nan
    watch, rng, at = AlertWatch(), np.random.default_rng(1), 0
    while at < len(steps):
        at = min(len(steps), at + int(rng.integers(1, 90)))
        found = watch.follow(steps[:at], losses[:at])
        assert [a for a in found if a.kind is not PLATEAU] == \
            [a for a in find_alerts(steps[:at], losses[:at]) if a.kind is not PLATEAU]
    assert kinds(found).count(SPIKE) >= 2


def test_another_curve_begins_anew() -> None:
    steps, losses = curve(1000)
    losses[500] = 9.0
    watch = AlertWatch()
    assert SPIKE in kinds(watch.follow(steps, losses))
    assert SPIKE not in kinds(watch.follow(*curve(800, seed=3)))
    assert watch.follow(np.empty(0), np.empty(0)) == ()
