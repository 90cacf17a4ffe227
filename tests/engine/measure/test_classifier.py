"""The classifier that finds out what a set of pictures is worth."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest
import torch

from engine.measure.classifier import Pictures, read, train_classifiers
from engine.measure.recipe import Recipe

T = TypeVar("T")
SHORT = Recipe(num_steps=40, batch_size=16)


def finish(work: Generator[None, None, T]) -> tuple[T, int]:
    steps = 0
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value, steps
        steps += 1


def two_kinds(count: int, channels: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that are bright on the left (class 0) or on the right (class 1), in noise."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (count, channels, size, size), dtype=np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, :, :, : size // 2] += 120
    images[labels == 1, :, :, size // 2 :] += 120
    return images, labels


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_it_learns_what_tells_two_kinds_apart(channels: int, size: int) -> None:
    networks, steps = finish(train_classifiers([Pictures(*two_kinds(40, channels, size, 0))], 2, 0, SHORT))
    assert steps == SHORT.num_steps
    images, labels = two_kinds(60, channels, size, 1)
    (answers,), parts = finish(read(networks, images))
    assert (answers == labels).mean() > 0.95
    assert parts == 1
    assert not networks[0].training


def test_labels_drawn_by_lot_teach_nothing_and_those_beside_them_all() -> None:
    images, labels = two_kinds(40, 1, 28, 0)
    sets = [Pictures(images, np.random.default_rng(0).permutation(labels)), Pictures(images, labels)]
    networks, _ = finish(train_classifiers(sets, 2, 0, SHORT))
    tested, truth = two_kinds(200, 1, 28, 1)
    lot, right = finish(read(networks, tested))[0]
    assert (lot == truth).mean() < 0.9
    assert (right == truth).mean() > 0.95


def test_a_seed_decides_everything_also_beside_others() -> None:
    pictures, recipe = Pictures(*two_kinds(20, 1, 28, 0)), Recipe(num_steps=3)
    torch.manual_seed(1)
    (one, beside), _ = finish(train_classifiers([pictures, pictures], 2, 7, recipe))
    torch.manual_seed(2)
    (same,), _ = finish(train_classifiers([pictures], 2, 7, recipe))
    (other,), _ = finish(train_classifiers([pictures], 2, 8, recipe))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), beside.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.allclose(one.out.weight, other.out.weight, atol=1e-3)


def test_fewer_pictures_than_a_batch_come_round_again() -> None:
    networks, steps = finish(train_classifiers([Pictures(*two_kinds(2, 1, 28, 0))], 2, 0,
                                               Recipe(num_steps=2, batch_size=8)))
    assert len(networks) == 1
    assert steps == 2
