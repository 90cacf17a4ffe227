"""The denoiser in bf16 against the same in fp32, on the weights that ship."""

from __future__ import annotations

import pytest
import torch

from engine.data.catalogue import load_dataset
from engine.diffusion.forward import to_float
from engine.paths import DEFAULT_BUNDLED_RUN
from engine.workspace import Workspace

LEVELS = 1000


@pytest.mark.skipif(not DEFAULT_BUNDLED_RUN.exists(), reason="no run ships here")
def test_bf16_is_within_1_percent_of_fp32_at_1000_noise_levels() -> None:
    workspace = Workspace("cpu")
    denoiser = workspace.model(DEFAULT_BUNDLED_RUN, None).denoiser
    sigma = torch.from_numpy(denoiser.schedule.sigma[1:]).float()
    assert len(sigma) == LEVELS
    g = torch.Generator().manual_seed(0)
    data = load_dataset("mnist")
    x0 = torch.from_numpy(to_float(data.test_images[:LEVELS]))
    labels = torch.from_numpy(data.test_labels[:LEVELS])
    x = x0 + sigma[:, None, None, None] * torch.randn(x0.shape, generator=g)
    kept = denoiser.precision
    answers = {}
    try:
        with torch.inference_mode():
            for denoiser.precision in (torch.float32, torch.bfloat16):
                parts = zip(x.split(100), sigma.split(100), labels.split(100), strict=True)
                answers[denoiser.precision] = torch.cat([denoiser(a, s, c, torch.ones(len(a))) for a, s, c in parts])
    finally:
        denoiser.precision = kept
        workspace.close()
    exact, coarse = answers[torch.float32], answers[torch.bfloat16]
    assert coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact), "bf16 was not used"
    apart = (coarse - exact).flatten(1).square().mean(1).sqrt() / exact.flatten(1).square().mean(1).sqrt()
    assert float(apart.max()) < 0.01
