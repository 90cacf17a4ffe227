"""What sampling costs in network evaluations. No torch, so that the window can say it before anything runs."""

from __future__ import annotations

from engine.config import SamplingConfig


def evaluations_per_call(guidance_scale: float) -> int:
    """Network evaluations for each picture in one guided call: 1 at w = 0 and w = 1, else 2."""
    return 1 if guidance_scale in (0, 1) else 2


def network_evaluations(sampling: SamplingConfig) -> int:
    """nfe: network evaluations for each picture with these settings."""
    return sampling.num_steps * evaluations_per_call(sampling.guidance_scale)
