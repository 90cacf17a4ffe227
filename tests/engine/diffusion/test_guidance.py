"""Guidance in an interval, rescaled, and by a weaker model, on the ideal denoiser of a finite set."""

from typing import get_args

import pytest
import torch
from closed_form import FiniteSet

from engine.config import SamplerName, SamplingConfig
from engine.diffusion.guidance import autoguided, classifier_free, rescaled, within
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import sampling_sigmas, schedule
from engine.errors import BadSetting

PICTURES = torch.tensor([[-1.0, 0.0, 0.3], [0.5, 0.5, -1.0], [1.0, -0.25, 0.0]]).reshape(3, 1, 1, 3)
IDEAL = FiniteSet(PICTURES, torch.tensor([0, 1, 1]))
WEAK = FiniteSet(PICTURES[:2], torch.tensor([0, 1]))


def arguments(sigma: float = 0.8):
    x = torch.randn(2, 1, 1, 3, generator=torch.Generator().manual_seed(4))
    return x, torch.full((2,), sigma), torch.tensor([0, 1]), torch.ones(2)


@pytest.mark.parametrize(("sigma", "inside"), [(0.5, False), (0.51, True), (2.0, True), (2.01, False)])
def test_an_interval_guides_between_its_ends_and_nowhere_else(sigma: float, inside: bool) -> None:
    guided = classifier_free(IDEAL, 3.0)
    both = within(guided, IDEAL, 0.5, 2.0)
    expected = guided if inside else IDEAL
    assert torch.equal(both(*arguments(sigma)), expected(*arguments(sigma)))


def test_an_interval_upside_down_is_refused() -> None:
    with pytest.raises(BadSetting, match="must rise; from 2 to 1 it does not"):
        within(IDEAL, IDEAL, 2.0, 1.0)


def test_rescaling_brings_the_spread_back_by_its_share() -> None:
    conditional = IDEAL(*arguments())
    plain = classifier_free(IDEAL, 4.0)(*arguments())
    full = rescaled(IDEAL, 4.0, 1.0)(*arguments())
    torch.testing.assert_close(full.flatten(1).std(1), conditional.flatten(1).std(1))
    half = rescaled(IDEAL, 4.0, 0.5)(*arguments())
    torch.testing.assert_close(half, (full + plain) / 2)
    assert torch.equal(rescaled(IDEAL, 4.0, 0.0)(*arguments()), plain)
    assert torch.equal(rescaled(IDEAL, 1.0, 0.7)(*arguments()), conditional)
    with pytest.raises(BadSetting, match="Rescale"):
        rescaled(IDEAL, 4.0, 1.5)


def test_a_weaker_model_guides_by_the_difference_and_at_one_is_not_asked() -> None:
    strong, weak = IDEAL(*arguments()), WEAK(*arguments())
    torch.testing.assert_close(autoguided(IDEAL, WEAK, 2.0)(*arguments()), weak + 2 * (strong - weak))
    assert torch.equal(autoguided(IDEAL, WEAK, 0)(*arguments()), weak)

    def never(*_):
        raise AssertionError("asked")

    assert torch.equal(autoguided(IDEAL, never, 1)(*arguments()), strong)


def test_whoever_watches_sees_both_predictions() -> None:
    seen = []
    classifier_free(IDEAL, 2.0, on_pair=lambda c, u: seen.append((c, u)))(*arguments())
    rescaled(IDEAL, 2.0, 0.5, on_pair=lambda c, u: seen.append((c, u)))(*arguments())
    autoguided(IDEAL, WEAK, 2.0, on_pair=lambda s, w: seen.append((s, w)))(*arguments())
    assert len(seen) == 3
    torch.testing.assert_close(seen[0][0], IDEAL(*arguments()))


def test_a_weaker_model_guides_in_rescale_too() -> None:
    strong = IDEAL(*arguments())
    plain = autoguided(IDEAL, WEAK, 4.0)(*arguments())
    full = rescaled(IDEAL, 4.0, 1.0, weaker=WEAK)(*arguments())
    torch.testing.assert_close(full.flatten(1).std(1), strong.flatten(1).std(1))
    torch.testing.assert_close(rescaled(IDEAL, 4.0, 0.5, weaker=WEAK)(*arguments()), (full + plain) / 2)
    assert torch.equal(rescaled(IDEAL, 4.0, 0.0, weaker=WEAK)(*arguments()), plain)


# ---- whole samplers with guidance ----

PLAN = schedule("linear", 1000)


def picture(denoise, config: SamplingConfig, batch: int, mask: torch.Tensor | None = None) -> torch.Tensor:
    """The end of the sampler of the settings, drawn with this denoiser as it is."""
    result = torch.empty(0)
    bound = bind(denoise, torch.arange(batch) % 2, mask)
    for step in sample(bound, SampleNoise(range(batch), (1, 1, 3)), config, PLAN):
        result = step.x0 if step.sigma_next == 0 else result  # with few steps the end is where pictures differ
    return result


@pytest.mark.parametrize("sampler", get_args(SamplerName))
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_every_sampler_is_plainly_conditional_at_1_and_unconditional_at_0_bit_for_bit(sampler: str,
                                                                                       batch: int) -> None:
    def at(w: float, **changes: object) -> torch.Tensor:
        config = SamplingConfig(sampler=sampler, num_steps=4, guidance_scale=w, **changes)
        return picture(guide(IDEAL, config), config, batch)

    config = SamplingConfig(sampler=sampler, num_steps=4)
    assert torch.equal(at(1), picture(IDEAL, config, batch))
    assert torch.equal(at(1, guidance_rescale=0.5, guidance_sigma_low=0.3), picture(IDEAL, config, batch))
    assert torch.equal(at(0), picture(IDEAL, config, batch, torch.zeros(batch)))


RULES = {
    "classifier-free": {"guidance_scale": 3.0},
    "interval": {"guidance_scale": 3.0, "guidance_sigma_low": 0.1, "guidance_sigma_high": 20.0},
    "rescaled": {"guidance_scale": 3.0, "guidance_rescale": 0.7},
    "weaker model": {"guidance_scale": 3.0, "autoguide_step": 5},
    "all of them": {"guidance_scale": 3.0, "autoguide_step": 5, "guidance_rescale": 0.7, "guidance_sigma_low": 0.1,
                    "guidance_sigma_high": 20.0},
}


@pytest.mark.parametrize("rule", RULES)
def test_every_evaluation_of_heun_is_guided_by_every_rule(rule: str) -> None:
    config = SamplingConfig(sampler="heun", num_steps=6, **RULES[rule])
    weaker = WEAK if config.autoguide_step is not None else None
    pairs: list[torch.Tensor] = []
    seen: list[tuple[float, torch.Tensor, int]] = []  # sigma, what the sampler was told, how many pairs it took
    guided = guide(IDEAL, config, lambda a, b: pairs.append(a - b), weaker)
    labels, ones = torch.tensor([0, 1]), torch.ones(2)

    def watched(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        before = len(pairs)
        answer = guided(x, sigma, labels, ones)
        seen.append((float(sigma[0]), answer, len(pairs) - before))
        plain = IDEAL(x, sigma, labels, ones)
        other = WEAK(x, sigma, labels, ones) if weaker else IDEAL(x, sigma, labels, torch.zeros(2))
        expected = other + 3.0 * (plain - other)
        if config.guidance_rescale:
            spread = [v.flatten(1).std(1)[:, None, None, None] for v in (plain, expected)]
            expected = expected * (0.7 * spread[0] / spread[1] + 0.3)
        torch.testing.assert_close(answer, expected if config.guides_at(float(sigma[0])) else plain)
        return answer

    for _ in sample(watched, SampleNoise([1, 2], (1, 1, 3)), config, PLAN):
        pass
    levels = sampling_sigmas(config, PLAN)[:-1]
    assert len(seen) == 2 * len(levels) - 1
    assert [count for _, _, count in seen] == [int(config.guides_at(sigma)) for sigma, _, _ in seen]
    assert 0 < len(pairs) <= len(seen)
    assert (len(pairs) == len(seen)) == config.guided_everywhere


def test_a_named_snapshot_that_is_not_given_is_not_passed_over() -> None:
    with pytest.raises(BadSetting, match="step 5 needs that snapshot"):
        guide(IDEAL, SamplingConfig(autoguide_step=5))
    plain = guide(IDEAL, SamplingConfig(guidance_scale=2.0), weaker=WEAK)
    assert torch.equal(plain(*arguments()), classifier_free(IDEAL, 2.0)(*arguments())), "none was asked for"
