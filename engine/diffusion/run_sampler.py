"""The sampler and the guidance that a set of sampling settings asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from engine.config import SamplingConfig
from engine.diffusion.clip_guidance import Mix, OnScored, Scorer, blended, scaled, stepped
from engine.diffusion.denoiser import Denoise
from engine.diffusion.guidance import OnPair, rescaled, within
from engine.diffusion.samplers import BoundDenoise, DrawNoise, Step, ddim, ddpm, dpmpp_2m, start
from engine.diffusion.schedules import Schedule, sampling_sigmas
from engine.diffusion.solvers import dpmpp_3m, heun, ipndm, unipc
from engine.errors import BadSetting
from engine.settings import number

SOLVERS = {"heun": heun, "dpmpp-2m": dpmpp_2m, "dpmpp-3m": dpmpp_3m, "unipc": unipc, "ipndm": ipndm}


def guide(denoise: Denoise, config: SamplingConfig, on_pair: OnPair | None = None,
          weaker: Denoise | None = None, scorer: Scorer | None = None, on_scored: OnScored | None = None,
          mix: Mix | None = None) -> Denoise:
    """The denoiser with the guidance of the settings: its scale, rescale and interval, or that of CLIP.

    weaker: the snapshot that autoguide_step names; it is given when, and only when, the settings name one. scorer:
    the reader that clip_model names, needed where `config.clips`. on_scored, mix: see engine.diffusion.clip_guidance.
    Raises BadSetting where one of them is missing.
    """
    if config.autoguide_step is None:
        weaker = None
    elif weaker is None:
        raise BadSetting(f"Guidance against step {number(config.autoguide_step)} needs that snapshot; here "
                         "none is given.")
    if config.clip_guidance != "off":
        guided = _clip_guided(denoise, config, on_pair, weaker, scorer, on_scored, mix)
    else:
        guided = rescaled(denoise, config.guidance_scale, config.guidance_rescale, on_pair, weaker)
    if config.guided_everywhere:
        return guided
    return within(guided, denoise, config.guidance_sigma_low, config.guidance_sigma_high)


def _clip_guided(denoise: Denoise, config: SamplingConfig, on_pair: OnPair | None, weaker: Denoise | None,
                 scorer: Scorer | None, on_scored: OnScored | None, mix: Mix | None) -> Denoise:
    if not config.clips:
        return denoise
    if scorer is None:
        raise BadSetting(f"Guidance by {config.clip_model} needs that reader of pictures; here none is given.")
    every, change = config.clip_every, config.clip_change
    match config.clip_guidance:
        case "blend":
            return blended(denoise, scorer, config.clip_strength, every=every, change=change, weaker=weaker,
                           on_pair=on_pair, on_scored=on_scored, mix=mix)
        case "scale":
            return scaled(denoise, scorer, config.guidance_scale, config.clip_strength, config.clip_mode, every=every,
                          change=change, weaker=weaker, on_pair=on_pair, on_scored=on_scored, mix=mix)
    return stepped(denoise, scorer, config.clip_strength, longest=config.clip_longest, every=every,
                   crops=config.clip_crops, on_scored=on_scored)


def sample(denoise: BoundDenoise, noise: DrawNoise, config: SamplingConfig, schedule: Schedule) -> Iterator[Step]:
    """The sampler of the settings, from fresh noise to the picture."""
    sigmas = sampling_sigmas(config, schedule)
    return sample_from(denoise, start(noise, sigmas[0]), sigmas, noise, config)


def sample_from(denoise: BoundDenoise, x: Tensor, sigmas: Sequence[float], noise: DrawNoise,
                config: SamplingConfig) -> Iterator[Step]:
    """The sampler of the settings, from x = x0 + sigma eps at sigmas[0]; the levels fall and end at 0."""
    if config.sampler == "ddpm":
        return ddpm(denoise, x, sigmas, noise=noise, clip_x0=config.clip_x0)
    if config.sampler in ("ddim", "euler"):
        # Euler on dx/dsigma = (x - x0_hat) / sigma is DDIM without fresh noise; it differs by its levels.
        eta = config.eta if config.sampler == "ddim" else 0.0
        return ddim(denoise, x, sigmas, eta=eta, noise=noise, clip_x0=config.clip_x0)
    return SOLVERS[config.sampler](denoise, x, sigmas, clip_x0=config.clip_x0)
