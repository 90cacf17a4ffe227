"""Intervals and rank tests, in numpy alone. Rank tests take infinity: what never happened ranks last."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXACT_PAIRS = 50  # up to so many differences that are not zero the signed-rank distribution is counted out


@dataclass(frozen=True, slots=True)
class RankTest:
    """Whether groups differ. effect: Kendall's W or epsilon squared, both 0 (not at all) to 1. n: values in all."""

    name: str  # "Friedman" or "Kruskal-Wallis"
    statistic: float  # chi-squared under the hypothesis of no difference
    degrees: int
    p: float
    effect_name: str
    effect: float
    n: int


# ---- distributions ----

def chi2_sf(x: float, degrees: int) -> float:
    """P(X >= x) of chi-squared with whole degrees of freedom (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    if x <= 0:
        return 1.0
    y = x / 2
    if degrees % 2 == 0:
        terms = (i * math.log(y) - y - math.lgamma(i + 1) for i in range(degrees // 2))
        return min(1.0, math.fsum(math.exp(term) for term in terms))
    terms = ((i + 0.5) * math.log(y) - y - math.lgamma(i + 1.5) for i in range((degrees - 1) // 2))
    return min(1.0, math.erfc(math.sqrt(y)) + math.fsum(math.exp(term) for term in terms))


def normal_p(z: float) -> float:
    """Two-sided p of a standard normal z."""
    return math.erfc(abs(z) / math.sqrt(2))


def _student_within(t: float, degrees: int) -> float:
    """P(|T| <= t) of Student's t with whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    cos = math.cos(angle)
    if degrees == 1:
        return 2 * angle / math.pi
    term = total = cos if degrees % 2 else 1.0
    for k in range(3 if degrees % 2 else 2, degrees, 2):
        term *= cos**2 * (k - 1) / k
        total += term
    if degrees % 2:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


@functools.lru_cache(maxsize=1024)
def student_quantile(degrees: int, level: float = 0.95) -> float:
    """The t with P(|T| <= t) = level, by bisection."""
    low, high = 0.0, 1.0
    while _student_within(high, degrees) < level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, degrees) < level else (low, middle)
    return (low + high) / 2


# ---- intervals ----

def mean_interval(values: ArrayLike) -> tuple[float, float] | None:
    """95 % interval of the mean by Student's t; None for fewer than two values."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    half = student_quantile(len(x) - 1) * float(x.std(ddof=1)) / math.sqrt(len(x))
    mean = float(x.mean())
    return mean - half, mean + half


def median_interval(values: ArrayLike) -> tuple[float, float] | None:
    """95 % interval of the median between two order statistics, exact for every continuous distribution.

    The narrowest symmetric pair x_(k), x_(n+1-k) whose coverage 1 - 2 P(Bin(n, 1/2) < k) is at least 95 %; where
    values tie it covers more. Ends may be infinite. None for fewer than six values, where no pair covers so much.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n, below, k = len(x), 0.0, 0
    while True:
        below += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
        if below > 0.025 or k >= n // 2:
            break
        k += 1
    return (float(x[k - 1]), float(x[n - k])) if k else None


def share_interval(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share count / n by Wilson's score (1927); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


# ---- ranks ----

def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1 along the last axis; ties share their mean rank."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim > 1:
        return np.stack([ranks(row) for row in x])
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: NDArray[np.float64] = (ends - (counts - 1) / 2)[place]
    return result


def _ties(values: NDArray[np.float64]) -> float:
    """Sum of t^3 - t over groups of t equal values."""
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts**3 - counts).sum())


def friedman(table: ArrayLike) -> RankTest | None:
    """Friedman's test of (blocks, groups), corrected for ties, with Kendall's W (Friedman 1937; Kendall 1939).

    None for fewer than two blocks or three groups. Where all groups tie in every block, p = 1.
    """
    x = np.asarray(table, dtype=np.float64)
    n, k = x.shape
    if n < 2 or k < 3:
        return None
    sums = ranks(x).sum(axis=0)
    tied = 1 - sum(_ties(row) for row in x) / (n * k * (k * k - 1))
    if tied <= 0:
        return RankTest("Friedman", 0.0, k - 1, 1.0, "Kendall's W", 0.0, n * k)
    statistic = (12 / (n * k * (k + 1)) * float((sums**2).sum()) - 3 * n * (k + 1)) / tied
    return RankTest("Friedman", statistic, k - 1, chi2_sf(statistic, k - 1), "Kendall's W", statistic / (n * (k - 1)),
                    n * k)


def kruskal_wallis(groups: Sequence[ArrayLike]) -> RankTest | None:
    """Kruskal and Wallis' test (1952), corrected for ties, with epsilon squared = H / (n - 1).

    None for fewer than two groups or an empty one. Where all values tie, p = 1.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if len(arrays) < 2 or min(map(len, arrays)) == 0:
        return None
    together = np.concatenate(arrays)
    n = len(together)
    tied = 1 - _ties(together) / (n**3 - n) if n > 1 else 0.0
    if tied <= 0:
        return RankTest("Kruskal-Wallis", 0.0, len(arrays) - 1, 1.0, "epsilon squared", 0.0, n)
    parts = np.split(ranks(together), np.cumsum([len(a) for a in arrays])[:-1])
    statistic = (12 / (n * (n + 1)) * sum(float(part.sum()) ** 2 / len(part) for part in parts) - 3 * (n + 1)) / tied
    return RankTest("Kruskal-Wallis", statistic, len(arrays) - 1, chi2_sf(statistic, len(arrays) - 1),
                    "epsilon squared", statistic / (n - 1), n)


def signed_rank_p(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (1945) of finite pairs; pairs without a difference are left out.

    Counted out exactly, ties included, up to EXACT_PAIRS differences; beyond by the normal distribution.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    difference = difference[difference != 0]
    n = len(difference)
    if n == 0:
        return 1.0
    rank = ranks(np.abs(difference))
    plus = float(rank[difference > 0].sum())
    if n > EXACT_PAIRS:
        variance = n * (n + 1) * (2 * n + 1) / 24 - _ties(rank) / 48
        return normal_p((plus - n * (n + 1) / 4) / math.sqrt(variance))
    doubled = np.rint(2 * rank).astype(np.int64)  # tied ranks are halves
    chance = np.zeros(int(doubled.sum()) + 1)
    chance[0] = 1.0
    for step in doubled:
        chance[step:] += chance[:-step].copy()
        chance /= 2
    at = round(2 * plus)
    return min(1.0, 2 * min(float(chance[: at + 1].sum()), float(chance[at:].sum())))


def rank_sum_p(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided p of Mann and Whitney's test (1947) by the normal distribution, corrected for ties."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    together = np.concatenate([a, b])
    n, m, total = len(a), len(b), len(together)
    if n == 0 or m == 0:
        return 1.0
    variance = n * m / 12 * (total + 1 - _ties(together) / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    u = float(ranks(together)[:n].sum()) - n * (n + 1) / 2
    return normal_p((u - n * m / 2) / math.sqrt(variance))


def holm(p: Sequence[float]) -> list[float]:
    """p values corrected for their number by Holm's step-down rule (1979), in the order given."""
    order = np.argsort(np.asarray(p), kind="stable")
    corrected, largest = [1.0] * len(p), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        corrected[index] = largest
    return corrected


def all_pairs(count: int) -> list[tuple[int, int]]:
    """(i, j) with i < j."""
    return list(itertools.combinations(range(count), 2))
