"""Guidance by a reader of pictures: against its formulas, with readers of known answers and gradients."""

import itertools
import math
from typing import get_args

import pytest
import torch
from closed_form import FiniteSet
from torch import Tensor

from engine.config import ClipMethod, SamplerName, SamplingConfig
from engine.diffusion.clip_guidance import Scored, blended, gain, gradient_step, random_crops, scaled, stepped
from engine.diffusion.evaluations import idle_settings, network_evaluations
from engine.diffusion.noise import SampleNoise
from engine.diffusion.run_sampler import guide, sample
from engine.diffusion.samplers import bind
from engine.diffusion.schedules import sampling_sigmas, schedule
from engine.errors import BadSetting

PICTURES = torch.tensor([[-0.8, 0.0, 0.24], [0.4, 0.4, -0.8], [0.8, -0.2, 0.0]]).reshape(3, 1, 1, 3)
IDEAL = FiniteSet(PICTURES, torch.tensor([0, 1, 1]))
WEAK = FiniteSet(PICTURES[:2], torch.tensor([0, 1]))
CENTRES = torch.tensor([[-0.7, 0.05, 0.2], [0.7, 0.15, -0.45]]).reshape(2, 1, 1, 3)
METHODS = [method for method in get_args(ClipMethod) if method != "off"]
LEVELS = (4.0, 2.0, 1.0, 0.5)


def log_gaussian(x0: Tensor) -> Tensor:
    """-|x - centre|^2 / 2 for each class: its gradient is centre - x."""
    return -((x0[:, None] - CENTRES[None]) ** 2).flatten(2).sum(dim=2) / 2


def arguments(sigma: float = 0.8, seed: int = 4):
    x = torch.randn(2, 1, 1, 3, generator=torch.Generator().manual_seed(seed))
    return x, torch.full((2,), sigma), torch.tensor([0, 1]), torch.ones(2)


def never(*_):
    raise AssertionError("asked")


def pair(sigma: float = 0.8):
    x, sigmas, labels, mask = arguments(sigma)
    return IDEAL(x, sigmas, labels, mask), IDEAL(x, sigmas, labels, torch.zeros_like(mask))


def difference(sigma: float = 0.8) -> Tensor:
    own = torch.arange(2)
    logs = [log_gaussian(found.clamp(-1, 1))[own, own] for found in pair(sigma)]
    return logs[0] - logs[1]


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_blend_is_its_formula_and_lies_between_the_two(strength: float) -> None:
    conditional, unconditional = pair()
    a = 1 - strength * (1 - torch.sigmoid(difference()))
    assert ((a > 0) & (a < 1)).all()
    a = a[:, None, None, None]
    found = blended(IDEAL, log_gaussian, strength)(*arguments())
    torch.testing.assert_close(found, a * conditional + (1 - a) * unconditional)


def test_a_blend_never_leaves_the_two_predictions_whatever_its_strength() -> None:
    seen: list[Scored] = []
    blended(IDEAL, lambda x0: 50 * log_gaussian(x0), 5.0, on_scored=seen.append)(*arguments())
    assert ((seen[0].weight >= 0) & (seen[0].weight <= 1)).all()


@pytest.mark.parametrize("mode", ["boost", "correct"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_scale_is_its_formula(mode: str, strength: float) -> None:
    conditional, unconditional = pair()
    gap = difference()
    assert (gap > 0).any()
    g = torch.exp(-gap.clamp_min(0))
    w = 1 + strength * 2.0 * (g if mode == "correct" else 1 - g)
    found = scaled(IDEAL, log_gaussian, 3.0, strength, mode)(*arguments())
    torch.testing.assert_close(found, unconditional + w[:, None, None, None] * (conditional - unconditional))


def test_boost_and_correct_share_the_gap_and_ignore_a_negative_one() -> None:
    gaps = torch.tensor([-3.0, 0.0, 0.5, 40.0])
    torch.testing.assert_close(gain(gaps, "boost") + gain(gaps, "correct"), torch.ones(4))
    assert gain(gaps, "boost").tolist() == pytest.approx([0, 0, 1 - math.exp(-0.5), 1])


@pytest.mark.parametrize("sigma", [0.3, 3.0])
def test_the_gradient_step_is_its_formula_with_a_known_gradient(sigma: float) -> None:
    x, sigmas, labels, mask = arguments(sigma)
    conditional = IDEAL(x, sigmas, labels, mask)
    assert (conditional.abs() < 1).all()
    expected = 0.7 * sigma**2 / (1 + sigma**2) * (CENTRES - conditional)
    found = stepped(IDEAL, log_gaussian, 0.7, longest=10.0)(x, sigmas, labels, mask)
    torch.testing.assert_close(found - conditional, expected)


def test_the_gradient_step_is_no_longer_than_its_cap_and_keeps_its_direction() -> None:
    x0, labels = torch.zeros(2, 1, 1, 3), torch.tensor([0, 1])
    free, logs = gradient_step(log_gaussian, x0, labels, torch.ones(2), 1.0, 10.0)
    capped, _ = gradient_step(log_gaussian, x0, labels, torch.ones(2), 1.0, 0.05)
    rms = capped.flatten(1).square().mean(dim=1).sqrt()
    assert rms.tolist() == pytest.approx([0.05, 0.05])
    torch.testing.assert_close(torch.nn.functional.cosine_similarity(free.flatten(1), capped.flatten(1)),
                               torch.ones(2))
    torch.testing.assert_close(logs, log_gaussian(x0)[torch.arange(2), labels])


def test_a_pixel_beyond_the_range_has_no_gradient_for_the_reader_sees_it_clipped() -> None:
    x0 = torch.tensor([1.5, 0.2, -0.3]).reshape(1, 1, 1, 3)
    step, _ = gradient_step(log_gaussian, x0, torch.tensor([0]), torch.ones(1), 1.0, 10.0)
    assert step[0, 0, 0, 0] == 0
    assert (step[0, 0, 0, 1:] != 0).all()


def test_the_gradient_is_had_inside_of_inference_mode_too() -> None:
    plain = stepped(IDEAL, log_gaussian, 1.0, longest=1.0)(*arguments())
    with torch.inference_mode():
        inside = stepped(IDEAL, log_gaussian, 1.0, longest=1.0)(*arguments())
    torch.testing.assert_close(inside, plain)


def test_without_a_class_there_is_no_step() -> None:
    x, sigmas, labels, _ = arguments()
    found = stepped(IDEAL, log_gaussian, 1.0, longest=1.0)(x, sigmas, labels, torch.zeros(2))
    assert torch.equal(found, IDEAL(x, sigmas, labels, torch.zeros(2)))


def test_crops_are_of_the_picture_s_size_the_same_for_every_picture_and_drawn_by_number() -> None:
    x0 = torch.arange(2 * 64, dtype=torch.float32).reshape(2, 1, 8, 8)
    crops = random_crops(x0, 3, draw=5)
    assert [tuple(crop.shape) for crop in crops] == [(2, 1, 8, 8)] * 3
    for crop, again, alone in zip(crops, random_crops(x0, 3, draw=5), random_crops(x0[1:], 3, draw=5), strict=True):
        assert torch.equal(crop, again)
        assert torch.equal(crop[1:], alone)
    assert not torch.equal(crops[0], random_crops(x0, 3, draw=6)[0])


def test_the_gradient_over_crops_is_the_mean_of_theirs() -> None:
    def bright(x0: Tensor) -> Tensor:
        return x0.flatten(1).sum(dim=1, keepdim=True)

    x0, labels, sigma = torch.zeros(1, 1, 8, 8), torch.tensor([0]), torch.ones(1)
    leaf = x0.clone().requires_grad_()
    (expected,) = torch.autograd.grad(sum(bright(crop).sum() for crop in random_crops(leaf, 4, draw=0)) / 4, leaf)
    step, _ = gradient_step(bright, x0, labels, sigma, 1.0, 100.0, crops=4)
    torch.testing.assert_close(step, expected / 2)  # sigma^2 / (1 + sigma^2) = 1/2


# ---- over several levels -----------------------------------------------------------------------------

def weights(guided, levels=LEVELS) -> None:
    for sigma in levels:
        guided(*arguments(sigma))


@pytest.mark.parametrize("every", [1, 2, 3])
def test_every_so_many_steps_the_reader_is_asked_and_the_weight_held_in_between(every: int) -> None:
    seen: list[Scored] = []
    guided = scaled(IDEAL, log_gaussian, 3.0, 1.0, every=every, on_scored=seen.append)
    weights(guided)
    assert [one.log_conditional is not None for one in seen] == [i % every == 0 for i in range(4)]
    for before, after in itertools.pairwise(seen):
        if after.log_conditional is None:
            assert torch.equal(after.weight, before.weight)


def test_the_weight_starts_at_one_and_changes_by_no_more_than_the_cap() -> None:
    seen: list[Scored] = []
    weights(scaled(IDEAL, lambda x0: 100 * log_gaussian(x0), 6.0, 1.0, change=0.5, on_scored=seen.append))
    path = torch.stack([torch.ones(2), *(one.weight for one in seen)])
    steps = path.diff(dim=0).abs()
    assert (steps <= 0.5 + 1e-6).all()
    assert (steps[0] == 0.5).any()


def test_a_higher_level_begins_another_picture() -> None:
    seen: list[Scored] = []
    guided = scaled(IDEAL, log_gaussian, 3.0, 1.0, every=3, change=0.2, on_scored=seen.append)
    weights(guided, [*LEVELS[:2], *LEVELS])
    for first, again in zip(seen[:2], seen[2:4], strict=True):
        assert torch.equal(first.weight, again.weight)


def test_a_solver_that_asks_twice_at_one_level_counts_as_one_step() -> None:
    seen: list[Scored] = []
    weights(scaled(IDEAL, log_gaussian, 3.0, 1.0, every=2, on_scored=seen.append), [4.0, 2.0, 2.0, 1.0, 1.0])
    assert [one.log_conditional is not None for one in seen] == [True, False, False, True, False]


def test_weights_can_be_mixed_over_the_batch_for_a_control() -> None:
    seen: list[Scored] = []
    shared = scaled(IDEAL, log_gaussian, 3.0, 1.0, on_scored=seen.append, mix=lambda w: w.mean().expand_as(w))
    own = scaled(IDEAL, log_gaussian, 3.0, 1.0, on_scored=seen.append)
    shared(*arguments())
    own(*arguments())
    assert seen[0].weight[0] == seen[0].weight[1] == pytest.approx(float(seen[1].weight.mean()))


def test_a_weaker_model_takes_the_place_of_no_class() -> None:
    x, sigmas, labels, mask = arguments()
    strong, weak = IDEAL(x, sigmas, labels, mask), WEAK(x, sigmas, labels, mask)
    pairs: list[Tensor] = []
    seen: list[Scored] = []
    found = scaled(IDEAL, log_gaussian, 2.0, 1.0, weaker=WEAK, on_pair=lambda a, b: pairs.append(a - b),
                   on_scored=seen.append)(x, sigmas, labels, mask)
    torch.testing.assert_close(pairs[0], strong - weak)
    torch.testing.assert_close(found, weak + seen[0].weight[:, None, None, None] * (strong - weak))


# ---- with the settings, through the samplers ---------------------------------------------------------

SCHEDULE = schedule("linear", 1000)


def predicted(config: SamplingConfig, seeds, labels, scorer=log_gaussian) -> Tensor:
    guided = guide(IDEAL, config, scorer=scorer)
    noise = SampleNoise(seeds, (1, 1, 3))
    steps = sample(bind(guided, torch.tensor(labels)), noise, config, SCHEDULE)
    return torch.stack([step.x0 for step in steps], dim=1)  # (B, num_steps, C, H, W)


def settings(method: str, sampler: str = "ddim", **changes) -> SamplingConfig:
    steps = {"sampler": sampler, "num_steps": 12, "guidance_scale": 2.5, "clip_x0": False}
    return SamplingConfig(**{**steps, "clip_guidance": method, **changes})


@pytest.mark.parametrize("sampler", get_args(SamplerName))
@pytest.mark.parametrize("method", METHODS)
def test_at_strength_zero_it_is_plain_conditional_bit_for_bit(method: str, sampler: str) -> None:
    config = settings(method, sampler, clip_strength=0.0)
    plain = settings("off", sampler, guidance_scale=1.0)
    found = predicted(config, [3, 4], [0, 1], never)
    assert torch.equal(found, predicted(plain, [3, 4], [0, 1]))
    assert network_evaluations(config, SCHEDULE) == network_evaluations(plain, SCHEDULE)


@pytest.mark.parametrize("sampler", ["ddim", "heun", "dpmpp-2m"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("changes", [{}, {"clip_every": 3, "clip_change": 0.4, "clip_crops": 2}])
def test_a_picture_does_not_depend_on_its_batch(method: str, sampler: str, changes: dict) -> None:
    config = settings(method, sampler, **changes)
    together = predicted(config, [3, 4, 5], [0, 1, 1])
    for i, (seed, label) in enumerate(zip((3, 4, 5), (0, 1, 1), strict=True)):
        torch.testing.assert_close(together[i : i + 1], predicted(config, [seed], [label]))
    plain = predicted(settings("off", sampler, guidance_scale=1.0), [3, 4, 5], [0, 1, 1])
    assert not torch.allclose(together, plain)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sampler", ["ddim", "heun"])
def test_the_network_evaluations_are_those_that_are_made(method: str, sampler: str) -> None:
    config = settings(method, sampler, guidance_sigma_low=0.3, guidance_sigma_high=3.0)
    asked: list[int] = []

    def counting(x: Tensor, *rest: Tensor) -> Tensor:
        asked.append(len(x))
        return IDEAL(x, *rest)

    guided = guide(counting, config, scorer=log_gaussian)
    for _ in sample(bind(guided, torch.tensor([0])), SampleNoise([3], (1, 1, 3)), config, SCHEDULE):
        pass
    assert sum(asked) == network_evaluations(config, SCHEDULE)


def test_outside_its_interval_nobody_asks_the_reader() -> None:
    levels: list[float] = []
    config = settings("scale", guidance_sigma_low=0.3, guidance_sigma_high=3.0)
    guided = guide(IDEAL, config, scorer=log_gaussian, on_scored=lambda one: levels.append(one.sigma))
    for _ in sample(bind(guided, torch.tensor([0])), SampleNoise([3], (1, 1, 3)), config, SCHEDULE):
        pass
    inside = [sigma for sigma in sampling_sigmas(config, SCHEDULE) if 0.3 < sigma <= 3.0]
    assert levels == pytest.approx(inside)


def test_settings_that_need_a_reader_are_refused_without_one() -> None:
    with pytest.raises(BadSetting, match="in-domain needs that reader"):
        guide(IDEAL, settings("blend"))
    with pytest.raises(BadSetting, match="0 or more"):
        blended(IDEAL, log_gaussian, -1.0)
    with pytest.raises(BadSetting, match="at least 1"):
        scaled(IDEAL, log_gaussian, 2.0, 1.0, every=0)
    with pytest.raises(BadSetting, match="more than 0"):
        scaled(IDEAL, log_gaussian, 2.0, 1.0, change=0.0)


def test_settings_that_do_nothing_say_why() -> None:
    assert "clip_strength" in idle_settings(settings("off", clip_strength=0.5), SCHEDULE)
    assert not [name for name in idle_settings(settings("off"), SCHEDULE) if name.startswith("clip_")]
    assert "guidance_scale" in idle_settings(settings("blend"), SCHEDULE)
    scale = idle_settings(settings("scale"), SCHEDULE)
    assert {"clip_longest", "clip_crops"} <= set(scale)
    assert not {"guidance_scale", "clip_mode", "clip_strength", "autoguide_step"} & set(scale)
    gradient = idle_settings(settings("gradient"), SCHEDULE)
    assert {"guidance_scale", "clip_mode", "clip_change", "autoguide_step"} <= set(gradient)
    assert "clip_strength" not in idle_settings(settings("blend", clip_strength=0.0), SCHEDULE)
    assert "clip_strength" in idle_settings(settings("scale", guidance_scale=1.0), SCHEDULE)


def test_without_clip_the_settings_are_written_as_they_were_before() -> None:
    off = SamplingConfig()
    assert not [name for name in off.model_dump() if name.startswith("clip_") and name != "clip_x0"]
    kept = SamplingConfig(clip_strength=0.5)
    assert kept.model_dump()["clip_strength"] == 0.5
    on = SamplingConfig(clip_guidance="scale")
    assert {"clip_guidance", "clip_model", "clip_strength", "clip_mode", "clip_every"} <= set(on.model_dump())
    for config in (off, kept, on):
        assert SamplingConfig.model_validate_json(config.model_dump_json()) == config
    assert "num_steps" not in on.model_dump(exclude={"num_steps"})
