"""Judges are trained alike for every data set: what they learn, how they are kept, and that the seed decides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data.dataset import Dataset
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.judge import Judge
from engine.measure.judge_training import Recipe, Trained, flipped, shifted, train_judge
from engine.measure.noise_judge import NoiseJudge
from engine.measure.noise_judge_training import NoiseRecipe, train_noise_judge


def stripes(channels: int, size: int, count: int, flips: tuple[bool, ...] = ()) -> Dataset:
    """Two classes that a child tells apart: upright stripes and lying ones, in noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.int64) % 2
    wave = np.where(np.arange(size) // 4 % 2, 200, 30)
    images = np.where(labels[:, None, None] == 0, wave[None, None, :], wave[None, :, None])
    images = np.repeat(images[:, None], channels, axis=1) + rng.integers(0, 50, (count, channels, size, size))
    images = images.astype(np.uint8)
    half = count // 2
    return Dataset("stripes", "Stripes", ("upright", "lying"), channels, size, images[:half], labels[:half],
                   images[half:], labels[half:], flips)


def result(work) -> Trained:
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value


@pytest.fixture(scope="module")
def coloured() -> Dataset:
    return stripes(3, 32, 400, (True, True))


def test_a_coloured_judge_learns_reads_and_is_kept(coloured: Dataset, tmp_path: Path) -> None:
    trained = result(train_judge(coloured, Recipe(epochs=4, batch=20)))
    file = tmp_path / "judges" / "stripes-judge.safetensors"
    trained.save(file)
    record = json.loads(file.with_suffix(".json").read_text())
    assert (record["num_classes"], record["channels"], record["size"]) == (2, 3, 32)
    assert (record["data"], record["data_sha256"]) == ("stripes", coloured.train_sha256)
    assert record["flips"] == ["upright", "lying"]
    judge = Judge.load(file)
    read = judge.read(coloured.test_images)
    assert read.shape == (200, 2)
    right = (read.argmax(axis=1) == coloured.test_labels).mean()
    assert record["test_accuracy"] == right > 0.95
    # Pictures as samplers make them, channels last, are the same pictures.
    np.testing.assert_allclose(judge.read(coloured.test_images[:7].transpose(0, 2, 3, 1)), read[:7], atol=1e-6)
    np.testing.assert_allclose(trained.judge.read(coloured.test_images), read, atol=1e-5)


def test_the_seed_decides_whatever_else_draws_meanwhile(coloured: Dataset) -> None:
    first = result(train_judge(coloured, Recipe(epochs=1, batch=50)))
    work = train_judge(coloured, Recipe(epochs=1, batch=50))
    while True:
        torch.rand(3)
        try:
            next(work)
        except StopIteration as stop:
            again = stop.value
            break
    assert first.packed == again.packed
    assert first.packed != result(train_judge(coloured, Recipe(epochs=1, batch=50, seed=1))).packed


def test_training_leaves_the_global_generator_alone(coloured: Dataset) -> None:
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    events = list(train_judge(coloured, Recipe(epochs=1, batch=100)))
    assert torch.equal(torch.rand(4), expected)
    assert [(e.n, e.total) for e in events if isinstance(e, JobProgress)] == [(0, 2), (1, 2), (2, 2)]


def test_a_noise_judge_of_colour_is_surer_where_there_is_less_noise(coloured: Dataset, tmp_path: Path) -> None:
    trained = result(train_noise_judge(coloured, NoiseRecipe(epochs=6, batch=16)))
    file = tmp_path / "stripes-noise-judge.safetensors"
    trained.save(file)
    levels = trained.record["levels"]
    assert levels[0]["accuracy"] > 0.95
    assert levels[-1]["accuracy"] < 0.75
    judge = NoiseJudge.load(file)
    x = coloured.test_images[:5].astype(np.float32) / 127.5 - 1
    np.testing.assert_allclose(judge.read(x, 0.0), trained.judge.read(x, 0.0), atol=1e-5)
    assert judge.read(x, 0.0).shape == (5, 2)


def test_too_few_pictures_make_no_judge() -> None:
    with pytest.raises(BadSetting, match="Stripes has 6 pictures for a judge to learn from; it needs 20"):
        next(train_judge(stripes(1, 28, 12), Recipe()))


def test_shifts_repeat_the_border_and_only_allowed_classes_are_mirrored() -> None:
    images = torch.arange(2 * 1 * 6 * 6, dtype=torch.uint8).reshape(2, 1, 6, 6)
    moved = shifted(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert set(moved[0].unique().tolist()) <= set(images[0].unique().tolist())
    many = images[:1].repeat(64, 1, 1, 1)
    labels = torch.arange(64) % 2
    mirrored = flipped(many, labels, (False, True), torch.Generator().manual_seed(0))
    same = (mirrored == many).flatten(1).all(dim=1)
    assert same[labels == 0].all()
    assert 8 < int((~same[labels == 1]).sum()) < 24
    assert torch.equal(mirrored[~same][0], images[0].flip(-1))
    assert flipped(many, labels, (), torch.Generator()) is many
