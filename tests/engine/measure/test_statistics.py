"""Intervals cover what they say, and rank tests give what SciPy gives."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from engine.measure.statistics import (
    EXACT_PAIRS,
    chi2_sf,
    friedman,
    holm,
    kruskal_wallis,
    mean_interval,
    median_interval,
    rank_sum_p,
    ranks,
    share_interval,
    signed_rank_p,
    student_quantile,
)

# Figures below are of SciPy 1.17.1, from the call that stands beside them.


def table(blocks: int, groups: int, tied: int, slope: float) -> np.ndarray:
    """Whole numbers with many ties that look like chance and are the same everywhere."""
    i, j = np.arange(blocks)[:, None], np.arange(groups)[None, :]
    return ((7919 * i * i + 104729 * i * (j + 1) + 1299709 * j * j) % 1009 % tied + np.floor(slope * j)).astype(float)


CASES = {  # friedman statistic and p, kruskal statistic and p, mannwhitneyu p
    (10, 4, 7, 0.0): (1.233333333333317, 0.7450212005481895,
        2.8171952766663364, 0.42067708536574266, 0.5654407451086253),
    (40, 10, 25, 1.5): (83.38239339752427, 3.4304348870371614e-14,
        88.41370691575676, 3.3863177843452602e-15, 0.05284587694346257),
    (100, 10, 30, 0.4): (19.77246022031844, 0.01936974747131509,
        24.52737549436496, 0.0035409784584811356, 0.045096598099890806),
    (7, 3, 1009, 50.0): (2.0, 0.36787944117144245,
        2.5009276437847916, 0.2863719404763614, 0.27743910513984715),
}

CHI2 = {
    (0.5, 1): 0.47950012218695337,
    (3.0, 2): 0.22313016014842982,
    (18.5, 9): 0.029796344939787712,
    (60.0, 8): 4.661032000779303e-10,
}
STUDENT = {
    1: 12.706204736174694,
    2: 4.302652729749462,
    5: 2.5705818356363146,
    30: 2.0422724563012378,
    99: 1.9842169515864174,
}


@pytest.mark.parametrize(("shape", "expected"), CASES.items())
def test_the_tests_over_all_groups_give_what_scipy_gives(shape: tuple[int, int, int, float],
                                                         expected: tuple[float, ...]) -> None:
    """friedmanchisquare(*x.T), kruskal(*x.T)."""
    x = table(*shape)
    blocked, apart = friedman(x), kruskal_wallis(list(x.T))
    assert blocked is not None
    assert apart is not None
    assert (blocked.statistic, blocked.p, apart.statistic, apart.p) == pytest.approx(expected[:4], rel=1e-9)
    assert blocked.effect == pytest.approx(expected[0] / (shape[0] * (shape[1] - 1)))
    assert apart.effect == pytest.approx(expected[2] / (x.size - 1))
    assert blocked.degrees == apart.degrees == shape[1] - 1
    assert blocked.n == apart.n == x.size


@pytest.mark.parametrize(("shape", "expected"), CASES.items())
def test_the_tests_of_two_groups_give_what_scipy_gives(shape: tuple[int, int, int, float],
                                                       expected: tuple[float, ...]) -> None:
    """mannwhitneyu(a, b, use_continuity=False, method="asymptotic"); wilcoxon(a, b, method="exact") without ties,
    method="approx" beyond EXACT_PAIRS.
    """
    x = table(*shape)
    assert rank_sum_p(x[:, 0], x[:, 2]) == pytest.approx(expected[4], rel=1e-9)
    a, b = np.geomspace(1, 90, 20), np.full(20, 17.3)
    assert signed_rank_p(a, b) == pytest.approx(0.8408222198486328, rel=1e-9)
    many = table(400, 3, 90, 4.0)
    assert (many[:, 0] != many[:, 1]).sum() > EXACT_PAIRS
    assert signed_rank_p(many[:, 0], many[:, 1]) == pytest.approx(0.22136936993224554, rel=1e-9)


def test_the_signed_rank_test_counts_ties_out() -> None:
    """Against all 2^n signs."""
    first = np.array([5, 3, 9, 4, 4, 8, 2, 7, 6.0])
    second = np.array([3, 5, 5, 4, 2, 3, 2, 4, 7.0])
    difference = (first - second)[first != second]
    rank = ranks(np.abs(difference))
    sums = np.array([sum(r for r, s in zip(rank, signs, strict=True) if s)
                     for signs in itertools.product((0, 1), repeat=len(rank))])
    plus = rank[difference > 0].sum()
    expected = 2 * min((sums <= plus).mean(), (sums >= plus).mean())
    assert signed_rank_p(first, second) == pytest.approx(min(1, expected), rel=1e-12)
    assert signed_rank_p(second, first) == pytest.approx(signed_rank_p(first, second), rel=1e-12)


def test_distributions() -> None:
    """chi2.sf(x, k) and t.ppf(0.975, k)."""
    for (x, degrees), expected in CHI2.items():
        assert chi2_sf(x, degrees) == pytest.approx(expected, rel=1e-12)
    for degrees, expected in STUDENT.items():
        assert student_quantile(degrees) == pytest.approx(expected, rel=1e-10)
    assert chi2_sf(0, 3) == 1


def test_never_ranks_last_and_nothing_more() -> None:
    x = table(12, 4, 9, 0.5)
    never, late = x.copy(), x.copy()
    never[3, 1] = never[5, 1] = np.inf
    late[3, 1] = late[5, 1] = 1000
    assert friedman(never) == friedman(late)
    assert kruskal_wallis(list(never.T)) == kruskal_wallis(list(late.T))


def test_where_all_is_tied_nothing_differs() -> None:
    tied = np.full((5, 4), 7.0)
    assert friedman(tied).p == kruskal_wallis(list(tied.T)).p == 1
    assert signed_rank_p(tied[:, 0], tied[:, 1]) == rank_sum_p(tied[:, 0], tied[:, 1]) == 1


def test_too_little_for_a_test_is_no_test() -> None:
    assert friedman(np.ones((1, 5))) is None
    assert friedman(np.ones((5, 2))) is None
    assert kruskal_wallis([np.ones(4)]) is None
    assert kruskal_wallis([np.ones(4), []]) is None
    assert kruskal_wallis([]) is None


def test_holm_steps_down() -> None:
    """Holm's rule by hand: the smallest times 4, the next times 3, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


# ---- intervals ----

def draw(generator: np.random.Generator, kind: str, n: int) -> tuple[np.ndarray, float, float]:
    """Many samples, with the true mean and median."""
    if kind == "skewed":
        shape = 4.0
        return generator.gamma(shape, 1, (2000, n)), shape, 3.672060748850897
    if kind == "even steps":  # a picture is read at one of few frames
        return 2 * generator.binomial(50, 0.6, (2000, n)).astype(float), 60.0, 60.0
    return generator.normal(60, 5, (2000, n)), 60.0, 60.0


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("kind", ["normal", "skewed", "even steps"])
def test_the_means_interval_covers_95_percent(kind: str, n: int) -> None:
    samples, mean, _ = draw(np.random.default_rng(n), kind, n)
    covered = np.mean([low <= mean <= high for low, high in map(mean_interval, samples)])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("n", [20, 40, 100])
@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_the_medians_interval_covers_95_percent(kind: str, n: int) -> None:
    samples, _, median = draw(np.random.default_rng(n), kind, n)
    covered = np.mean([low <= median <= high for low, high in map(median_interval, samples)])
    assert 0.945 <= covered <= 0.97


def test_where_values_tie_the_medians_interval_covers_more() -> None:
    samples, _, median = draw(np.random.default_rng(0), "even steps", 100)
    assert np.mean([low <= median <= high for low, high in map(median_interval, samples)]) > 0.97


def test_the_medians_interval_is_that_of_the_sign_test() -> None:
    """quantile_test(x, p=0.5).confidence_interval(0.95): order statistics 40 and 61 of 100, 3 and 10 of 12."""
    assert median_interval(np.arange(1, 101)) == (40, 61)
    assert median_interval(np.arange(12, 0, -1)) == (3, 10)
    assert median_interval(np.arange(5)) is None
    assert median_interval([1, 2, 3, 4, 5, np.inf]) == (1, np.inf)


def test_an_interval_needs_two_values() -> None:
    assert mean_interval([1.0]) is None
    low, high = mean_interval([1.0, 3.0])
    assert (low + high) / 2 == 2
    assert high - low == pytest.approx(2 * 12.706204736432095)
    assert math.isfinite(low)


def test_the_interval_of_a_share_is_wilsons_and_covers_95_percent() -> None:
    """binomtest(k, n).proportion_ci(method="wilson"); coverage counted out over all k."""
    assert share_interval(7, 20) == pytest.approx((0.18119182, 0.56714571), abs=1e-7)
    assert share_interval(0, 10) == pytest.approx((0.0, 0.27753279), abs=1e-7)
    assert share_interval(0, 0) == (0.0, 1.0)
    n, shares = 100, np.linspace(0.05, 0.95, 181)
    inside = np.array([[low <= share <= high for low, high in (share_interval(k, n) for k in range(n + 1))]
                       for share in shares])
    chance = np.array([[math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)] for share in shares])
    assert 0.93 <= (inside * chance).sum(axis=1).mean() <= 0.97
