"""What sampling costs in network evaluations. No torch, so that the window can say it before anything runs."""

from __future__ import annotations

from engine.config import SamplingConfig, number
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
    return sum(each if sampling.guides_at(level) else 1 for level in levels)


def guided_steps(sampling: SamplingConfig, schedule: Schedule) -> int:
    """How many of the steps start at a noise level where guidance acts.

    Raises BadSetting where the settings do not fit the schedule.
    """
    return sum(sampling.guides_at(level) for level in sampling_sigmas(sampling, schedule)[:-1])


def idle_settings(sampling: SamplingConfig, schedule: Schedule) -> dict[str, str]:
    """Settings that change no picture beside the others, each with the sentence that says why.

    Raises BadSetting where the settings do not fit the schedule.
    """
    idle = {}
    if sampling.sampler == "ddpm":
        idle["eta"] = "DDPM always adds all of its fresh noise, as DDIM does at η = 1."
    elif sampling.sampler != "ddim":
        idle["eta"] = "This sampler adds no fresh noise; η is a setting of DDIM."
    interval = ("guidance_sigma_low", "guidance_sigma_high")
    low, high = (number(getattr(sampling, name)) for name in interval)
    if not guided_steps(sampling, schedule):
        nowhere = f"None of the steps lies at a noise level above σ = {low} and up to {high}: nothing is guided."
        idle |= dict.fromkeys(("guidance_scale", "guidance_rescale", "autoguide_step"), nowhere)
    elif sampling.guidance_scale == 1:
        plain = "At w = 1 the picture is plainly that of its class: there is no guidance to change."
        idle |= dict.fromkeys((*interval, "guidance_rescale", "autoguide_step"), plain)
    elif sampling.guidance_scale == 0:
        idle["guidance_rescale"] = "At w = 0 only one prediction is made: there is no other contrast to go back to."
    return idle
