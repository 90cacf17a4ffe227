"""Guidance that asks a reader of pictures, such as a CLIP, as a function from denoiser to denoiser.

The reader is any function from x0 (N, C, H, W) in -1..1 to log-probabilities (N, K) of the K classes; nothing here
knows what it is. It is shown predicted pictures x0_hat, clipped to -1..1, and never a noisy one: neither CLIP nor a
classifier was trained on those. With D_c the prediction with the class and D_u the one without (or that of a weaker
model), and d = log p(class | D_c) - log p(class | D_u):

    blended   D = a D_c + (1 - a) D_u,   a = 1 - s (1 - sigmoid(d)): between the two, so never beyond D_c
    scaled    D = D_u + w (D_c - D_u),   w = 1 + s (w_max - 1) g(d)
    stepped   D = D_c + step,            step = s sigma^2 / (1 + sigma^2) grad log p(class | D_c), its length capped

sigmoid(d) is p_c / (p_c + p_u). g is 1 - exp(-max(d, 0)) where a gap is to raise w (boost: the class is what makes the
difference there) and exp(-max(d, 0)) where it is to lower it (correct: the class is already to be seen).
sigma^2 / (1 + sigma^2) is the variance of x0 given x for data of unit variance, which is what Bayes' rule puts before
the gradient. The gradient is taken with respect to x0_hat alone, as in MPGD (He et al. 2023, arXiv 2311.16424): it
costs no pass back through the denoiser. Choosing w by a reader's feedback: arXiv 2509.16131.

At s = 0 each is `denoise` itself. All samples of a batch are at one noise level, levels fall, and a level higher than
the last one begins anew; what one picture becomes does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from engine.diffusion.denoiser import Denoise
from engine.diffusion.guidance import OnPair
from engine.diffusion.noise import stream
from engine.errors import BadSetting

Scorer = Callable[[Tensor], Tensor]
Mix = Callable[[Tensor], Tensor]  # of the weights (B,) of a batch, for controls
Rule = Callable[[Tensor], Tensor]  # from d (B,) to weights (B,)
Mode = Literal["boost", "correct"]

CROP_SEED = 7301  # of the random crops, the same for every picture
SMALLEST_CROP = 0.75  # of height and width


@dataclass(frozen=True, eq=False)
class Scored:
    """What was seen and decided at one call, of B pictures.

    conditional, unconditional: D_c and D_u (B, C, H, W), not clipped; the second is None where it was not asked for.
    log_conditional, log_unconditional: log-probability of the class (B,), None where the reader was not asked here.
    weight: of D_c, or the length of the step as root mean square over pixels (B,).
    """

    sigma: float
    conditional: Tensor
    unconditional: Tensor | None
    log_conditional: Tensor | None
    log_unconditional: Tensor | None
    weight: Tensor


OnScored = Callable[[Scored], None]


def own_class(log_probs: Tensor, class_labels: Tensor) -> Tensor:
    """Log-probability of each picture's own class (B,) from (B, K)."""
    return log_probs.gather(1, class_labels[:, None])[:, 0]


def gain(d: Tensor, mode: Mode) -> Tensor:
    """g(d), 0 to 1."""
    small = torch.exp(-d.clamp_min(0))
    return small if mode == "correct" else 1 - small


class _Levels:
    """Which calls ask the reader: those at the first of every `every` noise levels."""

    def __init__(self, every: int) -> None:
        if every < 1:
            raise BadSetting(f"The reader is asked every so many steps, at least 1; {every} is not.")
        self.every = every
        self.index, self.sigma = -1, -1.0
        self.restarted = True

    def come_to(self, sigma: float) -> bool:
        """Whether the reader is to be asked at this call. `restarted` tells whether another picture began."""
        self.restarted = self.index < 0 or sigma > self.sigma
        if not self.restarted and sigma == self.sigma:
            return False  # a solver that asks twice at one level
        self.index = 0 if self.restarted else self.index + 1
        self.sigma = sigma
        return self.index % self.every == 0


def _pair(denoise: Denoise, weaker: Denoise | None, x: Tensor, sigma: Tensor, class_labels: Tensor,
          class_mask: Tensor) -> tuple[Tensor, Tensor]:
    """D_c and D_u, in one doubled batch where one denoiser gives both."""
    if weaker is not None:
        return denoise(x, sigma, class_labels, class_mask), weaker(x, sigma, class_labels, class_mask)
    both = denoise(torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([class_labels, class_labels]),
                   torch.cat([class_mask, torch.zeros_like(class_mask)]))
    conditional, unconditional = both.chunk(2)
    return conditional, unconditional


def _weighted(denoise: Denoise, scorer: Scorer, rule: Rule, *, every: int, change: float, weaker: Denoise | None,
              on_pair: OnPair | None, on_scored: OnScored | None, mix: Mix | None) -> Denoise:
    """D = D_u + w (D_c - D_u) with w = rule(d), held until the reader is asked again.

    w begins at 1 and moves by at most `change` each time. mix is applied to the weights of a batch at last.
    """
    if not change > 0:
        raise BadSetting(f"The weight may change by more than 0 from step to step; {change:g} is not.")
    levels = _Levels(every)
    held: list[Tensor] = []

    def guided(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        conditional, unconditional = _pair(denoise, weaker, x, sigma, class_labels, class_mask)
        if on_pair is not None:
            on_pair(conditional, unconditional)
        fresh = levels.come_to(float(sigma[0]))
        if levels.restarted or len(held[0]) != len(x):
            held[:] = [torch.ones_like(sigma)]
        log_c = log_u = None
        if fresh:
            shown = torch.cat([conditional, unconditional]).clamp(-1, 1)
            log_c, log_u = own_class(scorer(shown), torch.cat([class_labels, class_labels])).chunk(2)
            held[:] = [held[0] + (rule(log_c - log_u) - held[0]).clamp(-change, change)]
        w = held[0] if mix is None else mix(held[0])
        if on_scored is not None:
            on_scored(Scored(float(sigma[0]), conditional, unconditional, log_c, log_u, w))
        return unconditional + w[:, None, None, None] * (conditional - unconditional)

    return guided


def blended(denoise: Denoise, scorer: Scorer, strength: float, *, every: int = 1, change: float = float("inf"),
            weaker: Denoise | None = None, on_pair: OnPair | None = None, on_scored: OnScored | None = None,
            mix: Mix | None = None) -> Denoise:
    """Between D_u and D_c, nearer to the one in which the reader sees the class. See the module for the formula.

    a stays in 0..1 for every strength. Raises BadSetting for a strength below 0, `every` below 1, `change` of 0.
    """
    _check_strength(strength)
    if strength == 0:
        return denoise
    return _weighted(denoise, scorer, lambda d: (1 - strength * torch.sigmoid(-d)).clamp(0, 1), every=every,
                     change=change, weaker=weaker, on_pair=on_pair, on_scored=on_scored, mix=mix)


def scaled(denoise: Denoise, scorer: Scorer, guidance_scale: float, strength: float, mode: Mode = "boost", *,
           every: int = 1, change: float = float("inf"), weaker: Denoise | None = None, on_pair: OnPair | None = None,
           on_scored: OnScored | None = None, mix: Mix | None = None) -> Denoise:
    """Classifier-free guidance whose scale lies between 1 and guidance_scale, as the reader says. See the module.

    Raises BadSetting as `blended` does.
    """
    _check_strength(strength)
    if strength == 0 or guidance_scale == 1:
        return denoise
    return _weighted(denoise, scorer, lambda d: 1 + strength * (guidance_scale - 1) * gain(d, mode), every=every,
                     change=change, weaker=weaker, on_pair=on_pair, on_scored=on_scored, mix=mix)


def stepped(denoise: Denoise, scorer: Scorer, strength: float, *, longest: float, every: int = 1, crops: int = 0,
            on_scored: OnScored | None = None) -> Denoise:
    """D_c and a step up the gradient of the reader's log-probability, at most `longest` as root mean square of pixels.

    Every so many levels; in between D_c as it is. crops: the gradient is the mean over so many random crops, the same
    ones for every picture; 0 takes the whole picture. Raises BadSetting as `blended` does.
    """
    _check_strength(strength)
    if strength == 0:
        return denoise
    levels = _Levels(every)
    held: list[Tensor] = []

    def guided(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        conditional = denoise(x, sigma, class_labels, class_mask)
        again = levels.sigma == float(sigma[0]) and bool(held)
        log_c = None
        if levels.come_to(float(sigma[0])) or again:
            step, log_c = gradient_step(scorer, conditional, class_labels, sigma, strength, longest, crops,
                                        levels.index)
            held[:] = [step * class_mask[:, None, None, None]]
        else:
            held.clear()
        step = held[0] if held else torch.zeros_like(conditional)
        if on_scored is not None:
            on_scored(Scored(float(sigma[0]), conditional, None, log_c, None, _length(step)))
        return conditional + step

    return guided


def gradient_step(scorer: Scorer, x0: Tensor, class_labels: Tensor, sigma: Tensor, strength: float, longest: float,
                  crops: int = 0, draw: int = 0) -> tuple[Tensor, Tensor]:
    """The step of `stepped` at x0 (B, C, H, W), and the log-probability of the class there (B,).

    draw: which random crops. Pixels beyond -1..1 have no gradient, for the reader is shown them clipped.
    """
    # Samplers run in inference mode, in which no gradient is to be had; clones made outside of it are ordinary.
    with torch.inference_mode(False), torch.enable_grad():
        leaf, labels = x0.clone().requires_grad_(), class_labels.clone()
        shown = leaf.clamp(-1, 1)
        views = [shown] if crops == 0 else random_crops(shown, crops, draw)
        logs = torch.stack([own_class(scorer(view), labels) for view in views]).mean(dim=0)
        (gradient,) = torch.autograd.grad(logs.sum(), leaf)
    variance = (sigma**2 / (1 + sigma**2))[:, None, None, None]
    step = strength * variance * gradient
    length = _length(step)[:, None, None, None]
    return step * (longest / length.clamp_min(1e-12)).clamp(max=1), logs.detach()


def random_crops(x0: Tensor, count: int, draw: int) -> list[Tensor]:
    """So many square crops of (B, C, H, W), scaled back to its size; which ones depends on `draw` alone."""
    generator = stream(CROP_SEED, draw)
    height, width = x0.shape[-2:]
    made = []
    for _ in range(count):
        share, down, right = torch.rand(3, generator=generator).tolist()
        size = [round(side * (SMALLEST_CROP + (1 - SMALLEST_CROP) * share)) for side in (height, width)]
        top, left = (round(place * (side - cut)) for place, side, cut in zip((down, right), (height, width), size,
                                                                            strict=True))
        crop = x0[..., top : top + size[0], left : left + size[1]]
        made.append(functional.interpolate(crop, (height, width), mode="bilinear", align_corners=False))
    return made


def _length(step: Tensor) -> Tensor:
    """Root mean square over pixels (B,)."""
    return step.flatten(1).square().mean(dim=1).sqrt()


def _check_strength(strength: float) -> None:
    if not strength >= 0:
        raise BadSetting(f"The strength of CLIP guidance is 0 or more; {strength:g} is not.")
