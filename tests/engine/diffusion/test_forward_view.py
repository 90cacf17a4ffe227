"""Numbers of the Forward page: shares, curves, histogram, what was trained."""

import itertools
import math

import numpy as np
import pytest

from engine.diffusion.forward import noise_like, noised, to_float
from engine.diffusion.forward_view import (
    HISTOGRAM_EDGES,
    correlation,
    film_levels,
    forward_point,
    images_of_class,
    nearest_level,
    normal_density,
    pixel_density,
    rms_difference,
    share_curves,
    snr_curve,
    trained_at,
)
from engine.diffusion.schedules import schedule

LINEAR = schedule("linear", 1000)


@pytest.mark.parametrize("num_timesteps", [50, 333, 1000])
def test_film_levels_go_from_noise_to_picture(num_timesteps: int) -> None:
    levels = film_levels(num_timesteps)
    assert len(levels) == 11
    assert (levels[0], levels[-1]) == (num_timesteps, 0)
    steps = [a - b for a, b in itertools.pairwise(levels)]
    assert all(abs(step - num_timesteps / 10) <= 1 for step in steps)


def test_film_levels_of_1000_are_the_round_hundreds() -> None:
    assert film_levels(1000) == (1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0)


def test_nearest_level() -> None:
    levels = film_levels(1000)
    assert [levels[nearest_level(levels, t)] for t in (1000, 951, 949, 349, 0)] == [1000, 1000, 900, 300, 0]


def test_shares_squared_sum_to_one_and_run_from_picture_to_noise() -> None:
    t, signal, noise = share_curves(LINEAR)
    assert len(t) == len(signal) == len(noise) == 1001
    np.testing.assert_allclose(signal**2 + noise**2, 1)
    assert (signal[0], noise[0]) == (1, 0)
    assert signal[-1] == pytest.approx(LINEAR.terminal_signal)


def test_snr_curve_agrees_with_the_schedule() -> None:
    t, db = snr_curve(LINEAR)
    assert t[0] == 1
    assert len(t) == 1000
    for i in (1, 300, 1000):
        assert db[i - 1] == pytest.approx(LINEAR.snr_db(i))
    assert (np.diff(db) < 0).all()


def test_forward_point_of_a_real_mixture() -> None:
    x0 = np.where(np.arange(784).reshape(1, 28, 28) % 3 == 0, 1, -1).astype(np.float32)
    eps = noise_like(x0.shape, 3)
    point = forward_point(x0, noised(x0, eps, LINEAR, 300), LINEAR, 300)
    assert point.signal == pytest.approx(math.sqrt(LINEAR.alpha_bar[300]))
    assert point.signal_power + point.noise_power == pytest.approx(1)
    assert point.snr_db == pytest.approx(LINEAR.snr_db(300))
    assert point.correlation is not None
    assert 0.3 < point.correlation < 0.8
    clean = forward_point(x0, x0, LINEAR, 0)
    assert clean.snr_db == math.inf
    assert clean.correlation == pytest.approx(1)


def test_correlation_of_a_picture_without_contrast_is_none() -> None:
    assert correlation(np.zeros((1, 4, 4)), noise_like((1, 4, 4), 0)) is None


def test_rms_difference_of_black_and_white_is_2() -> None:
    black = np.full((1, 3, 3), -1.0, dtype=np.float32)
    assert rms_difference(black, -black) == 2
    assert rms_difference(black, black) == 0


def test_density_of_noise_is_normal_and_covers_one() -> None:
    width = HISTOGRAM_EDGES[1] - HISTOGRAM_EDGES[0]
    density = pixel_density(noise_like((1, 600, 600), 1))
    assert density.sum() * width == pytest.approx(1, abs=0.01)
    centres = (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1]) / 2
    np.testing.assert_allclose(density, normal_density(centres), atol=0.01)


def test_black_and_white_fall_into_bins_of_their_own() -> None:
    pixels = to_float(np.array([[[0, 255, 255, 255]]], dtype=np.uint8))
    density = pixel_density(pixels)
    centres = (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1]) / 2
    np.testing.assert_allclose(centres[density > 0], [-1, 1], atol=1e-9)
    assert density.max() / density[density > 0].min() == pytest.approx(3)


def test_trained_at_compares_noise_levels_across_schedules() -> None:
    cosine = schedule("cosine", 1000)
    assert trained_at(LINEAR, (1000, 0), LINEAR.sigma_max) == (True, True)
    # The last cosine level lies far beyond where the linear one ends.
    assert trained_at(cosine, (1000, 900, 0), LINEAR.sigma_max) == (False, True, True)


def test_images_of_class_keep_the_order_of_the_data_set() -> None:
    labels = np.array([3, 1, 3, 0, 3])
    assert images_of_class(labels, 3).tolist() == [0, 2, 4]
    assert images_of_class(labels, 9).tolist() == []
