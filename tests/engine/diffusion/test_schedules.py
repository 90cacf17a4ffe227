"""Schedules against their closed forms, and grids at awkward step counts."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diffusion.schedules import (
    ZERO_TERMINAL_ALPHA_BAR,
    karras_sigmas,
    linear_betas,
    schedule,
    timestep_grid,
)
from engine.errors import BadSetting


@pytest.mark.parametrize("num_timesteps", [50, 100, 400, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_every_schedule_ends_in_noise_and_starts_clean(name: str, num_timesteps: int) -> None:
    s = schedule(name, num_timesteps)
    assert s.alpha_bar.dtype == np.float64
    assert s.alpha_bar[0] == 1.0
    assert len(s.alpha_bar) == num_timesteps + 1
    assert np.all(np.diff(s.alpha_bar) < 0)
    assert s.terminal_signal <= 0.02
    assert s.warning() == ""


def test_linear_betas_are_the_textbook_ones_at_a_thousand() -> None:
    betas = linear_betas(1000)
    assert betas[0] == pytest.approx(1e-4)
    assert betas[-1] == pytest.approx(0.02)
    # sqrt(alpha_bar_T) of Ho et al.'s schedule
    assert schedule("linear", 1000).terminal_signal == pytest.approx(0.00635, abs=1e-5)


def test_unscaled_betas_would_be_warned_of() -> None:
    from engine.diffusion.schedules import Schedule

    unscaled = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.02, 400))])
    s = Schedule("linear", 400, unscaled)
    assert s.terminal_signal == pytest.approx(0.132, abs=1e-3)
    assert "0.132" in s.warning()


def test_cosine_follows_its_curve_until_the_clip() -> None:
    s = schedule("cosine", 1000)
    t = np.arange(0, 900)
    f = np.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2
    np.testing.assert_allclose(s.alpha_bar[:900], f / f[0], rtol=1e-10)


def test_readouts_agree_with_each_other() -> None:
    s = schedule("linear", 1000)
    assert s.percent_denoised(420) == pytest.approx(58.0)
    assert s.snr_db(420) == pytest.approx(10 * math.log10(s.alpha_bar[420] / (1 - s.alpha_bar[420])))
    assert s.snr_db(0) == math.inf
    for t in (0, 1, 17, 500, 1000):
        assert s.t_of_sigma(float(s.sigma[t])) == t
    assert s.t_of_sigma(1e9) == 1000
    np.testing.assert_allclose(s.fractional_t(s.sigma[1:]), np.arange(1, 1001), atol=1e-9)


@pytest.mark.parametrize("wrong", [0, 49, 1001, -5])
def test_a_wrong_number_of_timesteps_is_named(wrong: int) -> None:
    with pytest.raises(BadSetting, match=r"T must be from 50 to"):
        schedule("linear", wrong)


@given(st.integers(50, 1000), st.data())
def test_timestep_grids_strictly_fall_from_t_to_zero(num_timesteps: int, data: st.DataObject) -> None:
    num_steps = data.draw(st.integers(1, num_timesteps))
    grid = timestep_grid(num_timesteps, num_steps)
    assert len(grid) == num_steps + 1
    assert grid[0] == num_timesteps
    assert grid[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(grid))


def test_more_steps_than_timesteps_are_refused() -> None:
    with pytest.raises(BadSetting, match="from 1 to T = 100"):
        timestep_grid(100, 101)


@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30, 60, 1000])
def test_karras_levels_strictly_fall_and_end_clean(num_steps: int) -> None:
    sigmas = karras_sigmas(num_steps, 0.02, 80.0)
    assert len(sigmas) == num_steps + 1
    assert sigmas[0] == 80.0
    assert sigmas[-1] == 0.0
    assert np.all(np.diff(sigmas) < 0)
    if num_steps > 1:
        assert sigmas[-2] == pytest.approx(0.02)


@pytest.mark.parametrize("num_timesteps", [50, 100, 400, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_zero_terminal_snr_leaves_nothing_at_the_end_and_the_start_as_it_was(name: str, num_timesteps: int) -> None:
    plain, s = schedule(name, num_timesteps), schedule(name, num_timesteps, True)
    assert s.alpha_bar[0] == 1
    assert s.alpha_bar[1] == pytest.approx(plain.alpha_bar[1], rel=1e-12)
    assert s.alpha_bar[-1] == ZERO_TERMINAL_ALPHA_BAR
    assert s.sigma_max == pytest.approx(31623, abs=1)
    # The clamp holds T alone: the levels before it follow the rescaled curve and stay below.
    root, old = np.sqrt(s.alpha_bar[1:-1]), np.sqrt(plain.alpha_bar[1:])
    np.testing.assert_allclose(root, (old[:-1] - old[-1]) * old[0] / (old[0] - old[-1]), rtol=1e-9)
    assert np.all(np.diff(s.sigma) > 0)
    assert s.sigma[-2] < 0.6 * s.sigma_max
    assert np.isfinite(s.sigma.astype(np.float32)).all()
    assert s.warning() == ""
    assert s.t_of_sigma(s.sigma_max) == num_timesteps
