"""Pictures and trajectories: their seeds are their own, and what is recorded is what was drawn."""

import itertools
from typing import get_args

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig, SamplerName, SamplingConfig
from engine.diffusion.evaluations import idle_settings, network_evaluations
from engine.diffusion.sample import record, sample_images, to_pixels
from engine.diffusion.schedules import sampling_sigmas, schedule
from engine.errors import BadSetting
from engine.settings import parse

SHAPE = (1, 28, 28)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def denoiser():
    return network(0)


@pytest.fixture(scope="module")
def weaker():
    """In place of an early snapshot: another one."""
    return network(1)


def network(seed: int):
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    made = build_denoiser(config, shape=SHAPE, num_classes=10, sigma_data=0.6).eval()
    g = torch.Generator().manual_seed(seed)
    for module in made.modules():  # layers that start at zero get weights, so that the class matters
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return made


def images(denoiser, labels, seeds, sampling, batch_size=100, weaker=None):
    parts = sample_images(denoiser, labels, seeds, sampling, shape=SHAPE, num_classes=10, device=CPU,
                          batch_size=batch_size, weaker=weaker)
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
    every = torch.arange(256, dtype=torch.uint8)
    back = to_pixels((every.float() / 127.5 - 1).reshape(1, 1, 16, 16))
    assert np.array_equal(back.reshape(-1), every.numpy()), "what training makes of a pixel comes back as that pixel"


@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_the_cost_that_is_said_is_the_cost_that_is_paid(denoiser, weaker, sampler, monkeypatch) -> None:
    calls = []
    real = type(denoiser).forward
    monkeypatch.setattr(type(denoiser), "forward",
                        lambda self, x, *rest: calls.append(len(x)) or real(self, x, *rest))
    interval = {"guidance_sigma_low": 0.5, "guidance_sigma_high": 20.0}
    for changes in ({}, interval, {"guidance_scale": 1.0}, {"guidance_scale": 0.0}, {"autoguide_step": 3},
                    {"autoguide_step": 3, "guidance_scale": 1.0}, {"autoguide_step": 3, "guidance_scale": 0.0},
                    {"autoguide_step": 3, "guidance_rescale": 0.5, **interval}):
        calls.clear()
        sampling = SamplingConfig(**{"sampler": sampler, "num_steps": 7, **changes})
        images(denoiser, [3], [1], sampling, weaker=weaker)
        assert sum(calls) == network_evaluations(sampling, denoiser.schedule)


@pytest.mark.parametrize("changes", [
    {"guidance_scale": 3.0}, {"guidance_rescale": 0.8}, {"guidance_sigma_high": 5.0}, {"guidance_sigma_low": 5.0},
    {"clip_x0": False}, {"grid": "log-snr"}, {"grid": "karras"}, {"num_steps": 6}, {"eta": 0.5}, {"sampler": "ddpm"},
    {"sampler": "heun"}, {"autoguide_step": 3},
])
def test_no_setting_is_lost_on_the_way(denoiser, weaker, changes) -> None:
    usual = SamplingConfig(sampler="ddim", num_steps=20, guidance_scale=2.0)
    other = SamplingConfig(**{**usual.model_dump(), **changes})
    assert not np.array_equal(images(denoiser, [3], [1], usual), images(denoiser, [3], [1], other, weaker=weaker))


def test_what_changes_nothing_is_said_and_so_it_is(denoiser, weaker) -> None:
    def idle(**changes):
        return set(idle_settings(SamplingConfig(num_steps=5, **changes), denoiser.schedule))

    def drawn(**changes):
        return images(denoiser, [3], [1], SamplingConfig(num_steps=5, **changes), weaker=weaker)

    assert idle() == set()
    assert idle(sampler="heun") == {"eta"} == idle(sampler="ddpm")
    assert np.array_equal(drawn(sampler="heun", eta=0.5), drawn(sampler="heun"))
    assert np.array_equal(drawn(sampler="ddpm", eta=0.5), drawn(sampler="ddpm"))
    assert idle(guidance_scale=1.0) == {"guidance_sigma_low", "guidance_sigma_high", "guidance_rescale",
                                        "autoguide_step"}
    assert np.array_equal(drawn(guidance_scale=1.0), drawn(
        guidance_scale=1.0, guidance_rescale=0.7, autoguide_step=3, guidance_sigma_high=20.0))
    assert idle(guidance_scale=0.0) == {"guidance_rescale"}
    assert np.array_equal(drawn(guidance_scale=0.0), drawn(guidance_scale=0.0, guidance_rescale=0.7))
    nowhere = {"guidance_sigma_low": 0.0101, "guidance_sigma_high": 0.0102}
    assert idle(**nowhere) == {"guidance_scale", "guidance_rescale", "autoguide_step"}
    assert np.array_equal(drawn(guidance_scale=5.0, guidance_rescale=0.7, autoguide_step=3, **nowhere),
                          drawn(guidance_scale=1.0))


@pytest.mark.parametrize("grid", ["timesteps", "karras", "log-snr"])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30, 60, 1000])
def test_every_grid_falls_from_its_start_to_zero(denoiser, grid, num_steps) -> None:
    levels = sampling_sigmas(SamplingConfig(sampler="heun", grid=grid, num_steps=num_steps), denoiser.schedule)
    assert len(levels) == num_steps + 1
    assert levels[-1] == 0
    assert all(a > b for a, b in itertools.pairwise(levels))
    assert levels[0] == pytest.approx(80.0 if grid != "timesteps" else denoiser.schedule.sigma_max)
    trained = denoiser.schedule.sigma[1:]  # what a uniform t visits
    assert trained[0] <= levels[-2]
    assert levels[0] <= trained[-1]


@pytest.mark.parametrize("name", ["linear", "cosine"])
@pytest.mark.parametrize("grid", ["timesteps", "karras", "log-snr"])
@pytest.mark.parametrize("total", [50, 100, 400])
def test_every_grid_of_every_schedule_falls_whatever_the_number_of_steps(name, grid, total) -> None:
    plan = schedule(name, total)
    for num_steps in range(1, total + 1):
        levels = sampling_sigmas(SamplingConfig(grid=grid, num_steps=num_steps), plan)
        assert len(levels) == num_steps + 1
        assert levels[-1] == 0
        assert levels[0] == pytest.approx(min(80.0, plan.sigma_max) if grid != "timesteps" else plan.sigma_max)
        assert all(a > b for a, b in itertools.pairwise(levels))


def test_an_interval_upside_down_is_refused() -> None:
    with pytest.raises(BadSetting, match="The guidance interval must rise; from 3 to 2 it does not"):
        parse(SamplingConfig, {"guidance_sigma_low": 3.0, "guidance_sigma_high": 2.0})
