"""Averages of any width out of stored ones (Karras et al. 2023, arXiv 2312.02696, section 3.2: post-hoc EMA).

The power-function average at step n weighs the weights of training time tau in (0, n] by the profile
p(tau) = (gamma + 1) tau^gamma / n^(gamma + 1). `PowerEma` computes it exactly, with the weights of step k
standing from k - 1 to k. Averages are linear in the weights, so a combination of stored averages is the average
whose profile is the same combination of theirs: the best one is a least-squares problem of a few dozen unknowns.

The width has three names. gamma: the power. sigma_rel: the profile's standard deviation over n. percent: what a
person sets, "average over the last so many percent of training", defined as the plain average over the last part
whose weights are as old in the mean: the profile's mean age is n / (gamma + 2), that of a plain average over the
last s n steps is s n / 2, so s = 2 / (gamma + 2). gamma 0 is the plain average over 100 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Fewer files are read where the profile's relative error then stays below ENOUGH, or grows by NO_HARM at most.
ENOUGH, NO_HARM = 0.02, 0.005


class Average(NamedTuple):
    """A stored average: after which step n >= 1, and the power of its profile."""

    step: int
    gamma: float


class Combination(NamedTuple):
    """How to make an average: a coefficient for each stored one, and what is missed.

    error: |made profile - wanted profile| / |wanted profile|, in the L2 norm over training time.
    """

    coefficients: Floats  # (stored,)
    error: float


def percent_of_gamma(gamma: float) -> float:
    """The average's reach: as old in the mean as a plain average over the last so many percent of training."""
    return 200.0 / (gamma + 2.0)


def gamma_of_percent(percent: float) -> float:
    """The power whose average reaches over the last `percent` (above 0, up to 100) of training."""
    return 200.0 / percent - 2.0


def sigma_rel_of_gamma(gamma: float) -> float:
    """Standard deviation of the profile as a share of training: sqrt((g + 1) / ((g + 2)^2 (g + 3))) (eq. 126)."""
    return math.sqrt((gamma + 1.0) / ((gamma + 2.0) ** 2 * (gamma + 3.0)))


def gamma_of_sigma_rel(sigma_rel: float) -> float:
    """The power of a profile with this relative standard deviation, above 0 and up to 12^-1/2 (gamma 0)."""
    # (g + 2)^2 (g + 3) = (g + 1) / sigma_rel^2; the largest root falls as sigma_rel grows.
    a = sigma_rel ** -2
    return float(np.roots([1.0, 7.0, 16.0 - a, 12.0 - a]).real.max())


def inner_product(gamma_a: ArrayLike, step_a: ArrayLike, gamma_b: ArrayLike, step_b: ArrayLike) -> Floats:
    """Integral of two profiles' product over training time, elementwise in float64.

    With n_a <= n_b: (a + 1)(b + 1) / (a + b + 1) (n_a / n_b)^b / n_b.
    """
    a, b = np.asarray(gamma_a, np.float64), np.asarray(gamma_b, np.float64)
    n, m = np.asarray(step_a, np.float64), np.asarray(step_b, np.float64)
    with np.errstate(under="ignore"):  # the early average's share of a much later one is nothing
        overlap: Floats = np.minimum(n, m) / np.maximum(n, m)
        overlap = overlap ** np.where(n <= m, b, a) / np.maximum(n, m)
    return (a + 1) * (b + 1) / (a + b + 1) * overlap


def combinations(stored: Sequence[Average], gammas: Sequence[float], step: int) -> list[Combination]:
    """For each wanted power the least-squares combination of the stored averages, at a step.

    The coefficients sum to 1, so that constant weights stay as they are however rough the profile is. Steps from
    1 on; ValueError without a stored average.
    """
    if not stored or step < 1:
        raise ValueError("a combination needs a stored average, and a step from 1 on")
    have = np.array([average.gamma for average in stored])
    at = np.array([average.step for average in stored], np.float64) / step
    want = np.array(gammas, np.float64)
    gram = inner_product(have[:, None], at[:, None], have, at)
    size = np.sqrt(np.diag(gram))  # profiles of norm 1: early ones are far larger
    gram = gram / np.outer(size, size)
    target = inner_product(have[:, None], at[:, None], want, 1.0) / size[:, None]
    inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    solution = inverse @ target
    tilt = inverse @ (1 / size)
    solution -= np.outer(tilt, (solution / size[:, None]).sum(0) - 1) / (tilt / size).sum()
    norm = inner_product(want, 1.0, want, 1.0)
    missed = norm - 2 * (solution * target).sum(0) + (solution * (gram @ solution)).sum(0)
    errors = np.sqrt(np.maximum(missed, 0) / norm)
    return [Combination(solution[:, i] / size, float(errors[i])) for i in range(len(want))]


def combination(stored: Sequence[Average], gamma: float, step: int) -> Combination:
    """One of `combinations`, with coefficients of exactly 0 where a stored average can be spared."""
    whole = combinations(stored, [gamma], step)[0]
    by_weight = np.argsort(-np.abs(whole.coefficients), kind="stable")
    count = 1
    while count < len(stored):
        kept = np.sort(by_weight[:count])
        fewer = combinations([stored[i] for i in kept], [gamma], step)[0]
        if fewer.error <= max(ENOUGH, whole.error + NO_HARM):
            coefficients = np.zeros(len(stored))
            coefficients[kept] = fewer.coefficients
            return Combination(coefficients, fewer.error)
        count *= 2
    return whole
