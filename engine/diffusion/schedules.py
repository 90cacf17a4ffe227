"""Noise schedules: how much of the picture is left at each timestep t. numpy, float64, no torch.

t counts from 0 (the clean picture, alpha_bar = 1) to T (almost pure noise), so an array over t has T + 1
entries and no step is off by one:  x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.
sigma is noise over signal, sigma_t = sqrt((1 - alpha_bar_t) / alpha_bar_t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.errors import BadSetting

Float64 = NDArray[np.float64]

# Above this share of the picture left at T, sampling starts from noise that training never saw.
LARGEST_TERMINAL_SIGNAL = 0.02


def linear_betas(num_timesteps: int) -> Float64:
    """beta_1..beta_T from 1e-4 to 0.02 at T = 1000; both ends scale by 1000/T so that T ends in noise too.

    Ho et al. 2020 (arXiv 2006.11239), scaling as in Nichol and Dhariwal 2021 (arXiv 2102.09672).
    """
    scale = 1000.0 / num_timesteps
    betas: Float64 = np.minimum(np.linspace(1e-4 * scale, 0.02 * scale, num_timesteps), 0.999)
    return betas


def cosine_betas(num_timesteps: int, offset: float = 0.008, largest: float = 0.999) -> Float64:
    """beta_1..beta_T of alpha_bar(t) = cos^2((t/T + s) / (1 + s) pi/2), Nichol and Dhariwal 2021, eq. 17."""
    steps = np.arange(num_timesteps + 1, dtype=np.float64) / num_timesteps
    curve = np.cos((steps + offset) / (1 + offset) * math.pi / 2) ** 2
    betas: Float64 = np.minimum(1 - curve[1:] / curve[:-1], largest)
    return betas


# What is left of alpha_bar at T with zero terminal SNR. An exact 0 would mean sigma = infinity, at which
# x = x0 + sigma eps and every step from it are not numbers. 1e-9 is sigma = 31 623: twice the level before T of the
# flattest schedule (linear, T = 1000), where a 30 000th of the picture is left.
ZERO_TERMINAL_ALPHA_BAR = 1e-9


def zero_terminal(alpha_bar: Float64) -> Float64:
    """alpha_bar over t = 0..T, stretched so that nothing of the picture is left at T.

    sqrt(alpha_bar) is shifted and scaled over t = 1..T so that t = 1 keeps its value and T gets 0 (Lin et al. 2023,
    arXiv 2305.08891, algorithm 1). In place of 0, alpha_bar is held at ZERO_TERMINAL_ALPHA_BAR, so that sigma stays
    finite (31 623) and samplers may start there.
    """
    root = np.sqrt(alpha_bar[1:])
    root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    return np.concatenate([alpha_bar[:1], np.maximum(root**2, ZERO_TERMINAL_ALPHA_BAR)])


@dataclass(frozen=True, eq=False)
class Schedule:
    """alpha_bar over t = 0..T with everything that follows from it (read-only arrays of T + 1)."""

    name: str
    num_timesteps: int
    alpha_bar: Float64

    @property
    def sigma(self) -> Float64:
        """Noise over signal at each t; 0 at t = 0."""
        return np.sqrt((1 - self.alpha_bar) / self.alpha_bar)

    @property
    def sigma_max(self) -> float:
        """sigma at t = T."""
        return float(self.sigma[-1])

    @property
    def terminal_signal(self) -> float:
        """sqrt(alpha_bar_T): the share of the picture that is left at T."""
        return float(math.sqrt(self.alpha_bar[-1]))

    def warning(self) -> str:
        """One sentence if T does not end in noise, else empty."""
        if self.terminal_signal <= LARGEST_TERMINAL_SIGNAL:
            return ""
        return (f"At T = {self.num_timesteps} a share of {self.terminal_signal:.3f} of the picture is left; "
                f"sampling starts from pure noise, so it should be at most {LARGEST_TERMINAL_SIGNAL:g}.")

    def snr_db(self, t: int) -> float:
        """Signal to noise at t in dB, -20 log10 sigma; infinite at t = 0."""
        sigma = float(self.sigma[t])
        return math.inf if sigma == 0 else -20 * math.log10(sigma)

    def percent_denoised(self, t: int) -> float:
        """100 (1 - t / T)."""
        return 100 * (1 - t / self.num_timesteps)

    def t_of_sigma(self, sigma: float) -> int:
        """The t whose noise level is nearest in log sigma; 0 for sigma = 0, T beyond the schedule."""
        if sigma <= 0:
            return 0
        logs = np.log(self.sigma[1:])
        return int(np.abs(logs - math.log(sigma)).argmin()) + 1

    def fractional_t(self, sigma: Float64) -> Float64:
        """t between the integers by interpolation in log sigma, clipped to 1..T: what a network is told."""
        logs = np.log(self.sigma[1:])
        return np.interp(np.log(sigma), logs, np.arange(1, self.num_timesteps + 1, dtype=np.float64))


@lru_cache(maxsize=64)
def schedule(name: str, num_timesteps: int, zero_terminal_snr: bool = False) -> Schedule:
    """The schedule of that name with T timesteps (50 to 1000), stretched to end in noise alone where asked.

    Raises BadSetting for an unknown name or a T out of range.
    """
    if not 50 <= num_timesteps <= 1000:
        why = "0 leaves no noise to remove" if num_timesteps == 0 else f"{num_timesteps} is not"
        raise BadSetting(f"T must be from 50 to 1\u202f000; {why}.")
    if name == "linear":
        betas = linear_betas(num_timesteps)
    elif name == "cosine":
        betas = cosine_betas(num_timesteps)
    else:
        raise BadSetting(f"There is no schedule called {name}.", "Schedules: linear, cosine.")
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - betas)])
    if zero_terminal_snr:
        alpha_bar = zero_terminal(alpha_bar)
    alpha_bar.setflags(write=False)
    return Schedule(name, num_timesteps, alpha_bar)


def timestep_grid(num_timesteps: int, num_steps: int) -> list[int]:
    """num_steps + 1 falling timesteps from T to 0, evenly spaced and rounded ("trailing").

    Raises BadSetting for more steps than timesteps.
    """
    if not 1 <= num_steps <= num_timesteps:
        raise BadSetting(f"Steps must be from 1 to T = {num_timesteps} on this schedule; {num_steps} is not.")
    return [round(num_timesteps * (1 - i / num_steps)) for i in range(num_steps + 1)]


def karras_sigmas(num_steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Float64:
    """num_steps falling noise levels and a final 0: Karras et al. 2022 (arXiv 2206.00364), eq. 5."""
    if num_steps < 1 or not 0 < sigma_min < sigma_max:
        raise BadSetting(f"A grid needs at least one step and 0 < {sigma_min:g} < {sigma_max:g}.")
    ramp = np.linspace(0, 1, num_steps, dtype=np.float64) if num_steps > 1 else np.zeros(1)
    levels = (sigma_max ** (1 / rho) + ramp * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
    levels[0] = sigma_max
    return np.append(levels, 0.0)


def log_snr_sigmas(num_steps: int, sigma_min: float, sigma_max: float) -> Float64:
    """num_steps noise levels evenly spaced in log SNR, -2 ln sigma, and a final 0."""
    if num_steps < 1 or not 0 < sigma_min < sigma_max:
        raise BadSetting(f"A grid needs at least one step and 0 < {sigma_min:g} < {sigma_max:g}.")
    levels = np.geomspace(sigma_max, sigma_min, num_steps) if num_steps > 1 else np.array([sigma_max])
    return np.append(levels, 0.0)


# Levels that are not timesteps start no higher: above, pictures differ by their average alone.
LARGEST_FREE_SIGMA = 80.0
SMALLEST_FREE_SIGMA = 0.02
KARRAS_RHO = 7.0  # larger puts more of the levels where little noise is left


def fits(config: SamplingConfig, schedule: Schedule) -> bool:
    """Whether the schedule has as many timesteps as these settings visit."""
    return not config.timesteps or config.num_steps <= schedule.num_timesteps


def sampling_sigmas(config: SamplingConfig, schedule: Schedule) -> list[float]:
    """The noise levels that a sampler visits, num_steps + 1 of them, ending at 0.

    Raises BadSetting for more steps than the schedule has timesteps, where they are what is visited.
    """
    if config.timesteps:
        sigma = schedule.sigma
        return [float(sigma[t]) for t in timestep_grid(schedule.num_timesteps, config.num_steps)]
    largest = min(LARGEST_FREE_SIGMA, schedule.sigma_max)
    if config.chosen_grid == "log-snr":
        levels = log_snr_sigmas(config.num_steps, SMALLEST_FREE_SIGMA, largest)
    else:
        levels = karras_sigmas(config.num_steps, SMALLEST_FREE_SIGMA, largest, KARRAS_RHO)
    return [float(s) for s in levels]
