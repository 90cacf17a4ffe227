"""A stored path is small, and what comes back is what went in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from engine.config import SamplingConfig
from engine.diffusion.forward import to_uint8
from engine.diffusion.schedules import sampling_sigmas, schedule
from engine.measure.path_coding import STEP, packed_path, unpacked_path

SIGMA = np.array(sampling_sigmas(SamplingConfig(num_steps=24), schedule("linear", 1000)))


def ddim_path(seed: int = 0, jump: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """x_t and x0 of a made-up model under DDIM; jump: fresh noise of so many standard deviations a level."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + SIGMA**2)
    target, blur = np.where(rng.random((1, 28, 28)) < 0.2, 0.9, -1.0), np.full((1, 28, 28), -0.7)
    x, xs, x0s = rng.standard_normal((1, 28, 28)) * np.sqrt(1 + SIGMA[0] ** 2), [], []
    for i, sigma in enumerate(SIGMA):
        x0 = blur + (target - blur) * (i / 24) ** 2 if i < 24 else x
        xs.append(x * scale[i])
        x0s.append(x0)
        if i < 24:
            x = x0 + SIGMA[i + 1] / sigma * (x - x0) + jump * SIGMA[i + 1] * rng.standard_normal(x.shape)
    return np.array(xs, dtype=np.float16), to_uint8(np.array(x0s))


@pytest.mark.parametrize("jump", [0.0, 0.5])
def test_a_path_comes_back(jump: float) -> None:
    x, x0 = ddim_path(jump=jump)
    stored = json.loads(json.dumps(packed_path(x, x0, SIGMA)))
    back, back0 = unpacked_path(stored, SIGMA)
    assert np.array_equal(back0, x0)
    # Half a step, and the rounding of float16 at 4.
    assert np.abs(back.astype(np.float32) - x.astype(np.float32)).max() <= STEP / 2 + 0.002
    again, again0 = unpacked_path(packed_path(back, back0, SIGMA), SIGMA)
    assert np.array_equal(again0, x0)
    assert np.abs(again.astype(np.float32) - back.astype(np.float32)).max() <= 0.004


def test_what_ddim_foretells_costs_next_to_nothing() -> None:
    x, x0 = ddim_path()
    stored = packed_path(x, x0, SIGMA)
    assert len(stored["x"]) < x.size * 0.2  # a fifth of a byte a pixel, the noise of the first level included
    noisy = packed_path(*ddim_path(jump=0.5), SIGMA)
    assert len(noisy["x"]) > 4 * len(stored["x"])


def test_what_is_no_number_is_stored_as_one() -> None:
    x, x0 = ddim_path()
    x[3, 0, 2, 2], x[4, 0, 2, 2], x[5, 0, 2, 2] = np.nan, np.inf, 60000
    back, _ = unpacked_path(packed_path(x, x0, SIGMA), SIGMA)
    assert np.isfinite(back).all()
    assert back[3, 0, 2, 2] == pytest.approx(0, abs=STEP)
    assert back[5, 0, 2, 2] > 100


@pytest.mark.parametrize("spoil", [
    lambda told: told.pop("x"), lambda told: told.update(x="%%%"), lambda told: told.update(x0=told["x"]),
    lambda told: told.update(shape=[25, 1, 28, 27]), lambda told: told.update(shape="wrong"),
    lambda told: told.update(x=told["x"][:40])])
def test_what_is_damaged_is_refused(spoil: Any) -> None:
    told = packed_path(*ddim_path(), SIGMA)
    spoil(told)
    with pytest.raises(ValueError):  # noqa: PT011  # numpy's and base64's own ones among them
        unpacked_path(told, SIGMA)


def test_other_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="other levels"):
        unpacked_path(packed_path(*ddim_path(), SIGMA), SIGMA[:-1])
