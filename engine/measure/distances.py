"""How far apart two sets of pictures are, from their features. numpy in float64, no torch.

Distances between all pairs are never held at once: they are worked through in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import DiffuscopeError

Float64 = NDArray[np.float64]
Features = NDArray[np.floating]  # (N, width)

NEIGHBOURS = 5  # k of density and coverage, and of precision and recall
BLOCK = 250  # rows of the distance matrix at once: 10 MB for 5,000 columns


@dataclass(frozen=True, slots=True)
class SetDistances:
    """A set of pictures against a reference set; only frechet is a distance, the others are shares (density about 1).

    frechet: Frechet distance of two Gaussians, in squared units of the features (Heusel et al. 2017, 1706.08500).
    precision: share of the pictures that lie among real ones; recall: share of the real ones that lie among the
    pictures (Kynkaanniemi et al. 2019, 1904.06991). density: how many real neighbourhoods a picture lies in, over
    k; coverage: share of real neighbourhoods that hold a picture (Naeem et al. 2020, 2002.09797). The last two
    are hardly moved by outliers.
    """

    frechet: float
    precision: float
    recall: float
    density: float
    coverage: float


def gaussian(features: Features) -> tuple[Float64, Float64]:
    """Mean (width,) and unbiased covariance (width, width) of features (N, width), N at least 2."""
    values = np.asarray(features, dtype=np.float64)
    mean = values.mean(axis=0)
    centred = values - mean
    return mean, centred.T @ centred / (len(values) - 1)


def frechet_of_gaussians(mean_a: Float64, covariance_a: Float64, mean_b: Float64, covariance_b: Float64) -> float:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), Dowson and Landau 1982.

    The matrix under the root is symmetric and has the eigenvalues of A B, so two symmetric eigendecompositions do
    what is otherwise a general matrix square root, without its complex rounding; eigenvalues that rounding
    made negative count as 0.
    """
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    inner = root @ covariance_b @ root
    eigenvalues = np.clip(np.linalg.eigvalsh((inner + inner.T) / 2), 0, None)
    difference = mean_a - mean_b
    distance = (difference @ difference + np.trace(covariance_a) + np.trace(covariance_b)
                - 2 * np.sqrt(eigenvalues).sum())
    return max(0.0, float(distance))


def frechet(a: Features, b: Features) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features (N, width), (M, width)."""
    return frechet_of_gaussians(*gaussian(a), *gaussian(b))


def neighbour_radii(features: Features, k: int = NEIGHBOURS) -> Generator[None, None, Float64]:
    """Squared distance from each of (N, width) to its k-th nearest other one, (N,); yields after each block.

    Raises DiffuscopeError for fewer than k + 1.
    """
    values = np.asarray(features, dtype=np.float64)
    if len(values) <= k:
        raise DiffuscopeError(f"Comparing sets by {k} neighbours needs at least {k + 1} pictures; "
                              f"{len(values)} are too few.")
    radii = np.empty(len(values))
    for begin in range(0, len(values), BLOCK):
        block = _squared_distances(values[begin : begin + BLOCK], values)
        rows = np.arange(len(block))
        block[rows, begin + rows] = np.inf  # a picture is not its own neighbour
        radii[begin : begin + BLOCK] = np.partition(block, k - 1, axis=1)[:, k - 1]
        yield
    return radii


def compare(reference: Features, pictures: Features, reference_radii: Float64, *, k: int = NEIGHBOURS,
            ) -> Generator[None, None, SetDistances]:
    """Pictures (M, width) against a reference (N, width) with its `neighbour_radii`; yields after each block.

    A neighbourhood is the ball around a picture that reaches to its k-th nearest other one of the same set. For
    precision and recall its surface counts, as in their paper's equation 1; for density and coverage it does not,
    so that a set compared with itself has density 1.
    """
    radii = yield from neighbour_radii(pictures, k)
    real = np.asarray(reference, dtype=np.float64)
    made = np.asarray(pictures, dtype=np.float64)
    precise = np.zeros(len(made), dtype=bool)
    recalled, covered = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    inside = 0
    for begin in range(0, len(real), BLOCK):
        rows = slice(begin, begin + BLOCK)
        block = _squared_distances(real[rows], made)
        reach = reference_radii[rows, None]
        precise |= (block <= reach).any(axis=0)
        recalled[rows] = (block <= radii[None]).any(axis=1)
        within = block < reach
        covered[rows] = within.any(axis=1)
        inside += int(within.sum())
        yield
    return SetDistances(
        frechet=frechet(real, made), precision=float(precise.mean()), recall=float(recalled.mean()),
        density=inside / (k * len(made)), coverage=float(covered.mean()))


def _squared_distances(a: Float64, b: Float64) -> Float64:
    """(N, M) from (N, width) and (M, width), exact to rounding of float64 and never negative."""
    products = a @ b.T
    products *= -2
    products += np.einsum("ij,ij->i", a, a)[:, None]
    products += np.einsum("ij,ij->i", b, b)[None]
    return np.maximum(products, 0, out=products)
