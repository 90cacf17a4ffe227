"""Runs that were never trained: curves of losses, validation losses and shares read right, whose kind is known.

A loss is floor + scale (1 + step / turn)^-power, times noise of a batch. The ones the verdict's rule was tuned on and
the ones it is tested on share no seed, length, noise or learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.measure.verdict import Kind, Verdict, verdict

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """One run. noise: standard deviation of a batch's loss, of its mean. rate: of learning; twice as much turns the
    curve twice as early. ending: "" (goes on), "spike" (one in the middle, over soon), "rises", "nan".
    """

    kind: Kind
    seed: int
    length: int
    noise: float
    rate: float
    power: float = 0.3
    floor: float = 0.0
    ending: str = ""
    snapshots: bool = True
    decided: tuple[float, float] = (0.1, 0.95)  # samples read right at the start and in the end

    def expected(self, steps: Float64) -> Float64:
        """The loss without noise."""
        loss = self.floor + (1 + steps * self.rate / 10) ** -self.power
        if self.ending == "rises":
            loss = loss * np.exp(np.maximum(0, steps / self.length - 0.75) * 4)
        return loss

    def losses(self) -> tuple[Float64, Float64]:
        """Steps and losses."""
        rng = np.random.default_rng(self.seed)
        steps = np.arange(1, self.length + 1, dtype=np.float64)
        sigma = np.sqrt(np.log1p(self.noise**2))
        losses = self.expected(steps) * rng.lognormal(-(sigma**2) / 2, sigma, self.length)
        if self.ending == "spike":
            middle = self.length // 2
            losses[middle : middle + self.length // 50] *= 4
        elif self.ending == "nan":
            losses[-self.length // 40 :] = np.nan
        return steps, losses

    def verdict(self) -> Verdict:
        """What is said of it, from snapshots close together early as training keeps them."""
        steps, losses = self.losses()
        if not self.snapshots:
            return verdict(steps, losses)
        rng = np.random.default_rng((self.seed, 1))
        at = np.unique(np.round(self.length * np.linspace(0, 1, 40) ** 2))
        # The average of the weights is about a tenth of the run behind.
        checked = self.expected(0.93 * at) * rng.normal(1, 0.002, len(at))
        first, last = self.decided
        shares = rng.binomial(100, first + (last - first) * (1 - np.exp(-at * self.rate / 30))) / 100
        return verdict(steps, losses, (at, checked), (at, shares, 100))


LEARNING, FINISHED, DIVERGING, SHORT = Kind.LEARNING, Kind.FINISHED, Kind.DIVERGING, Kind.TOO_SHORT

TUNED = (
    Made(LEARNING, 1, 1000, 0.12, 1.0),
    Made(LEARNING, 2, 5000, 0.20, 0.5, power=0.2),
    Made(LEARNING, 3, 20_000, 0.15, 2.0, power=0.15, snapshots=False),
    Made(LEARNING, 4, 2000, 0.10, 0.2, power=0.4, floor=0.05, ending="spike"),
    Made(LEARNING, 5, 400, 0.12, 3.0, power=0.3),
    Made(FINISHED, 6, 10_000, 0.12, 50.0, power=1.0, floor=0.3),
    Made(FINISHED, 7, 3000, 0.15, 100.0, power=1.5, floor=0.2),
    Made(FINISHED, 8, 40_000, 0.20, 20.0, power=1.0, floor=0.3, snapshots=False),
    Made(FINISHED, 9, 5000, 0.10, 30.0, power=1.2, floor=0.2, ending="spike"),
    Made(FINISHED, 10, 8000, 0.25, 60.0, power=1.0, floor=0.5),
    Made(DIVERGING, 11, 1000, 0.12, 1.0, ending="rises"),
    Made(DIVERGING, 12, 3000, 0.15, 2.0, ending="nan"),
    Made(DIVERGING, 13, 6000, 0.20, 0.5, ending="rises", snapshots=False),
    Made(DIVERGING, 14, 300, 0.10, 4.0, floor=0.2, ending="nan", snapshots=False),
    Made(DIVERGING, 15, 20_000, 0.12, 10.0, power=1.0, floor=0.3, ending="rises"),
    Made(SHORT, 16, 30, 0.12, 1.0, snapshots=False),
    Made(SHORT, 17, 150, 0.20, 2.0),
    Made(SHORT, 18, 100, 0.10, 50.0, power=1.0, floor=0.3),
    Made(SHORT, 19, 600, 0.40, 50.0, power=1.0, floor=0.3, snapshots=False),
    Made(SHORT, 20, 60, 0.15, 0.5),
)

HELD_OUT = (
    Made(LEARNING, 101, 1100, 0.14, 1.3, power=0.25),
    Made(LEARNING, 102, 7500, 0.17, 0.7, power=0.35, floor=0.03),
    Made(LEARNING, 103, 30_000, 0.22, 1.5, power=0.1, snapshots=False),
    Made(LEARNING, 104, 550, 0.09, 2.5, power=0.28),
    Made(LEARNING, 105, 2600, 0.30, 0.3, power=0.32, ending="spike"),
    Made(FINISHED, 106, 12_000, 0.14, 70.0, power=1.1, floor=0.25),
    Made(FINISHED, 107, 2200, 0.09, 140.0, power=1.3, floor=0.3),
    Made(FINISHED, 108, 60_000, 0.25, 25.0, power=1.0, floor=0.4, snapshots=False),
    Made(FINISHED, 109, 6500, 0.22, 45.0, power=1.3, floor=0.15, ending="spike"),
    Made(FINISHED, 110, 25_000, 0.17, 15.0, power=0.5, floor=0.35),
    Made(DIVERGING, 111, 1700, 0.14, 1.7, ending="rises"),
    Made(DIVERGING, 112, 450, 0.17, 0.8, ending="nan"),
    Made(DIVERGING, 113, 9000, 0.25, 3.0, floor=0.1, ending="rises", snapshots=False),
    Made(DIVERGING, 114, 14_000, 0.09, 35.0, power=1.1, floor=0.3, ending="nan", snapshots=False),
    Made(DIVERGING, 115, 4500, 0.22, 0.4, power=0.2, ending="rises"),
    Made(SHORT, 116, 45, 0.14, 1.3),
    Made(SHORT, 117, 190, 0.09, 0.7, snapshots=False),
    Made(SHORT, 118, 120, 0.25, 70.0, power=1.1, floor=0.25),
    Made(SHORT, 119, 800, 0.50, 45.0, power=1.1, floor=0.3, snapshots=False),
    Made(SHORT, 120, 75, 0.17, 2.5),
)
