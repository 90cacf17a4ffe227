"""Calibration: errors worked out by hand, and temperatures that undo a known one."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measure.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood


def drawn(count: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the probability that the labels were drawn from."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.standard_normal((count, 10))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (probabilities.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return logits, labels.astype(np.int64)


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_calibration_error_by_hand() -> None:
    """Two bins are in use: 0.9 said and 0.5 right, four pictures; 0.6 said and 1.0 right, one picture."""
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.4, 0.6]])
    labels = np.array([0, 0, 1, 1, 1])
    assert expected_calibration_error(probabilities, labels) == pytest.approx((4 * 0.4 + 1 * 0.4) / 5)


def test_certainty_belongs_to_the_last_bin() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 0])) == 0
    assert expected_calibration_error(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])) == pytest.approx(0.5)


def test_true_probabilities_are_calibrated_and_sharpened_ones_are_not() -> None:
    logits, labels = drawn(40_000, 1.5)
    assert expected_calibration_error(softmax(logits), labels) < 0.01
    assert expected_calibration_error(softmax(2 * logits), labels) > 0.1


def test_likelihood_loss_is_the_mean_log_probability() -> None:
    logits, labels = drawn(50, 1.0)
    expected = -np.log(softmax(logits / 1.7)[np.arange(50), labels]).mean()
    assert negative_log_likelihood(logits, labels, 1.7) == pytest.approx(expected, rel=1e-12)
    assert np.isfinite(negative_log_likelihood(logits * 1e4, labels))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_is_found_again(temperature: float) -> None:
    logits, labels = drawn(40_000, 1.5, seed=1)
    found = fit_temperature(logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.03)
    best = negative_log_likelihood(logits * temperature, labels, found)
    for other in (0.97 * found, 1.03 * found):
        assert best < negative_log_likelihood(logits * temperature, labels, other)


def test_a_temperature_stays_in_its_bounds() -> None:
    logits, labels = drawn(500, 1.0)
    assert fit_temperature(logits * 100, labels, 0.25, 4.0) == pytest.approx(4.0, rel=0.01)
    right = np.eye(10)[labels]  # always right: the surer the better
    assert fit_temperature(right, labels, 0.25, 4.0) == pytest.approx(0.25, rel=0.01)
