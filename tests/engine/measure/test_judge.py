"""The judge that ships: accurate on real digits, and refused in a sentence when its file is not what it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.data.catalogue import load_dataset
from engine.errors import DiffuscopeError
from engine.measure.judge import Judge
from engine.measure.judge_files import JUDGE_FILE


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_it_reads_real_test_digits(judge: Judge) -> None:
    """A fifth of the test set: enough to tell 99 % from 97 %."""
    data = load_dataset("mnist")
    images, labels = data.test_images[::5, 0], data.test_labels[::5]
    probabilities = judge.read(images)
    assert probabilities.shape == (2000, 10)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.99


def test_its_record_says_how_good_it_is(judge: Judge) -> None:
    assert judge.record["test_accuracy"] >= 0.994
    assert judge.record["sha256"] == judge.sha256
    assert JUDGE_FILE.stat().st_size <= 2_000_000


def test_an_answer_does_not_depend_on_what_else_is_read(judge: Judge) -> None:
    images = load_dataset("mnist").test_images[:600, 0]
    together = judge.read(images)
    np.testing.assert_allclose(together[555:556], judge.read(images[555:556]), atol=1e-6)


def test_features_are_the_hidden_layer(judge: Judge) -> None:
    images = load_dataset("mnist").test_images[:20, 0]
    features = judge.features(images)
    assert features.shape == (20, 128)
    assert features.min() == 0
    assert features.std() > 0.1


def test_noise_is_no_digit_in_particular(judge: Judge) -> None:
    digits = judge.read(load_dataset("mnist").test_images[:200, 0]).max(axis=1).mean()
    noise = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    assert digits > 0.95
    assert judge.read(noise).max(axis=1).mean() < 0.5
    assert judge.read(np.empty((0, 28, 28), dtype=np.uint8)).shape == (0, 10)


@pytest.mark.parametrize("images", [
    np.zeros((2, 32, 32), dtype=np.uint8), np.zeros((2, 28, 28), dtype=np.float32),
    np.zeros((2, 28, 28, 3), dtype=np.uint8)])
def test_other_pictures_are_refused(judge: Judge, images: np.ndarray) -> None:
    with pytest.raises(DiffuscopeError, match="The judge reads grey pictures of 28 x 28 bytes"):
        judge.read(images)


def test_a_damaged_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match="cannot be read"):
        Judge.load(tmp_path / "none.safetensors")
    copy = tmp_path / "judge.safetensors"
    shutil.copy(JUDGE_FILE, copy)
    shutil.copy(JUDGE_FILE.with_suffix(".json"), copy.with_suffix(".json"))
    assert Judge.load(copy).sha256 == Judge.load().sha256
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    with pytest.raises(DiffuscopeError, match="checksum differs"):
        Judge.load(copy)
    copy.with_suffix(".json").unlink()
    copy.write_bytes(b"\x80\x04pickle")
    with pytest.raises(DiffuscopeError, match="does not hold the judge's weights"):
        Judge.load(copy)
