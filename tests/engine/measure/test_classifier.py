"""The classifier that finds out what a set of pictures is worth."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest
import torch

from engine.measure.classifier import Classifier, read, shifted, to_input, train_classifier
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
    network, steps = finish(train_classifier(*two_kinds(40, channels, size, 0), 2, 0, SHORT))
    assert steps == SHORT.num_steps
    images, labels = two_kinds(60, channels, size, 1)
    answers, parts = finish(read(network, images))
    assert (answers == labels).mean() > 0.95
    assert parts == 1
    assert not network.training


def test_labels_drawn_by_lot_teach_nothing() -> None:
    images, labels = two_kinds(40, 1, 28, 0)
    network, _ = finish(train_classifier(images, np.random.default_rng(0).permutation(labels), 2, 0, SHORT))
    tested, truth = two_kinds(200, 1, 28, 1)
    assert (finish(read(network, tested))[0] == truth).mean() < 0.9


def test_a_seed_decides_everything() -> None:
    images, labels = two_kinds(20, 1, 28, 0)
    torch.manual_seed(1)
    one, _ = finish(train_classifier(images, labels, 2, 7, Recipe(num_steps=3)))
    torch.manual_seed(2)
    same, _ = finish(train_classifier(images, labels, 2, 7, Recipe(num_steps=3)))
    other, _ = finish(train_classifier(images, labels, 2, 8, Recipe(num_steps=3)))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.out.weight, other.out.weight)


def test_fewer_pictures_than_a_batch_come_round_again() -> None:
    images, labels = two_kinds(2, 1, 28, 0)
    network, steps = finish(train_classifier(images, labels, 2, 0, Recipe(num_steps=2, batch_size=8)))
    assert isinstance(network, Classifier)
    assert steps == 2


def test_shifted_pictures_keep_their_values_and_repeat_their_border() -> None:
    images = torch.arange(2 * 3 * 6 * 6, dtype=torch.uint8).reshape(2, 3, 6, 6)
    moved = shifted(images, 2, torch.Generator().manual_seed(3))
    assert moved.shape == images.shape
    assert not torch.equal(moved, images)
    for picture, before in zip(moved, images, strict=True):
        for channel, own in zip(picture, before, strict=True):
            assert set(channel.flatten().tolist()) <= set(own.flatten().tolist())
    assert shifted(images, 0, torch.Generator()) is images
    assert to_input(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]
