"""The noise judge: as good at each level as its record says, calibrated, and refused in a sentence when damaged."""

from __future__ import annotations

import itertools
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data.catalogue import load_dataset
from engine.errors import DiffuscopeError
from engine.measure.calibration import expected_calibration_error
from engine.measure.judge_files import NOISE_JUDGE_FILE, accuracy_at
from engine.measure.noise_judge import NoiseJudge, NoiseJudgeNetwork, noisy


@pytest.fixture(scope="module")
def judge() -> NoiseJudge:
    return NoiseJudge.load()


def noised(sigma: float, count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Test pictures x_t (N, 28, 28) at one noise level, and their labels."""
    data = load_dataset("mnist")
    chosen = np.arange(0, 10_000, 10_000 // count)
    x0 = data.test_images[chosen, 0].astype(np.float32) / 127.5 - 1
    eps = np.random.default_rng(int(1000 * sigma)).standard_normal(x0.shape).astype(np.float32)
    return (x0 + sigma * eps) / math.sqrt(1 + sigma**2), data.test_labels[chosen]


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0, 2.0, 4.0])
def test_its_accuracy_at_a_level_is_the_recorded_one(judge: NoiseJudge, sigma: float) -> None:
    """On a tenth of the test set: within three standard errors."""
    x, labels = noised(sigma)
    accuracy = (judge.read(x, sigma).argmax(axis=1) == labels).mean()
    known = float(accuracy_at(judge.record, sigma))
    assert abs(accuracy - known) <= 3 * math.sqrt(known * (1 - known) / 1000) + 0.002


def test_its_probabilities_are_fair_at_every_level(judge: NoiseJudge) -> None:
    for level in judge.record["levels"]:
        assert level["calibration_error"] <= 0.025, level
    for sigma in (0.7, 1.7, 3.7, 9.0):  # between the levels that temperatures were fitted at
        x, labels = noised(sigma, 2500)
        assert expected_calibration_error(judge.read(x, sigma), labels) < 0.04


def test_its_record_covers_the_whole_range(judge: NoiseJudge) -> None:
    levels = judge.record["levels"]
    assert levels[0]["sigma"] == 0
    assert levels[0]["accuracy"] == judge.record["test_accuracy"] >= 0.99
    sigmas = [level["sigma"] for level in levels]
    assert sigmas == sorted(sigmas)
    assert sigmas[1] <= 0.02 < 100 <= sigmas[-1] + 1e-3
    shares = [level["accuracy"] for level in levels]
    assert all(later <= earlier + 0.015 for earlier, later in itertools.pairwise(shares))
    assert judge.record["sha256"] == judge.sha256
    assert NOISE_JUDGE_FILE.stat().st_size <= 1_000_000


def test_pure_noise_is_no_digit_in_particular(judge: NoiseJudge) -> None:
    x = np.random.default_rng(0).standard_normal((200, 28, 28)).astype(np.float32)
    probabilities = judge.read(x, 150.0)
    assert probabilities.max() < 0.25
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_levels_beyond_the_range_are_held_at_its_ends(judge: NoiseJudge) -> None:
    x, _ = noised(0.0, 100)
    np.testing.assert_array_equal(judge.read(x, 0.0), judge.read(x, 0.001))
    np.testing.assert_array_equal(judge.read(x, 200.0), judge.read(x, 1e6))
    assert not np.array_equal(judge.read(x, 0.0), judge.read(x, 0.5))


def test_pictures_with_their_own_levels_in_the_form_of_trajectories(judge: NoiseJudge) -> None:
    x = np.concatenate([noised(0.5, 10)[0], noised(2.0, 10)[0]])
    sigma = np.repeat([0.5, 2.0], 10)
    together = judge.read(x, sigma)
    np.testing.assert_allclose(together[:10], judge.read(x[:10], 0.5), atol=1e-5)
    np.testing.assert_allclose(together[10:], judge.read(x[10:], 2.0), atol=1e-5)
    np.testing.assert_allclose(together, judge.read(x[:, None].astype(np.float16), sigma), atol=0.02)
    assert judge.read(x[:0], 1.0).shape == (0, 10)


@pytest.mark.parametrize("x", [
    np.zeros((2, 32, 32), dtype=np.float32), np.zeros((2, 28, 28), dtype=np.uint8),
    np.zeros((2, 3, 28, 28), dtype=np.float32), np.zeros((28, 28), dtype=np.float32)])
def test_other_pictures_are_refused(judge: NoiseJudge, x: np.ndarray) -> None:
    with pytest.raises(DiffuscopeError, match="reads grey pictures of 28 x 28 numbers"):
        judge.read(x, 1.0)


@pytest.mark.parametrize("sigma", [-1.0, math.nan, [1.0], [1.0, -0.1, 1.0]])
def test_other_levels_are_refused(judge: NoiseJudge, sigma: object) -> None:
    with pytest.raises(DiffuscopeError, match="A noise level is a number from 0 up"):
        judge.read(np.zeros((3, 28, 28), dtype=np.float32), sigma)


def test_a_damaged_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match="cannot be read") as refused:
        NoiseJudge.load(tmp_path / "none.safetensors")
    assert "train_noise_judge.py" in refused.value.advice
    copy = tmp_path / "judge.safetensors"
    shutil.copy(NOISE_JUDGE_FILE, copy)
    shutil.copy(NOISE_JUDGE_FILE.with_suffix(".json"), copy.with_suffix(".json"))
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    with pytest.raises(DiffuscopeError, match="checksum differs"):
        NoiseJudge.load(copy)
    copy.with_suffix(".json").unlink()
    copy.write_bytes(b"\x80\x04pickle")
    with pytest.raises(DiffuscopeError, match="does not hold the noise judge's weights"):
        NoiseJudge.load(copy)


# ---- its parts, untrained ------------------------------------------------------------------------------

def test_noisy_keeps_the_variance_of_a_unit_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 2, 1, 200, 200, generator=generator)
    x = noisy(x0, torch.tensor([0.5, 3.0]), eps)
    assert x.var(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1], abs=0.03)
    torch.testing.assert_close(noisy(x0, torch.zeros(2), eps), x0)
    torch.testing.assert_close(x[1], (x0[1] + 3 * eps[1]) / math.sqrt(10))


def test_the_temperature_is_interpolated_in_log_sigma() -> None:
    network = NoiseJudgeNetwork(num_levels=3)
    network.temperatures.copy_(torch.tensor([1.0, 2.0, 4.0]))
    middle = float(network.temperature_levels[1].exp())
    low, high = network.temperature_levels[[0, 2]].exp().tolist()
    asked = torch.tensor([0.0, low, math.sqrt(low * middle), middle, math.sqrt(middle * high), high, 1e9])
    torch.testing.assert_close(network.temperature(asked), torch.tensor([1.0, 1.0, 1.5, 2.0, 3.0, 4.0, 4.0]))
    x, sigma = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(1)), torch.full((2,), middle)
    network.eval()
    torch.testing.assert_close(network(x, sigma), network.uncalibrated(x, sigma) / 2)


def test_recorded_accuracy_is_interpolated_and_held_at_the_ends() -> None:
    record = {"levels": [{"sigma": s, "accuracy": a} for s, a in [(0, 1.0), (0.1, 0.9), (10.0, 0.3)]]}
    np.testing.assert_allclose(accuracy_at(record, [0, 0.05, 0.1, 1.0, 10, 99]), [0.9, 0.9, 0.9, 0.6, 0.3, 0.3])
