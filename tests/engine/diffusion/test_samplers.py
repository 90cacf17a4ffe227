"""Samplers against closed forms, and against diffusers on the same model, betas and noise."""

import math
from typing import ClassVar, get_args

import numpy as np
import pytest
import torch
from closed_form import FiniteSet, gaussian

from engine.config import SamplerName, SamplingConfig
from engine.diffusion.guidance import classifier_free
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import sample
from engine.diffusion.samplers import bind, ddim, ddpm, dpmpp_2m
from engine.diffusion.schedules import sampling_sigmas, schedule, timestep_grid
from engine.errors import BadSetting


def last(steps):
    result = None
    for result in steps:
        pass
    return result


def gaussian_error(sampler, num_steps: int, std: float = 0.5) -> float:
    """Error at sigma_min of the probability flow of N(0, std^2), whose solution is known.

    The levels are evenly spaced in ln sigma; the final step to 0, which no solver resolves, is left out.
    """
    sigmas = np.exp(np.linspace(math.log(20.0), math.log(0.02), num_steps + 1))
    x = torch.full((1, 1, 2, 2), 20.0, dtype=torch.float64)
    steps = list(sampler(gaussian(std), x, [*sigmas, 0.0]))
    got = float(steps[-2].x_next[0, 0, 0, 0])
    exact = 20.0 * math.sqrt((std**2 + sigmas[-1] ** 2) / (std**2 + sigmas[0] ** 2))
    return abs(got - exact)


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (dpmpp_2m, 2)])
def test_error_falls_with_the_order_of_the_solver(sampler, order: int) -> None:
    coarse, fine = gaussian_error(sampler, 80), gaussian_error(sampler, 160)
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("name", get_args(SamplerName))
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30, 60, 1000])
def test_every_step_count_ends_on_a_picture_of_the_set(name: str, num_steps: int) -> None:
    pictures = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).reshape(2, 1, 1, 2)
    ideal = FiniteSet(pictures, torch.tensor([0, 1]))
    config = SamplingConfig(sampler=name, num_steps=num_steps, guidance_scale=1.0)
    labels = torch.tensor([1, 0])
    step = last(sample(bind(ideal, labels), SampleNoise([3, 4], (1, 1, 2)), config, schedule("linear", 1000)))
    torch.testing.assert_close(step.x_next, pictures[[1, 0]])
    assert step.sigma_next == 0


def test_ddpm_over_all_steps_reaches_the_right_spread() -> None:
    s = schedule("linear", 100)
    config = SamplingConfig(sampler="ddpm", num_steps=100, clip_x0=False)
    noise = SampleNoise(range(2000), (1, 1, 1))
    step = last(sample(gaussian(0.5), noise, config, s))
    assert float(step.x_next.std()) == pytest.approx(0.5, rel=0.06)


def test_clipping_derives_the_noise_again() -> None:
    def too_bright(x, sigma):
        return torch.full_like(x, 3.0)

    x = torch.randn(1, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    step = next(iter(ddim(too_bright, x, [2.0, 1.0, 0.0], clip_x0=True)))
    assert float(step.x0.max()) == 1.0
    torch.testing.assert_close(step.x0 + step.sigma * step.eps, x)
    torch.testing.assert_close(step.x_next, step.x0 + 1.0 * step.eps)


@pytest.mark.parametrize("levels", [[1.0, 1.0, 0.0], [1.0, 2.0, 0.0], [1.0, 0.5], [1.0]])
def test_levels_that_do_not_fall_to_zero_are_refused(levels) -> None:
    with pytest.raises(BadSetting, match="strictly fall"):
        list(ddim(gaussian(1.0), torch.zeros(1, 1, 1, 1), levels))


def test_eta_without_noise_is_refused() -> None:
    with pytest.raises(BadSetting, match="source of noise"):
        list(ddim(gaussian(1.0), torch.zeros(1, 1, 1, 1), [1.0, 0.0], eta=0.5))


def test_more_steps_than_the_schedule_has_are_refused() -> None:
    config = SamplingConfig(sampler="ddim", num_steps=101)
    with pytest.raises(BadSetting, match="T = 100"):
        sampling_sigmas(config, schedule("linear", 100))


class TestAgainstDiffusers:
    """The same eps-model, betas and noise through diffusers' schedulers (float64 where they allow it)."""

    T: ClassVar[int] = 1000

    @staticmethod
    def eps_model(x_t: torch.Tensor, alpha_bar: float) -> torch.Tensor:
        """The ideal noise prediction for data N(0.3, 0.5^2), a function of x_t."""
        signal, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        x0 = 0.3 + (x_t - signal * 0.3) * signal * 0.25 / (signal**2 * 0.25 + noise**2)
        return (x_t - signal * x0) / noise

    def ours(self, sampler_name: str, num_steps: int, x_t: torch.Tensor, **kwargs) -> torch.Tensor:
        s = schedule("linear", self.T)

        def denoise(x, sigma):
            level = float(sigma[0])
            signal = 1 / math.sqrt(1 + level**2)
            eps = self.eps_model(x * signal, signal**2)
            return x - level * eps

        sigmas = sampling_sigmas(SamplingConfig(sampler="ddim", num_steps=num_steps), s)
        x = x_t * math.sqrt(1 + sigmas[0] ** 2)
        function = {"ddim": ddim, "ddpm": ddpm, "dpmpp-2m": dpmpp_2m}[sampler_name]
        return last(function(denoise, x, sigmas, **kwargs)).x_next

    def theirs(self, scheduler, num_steps: int, x: torch.Tensor, *, taken: int | None = None, **kwargs) -> torch.Tensor:
        """x_t after so many of the steps; None: all of them."""
        scheduler.set_timesteps(num_steps)
        for t in scheduler.timesteps[:taken]:
            alpha_bar = float(scheduler.alphas_cumprod[int(t)])
            x = scheduler.step(self.eps_model(x, alpha_bar), int(t), x, **kwargs).prev_sample
        return x

    def start(self) -> torch.Tensor:
        return torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    @pytest.mark.parametrize("num_steps", [10, 50, 1000])
    def test_ddim(self, num_steps: int) -> None:
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, clip_sample=False,
                                  set_alpha_to_one=True, timestep_spacing="trailing")
        x = self.start()
        torch.testing.assert_close(self.ours("ddim", num_steps, x), self.theirs(scheduler, num_steps, x, eta=0.0),
                                   atol=1e-4, rtol=0)

    @pytest.mark.parametrize("num_steps", [10, 50])
    def test_ddim_with_fresh_noise(self, num_steps: int) -> None:
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, clip_sample=False,
                                  set_alpha_to_one=True, timestep_spacing="trailing")
        x = self.start()
        g1, g2 = (torch.Generator().manual_seed(6) for _ in range(2))
        ours = self.ours("ddim", num_steps, x, eta=0.7,
                         noise=lambda: torch.randn(x.shape, generator=g1, dtype=x.dtype))
        torch.testing.assert_close(ours, self.theirs(scheduler, num_steps, x, eta=0.7, generator=g2), atol=1e-4, rtol=0)

    @pytest.mark.parametrize("name", ["ddim", "ddpm"])
    def test_clipped(self, name: str) -> None:
        """x0_hat kept in the range, and the noise derived again from what is left."""
        from diffusers import DDIMScheduler, DDPMScheduler

        common = {"num_train_timesteps": self.T, "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": True,
                  "clip_sample_range": 1.0, "timestep_spacing": "trailing"}
        x = self.start() * 3  # far enough out that clipping has something to do
        g1, g2 = (torch.Generator().manual_seed(7) for _ in range(2))
        if name == "ddim":
            ours = self.ours("ddim", 50, x, clip_x0=True)
            theirs = self.theirs(DDIMScheduler(**common, set_alpha_to_one=True), 50, x, use_clipped_model_output=True)
        else:
            ours = self.ours("ddpm", 50, x, clip_x0=True,
                             noise=lambda: torch.randn(x.shape, generator=g1, dtype=x.dtype))
            theirs = self.theirs(DDPMScheduler(**common, variance_type="fixed_small"), 50, x, generator=g2)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
        free = {} if name == "ddim" else {"noise": lambda: torch.zeros_like(x)}
        assert float((ours - self.ours(name, 50, x, **free)).abs().max()) > 0.01, "clipping must have done something"

    def test_why_fewer_steps_are_only_compared_where_they_divide(self) -> None:
        """Their DDIM goes to t - T // n, not to the next t of its own list, so where n does not divide T it walks
        other levels than it visits. Ours walks its list: that is the difference, and the reason."""
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, clip_sample=False,
                                  set_alpha_to_one=True, timestep_spacing="trailing")
        scheduler.set_timesteps(13)
        visited = scheduler.timesteps.tolist()
        assert [t + 1 for t in visited] == timestep_grid(self.T, 13)[:-1], "the same levels are visited"
        assert [t - self.T // 13 for t in visited[:-1]] != visited[1:]
        x = self.start()
        apart = self.ours("ddim", 13, x) - self.theirs(scheduler, 13, x, eta=0.0)
        assert float(apart.abs().max()) > 1e-3

    @pytest.mark.parametrize("num_steps", [7, 50, 1000])
    def test_ddpm_with_the_same_noise(self, num_steps: int) -> None:
        from diffusers import DDPMScheduler

        # Both draw one standard normal of the same shape a step, except the last, from the same generator.
        # theirs clamps a variance below 1e-20 and ours has none there: the same picture.
        scheduler = DDPMScheduler(num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, clip_sample=False,
                                  variance_type="fixed_small", timestep_spacing="trailing")
        x = self.start()
        g1, g2 = (torch.Generator().manual_seed(5) for _ in range(2))
        ours = self.ours("ddpm", num_steps, x, noise=lambda: torch.randn(x.shape, generator=g1, dtype=x.dtype))
        theirs = self.theirs(scheduler, num_steps, x, generator=g2)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    @pytest.mark.parametrize("num_steps", [5, 10, 20])
    def test_dpmpp_2m(self, num_steps: int) -> None:
        from diffusers import DPMSolverMultistepScheduler

        scheduler = DPMSolverMultistepScheduler(
            num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, solver_order=2, algorithm_type="dpmsolver++",
            lower_order_final=True, euler_at_final=False, final_sigmas_type="zero", timestep_spacing="trailing")
        x = self.start()
        # At order 2 their lower_order_final touches only the step to 0, which is of first order in ours too.
        torch.testing.assert_close(self.ours("dpmpp-2m", num_steps, x), self.theirs(scheduler, num_steps, x),
                                   atol=1e-4, rtol=0)


class TestGuidance:
    """Classifier-free guidance on the ideal denoiser of a finite set: exact answers."""

    pictures = torch.tensor([[-1.0, 0.0], [0.5, 0.5], [1.0, -0.25]]).reshape(3, 1, 1, 2)
    ideal = FiniteSet(pictures, torch.tensor([0, 1, 1]))

    @pytest.mark.parametrize("batch", [1, 2, 3])
    def test_formula_and_identities(self, batch: int) -> None:
        x = torch.randn(batch, 1, 1, 2, generator=torch.Generator().manual_seed(2))
        sigma = torch.full((batch,), 0.8)
        labels = torch.arange(batch) % 2
        ones = torch.ones(batch)
        conditional = self.ideal(x, sigma, labels, ones)
        unconditional = self.ideal(x, sigma, labels, torch.zeros(batch))

        def at(w):
            return classifier_free(self.ideal, w)(x, sigma, labels, ones)

        assert torch.equal(at(1), conditional)
        assert torch.equal(at(1.0), conditional)
        assert torch.equal(at(0), unconditional)
        torch.testing.assert_close(at(2.5), unconditional + 2.5 * (conditional - unconditional))

    @pytest.mark.parametrize(("w", "calls", "width"), [(0, 1, 2), (1, 1, 2), (2, 1, 4)])
    def test_one_network_call_and_its_batch(self, w: float, calls: int, width: int) -> None:
        seen = []

        def counting(x, sigma, labels, mask):
            seen.append(len(x))
            return self.ideal(x, sigma, labels, mask)

        labels = torch.zeros(2, dtype=torch.long)
        classifier_free(counting, w)(torch.zeros(2, 1, 1, 2), torch.ones(2), labels, torch.ones(2))
        assert seen == [width] * calls


def test_noise_of_a_sample_is_its_own() -> None:
    together = SampleNoise(range(64), (1, 5, 5))
    alone = SampleNoise([17], (1, 5, 5))
    for _ in range(3):
        assert torch.equal(together()[17], alone()[0])


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(BadSetting, match="seed"):
        SampleNoise([seed], (1, 2, 2))
