"""Characters in one hand: what they share, what is their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.diffusion.hand import HandNoise


def test_variation_says_how_much_is_shared() -> None:
    shape = (1, 40, 40)
    for variation, expected in ((0.0, 1.0), (0.6, 0.64), (1.0, 0.0)):
        noise = HandNoise(3, 7, variation, shape)()
        assert float(noise.std()) == pytest.approx(1, abs=0.05)
        found = np.corrcoef(noise[0].flatten(), noise[1].flatten())[0, 1]
        assert found == pytest.approx(expected, abs=0.06)


def test_a_longer_word_keeps_the_characters_it_has() -> None:
    short, long = HandNoise(2, 3, 0.4, (1, 4, 4))(), HandNoise(5, 3, 0.4, (1, 4, 4))()
    assert torch.equal(short, long[:2])
    assert not torch.equal(HandNoise(2, 4, 0.4, (1, 4, 4))(), short)


def test_each_draw_is_another_one() -> None:
    noise = HandNoise(1, 3, 0.4, (1, 4, 4))
    assert not torch.equal(noise(), noise())
    assert HandNoise(1, 2**63 - 1, 0.4, (1, 4, 4))().isfinite().all()
