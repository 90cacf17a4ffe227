"""Gradually or all at once, against denoisers whose answers are known."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from closed_form import FiniteSet, gaussian

from engine.diffusion.forward import noise_like
from engine.diffusion.jumps import jumps
from engine.diffusion.schedules import schedule
from engine.events import JumpRequest

CPU = torch.device("cpu")
SIDE = 4
LEVELS = schedule("linear", 1000)


def some_pictures(count: int) -> np.ndarray:
    """Black and white pictures (count, 1, SIDE, SIDE), all different."""
    rng = np.random.default_rng(5)
    return np.where(rng.random((count, 1, SIDE, SIDE)) < 0.5, -1.0, 1.0).astype(np.float32)


def request(x0: np.ndarray, timesteps: tuple[int, ...], **changes) -> JumpRequest:
    values = {"run": Path("run"), "snapshot": None, "x0": x0, "class_label": 0, "seed": 7,
              "timesteps": timesteps, "schedule": "linear", "num_timesteps": 1000, **changes}
    return JumpRequest(**values)


def unconditional(denoise):
    """A denoiser of (x, sigma) as one that is also told of classes."""
    return lambda x, sigma, labels, mask: denoise(x, sigma)


def finite_set(count: int) -> tuple[FiniteSet, np.ndarray]:
    pictures = some_pictures(count)
    return FiniteSet(torch.from_numpy(pictures), torch.arange(count)), pictures


def all_of(denoise, asked: JumpRequest, sigma_max: float = 1e9):
    return list(jumps(denoise, asked, sigma_max, CPU))


def test_at_t_0_both_rows_are_the_picture_and_no_network_is_asked() -> None:
    def never(*_):
        raise AssertionError("asked")
    x0 = some_pictures(1)[0]
    (one, many, trained, complete), = all_of(never, request(x0, (0, 0)))
    assert complete
    assert trained == (True, True)
    for row in (one, many):
        np.testing.assert_array_equal(row, np.stack([x0, x0]).astype(np.float16))


def test_the_column_at_t_0_stays_the_picture_beside_noised_ones() -> None:
    x0 = some_pictures(1)[0]
    steps = all_of(unconditional(gaussian(0.5)), request(x0, (900, 0), num_steps=3))
    assert len(steps) == 3
    for one, many, _, _ in steps:
        np.testing.assert_array_equal(one[1], x0.astype(np.float16))
        np.testing.assert_array_equal(many[1], x0.astype(np.float16))
        assert np.abs(one[0].astype(np.float32) - x0).max() > 0.1


@pytest.mark.parametrize("t", [5, 120, 480, 1000])
def test_one_jump_is_the_denoisers_answer_clipped(t: int) -> None:
    x0 = some_pictures(1)[0]
    one = all_of(unconditional(gaussian(0.5)), request(x0, (t,), num_steps=1))[-1][0]
    sigma = float(LEVELS.sigma[t])
    x = x0 + sigma * noise_like(x0.shape, 7)
    expected = np.clip(x * 0.25 / (0.25 + sigma**2), -1, 1)
    np.testing.assert_allclose(one[0], expected, atol=2e-3)


def test_one_step_is_one_jump() -> None:
    x0 = some_pictures(1)[0]
    steps = all_of(unconditional(gaussian(0.5)), request(x0, (700, 300), num_steps=1))
    assert len(steps) == 1
    np.testing.assert_array_equal(steps[0][0], steps[0][1])


def test_many_steps_end_on_a_picture_of_the_set_where_one_jump_is_an_average() -> None:
    ideal, pictures = finite_set(6)
    one, many, _, complete = all_of(ideal, request(pictures[2], (1000, 700, 300)))[-1]
    assert complete
    for end in many.astype(np.float32):
        gaps = np.abs(pictures - end[None]).reshape(len(pictures), -1).max(axis=1)
        assert gaps.min() < 1e-2
    # From pure noise nothing is known: the one jump is near the mean of all pictures, and so of low contrast.
    np.testing.assert_allclose(one[0].astype(np.float32), pictures.mean(axis=0), atol=0.1)
    assert np.abs(one[0].astype(np.float32)).mean() < 0.7 < np.abs(many[0].astype(np.float32)).mean()
    # From little noise both know the picture.
    np.testing.assert_allclose(many[2].astype(np.float32), pictures[2], atol=1e-2)


def test_it_streams_a_growing_answer_with_the_jump_at_once() -> None:
    ideal, pictures = finite_set(4)
    steps = all_of(ideal, request(pictures[0], (1000, 500, 0), num_steps=5))
    assert [complete for *_, complete in steps] == [False, False, False, False, True]
    for one, _, _, _ in steps[1:]:
        np.testing.assert_array_equal(one, steps[0][0])
    many = [m for _, m, _, _ in steps]
    assert many[0] is not many[1]
    assert any(np.abs(a.astype(np.float32) - b.astype(np.float32)).max() > 0.01
               for a, b in itertools.pairwise(many))


def test_levels_beyond_the_training_are_told_and_brought_down_to_it() -> None:
    asked: list[float] = []

    def denoise(x, sigma, labels, mask):
        asked.extend(sigma.tolist())
        return gaussian(0.5)(x, sigma)

    x0 = some_pictures(1)[0]
    sigma_max = float(LEVELS.sigma[600])
    *_, (_, _, trained, _) = all_of(denoise, request(x0, (1000, 601, 600, 100, 0), num_steps=4), sigma_max)
    assert trained == (False, False, True, True, True)
    assert max(asked) == pytest.approx(sigma_max)


def test_a_picture_does_not_depend_on_the_columns_beside_it() -> None:
    ideal, pictures = finite_set(5)
    alone = all_of(ideal, request(pictures[1], (500,)))[-1]
    among = all_of(ideal, request(pictures[1], (1000, 500, 200)))[-1]
    np.testing.assert_allclose(alone[0][0], among[0][1], atol=1e-3)
    np.testing.assert_allclose(alone[1][0], among[1][1], atol=1e-3)


def test_the_class_is_told_only_when_asked() -> None:
    masks: list[float] = []

    def denoise(x, sigma, labels, mask):
        masks.extend(mask.tolist())
        return gaussian(0.5)(x, sigma)

    x0 = some_pictures(1)[0]
    all_of(denoise, request(x0, (500,), num_steps=2))
    assert set(masks) == {0.0}
    masks.clear()
    all_of(denoise, request(x0, (500,), num_steps=2, use_class=True, class_label=3))
    assert set(masks) == {1.0}


def test_the_noise_depends_on_the_seed() -> None:
    x0 = some_pictures(1)[0]
    first = all_of(unconditional(gaussian(0.5)), request(x0, (500,), num_steps=1, seed=1))[-1][0]
    again = all_of(unconditional(gaussian(0.5)), request(x0, (500,), num_steps=1, seed=1))[-1][0]
    other = all_of(unconditional(gaussian(0.5)), request(x0, (500,), num_steps=1, seed=2))[-1][0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
