"""Parameterisations are different words for the same picture."""

import pytest
import torch

from engine.diffusion.denoiser import Denoiser, scalings
from engine.diffusion.schedules import schedule
from engine.presets import load_preset

SIGMAS = torch.tensor([0.01, 0.3, 1.0, 7.0, 150.0], dtype=torch.float64)


@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_the_true_target_gives_the_true_picture(parameterisation: str) -> None:
    g = torch.Generator().manual_seed(0)
    x0 = torch.randn(5, 1, 4, 4, generator=g, dtype=torch.float64)
    eps = torch.randn(5, 1, 4, 4, generator=g, dtype=torch.float64)
    s = SIGMAS[:, None, None, None]
    signal = 1 / (1 + s**2).sqrt()
    targets = {"noise": eps, "x0": x0, "v": signal * eps - s * signal * x0,
               "edm": (s / 0.6 * x0 - 0.6 * eps) / (s**2 + 0.36).sqrt()}
    scale = scalings(parameterisation, SIGMAS, 0.6)
    x = x0 + s * eps
    skip, out = scale.skip[:, None, None, None], scale.out[:, None, None, None]
    torch.testing.assert_close(skip * x + out * targets[parameterisation], x0, atol=1e-8, rtol=1e-8)


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


# From t = 1 to beyond every schedule's T: zero terminal SNR ends at 31 623.
WIDE = torch.logspace(-2, 4.5, 40, dtype=torch.float64)


def textbook(parameterisation: str, x0: torch.Tensor, eps: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """What each network should say, as its paper writes it."""
    s = sigma[:, None, None, None]
    alpha_bar = 1 / (1 + s**2)
    return {"noise": eps, "x0": x0, "v": alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x0,
            "edm": (s / 0.6 * x0 - 0.6 * eps) / (s**2 + 0.36).sqrt()}[parameterisation]


@pytest.mark.parametrize("there", ["noise", "v", "x0", "edm"])
@pytest.mark.parametrize("here", ["noise", "v", "x0", "edm"])
def test_every_prediction_becomes_every_other_and_comes_back(here: str, there: str) -> None:
    g = torch.Generator().manual_seed(2)
    x0, eps = (torch.randn(len(WIDE), 1, 3, 3, generator=g, dtype=torch.float64) for _ in range(2))
    x = x0 + WIDE[:, None, None, None] * eps
    own, other = scalings(here, WIDE, 0.6), scalings(there, WIDE, 0.6)
    output = textbook(here, x0, eps, WIDE)
    picture = own.x0(x, output)
    torch.testing.assert_close(picture, x0, atol=1e-9, rtol=1e-9)  # D
    torch.testing.assert_close(other.output(x, picture), textbook(there, x0, eps, WIDE), atol=1e-7, rtol=1e-7)
    # A wrong answer is carried over as faithfully as the right one.
    wrong = output + torch.randn(output.shape, generator=g, dtype=torch.float64)
    back = own.output(x, other.x0(x, other.output(x, own.x0(x, wrong))))
    torch.testing.assert_close(back, wrong, atol=1e-7, rtol=1e-7)


def test_v_and_noise_are_x_turned() -> None:
    """x_t and v are (x0, eps) turned by one angle: x0 = a x_t - b v, eps = b x_t + a v with a^2 = alpha_bar."""
    g = torch.Generator().manual_seed(3)
    x0, eps = (torch.randn(len(WIDE), 1, 3, 3, generator=g, dtype=torch.float64) for _ in range(2))
    s = WIDE[:, None, None, None]
    a, b = 1 / (1 + s**2).sqrt(), s / (1 + s**2).sqrt()
    x_t, v = a * x0 + b * eps, textbook("v", x0, eps, WIDE)
    torch.testing.assert_close(a * x_t - b * v, x0, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(b * x_t + a * v, eps, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(scalings("v", WIDE, 0.6).x0(x_t / a, v), x0, atol=1e-9, rtol=1e-9)


def random_denoiser(parameterisation: str, **diffusion) -> Denoiser:
    """A tiny network in which no layer says nothing."""
    from engine.build import build_denoiser
    from engine.config import RunConfig

    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 32},
                                 diffusion={"parameterisation": parameterisation, **diffusion})
    denoiser = build_denoiser(config, shape=(1, 8, 8), num_classes=10, sigma_data=0.6).eval().requires_grad_(False)
    g = torch.Generator().manual_seed(4)
    for module in denoiser.modules():
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return denoiser


def edges(count: int, g: torch.Generator) -> torch.Tensor:
    """Pictures (count, 1, 8, 8) of white above black."""
    edge = torch.randint(1, 8, (count, 1, 1, 1), generator=g)
    return torch.where(torch.arange(8)[None, None, :, None] < edge, 1.0, -1.0).expand(count, 1, 8, 8)


@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_bf16_inside_the_network_is_within_one_per_cent_at_a_thousand_levels(parameterisation: str) -> None:
    """Of a network that has learnt something, for pictures are what the error is measured against.

    Where noise is predicted, above sigma = 1 it is the noise that is within 1 %: the picture x - sigma eps_hat has
    its rounding times sigma, whatever the network. The other families are the better ones in bf16.
    """
    denoiser = random_denoiser(parameterisation).requires_grad_(True)
    sigma = torch.from_numpy(denoiser.schedule.sigma[1:].copy()).float()
    g = torch.Generator().manual_seed(5)
    optimizer = torch.optim.Adam(denoiser.parameters(), 3e-3)
    for _ in range(60):
        x0 = edges(16, g)
        levels = sigma[torch.randint(0, 1000, (16,), generator=g)]
        loss = denoiser.loss(x0, torch.randn(x0.shape, generator=g), levels, torch.zeros(16, dtype=torch.long),
                             torch.ones(16))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = edges(1000, g) + sigma[:, None, None, None] * torch.randn(1000, 1, 8, 8, generator=g)
    answers = []
    for precision in (torch.float32, torch.bfloat16):
        denoiser.precision = precision
        with torch.no_grad():
            answer = denoiser(x, sigma, torch.zeros(1000, dtype=torch.long), torch.ones(1000))
        assert answer.dtype == torch.float32
        if parameterisation == "noise":
            s = sigma[:, None, None, None]
            answer = torch.where(s <= 1, answer, (x - answer) / s)
        answers.append(answer)
    exact, rounded = answers
    error = (rounded - exact).flatten(1).norm(dim=1) / exact.flatten(1).norm(dim=1)
    assert 0 < float(error.max()) < 0.01


def test_the_label_of_the_noise_level_is_not_rounded_by_bf16() -> None:
    denoiser = random_denoiser("noise")
    denoiser.precision = torch.bfloat16
    heard: list[torch.Tensor] = []
    denoiser.network.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[1]))
    sigma = torch.from_numpy(denoiser.schedule.sigma[1:].copy()).float()
    denoiser(torch.zeros(1000, 1, 8, 8), sigma, torch.zeros(1000, dtype=torch.long), torch.ones(1000))
    torch.testing.assert_close(heard[0], torch.arange(1.0, 1001.0), atol=0.02, rtol=0)


@pytest.mark.parametrize("weighting", ["simple", "min-snr"])
@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_beside_the_loss_stands_the_error_of_the_noise(parameterisation: str, weighting: str) -> None:
    denoiser = random_denoiser(parameterisation, weighting=weighting)
    g = torch.Generator().manual_seed(6)
    x0, eps = (torch.randn(5, 1, 8, 8, generator=g) for _ in range(2))
    sigma = torch.tensor([0.1, 0.4, 1.0, 20.0, 150.0])
    batch = (x0, eps, sigma, torch.arange(5), torch.ones(5))
    calls: list[int] = []
    denoiser.network.register_forward_pre_hook(lambda *_: calls.append(1))
    losses = denoiser.losses(*batch)
    assert len(calls) == 1, "no second pass"
    x = (x0 + sigma[:, None, None, None] * eps).double()
    eps_hat = (x - denoiser(x.float(), *batch[2:]).double()) / sigma.double()[:, None, None, None]
    torch.testing.assert_close(losses.eps_mse.double(), (eps - eps_hat).square().mean(), rtol=1e-3, atol=0)
    torch.testing.assert_close(denoiser.loss(*batch), losses.loss)
    if parameterisation == "noise" and weighting == "simple":
        torch.testing.assert_close(losses.loss, losses.eps_mse)


@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_simple_weighting_is_the_plain_mean_squared_error_bit_for_bit(parameterisation: str) -> None:
    denoiser = random_denoiser(parameterisation).requires_grad_(True)
    g = torch.Generator().manual_seed(7)
    x0, eps = (torch.randn(4, 1, 8, 8, generator=g) for _ in range(2))
    sigma, labels, mask = torch.tensor([0.1, 0.6, 2.0, 90.0]), torch.arange(4), torch.ones(4)
    losses = denoiser.losses(x0, eps, sigma, labels, mask)
    gradients = torch.autograd.grad(losses.loss, list(denoiser.parameters()))
    assert not losses.eps_mse.requires_grad
    x = x0 + sigma[:, None, None, None] * eps
    output, scale = denoiser.raw(x, sigma, labels, mask)
    target = (x0 - scale.skip[:, None, None, None] * x) / scale.out[:, None, None, None]
    plain = torch.nn.functional.mse_loss(output, target)
    assert torch.equal(losses.loss, plain)
    expected = torch.autograd.grad(plain, list(denoiser.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(gradients, expected, strict=True))


def test_a_denoiser_takes_its_weighting_from_the_settings() -> None:
    assert random_denoiser("edm").weighting == "simple"
    assert random_denoiser("edm", weighting="soft-min-snr").weighting == "soft-min-snr"
    g = torch.Generator().manual_seed(8)
    x0, eps = (torch.randn(4, 1, 8, 8, generator=g) for _ in range(2))
    batch = (x0, eps, torch.tensor([0.1, 0.6, 2.0, 90.0]), torch.arange(4), torch.ones(4))
    losses = [float(random_denoiser("edm", weighting=w).loss(*batch))
              for w in ("simple", "edm", "min-snr", "soft-min-snr")]
    assert losses[0] == losses[1]
    assert len(set(losses)) == 3
