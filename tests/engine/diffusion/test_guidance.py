"""Guidance in an interval, rescaled, and by a weaker model, on the ideal denoiser of a finite set."""

import pytest
import torch
from closed_form import FiniteSet

from engine.diffusion.guidance import autoguided, classifier_free, rescaled, within
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
