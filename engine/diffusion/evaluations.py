"""What sampling costs in network evaluations. No torch, so that the window can say it before anything runs."""

from __future__ import annotations

from engine.config import SamplingConfig
from engine.diffusion.schedules import Schedule, sampling_sigmas
from engine.settings import number


def evaluations_per_call(sampling: SamplingConfig) -> int:
    """Network evaluations for each picture in one guided call: 2 where two predictions are compared, else 1."""
    return 2 if sampling.guided else 1


def network_evaluations(sampling: SamplingConfig, schedule: Schedule) -> int:
    """nfe: network evaluations for each picture with these settings.

    Raises BadSetting where the settings do not fit the schedule.
    """
    levels = sampling_sigmas(sampling, schedule)[:-1]
    if sampling.sampler == "heun":  # asks at both ends of every step but the last
        levels = [*levels, *levels[1:]]
    each = evaluations_per_call(sampling)
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
    elif sampling.clip_guidance != "off":
        idle |= _idle_with_clip(sampling)
    elif sampling.guidance_scale == 1:
        plain = "At w = 1 the picture is plainly that of its class: there is no guidance to change."
        idle |= dict.fromkeys((*interval, "guidance_rescale", "autoguide_step"), plain)
    elif sampling.guidance_scale == 0:
        idle["guidance_rescale"] = "At w = 0 only one prediction is made: there is no other contrast to go back to."
    if sampling.clip_guidance == "off":  # of its settings those that somebody set
        defaults = type(sampling).model_fields
        idle |= {name: "CLIP guides nothing here; choose how it shall." for name in CLIP_SETTINGS
                 if getattr(sampling, name) != defaults[name].default}
    return idle


CLIP_SETTINGS = ("clip_model", "clip_strength", "clip_mode", "clip_every", "clip_change", "clip_longest", "clip_crops")
_ONLY_SCALE = "Only where CLIP sets the scale is there a mode."
_ONLY_GRADIENT = "Only the gradient makes a step of its own."


def _idle_with_clip(sampling: SamplingConfig) -> dict[str, str]:
    """What changes nothing where a CLIP guides."""
    method = sampling.clip_guidance
    idle = {"guidance_rescale": "CLIP's guidance is not brought back to another contrast."}
    if sampling.clip_strength == 0:
        plain = "At strength 0 CLIP has no say: the picture is plainly that of its class."
        names = ("guidance_scale", "guidance_sigma_low", "guidance_sigma_high", "autoguide_step", *CLIP_SETTINGS)
        return idle | {name: plain for name in names if name != "clip_strength"}
    if method == "scale":
        idle |= dict.fromkeys(("clip_longest", "clip_crops"), _ONLY_GRADIENT)
        if not sampling.clips:
            idle |= dict.fromkeys(("clip_model", "clip_strength", "clip_mode", "clip_every", "clip_change"),
                                  "CLIP sets the guidance between 1 and w; at w = 1 there is nothing to set.")
        return idle
    idle["clip_mode"] = _ONLY_SCALE
    if method == "blend":
        idle["guidance_scale"] = "A blend lies between the predictions with and without the class, whatever w is."
        return idle | dict.fromkeys(("clip_longest", "clip_crops"), _ONLY_GRADIENT)
    alone = "CLIP's gradient starts from the prediction with the class alone."
    return idle | dict.fromkeys(("guidance_scale", "autoguide_step"), alone) | {
        "clip_change": "The gradient has no weight that could jump; its step has a longest length."}
