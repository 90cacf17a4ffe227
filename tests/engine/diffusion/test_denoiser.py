"""Parameterisations are different words for the same picture."""

import pytest
import torch

from engine.config import load_preset
from engine.diffusion.denoiser import Denoiser, scalings
from engine.diffusion.schedules import schedule

SIGMAS = torch.tensor([0.01, 0.3, 1.0, 7.0, 150.0], dtype=torch.float64)


@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_the_true_target_gives_the_true_picture(parameterisation: str) -> None:
    g = torch.Generator().manual_seed(0)
    x0 = torch.randn(5, 1, 4, 4, generator=g, dtype=torch.float64)
    eps = torch.randn(5, 1, 4, 4, generator=g, dtype=torch.float64)
    s = SIGMAS[:, None, None, None]
    signal = 1 / (1 + s**2).sqrt()
    targets = {"noise": eps, "x0": x0, "v": signal * eps - s * signal * x0}
    scale = scalings(parameterisation, SIGMAS, 0.6)
    x = x0 + s * eps
    skip, out = scale.skip[:, None, None, None], scale.out[:, None, None, None]
    if parameterisation == "edm":
        target = (0.6 * eps - (s / 0.6) * x0 * 0.6) / (s**2 + 0.36).sqrt()
        # c_out F = x0 - c_skip x, and F = (sigma_data eps - sigma/sigma_data x0) / sqrt(sigma^2 + sigma_data^2)
        target = (x0 - skip * x) / out
        assert target.var() < 30
    else:
        target = targets[parameterisation]
    torch.testing.assert_close(skip * x + out * target, x0, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("sigma", [0.02, 0.5, 3.0, 100.0])
def test_edm_input_and_target_have_unit_variance(sigma: float) -> None:
    g = torch.Generator().manual_seed(1)
    std = 0.6
    x0 = std * torch.randn(200_000, generator=g, dtype=torch.float64)
    x = x0 + sigma * torch.randn(200_000, generator=g, dtype=torch.float64)
    scale = scalings("edm", torch.tensor([sigma], dtype=torch.float64), std)
    assert float((scale.in_ * x).std()) == pytest.approx(1, rel=0.01)
    assert float(((x0 - scale.skip * x) / scale.out).std()) == pytest.approx(1, rel=0.01)


def test_ddpm_families_are_told_their_timestep() -> None:
    s = schedule("linear", 400)
    d = Denoiser(torch.nn.Identity(), parameterisation="noise", schedule=s, sigma_data=0.6)
    labels = d.noise_label(torch.from_numpy(s.sigma[[1, 2, 200, 400]]).float())
    torch.testing.assert_close(labels, torch.tensor([2.5, 5.0, 500.0, 1000.0]), atol=0.05, rtol=0)
    beyond = d.noise_label(torch.tensor([1e-6, 1e6]))
    torch.testing.assert_close(beyond, torch.tensor([2.5, 1000.0]))


@pytest.mark.parametrize("preset", ["quick", "textbook"])
def test_loss_is_the_error_of_the_networks_own_output(preset: str) -> None:
    from engine.build import build_denoiser

    config = load_preset(preset)
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    g = torch.Generator().manual_seed(0)
    x0, eps = (torch.randn(3, 1, 28, 28, generator=g) for _ in range(2))
    sigma, labels, mask = torch.tensor([0.1, 1.0, 20.0]), torch.tensor([0, 5, 9]), torch.tensor([1.0, 0.0, 1.0])
    loss = denoiser.loss(x0, eps, sigma, labels, mask)
    x = x0 + sigma[:, None, None, None] * eps
    x0_hat = denoiser(x, sigma, labels, mask)
    scale = scalings(config.diffusion.parameterisation, sigma, 0.6)
    expected = ((x0_hat - x0) / scale.out[:, None, None, None]).square().mean()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    if preset == "textbook":  # predicts noise: the output starts at zero, so the loss is the noise's own power
        torch.testing.assert_close(loss, eps.square().mean())


@pytest.mark.parametrize("preset", ["quick", "textbook"])
def test_finite_at_every_level_that_sampling_visits(preset: str) -> None:
    from engine.build import build_denoiser

    config = load_preset(preset)
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6).eval()
    sigma = torch.from_numpy(denoiser.schedule.sigma[[1, 10, 500, 1000]]).float()
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * sigma[:, None, None, None]
    out = denoiser(x, sigma, torch.zeros(4, dtype=torch.long), torch.ones(4))
    assert out.dtype == torch.float32
    assert torch.isfinite(out).all()
