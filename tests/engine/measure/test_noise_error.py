"""The measure that compares families: closed forms, determinism, and what drives it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.build import HELD_OUT, build_denoiser
from engine.config import RunConfig
from engine.diffusion.noise import stream
from engine.diffusion.schedules import schedule
from engine.errors import BadSetting
from engine.events import Tick
from engine.measure.noise_error import error_levels, held_out, noise_error

CPU = torch.device("cpu")
LEVELS = error_levels(schedule("linear", 1000))


def pictures(count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(0)
    return g.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8), np.arange(count) % 10


def run(denoiser, images, labels, levels=LEVELS, **options) -> tuple[int, np.ndarray]:
    """The number of ticks, and what the generator returns."""
    job = noise_error(denoiser, images, labels, levels, device=CPU, **options)
    ticks = 0
    while True:
        try:
            assert isinstance(next(job), Tick)
        except StopIteration as end:
            return ticks, end.value
        assert not torch.is_inference_mode_enabled()
        ticks += 1


def test_twenty_levels_span_the_schedule() -> None:
    s = schedule("linear", 1000)
    assert len(LEVELS) == 20
    assert LEVELS[0] == pytest.approx(s.sigma[1])
    assert LEVELS[-1] == pytest.approx(s.sigma_max)
    np.testing.assert_allclose(np.diff(np.log(LEVELS)), np.log(LEVELS[-1] / LEVELS[0]) / 19)


def test_a_model_that_knows_the_picture_has_no_error_and_one_that_says_nothing_has_the_noises_own() -> None:
    images, labels = pictures()
    eps = stream(5, HELD_OUT)
    noise = torch.randn(images.shape, generator=eps).double()
    x0 = torch.from_numpy(images).float().mul_(1 / 127.5).sub_(1)
    _, silent = run(lambda x, sigma, *_: x, images, labels, seed=5)
    np.testing.assert_allclose(silent, float(noise.square().mean()), rtol=1e-4)
    _, knows = run(lambda x, sigma, *_: x0, images, labels, seed=5)
    np.testing.assert_array_equal(knows, 0)
    # The mean picture at every level: the error is the pictures' spread over sigma.
    _, grey = run(lambda x, sigma, *_: torch.zeros_like(x), images, labels, seed=5)
    np.testing.assert_allclose(grey, float(x0.double().square().mean()) / LEVELS**2, rtol=1e-4)


def test_the_classes_are_told_and_each_call_is_one_tick() -> None:
    images, labels = pictures()
    told: list[list[int]] = []

    def denoise(x, sigma, class_labels, class_mask):
        assert (class_mask == 1).all()
        assert sigma.shape == (len(x),)
        told.append(class_labels.tolist())
        return x

    ticks, errors = run(denoise, images, labels, batch_size=3)
    assert ticks == len(told) == 3 * 20
    assert errors.shape == (20,)
    assert told[0] == [0, 1, 2]
    assert told[-1] == [6]


def test_the_same_numbers_each_time_whatever_the_batch() -> None:
    images, labels = pictures()
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6).eval()
    _, once = run(denoiser, images, labels)
    _, again = run(denoiser, images, labels)
    np.testing.assert_array_equal(once, again)
    _, in_parts = run(denoiser, images, labels, batch_size=2)
    np.testing.assert_allclose(in_parts, once, rtol=1e-5)
    _, other = run(denoiser, images, labels, seed=1)
    assert not np.array_equal(other, once)


def test_held_out_pictures_are_of_the_test_set_and_fixed() -> None:
    data = SimpleNamespace(test_images=np.arange(10), test_labels=np.arange(10) + 100)
    images, labels = held_out(data, 4)
    assert images.tolist() == [0, 2, 5, 7]
    assert labels.tolist() == [100, 102, 105, 107]
    for wrong in (0, 11):
        with pytest.raises(BadSetting, match="from 1 to 10"):
            held_out(data, wrong)
