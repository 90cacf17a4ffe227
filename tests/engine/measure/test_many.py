"""Networks over many pictures give what they give for few."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.measure import many as module
from engine.measure.many import Many


@pytest.mark.parametrize("size", [1, 7, 23])
def test_the_denoiser_in_pieces_is_the_denoiser(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 5)
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6).eval()
    g = torch.Generator().manual_seed(0)
    for layer in denoiser.modules():  # layers that start at zero would hide the others
        if getattr(layer, "starts_at_zero", False):
            torch.nn.init.normal_(layer.weight, std=0.05, generator=g)
    x, sigma = torch.randn(size, 1, 28, 28, generator=g), torch.rand(size, generator=g) + 0.1
    labels, mask = torch.arange(size) % 10, (torch.arange(size) % 2).float()
    with Many(torch.device("cpu")) as many, torch.inference_mode():
        found = many.denoiser(denoiser)(x, sigma, labels, mask)
        torch.testing.assert_close(found, denoiser(x, sigma, labels, mask), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 7, 23])
def test_a_judge_reads_each_picture_with_its_level(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 2)
    asked = []

    def read(pictures: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        asked.append(len(pictures))
        return np.stack([pictures * 10, sigma], axis=1).astype(np.float32)

    with Many(torch.device("cpu")) as many:
        found = many.read(read, np.arange(size), np.arange(size) + 0.5)
    np.testing.assert_array_equal(found, np.stack([np.arange(size) * 10, np.arange(size) + 0.5], axis=1))
    assert max(asked) <= 4
