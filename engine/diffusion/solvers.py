"""Higher-order solvers of the same path: Heun, DPM-Solver++(3M), UniPC and iPNDM.

Generators like those of engine.diffusion.samplers: falling noise levels ending in 0, one Step a level,
x scaled as x0 + sigma eps. With lambda = -ln sigma and h the step in lambda, data prediction integrates
x' = (sigma'/sigma) x + integral of e^(-h) x0_hat. The step to sigma = 0 is always x0_hat itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from engine.diffusion.samplers import BoundDenoise, Step, check_levels


def _ask(denoise: BoundDenoise, x: Tensor, sigma: float, clip_x0: bool) -> Tensor:
    x0 = denoise(x, x.new_full((len(x),), sigma))
    return x0.clamp(-1, 1) if clip_x0 else x0


def heun(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, clip_x0: bool = False) -> Iterator[Step]:
    """Euler, then the mean of the slopes at both ends (Karras et al. 2022, arXiv 2206.00364, algorithm 1).

    Two network calls a step, one in the last: nfe = 2 num_steps - 1. Second order.
    """
    for index, (sigma, following) in enumerate(check_levels(sigmas)):
        x0 = _ask(denoise, x, sigma, clip_x0)
        slope = (x - x0) / sigma
        following_x = x + (following - sigma) * slope
        if following == 0:
            following_x = x0
        else:
            ahead = _ask(denoise, following_x, following, clip_x0)
            slope = (slope + (following_x - ahead) / following) / 2
            following_x = x + (following - sigma) * slope
        yield Step(index, sigma, x, x0, following, following_x)
        x = following_x


def dpmpp_3m(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, clip_x0: bool = False) -> Iterator[Step]:
    """DPM-Solver++(3M) (Lu et al. 2022, arXiv 2211.01095, appendix): divided differences of the last three x0_hat.

    Its first two steps are of first and second order, which caps the order that is measured.
    """
    history: list[tuple[float, Tensor]] = []  # (lambda, x0_hat), newest first
    for index, (sigma, following) in enumerate(check_levels(sigmas)):
        x0 = _ask(denoise, x, sigma, clip_x0)
        history = [(-math.log(sigma), x0), *history[:2]]
        if following == 0:
            following_x = x0
        else:
            h = -math.log(following) - history[0][0]
            phi_1 = math.expm1(-h)
            following_x = (following / sigma) * x - phi_1 * x0
            if len(history) > 1:
                r0 = (history[0][0] - history[1][0]) / h
                first = (history[0][1] - history[1][1]) / r0
                if len(history) == 2:
                    # The same form as 2M: half the first difference, weighted by the whole interval.
                    following_x = following_x - phi_1 * first / 2
                else:
                    r1 = (history[1][0] - history[2][0]) / h
                    earlier = (history[1][1] - history[2][1]) / r1
                    bend = (first - earlier) / (r0 + r1)
                    first = first + r0 * bend
                    following_x = following_x + (phi_1 / h + 1) * first - ((phi_1 + h) / h**2 - 0.5) * bend
        yield Step(index, sigma, x, x0, following, following_x)
        x = following_x


def unipc(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, order: int = 3,
          clip_x0: bool = False) -> Iterator[Step]:
    """UniPC with B(h) = e^h - 1 (Zhao et al. 2023, arXiv 2302.04867), data prediction.

    Each x0_hat first corrects the x that it was asked at, then predicts the next: one network call a step.
    The step to sigma = 0 is not corrected.
    """
    history: list[tuple[float, Tensor]] = []  # (lambda, x0_hat), newest first
    before = x  # x at the previous level, which the corrector starts from
    for index, (sigma, following) in enumerate(check_levels(sigmas)):
        level = -math.log(sigma)
        x0 = _ask(denoise, x, sigma, clip_x0)
        if history:
            x = _unipc_step(before, history[:order], level, x0)
        history = [(level, x0), *history[: order - 1]]
        if following == 0:
            following_x = x0
        else:
            following_x = _unipc_step(x, history, -math.log(following), None)
        yield Step(index, sigma, x, x0, following, following_x)
        before, x = x, following_x


def _unipc_step(x: Tensor, history: Sequence[tuple[float, Tensor]], target: float, corrected: Tensor | None) -> Tensor:
    """From the newest level of history to lambda = target; with x0_hat there, the corrector, else the predictor."""
    start, newest = history[0]
    h = target - start
    phi_1 = math.expm1(-h)  # B(h) of the paper, in data prediction
    ratios = [(level - start) / h for level, _ in history[1:]]
    differences = [(value - newest) / r for (_, value), r in zip(history[1:], ratios, strict=True)]
    order = len(history)
    if corrected is not None:
        ratios.append(1.0)
        differences.append(corrected - newest)
    unknowns = len(ratios)
    result = math.exp(-h) * x - phi_1 * newest
    if not unknowns:
        return result
    if (corrected is None and order == 2) or (corrected is not None and order == 1):
        weights = np.array([0.5])  # exact to the order, as the paper chooses
    else:
        # Rows n = 1..unknowns: sum_k rho_k r_k^(n-1) = n! phi_{n+1}(-h) / B(h).
        matrix = np.vander(np.array(ratios), unknowns, increasing=True).T
        right = np.empty(unknowns)
        phi, factorial = phi_1 / -h - 1, 1.0
        for n in range(1, unknowns + 1):
            right[n - 1] = phi * factorial / phi_1
            factorial *= n + 1
            phi = phi / -h - 1 / factorial
        weights = np.linalg.solve(matrix, right)
    for weight, difference in zip(weights, differences, strict=True):
        result = result - phi_1 * float(weight) * difference
    return result


def ipndm(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], *, order: int = 4,
          clip_x0: bool = False) -> Iterator[Step]:
    """Adams-Bashforth on the slope d = (x - x0_hat) / sigma over up to four past levels (Liu et al. 2022,
    arXiv 2202.09778; Zhang and Chen 2022, arXiv 2204.13902).

    The weights integrate the interpolating polynomial over the actual, uneven levels.
    """
    past: list[tuple[float, Tensor]] = []  # (sigma, slope), newest first
    for index, (sigma, following) in enumerate(check_levels(sigmas)):
        x0 = _ask(denoise, x, sigma, clip_x0)
        past = [(sigma, (x - x0) / sigma), *past[: order - 1]]
        if following == 0:
            following_x = x0
        else:
            following_x = x
            for weight, (_, slope) in zip(adams_bashforth([s for s, _ in past], following), past, strict=True):
                following_x = following_x + weight * slope
        yield Step(index, sigma, x, x0, following, following_x)
        x = following_x


def adams_bashforth(nodes: Sequence[float], end: float) -> list[float]:
    """Weights w with sum w_i f(nodes_i) = integral of the interpolating polynomial from nodes[0] to end."""
    scale = end - nodes[0]
    places = (np.array(nodes) - nodes[0]) / scale
    count = len(places)
    # Moments of 1, s, s^2, ... over 0..1 decide the weights.
    moments = 1 / np.arange(1, count + 1)
    weights = np.linalg.solve(np.vander(places, count, increasing=True).T, moments)
    return [float(w) * scale for w in weights]
