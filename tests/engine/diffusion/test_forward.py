"""The closed form of q(x_t | x_0), and pixels that come back exactly."""

import numpy as np

from engine.diffusion.forward import noise_like, noised, to_float, to_uint8
from engine.diffusion.schedules import schedule


def test_all_pixel_values_come_back() -> None:
    values = np.arange(256, dtype=np.uint8)
    floats = to_float(values)
    assert floats.min() == -1
    assert floats.max() == 1
    np.testing.assert_array_equal(to_uint8(floats), values)


def test_noise_depends_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(noise_like((1, 28, 28), 7), noise_like((1, 28, 28), 7))
    assert not np.array_equal(noise_like((1, 28, 28), 7), noise_like((1, 28, 28), 8))


def test_one_jump_has_the_statistics_of_many_small_steps() -> None:
    s = schedule("linear", 1000)
    rng = np.random.default_rng(0)
    x0 = np.full((20_000,), 0.5, dtype=np.float32)
    t = 300
    stepwise = x0.copy()
    for i in range(1, t + 1):
        beta = 1 - s.alpha_bar[i] / s.alpha_bar[i - 1]
        stepwise = np.sqrt(1 - beta) * stepwise + np.sqrt(beta) * rng.standard_normal(len(x0))
    jump = noised(x0, rng.standard_normal(len(x0)).astype(np.float32), s, t)
    assert abs(stepwise.mean() - jump.mean()) < 0.03
    assert abs(stepwise.std() / jump.std() - 1) < 0.02


def test_time_zero_is_the_picture_itself() -> None:
    x0 = noise_like((1, 4, 4), 1)
    np.testing.assert_array_equal(noised(x0, noise_like((1, 4, 4), 2), schedule("linear", 50), 0), x0)
