"""Distances of sets: closed forms, brute force, and sets whose answer is known."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import DiffuscopeError
from engine.measure import distances
from engine.measure.distances import (
    SetDistances,
    compare,
    frechet,
    frechet_of_gaussians,
    gaussian,
    neighbour_radii,
)

T = TypeVar("T")
Points = NDArray[np.float64]


def value(generator: Generator[None, None, T]) -> T:
    """What a generator returns."""
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            result: T = stop.value
            return result


def compared(reference: Points, pictures: Points, k: int = 5) -> SetDistances:
    return value(compare(reference, pictures, value(neighbour_radii(reference, k)), k=k))


def rotation(width: int, rng: np.random.Generator) -> Points:
    return np.linalg.qr(rng.standard_normal((width, width)))[0]


# ---- Frechet -----------------------------------------------------------------------------------------

def test_frechet_of_gaussians_that_share_their_axes() -> None:
    """Then it is |mean difference|^2 + sum (sd_a - sd_b)^2, whatever the rotation."""
    rng = np.random.default_rng(0)
    axes = rotation(6, rng)
    sd_a, sd_b = rng.uniform(0.1, 3, 6), rng.uniform(0.1, 3, 6)
    mean_a, mean_b = rng.standard_normal(6), rng.standard_normal(6)
    found = frechet_of_gaussians(mean_a, axes @ np.diag(sd_a**2) @ axes.T, mean_b, axes @ np.diag(sd_b**2) @ axes.T)
    assert found == pytest.approx(((mean_a - mean_b) ** 2).sum() + ((sd_a - sd_b) ** 2).sum(), rel=1e-12)


def test_frechet_of_two_dimensions_with_different_axes() -> None:
    """For 2 x 2, tr (A B)^1/2 = sqrt(tr AB + 2 sqrt(det AB))."""
    a, b = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[0.5, -0.4], [-0.4, 3.0]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * root
    assert frechet_of_gaussians(np.zeros(2), a, np.zeros(2), b) == pytest.approx(expected, rel=1e-12)


def test_frechet_is_symmetric_zero_for_equals_and_stands_dead_features() -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal((300, 8)) @ rng.standard_normal((8, 8))
    b = rng.standard_normal((200, 8)) + 0.3
    a[:, 3] = b[:, 3] = 0  # a unit that never fires
    b[:, 5] = b[:, 4]  # one that says nothing new
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-7)  # roots of eigenvalues that are 0 but for rounding
    assert frechet(a, b) > 0.5
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, a + 2.0) == pytest.approx(4 * 8, rel=1e-6)


def test_frechet_of_samples_nears_that_of_their_gaussians() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((200_000, 2)), 2 * rng.standard_normal((200_000, 2)) + [1, 0]
    assert frechet(a, b) == pytest.approx(1 + 2, rel=0.02)


def test_gaussian_is_mean_and_unbiased_covariance_in_double_precision() -> None:
    values = np.random.default_rng(3).standard_normal((50, 4)).astype(np.float32) + 1000
    mean, covariance = gaussian(values)
    assert mean.dtype == covariance.dtype == np.float64
    np.testing.assert_allclose(covariance, np.cov(values.astype(np.float64), rowvar=False), rtol=1e-10)


# ---- neighbours --------------------------------------------------------------------------------------

def brute_force(real: Points, made: Points, k: int) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage, word by word as their papers define them."""
    def distance(p: Points, q: Points) -> float:
        return float(((p - q) ** 2).sum())

    def reach(points: Points, i: int) -> float:
        return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]

    real_reach = [reach(real, i) for i in range(len(real))]
    made_reach = [reach(made, j) for j in range(len(made))]
    precision = sum(any(distance(r, m) <= real_reach[i] for i, r in enumerate(real)) for m in made) / len(made)
    recall = sum(any(distance(r, m) <= made_reach[j] for j, m in enumerate(made)) for r in real) / len(real)
    density = sum(distance(r, m) < real_reach[i] for i, r in enumerate(real) for m in made) / (k * len(made))
    coverage = sum(any(distance(r, m) < real_reach[i] for m in made) for i, r in enumerate(real)) / len(real)
    return precision, recall, density, coverage


@pytest.mark.parametrize(("k", "block"), [(1, 7), (3, 40), (5, 1000)])
def test_neighbours_agree_with_brute_force(k: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a grid of whole numbers, where distances are exact and many are equal."""
    monkeypatch.setattr(distances, "BLOCK", block)
    rng = np.random.default_rng(k)
    for shift in (0, 2, 5):
        real = rng.integers(0, 8, (37, 3)).astype(np.float64)
        made = rng.integers(0, 6, (29, 3)).astype(np.float64) + shift
        found = compared(real, made, k)
        assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(
            brute_force(real, made, k), abs=1e-12)


def test_a_set_against_itself() -> None:
    points = np.random.default_rng(0).permutation(400)[:200, None] * np.ones(2)  # no two alike, all distances exact
    found = compared(points, points)
    assert found.frechet == pytest.approx(0, abs=1e-6)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert 0.8 <= found.density <= 1  # a neighbourhood holds its centre and its k - 1 nearest, fewer in a tie


def test_two_draws_of_one_distribution_have_density_one() -> None:
    rng = np.random.default_rng(4)
    found = compared(rng.standard_normal((1500, 4)), rng.standard_normal((1500, 4)))
    assert found.density == pytest.approx(1, abs=0.05)
    assert found.coverage == pytest.approx(1 - 0.5**5, abs=0.02)  # Naeem et al. 2020, eq. 9, for equal sizes
    assert found.frechet < 0.05


def test_disjoint_sets() -> None:
    rng = np.random.default_rng(5)
    found = compared(rng.standard_normal((100, 3)), rng.standard_normal((100, 3)) + 1000)
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)
    assert found.frechet == pytest.approx(3e6, rel=0.01)


def test_a_dropped_mode_shows_in_coverage_and_recall_only() -> None:
    """Ten clusters of which five are drawn: what is drawn is right, half of what there is never comes."""
    rng = np.random.default_rng(6)
    centres = 100.0 * np.arange(10)
    real = np.repeat(centres, 40)[:, None] + rng.standard_normal((400, 2))
    made = np.repeat(centres[:5], 80)[:, None] + rng.standard_normal((400, 2))
    whole, half = compared(real, np.repeat(centres, 40)[:, None] + rng.standard_normal((400, 2))), compared(real, made)
    assert whole.coverage > 0.9
    assert whole.recall > 0.9
    assert half.coverage == pytest.approx(0.5, abs=0.03)
    assert half.recall == pytest.approx(0.5, abs=0.05)
    assert half.precision > 0.9
    assert half.density == pytest.approx(whole.density, rel=0.25)


def test_one_picture_again_and_again_is_precise_and_covers_next_to_nothing() -> None:
    rng = np.random.default_rng(7)
    real = rng.standard_normal((300, 3))
    found = compared(real, np.tile(real[:1], (300, 1)))
    assert found.precision == 1
    assert found.coverage < 0.1
    assert found.recall < 0.1


def test_work_is_done_in_blocks_with_a_pause_after_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK", 10)
    points = np.random.default_rng(8).standard_normal((45, 3))
    assert len(list(neighbour_radii(points))) == 5
    assert len(list(compare(points, points[:25], value(neighbour_radii(points))))) == 3 + 5


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DiffuscopeError, match="needs at least 6 pictures; 5 are too few"):
        value(neighbour_radii(np.zeros((5, 3))))
