"""A weighting means the same for every parameterisation: one weight on the error of the picture."""

from typing import get_args

import pytest
import torch

from engine.config import Parameterisation, Weighting
from engine.diffusion.denoiser import Denoiser, scalings
from engine.diffusion.schedules import schedule
from engine.diffusion.weighting import output_weight, x0_weight

STD = 0.6
SIGMAS = torch.logspace(-3, 4.5, 400, dtype=torch.float64)  # from below the first t to zero terminal SNR
SNR = 1 / SIGMAS**2
PARAMETERISATIONS = get_args(Parameterisation)
ALIKE = [w for w in get_args(Weighting) if w != "simple"]


def implied(weighting: str, parameterisation: str, sigma: torch.Tensor) -> torch.Tensor:
    """The weight on |x0_hat - x0|^2, from the weight on F and x0_hat - x0 = out (F - target)."""
    out = scalings(parameterisation, sigma, STD).out
    weight = output_weight(weighting, parameterisation, sigma, out, STD)
    return (torch.ones_like(sigma) if weight is None else weight) / out**2


@pytest.mark.parametrize("weighting", ALIKE)
def test_all_parameterisations_imply_the_same_weight_on_the_picture(weighting: str) -> None:
    wanted = x0_weight(weighting, SIGMAS, STD)
    assert wanted is not None
    for parameterisation in PARAMETERISATIONS:
        torch.testing.assert_close(implied(weighting, parameterisation, SIGMAS), wanted, rtol=1e-12, atol=0)
        single = implied(weighting, parameterisation, SIGMAS.float())
        torch.testing.assert_close(single.double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("parameterisation", "closed"), [
    ("noise", SNR.clamp(max=5) / SNR), ("x0", SNR.clamp(max=5)), ("v", SNR.clamp(max=5) / (SNR + 1)),
    ("edm", SNR.clamp(max=5) * (SIGMAS * STD) ** 2 / (SIGMAS**2 + STD**2))])
def test_min_snr_has_the_form_that_fits(parameterisation: str, closed: torch.Tensor) -> None:
    out = scalings(parameterisation, SIGMAS, STD).out
    weight = output_weight("min-snr", parameterisation, SIGMAS, out, STD)
    torch.testing.assert_close(weight, closed, rtol=1e-12, atol=0)


def test_soft_min_snr_on_the_error_of_f_is_the_published_form() -> None:
    out = scalings("edm", SIGMAS, STD).out
    weight = output_weight("soft-min-snr", "edm", SIGMAS, out, STD)
    torch.testing.assert_close(weight, (SIGMAS * STD) ** 2 / (SIGMAS**2 + STD**2) ** 2, rtol=1e-12, atol=0)
    soft = x0_weight("soft-min-snr", SIGMAS, STD)
    ceiling = torch.minimum(SNR, torch.tensor(1 / STD**2))
    assert (soft <= ceiling).all()
    assert (soft >= ceiling / 2).all()


def test_simple_counts_the_output_evenly_and_for_edm_is_the_edm_weight() -> None:
    for parameterisation in PARAMETERISATIONS:
        assert output_weight("simple", parameterisation, SIGMAS, SIGMAS, STD) is None
    torch.testing.assert_close(implied("simple", "edm", SIGMAS), x0_weight("edm", SIGMAS, STD), rtol=1e-12, atol=0)
    torch.testing.assert_close(implied("simple", "noise", SIGMAS), SNR, rtol=1e-12, atol=0)
    torch.testing.assert_close(implied("simple", "x0", SIGMAS), torch.ones_like(SNR), rtol=1e-12, atol=0)
    torch.testing.assert_close(implied("simple", "v", SIGMAS), SNR + 1, rtol=1e-12, atol=0)


class Says(torch.nn.Module):
    """A network whose output means the same picture under every parameterisation."""

    def __init__(self, parameterisation: str, x: torch.Tensor, sigma: torch.Tensor, x0_hat: torch.Tensor) -> None:
        super().__init__()
        self.answer = scalings(parameterisation, sigma, STD).output(x, x0_hat)

    def forward(self, *_: torch.Tensor) -> torch.Tensor:
        return self.answer


@pytest.mark.parametrize("weighting", get_args(Weighting))
def test_the_same_picture_costs_the_same_whatever_the_network_predicts(weighting: str) -> None:
    g = torch.Generator().manual_seed(0)
    x0, eps, x0_hat = (torch.randn(6, 1, 4, 4, generator=g, dtype=torch.float64) for _ in range(3))
    sigma = torch.tensor([0.02, 0.1, 0.447, 1.0, 9.0, 150.0], dtype=torch.float64)
    x = x0 + sigma[:, None, None, None] * eps
    error = (x0_hat - x0).square().mean(dim=(1, 2, 3))
    weight = x0_weight(weighting, sigma, STD)
    for parameterisation in PARAMETERISATIONS:
        denoiser = Denoiser(Says(parameterisation, x, sigma, x0_hat), parameterisation=parameterisation,
                            schedule=schedule("linear", 1000), sigma_data=STD, weighting=weighting)
        losses = denoiser.losses(x0, eps, sigma, torch.zeros(6, dtype=torch.long), torch.ones(6))
        # `raw` answers in float32, so F is known to six digits.
        if weight is not None:
            torch.testing.assert_close(losses.loss, (weight * error).mean(), rtol=1e-4, atol=0)
        eps_hat = (x - x0_hat) / sigma[:, None, None, None]
        torch.testing.assert_close(losses.eps_mse, (eps - eps_hat).square().mean(), rtol=1e-4, atol=0)
