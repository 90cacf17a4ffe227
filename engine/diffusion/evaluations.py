"""What sampling costs in network evaluations. No torch, so that the window can say it before anything runs."""

from __future__ import annotations

from engine.config import SamplingConfig
from engine.diffusion.schedules import Schedule, sampling_sigmas


def evaluations_per_call(guidance_scale: float) -> int:
    """Network evaluations for each picture in one guided call: 1 at w = 0 and w = 1, else 2."""
    return 1 if guidance_scale in (0, 1) else 2


def network_evaluations(sampling: SamplingConfig, schedule: Schedule) -> int:
    """nfe: network evaluations for each picture with these settings.

    Raises BadSetting where the settings do not fit the schedule.
    """
    levels = sampling_sigmas(sampling, schedule)[:-1]
    if sampling.sampler == "heun":  # asks at both ends of every step but the last
        levels = [*levels, *levels[1:]]
    each = evaluations_per_call(sampling.guidance_scale)
    return sum(each if sampling.guidance_sigma_low < level <= sampling.guidance_sigma_high else 1 for level in levels)
