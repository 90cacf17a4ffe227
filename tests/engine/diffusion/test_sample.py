"""Pictures and trajectories: their seeds are their own, and what is recorded is what was drawn."""

import itertools
from typing import get_args

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig, SamplerName, SamplingConfig, parse
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import record, sample_images, to_pixels
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import BadSetting

SHAPE = (1, 28, 28)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def denoiser():
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    made = build_denoiser(config, shape=SHAPE, num_classes=10, sigma_data=0.6).eval()
    g = torch.Generator().manual_seed(0)
    for module in made.modules():  # layers that start at zero get weights, so that the class matters
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return made


def images(denoiser, labels, seeds, sampling, batch_size=100):
    parts = sample_images(denoiser, labels, seeds, sampling, shape=SHAPE, num_classes=10, device=CPU,
                          batch_size=batch_size)
    return np.concatenate(list(parts))


@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_a_picture_alone_and_in_a_batch_of_64_agree(denoiser, sampler) -> None:
    sampling = SamplingConfig(sampler=sampler, num_steps=5)
    labels, seeds = [i % 10 for i in range(64)], list(range(64))
    together = images(denoiser, labels, seeds, sampling)
    for i in (0, 17, 63):
        alone = images(denoiser, [labels[i]], [seeds[i]], sampling)
        assert np.abs(alone[0].astype(int) - together[i].astype(int)).max() <= 1
    apart = images(denoiser, labels, seeds, sampling, batch_size=7)
    assert np.abs(apart.astype(int) - together.astype(int)).max() <= 1


def test_the_same_twice_and_another_seed_or_class_differs(denoiser) -> None:
    sampling = SamplingConfig(num_steps=4)
    one = images(denoiser, [3], [11], sampling)
    assert np.array_equal(one, images(denoiser, [3], [11], sampling))
    assert not np.array_equal(one, images(denoiser, [3], [12], sampling))
    assert not np.array_equal(one, images(denoiser, [4], [11], sampling))


def test_a_recorded_trajectory_is_the_sample(denoiser) -> None:
    sampling = SamplingConfig(sampler="ddim", num_steps=6, guidance_scale=2.0)
    grown = []
    for trajectories in record(denoiser, (3, 7), 11, sampling, snapshot=5, shape=SHAPE, num_classes=10, device=CPU):
        grown.append(trajectories[7].filled)
    assert grown == [1, 2, 3, 4, 5, 7]
    t = trajectories[7]
    assert t.x.shape == (7, *SHAPE)
    assert t.x.dtype == np.float16
    assert t.t[0] == 1000
    assert t.t[-1] == 0
    assert list(t.t) == sorted(t.t, reverse=True)
    picture = images(denoiser, [7], [11], sampling)[0]
    shown = np.rint((t.x[-1, 0].astype(np.float32) + 1) * 127.5).clip(0, 255)
    assert np.abs(shown - picture).max() <= 1
    # x_t = sqrt(abar) (x0 + sigma eps) holds in every frame before the last
    signal = 1 / np.sqrt(1 + t.sigma[:-1] ** 2)[:, None, None, None]
    again = signal * (t.x0[:-1].astype(float) + t.sigma[:-1, None, None, None] * t.eps[:-1])
    np.testing.assert_allclose(again, t.x[:-1], atol=0.02)
    assert np.abs(t.guidance).max() > 0
    assert t.frame_at(1000) == 0
    assert t.frame_at(3) == 6


def test_plain_conditional_sampling_asks_once_and_has_no_guidance_map(denoiser) -> None:
    sampling = SamplingConfig(num_steps=3, guidance_scale=1.0)
    for trajectories in record(denoiser, (1,), 0, sampling, snapshot=0, shape=SHAPE, num_classes=10, device=CPU):
        pass
    assert np.all(trajectories[1].guidance == 0)
    assert network_evaluations(sampling, denoiser.schedule) == 3
    assert network_evaluations(SamplingConfig(num_steps=3, guidance_scale=2.0), denoiser.schedule) == 6


@pytest.mark.parametrize("wrong", [10, -1])
def test_a_class_that_is_not_there(denoiser, wrong) -> None:
    with pytest.raises(BadSetting, match=f"There is no class {wrong}; classes are 0 to 9"):
        images(denoiser, [wrong], [0], SamplingConfig())


def test_pixels_are_rounded_and_clipped() -> None:
    values = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0, 0.0039 * 1.5]).reshape(1, 1, 2, 3)
    assert to_pixels(values).reshape(-1).tolist() == [0, 0, 128, 255, 255, 128]
    assert to_pixels(torch.zeros(2, 3, 4, 4)).shape == (2, 4, 4, 3)


@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_the_cost_that_is_said_is_the_cost_that_is_paid(denoiser, sampler, monkeypatch) -> None:
    calls = []
    real = type(denoiser).forward
    monkeypatch.setattr(type(denoiser), "forward",
                        lambda self, x, *rest: calls.append(len(x)) or real(self, x, *rest))
    for changes in ({}, {"guidance_sigma_low": 0.5, "guidance_sigma_high": 20.0}, {"guidance_scale": 1.0}):
        calls.clear()
        sampling = SamplingConfig(**{"sampler": sampler, "num_steps": 7, **changes})
        images(denoiser, [3], [1], sampling)
        assert sum(calls) == network_evaluations(sampling, denoiser.schedule)


@pytest.mark.parametrize("grid", ["timesteps", "karras", "log-snr"])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30, 60])
def test_every_grid_falls_from_its_start_to_zero(denoiser, grid, num_steps) -> None:
    levels = sampling_sigmas(SamplingConfig(sampler="heun", grid=grid, num_steps=num_steps), denoiser.schedule)
    assert len(levels) == num_steps + 1
    assert levels[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(levels))
    assert levels[0] == pytest.approx(80.0 if grid != "timesteps" else denoiser.schedule.sigma_max)


def test_an_interval_upside_down_is_refused() -> None:
    with pytest.raises(BadSetting, match="The guidance interval must rise; from 3 to 2 it does not"):
        parse(SamplingConfig, {"guidance_sigma_low": 3.0, "guidance_sigma_high": 2.0})
