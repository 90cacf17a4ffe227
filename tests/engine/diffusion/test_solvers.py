"""The higher-order solvers against the closed-form Gaussian solution, and against diffusers."""

import itertools
import math
from typing import get_args

import numpy as np
import pytest
import torch
from closed_form import FiniteSet, gaussian
from test_samplers import TestAgainstDiffusers, gaussian_error, last

from engine.config import GridName, SamplerName, SamplingConfig
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import sample
from engine.diffusion.samplers import bind, ddim, dpmpp_2m
from engine.diffusion.schedules import karras_sigmas, sampling_sigmas, schedule
from engine.diffusion.solvers import adams_bashforth, dpmpp_3m, heun, ipndm, unipc

ALL = [heun, dpmpp_3m, unipc, ipndm]


@pytest.mark.parametrize(("solver", "lowest"), [(heun, 1.8), (dpmpp_3m, 1.8), (unipc, 1.8), (ipndm, 1.8)])
def test_error_falls_with_the_order(solver, lowest: float) -> None:
    coarse, fine = gaussian_error(solver, 80), gaussian_error(solver, 160)
    order = math.log2(coarse / fine)
    assert order >= lowest
    if solver is heun:
        assert order == pytest.approx(2, abs=0.2)


ORDERS = {"ddim": (0.8, 1.2), "euler": (0.8, 1.2), "heun": (1.8, 2.2), "dpmpp-2m": (1.8, 2.2),
          "dpmpp-3m": (1.8, math.inf), "unipc": (1.8, math.inf), "ipndm": (1.8, math.inf)}


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_every_sampler_that_can_be_chosen_has_its_order(name: str) -> None:
    assert {*ORDERS, "ddpm"} == set(get_args(SamplerName)), "ddpm draws fresh noise: it follows no path"
    std, plan = 0.5, schedule("linear", 1000)

    def error(num_steps: int) -> float:
        config = SamplingConfig(sampler=name, grid="log-snr", num_steps=num_steps, clip_x0=False)
        levels = sampling_sigmas(config, plan)
        steps = list(sample(gaussian(std), lambda: torch.ones(1, 1, 1, 1, dtype=torch.float64), config, plan))
        exact = math.sqrt(1 + levels[0] ** 2) * math.sqrt((std**2 + levels[-2] ** 2) / (std**2 + levels[0] ** 2))
        return abs(float(steps[-2].x_next) - exact)  # at the smallest level: the step to 0 is x0_hat itself

    low, high = ORDERS[name]
    assert low <= math.log2(error(101) / error(201)) <= high


@pytest.mark.parametrize("name", get_args(SamplerName))
@pytest.mark.parametrize("grid", get_args(GridName))
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30, 60, 100])
def test_a_sampler_walks_the_list_of_levels_and_nothing_else(name: str, grid: str, num_steps: int) -> None:
    plan, config = schedule("linear", 100), SamplingConfig(sampler=name, grid=grid, num_steps=num_steps)
    levels, asked = sampling_sigmas(config, plan), []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        asked.append(float(sigma[0]))
        return x * 0

    steps = list(sample(denoise, SampleNoise([0], (1, 1, 1)), config, plan))
    assert [s.sigma for s in steps] == levels[:-1]
    assert [s.sigma_next for s in steps] == levels[1:]
    assert [s.index for s in steps] == list(range(num_steps))
    for before, after in itertools.pairwise(steps):
        if name != "unipc":  # its corrector puts x right once the level is asked
            assert torch.equal(before.x_next, after.x)
    here = levels[:-1]
    expected = [here[0], *(level for level in here[1:] for _ in range(2))] if name == "heun" else here
    np.testing.assert_allclose(asked, expected[: len(asked)], rtol=1e-6)
    assert len(asked) == len(expected)


@pytest.mark.parametrize("solver", ALL)
def test_it_beats_euler_at_the_same_levels(solver) -> None:
    assert gaussian_error(solver, 40) < gaussian_error(ddim, 40) / 4


@pytest.mark.parametrize("solver", ALL)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 13, 30])
def test_every_step_count_ends_on_a_picture_of_the_set(solver, num_steps: int) -> None:
    pictures = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).reshape(2, 1, 1, 2)
    denoise = bind(FiniteSet(pictures, torch.tensor([0, 1])), torch.tensor([1, 0]))
    sigmas = [*np.geomspace(80, 0.02, num_steps), 0.0] if num_steps > 1 else [80.0, 0.0]
    x = 80 * torch.randn(2, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    step = last(solver(denoise, x, sigmas))
    torch.testing.assert_close(step.x_next, pictures[[1, 0]])


@pytest.mark.parametrize(("solver", "calls"), [(heun, 9), (dpmpp_3m, 5), (unipc, 5), (ipndm, 5)])
def test_network_calls(solver, calls: int) -> None:
    seen = []

    def denoise(x, sigma):
        seen.append(float(sigma[0]))
        return x * 0

    steps = list(solver(denoise, torch.ones(1, 1, 1, 1), [8.0, 4.0, 2.0, 1.0, 0.5, 0.0]))
    assert len(steps) == 5
    assert len(seen) == calls


def test_adams_bashforth_on_even_steps_has_the_textbook_weights() -> None:
    np.testing.assert_allclose(adams_bashforth([0.0], 1.0), [1])
    np.testing.assert_allclose(adams_bashforth([0.0, -1.0], 1.0), [3 / 2, -1 / 2])
    np.testing.assert_allclose(adams_bashforth([0.0, -1.0, -2.0], 1.0), [23 / 12, -16 / 12, 5 / 12])
    np.testing.assert_allclose(adams_bashforth([0.0, -1.0, -2.0, -3.0], 1.0), [55 / 24, -59 / 24, 37 / 24, -9 / 24])


def test_adams_bashforth_integrates_cubics_exactly_on_uneven_steps() -> None:
    nodes, end = [2.0, 3.1, 5.0, 9.0], 0.7
    weights = adams_bashforth(nodes, end)
    for power in range(4):
        exact = (end ** (power + 1) - nodes[0] ** (power + 1)) / (power + 1)
        assert sum(w * n**power for w, n in zip(weights, nodes, strict=True)) == pytest.approx(exact)


class TestAgainstDiffusersToo(TestAgainstDiffusers):
    """diffusers' schedulers on the same levels, in float64."""

    test_ddim = test_ddpm_with_the_same_noise = test_dpmpp_2m = test_clipped = test_ddim_with_fresh_noise = None
    test_why_fewer_steps_are_only_compared_where_they_divide = None

    def compare(self, solver, scheduler, num_steps: int, taken: int | None = None) -> None:
        def denoise(x, sigma):
            level = float(sigma[0])
            signal = 1 / math.sqrt(1 + level**2)
            return x - level * self.eps_model(x * signal, signal**2)

        settings = SamplingConfig(sampler="ddim", num_steps=num_steps)
        grid = sampling_sigmas(settings, schedule("linear", self.T))
        assert all(a > b for a, b in itertools.pairwise(grid))
        x = self.start()
        step = last(itertools.islice(solver(denoise, x * math.sqrt(1 + grid[0] ** 2), grid), taken))
        ours = step.x_next / math.sqrt(1 + step.sigma_next**2)
        torch.testing.assert_close(ours, self.theirs(scheduler, num_steps, x, taken=taken), atol=1e-4, rtol=0)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    def test_dpmpp_3m(self) -> None:
        from diffusers import DPMSolverMultistepScheduler

        self.compare(dpmpp_3m, DPMSolverMultistepScheduler(
            num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, solver_order=3, algorithm_type="dpmsolver++",
            lower_order_final=False, euler_at_final=True, final_sigmas_type="zero", timestep_spacing="trailing"), 20)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    @pytest.mark.parametrize(("order", "num_steps"), [(1, 7), (1, 20), (2, 7), (2, 20), (3, 20)])
    def test_unipc(self, order: int, num_steps: int) -> None:
        from diffusers import UniPCMultistepScheduler

        def solver(denoise, x, sigmas):
            return unipc(denoise, x, sigmas, order=order)

        # Their lower_order_final takes the last but one step at order 2 too, ours at 3: compared before it.
        scheduler = UniPCMultistepScheduler(
            num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, solver_order=order, solver_type="bh2",
            lower_order_final=True, final_sigmas_type="zero", timestep_spacing="trailing")
        self.compare(solver, scheduler, num_steps, taken=num_steps - 2 if order == 3 else None)

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
    @pytest.mark.parametrize("num_steps", [2, 7, 13, 30])
    def test_karras_levels_and_dpmpp_2m_on_them(self, num_steps: int) -> None:
        from diffusers import DPMSolverMultistepScheduler

        scheduler = DPMSolverMultistepScheduler(
            num_train_timesteps=self.T, beta_start=1e-4, beta_end=0.02, solver_order=2, algorithm_type="dpmsolver++",
            lower_order_final=True, euler_at_final=False, final_sigmas_type="zero", use_karras_sigmas=True)
        scheduler.set_timesteps(num_steps)
        plan = schedule("linear", self.T)
        # Theirs run from the schedule's largest sigma to its smallest; ours stop at fixed ends within them.
        levels = karras_sigmas(num_steps, float(plan.sigma[1]), float(plan.sigma[-1]))
        np.testing.assert_allclose(scheduler.sigmas.numpy(), levels, rtol=1e-4)

        def denoise(x, sigma):
            level = float(sigma[0])
            signal = 1 / math.sqrt(1 + level**2)
            return x - level * self.eps_model(x * signal, signal**2)

        x = self.start()
        ours = last(dpmpp_2m(denoise, x * math.sqrt(1 + levels[0] ** 2), levels)).x_next
        # Told their own rounded t, a scheduler that interpolates would ask another level: the level itself is used.
        for sigma, t in zip(scheduler.sigmas[:-1].tolist(), scheduler.timesteps, strict=True):
            x = scheduler.step(self.eps_model(x, 1 / (1 + sigma**2)), t, x).prev_sample
        torch.testing.assert_close(ours, x, atol=1e-4, rtol=0)
