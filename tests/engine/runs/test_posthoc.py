"""Averages of other widths: against closed forms, and against averages computed directly."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import info

from engine.config import RunConfig
from engine.errors import BadRun, BadSetting
from engine.runs import Run, RunWriter, snapshot_steps
from engine.runs.averages import LARGEST_ERROR, load_average, percent_range
from engine.runs.posthoc import (
    Average,
    combination,
    combinations,
    gamma_of_percent,
    gamma_of_sigma_rel,
    inner_product,
    percent_of_gamma,
    sigma_rel_of_gamma,
)
from engine.runs.tensors import Arrays
from engine.runs.thinning import evenly

NARROW, WIDE = 18.0, 6.0  # 10 % and 25 %
STEPS, KEPT, SIZE = 600, 20, 400
SNAPSHOTS = snapshot_steps(STEPS, KEPT)
FIVE = evenly(SNAPSHOTS, 5)


def averaged(trajectory: np.ndarray, gamma: float) -> np.ndarray:
    """The power-function average after each step, in float64: beta_n = (1 - 1/n)^(gamma + 1)."""
    made, average = np.empty_like(trajectory), np.zeros(trajectory.shape[1])
    for n, values in enumerate(trajectory, start=1):
        beta = (1 - 1 / n) ** (gamma + 1)
        average = beta * average + (1 - beta) * values
        made[n - 1] = average
    return made


def walk(seed: int = 0) -> np.ndarray:
    """Weights that move as trained ones do: to a goal, ever more slowly, and trembling. (STEPS, SIZE), float64."""
    rng = np.random.default_rng(seed)
    start, goal = rng.standard_normal((2, SIZE))
    n = np.arange(1, STEPS + 1)[:, None]
    drift = np.cumsum(rng.standard_normal((STEPS, SIZE)) / n ** 0.7, axis=0) * 0.2
    return goal + (start - goal) * np.exp(-n / 60) + drift + 0.05 * rng.standard_normal((STEPS, SIZE))


@pytest.fixture(scope="module")
def trajectory() -> np.ndarray:
    return walk()


def write_run(path: Path, trajectory: np.ndarray, *, wide_at: set[int] | None = None, dtype: str = "float32") -> Run:
    """A run whose snapshots hold both averages (or the second one only at some)."""
    narrow, wide = averaged(trajectory, NARROW), averaged(trajectory, WIDE)
    config = RunConfig().changed(training={"num_steps": STEPS, "ema_power": NARROW, "ema_power_wide": WIDE})
    with RunWriter.create(path, info(config=config, num_steps=STEPS)) as writer:
        for step in SNAPSHOTS:
            both = step > 0 and (wide_at is None or step in wide_at)
            writer.save_snapshot(step, arrays(narrow[max(step, 1) - 1]), dtype=dtype,  # type: ignore[arg-type]
                                 wide=arrays(wide[step - 1]) if both else None)
    return Run.open(path)


def arrays(values: np.ndarray) -> Arrays:
    return {"w": values.astype(np.float32).reshape(20, -1), "scale": np.array(values[0], np.float32),
            "count": np.array(7, np.int64)}


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one.ravel() - other.ravel()) / np.linalg.norm(other))


# ---- widths ----

def test_the_published_widths() -> None:
    for sigma_rel, gamma in ((0.05, 16.97), (0.10, 6.94), (0.15, 3.56)):
        assert gamma_of_sigma_rel(sigma_rel) == pytest.approx(gamma, abs=0.005)
    assert (percent_of_gamma(18), percent_of_gamma(6), percent_of_gamma(0)) == (10, 25, 100)


@given(st.floats(0, 200))
def test_names_of_a_width_mean_the_same(gamma: float) -> None:
    assert gamma_of_percent(percent_of_gamma(gamma)) == pytest.approx(gamma, abs=1e-9)
    assert gamma_of_sigma_rel(sigma_rel_of_gamma(gamma)) == pytest.approx(gamma, rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 60), st.floats(0, 60), st.integers(1, 2000), st.integers(1, 2000))
def test_inner_products_are_the_integrals(a: float, b: float, n: int, m: int) -> None:
    def profile(gamma: float, step: int, tau: np.ndarray) -> np.ndarray:
        return (gamma + 1) / step * (tau / step) ** gamma

    points, weights = np.polynomial.legendre.leggauss(80)  # exact to degree 159
    tau = min(n, m) * (points + 1) / 2
    integral = min(n, m) / 2 * (weights * profile(a, n, tau) * profile(b, m, tau)).sum()
    # A power that is no whole number is no polynomial near 0, where nothing of it is left.
    assert float(inner_product(a, n, b, m)) == pytest.approx(integral, rel=1e-4, abs=1e-300)
    assert float(inner_product(a, n, b, m)) == float(inner_product(b, m, a, n))


def test_width_and_mean_age_are_the_profiles() -> None:
    tau = (np.arange(200_000) + 0.5) / 200_000
    for gamma in (0.0, 6.0, 18.0):
        p = (gamma + 1) * tau ** gamma
        mean = (p * tau).mean()
        assert math.sqrt((p * (tau - mean) ** 2).mean()) == pytest.approx(sigma_rel_of_gamma(gamma), rel=1e-4)
        assert 1 - mean == pytest.approx(percent_of_gamma(gamma) / 100 / 2, rel=1e-4)


# ---- combinations ----

def test_a_stored_profile_is_itself_alone() -> None:
    stored = [Average(step, gamma) for gamma in (NARROW, WIDE) for step in SNAPSHOTS[1:]]
    for i in (KEPT - 2, 2 * KEPT - 3):
        found = combination(stored, stored[i].gamma, STEPS)
        expected = np.zeros(len(stored))
        expected[i] = 1
        np.testing.assert_allclose(found.coefficients, expected, atol=1e-9)
        assert found.error < 1e-6


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 100), st.integers(2, 40))
def test_coefficients_sum_to_one_and_the_error_is_the_profiles(percent: int, kept: int) -> None:
    steps = snapshot_steps(1000, kept)[1:]
    stored = [Average(step, gamma) for gamma in (NARROW, WIDE) for step in steps]
    gamma = gamma_of_percent(percent)
    found, whole = combination(stored, gamma, 1000), combinations(stored, [gamma], 1000)[0]
    assert found.coefficients.sum() == pytest.approx(1, abs=1e-9)
    rounding = 1e-7  # the error is the root of a difference between sums near 1, of which 1e-15 is lost
    assert whole.error <= found.error + rounding
    assert found.error <= max(0.02, whole.error + 0.005) + rounding
    # The error by its definition, on a fine grid of training time.
    tau = (np.arange(20_000) + 0.5) / 20
    made = sum(c * (a.gamma + 1) / a.step * np.where(tau <= a.step, (tau / a.step) ** a.gamma, 0)
               for c, a in zip(found.coefficients, stored, strict=True))
    wanted = (gamma + 1) / 1000 * (tau / 1000) ** gamma
    assert relative(made, wanted) == pytest.approx(found.error, rel=0.02, abs=2e-3)


def test_a_combination_needs_something_to_combine() -> None:
    with pytest.raises(ValueError, match="stored average"):
        combinations([], [5.0], 10)


# ---- runs ----

def test_a_stored_average_comes_back(tmp_path: Path, trajectory: np.ndarray) -> None:
    run = write_run(tmp_path / "run", trajectory)
    for step in (SNAPSHOTS[1], SNAPSHOTS[9], STEPS):
        at, made = load_average(run, step, 25.0)
        assert at == step
        assert relative(made["w"], averaged(trajectory, WIDE)[step - 1]) < 1e-6
        assert made["w"].dtype == np.float32
        assert made["w"].shape == (20, SIZE // 20)
        assert int(made["count"]) == 7
        own = load_average(run, step, 10.0)[1]
        assert np.array_equal(own["w"], run.load_snapshot(step)[1]["w"])
        assert np.array_equal(load_average(run, step, None)[1]["w"], own["w"])


# Bounds of |made - direct| / |direct| over the widths below, and of |made - direct| / |stored - direct|: how much
# nearer it is than the stored average. Measured on these weights: 2.4e-4 and 0.030; 3.1e-4 and 0.055; 2.9e-4 and
# 0.087; with a fifth to spare.
@pytest.mark.parametrize(("dtype", "wide_at", "worst", "worst_of_distance"), [
    ("float32", None, 2.9e-4, 0.037), ("float16", None, 3.7e-4, 0.066), ("float32", FIVE, 3.5e-4, 0.104)],
    ids=["all", "half precision", "five"])
def test_widths_between_are_close_to_those_computed_directly(
        tmp_path: Path, trajectory: np.ndarray, dtype: str, wide_at: set[int] | None, worst: float,
        worst_of_distance: float) -> None:
    run = write_run(tmp_path / "run", trajectory, wide_at=wide_at, dtype=dtype)
    off, of_distance = [], []
    for percent in (15, 18, 21, 24, 28, 32):
        direct = averaged(trajectory, gamma_of_percent(percent))[-1]
        made = load_average(run, STEPS, percent)[1]["w"]
        off.append(relative(made, direct))
        of_distance.append(off[-1] / relative(averaged(trajectory, NARROW)[-1], direct))
    assert max(off) < worst
    assert max(of_distance) < worst_of_distance


def test_constant_weights_stay_whatever_the_width(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", np.full((STEPS, SIZE), 2.5), wide_at=FIVE)
    low, high = percent_range(run, STEPS) or (0, 0)
    for percent in (low, 17, high):
        np.testing.assert_allclose(load_average(run, STEPS, percent)[1]["w"], 2.5, rtol=1e-6)


def test_the_range_ends_where_the_profile_is_missed(tmp_path: Path, trajectory: np.ndarray) -> None:
    run = write_run(tmp_path / "run", trajectory)
    assert percent_range(run, 0) is None, "nothing was averaged there"
    assert percent_range(run, STEPS + 1) is None
    ranges = [percent_range(run, step) for step in SNAPSHOTS[1:]]
    assert ranges[0] == (8, 30), "two averages of one step"
    assert ranges[-1] == (6, 85)
    assert all(a[0] >= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(ranges)), "later steps have more"
    stored = [Average(step, gamma) for gamma in (NARROW, WIDE) for step in SNAPSHOTS[1:]]
    for percent, fits in ((5, False), (6, True), (85, True), (86, False)):
        assert (combinations(stored, [gamma_of_percent(percent)], STEPS)[0].error <= LARGEST_ERROR) == fits
        if fits:
            load_average(run, STEPS, percent)
        else:
            with pytest.raises(BadSetting, match="6 to 85 %") as refusal:
                load_average(run, STEPS, percent)
            assert str(percent) in refusal.value.headline


def test_a_run_with_one_average_says_so(tmp_path: Path, trajectory: np.ndarray) -> None:
    old = write_run(tmp_path / "old", trajectory, wide_at=set())
    assert [s.wide for s in old.snapshots()] == [False] * KEPT
    assert percent_range(old, STEPS) is None
    assert load_average(old, None, 10)[0] == STEPS
    with pytest.raises(BadSetting, match="keeps one average of the weights, over the last 10 %"):
        load_average(old, STEPS, 25)
    some = write_run(tmp_path / "some", trajectory, wide_at={239, STEPS})
    with pytest.raises(BadSetting, match="step 374") as refusal:
        load_average(some, 374, 25)
    assert refusal.value.advice == "Both are kept at 239, 600."
    RunWriter.create(tmp_path / "empty", info()).close()
    empty = Run.open(tmp_path / "empty")
    with pytest.raises(BadRun, match="no snapshot yet"):
        load_average(empty, None, 10)


def test_a_damaged_second_average_harms_nothing_else(tmp_path: Path, trajectory: np.ndarray) -> None:
    run = write_run(tmp_path / "run", trajectory)
    whole = load_average(run, STEPS, 17)[1]
    file = run.snapshots()[-1].path / "ema-wide.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert np.array_equal(run.load_snapshot(STEPS)[1]["w"], arrays(averaged(trajectory, NARROW)[-1])["w"])
    assert run.weights_hash(STEPS) == run.weights_hash()
    with pytest.raises(BadRun, match="second average of the snapshot at step 600 of run is damaged") as refusal:
        load_average(run, STEPS, 17)
    assert "checksum" in refusal.value.headline
    assert run.verify() == [refusal.value.headline]
    load_average(run, SNAPSHOTS[-2], 17)
    file.unlink()
    assert run.load_snapshot(STEPS)[0] == STEPS
    with pytest.raises(BadRun, match=r"second average.*is missing"):
        load_average(run, STEPS, 17)
    with RunWriter.reopen(run.path) as writer:  # the same weights again repair it
        narrow, wide = (arrays(averaged(trajectory, gamma)[-1]) for gamma in (NARROW, WIDE))
        writer.save_snapshot(STEPS, narrow, wide=wide)
        assert run.verify() == []
        assert np.array_equal(load_average(run, STEPS, 17)[1]["w"], whole["w"])
        path = run.snapshots()[-1].path
        assert writer.save_snapshot(STEPS, narrow, wide=wide).path == path  # nothing is written
        assert not writer.save_snapshot(STEPS, narrow).wide


def test_the_second_average_is_kept_on_few_and_thinned_with_the_first(tmp_path: Path, trajectory: np.ndarray) -> None:
    run = write_run(tmp_path / "run", trajectory)
    with RunWriter.reopen(run.path) as writer:
        assert writer.keep_wide(5) == sorted(FIVE) == [106, 239, 374, 480, 600]
        assert {s.step for s in run.snapshots() if s.wide} == FIVE
        assert sorted(f.parent.name for f in run.path.rglob("ema-wide.*")) == \
            [f"step-{step:08d}" for step in sorted(FIVE)]
        assert len(list(run.path.rglob("ema.safetensors"))) == KEPT
        assert run.verify() == []
        assert writer.keep_wide(5) == sorted(FIVE)
        writer.save_snapshot(239, run.load_snapshot(239)[1], manual=True, wide=run.load_snapshot(239, wide=True)[1])
        assert [(s.manual, s.wide) for s in run.snapshots() if s.step == 239] == [(True, True)]
        removed = set(writer.thin(6, STEPS))
        assert removed & FIVE, "this test needs one of them removed"
        assert {s.step for s in run.snapshots() if s.wide} == FIVE - removed
        assert {int(f.parent.name[5:]) for f in run.path.rglob("ema-wide.*")} == FIVE - removed
        assert writer.keep_wide(0) == []
        assert not list(run.path.rglob("ema-wide.*"))
    assert percent_range(run, STEPS) is None


def test_averages_thinned_away_between_listing_and_reading(tmp_path: Path, trajectory: np.ndarray,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", trajectory)
    listed = run.snapshots()
    with RunWriter.reopen(run.path) as writer:
        writer.thin(4)
    monkeypatch.setattr(run, "snapshots", lambda: listed)
    with pytest.raises(BadRun, match="thinned away"):
        load_average(run, STEPS, 40)
    monkeypatch.undo()
    assert load_average(run, STEPS, 17)[0] == STEPS


def test_evenly() -> None:
    assert evenly(range(0, 101, 10), 5) == {20, 40, 60, 80, 100}
    assert evenly([3], 5) == {3}
    assert evenly([], 5) == evenly([1, 2], 0) == set()
