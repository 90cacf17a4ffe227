"""Whether probabilities mean what they say: the calibration of a classifier. numpy, no torch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Labels = NDArray[np.int64]

BINS = 15


def expected_calibration_error(probabilities: Floats, labels: Labels, bins: int = BINS) -> float:
    """Mean distance of confidence and accuracy over equal bins of confidence (Guo et al. 2017, 1706.04599, eq. 3).

    probabilities (N, classes), labels (N,); confidence is the largest probability. 0 is calibrated. With finite
    N even calibrated probabilities have a small error, about 0.4 sqrt(bins in use / N) at most.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def negative_log_likelihood(logits: Floats, labels: Labels, temperature: float = 1.0) -> float:
    """Mean -ln of the probability that softmax(logits / temperature) gives to the label, logits (N, classes)."""
    scaled = logits.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float((total - scaled[np.arange(len(labels)), labels]).mean())


def fit_temperature(logits: Floats, labels: Labels, low: float = 0.25, high: float = 4.0) -> float:
    """The temperature of smallest likelihood loss, between low and high, to a thousandth of itself.

    Golden section on ln T; the loss has one minimum in 1/T, since it is convex there.
    """
    shrink = (math.sqrt(5) - 1) / 2
    a, b = math.log(low), math.log(high)

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits, labels, math.exp(log_temperature))

    c, d = b - shrink * (b - a), a + shrink * (b - a)
    at_c, at_d = loss(c), loss(d)
    while b - a > 1e-3:
        if at_c < at_d:
            b, d, at_d = d, c, at_c
            c = b - shrink * (b - a)
            at_c = loss(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + shrink * (b - a)
            at_d = loss(d)
    return math.exp((a + b) / 2)
