"""Zero terminal SNR through the whole of it: loss, labels, every sampler on every grid, from T on."""

from typing import get_args

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig, SamplerName, SamplingConfig
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.sample import denoising_steps, record
from engine.diffusion.schedules import sampling_sigmas

SHAPE = (1, 8, 8)
CPU = torch.device("cpu")


def made(parameterisation: str = "v") -> Denoiser:
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16}, diffusion={
        "parameterisation": parameterisation, "zero_terminal_snr": True})
    denoiser = build_denoiser(config, shape=SHAPE, num_classes=10, sigma_data=0.6).eval()
    g = torch.Generator().manual_seed(0)
    for module in denoiser.modules():
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return denoiser


@pytest.mark.parametrize("parameterisation", ["v", "x0", "edm"])
def test_at_T_the_picture_is_asked_of_noise_alone(parameterisation: str) -> None:
    denoiser = made(parameterisation)
    sigma = torch.full((2,), denoiser.schedule.sigma_max)
    g = torch.Generator().manual_seed(1)
    x0, eps = (torch.randn(2, *SHAPE, generator=g) for _ in range(2))
    labels, mask = torch.tensor([3, 4]), torch.ones(2)
    losses = denoiser.losses(x0, eps, sigma, labels, mask)
    x0_hat = denoiser(x0 + sigma[:, None, None, None] * eps, sigma, labels, mask)
    assert torch.isfinite(x0_hat).all()
    # Every one of them predicts the picture there: v = -x0, and EDM's F is x0 / sigma_data.
    scale = {"v": 1.0, "x0": 1.0, "edm": 0.6}[parameterisation]
    torch.testing.assert_close(losses.loss, ((x0_hat - x0) / scale).square().mean(), rtol=0.02, atol=0)
    assert float(losses.eps_mse) < 1e-7  # what is left of the picture cannot be told from none


def test_the_network_is_told_T_and_the_levels_before_it_apart() -> None:
    denoiser = made()
    labels = denoiser.noise_label(torch.from_numpy(denoiser.schedule.sigma[[1, 500, 999, 1000]]).float())
    torch.testing.assert_close(labels, torch.tensor([1.0, 500.0, 999.0, 1000.0]), atol=0.05, rtol=0)


@pytest.mark.parametrize("grid", ["timesteps", "karras", "log-snr"])
@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_every_sampler_starts_there_and_stays_finite(sampler: str, grid: str) -> None:
    denoiser = made()
    sampling = SamplingConfig(sampler=sampler, grid=grid, num_steps=7, clip_x0=False)
    first = sampling_sigmas(sampling, denoiser.schedule)[0]
    assert first == pytest.approx(denoiser.schedule.sigma_max if grid == "timesteps" else 80)
    picture = None
    for picture in denoising_steps(denoiser, [1, 2], [5, 6], sampling, shape=SHAPE, num_classes=10, device=CPU):
        assert torch.isfinite(picture).all()
    assert picture is not None
    assert float(picture.abs().max()) < 100


def test_a_recorded_trajectory_holds_T_as_pure_noise() -> None:
    denoiser = made()
    *_, frames = record(denoiser, [3], 9, SamplingConfig(num_steps=5), snapshot=0, shape=SHAPE, num_classes=10,
                        device=CPU)
    one = frames[3]
    assert one.t[0] == 1000
    assert np.isfinite(one.x.astype(float)).all()
    np.testing.assert_allclose(one.x[0].astype(float), one.eps[0].astype(float), atol=2e-3)
