"""The quick forms of normalisation and enlarging are the plain ones, in every memory layout."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.model.blocks import Norm, Upsample

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def plain(norm: Norm, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Each picture by itself, group by group."""
    pictures = []
    for picture, s, t in zip(x, scale, shift, strict=True):
        groups = picture.unflatten(0, (norm.num_groups, -1))
        mean, variance = groups.mean((1, 2, 3), keepdim=True), groups.var((1, 2, 3), keepdim=True, correction=0)
        h = ((groups - mean) / (variance + norm.eps).sqrt()).flatten(0, 1)
        h = h * norm.weight[:, None, None] + norm.bias[:, None, None]
        pictures.append(h * (1 + s)[:, None, None] + t[:, None, None])
    return torch.stack(pictures)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [16, 24, 6])
def test_a_scaled_norm_is_its_formula_and_so_is_its_gradient(layout, channels) -> None:
    norm = Norm(channels)
    with torch.no_grad():
        norm.weight.copy_(1 + 0.3 * gaussian(channels, seed=1))
        norm.bias.copy_(gaussian(channels, seed=2))
    both = gaussian(3, 2 * channels, seed=3)
    answers = []
    for form in (norm, lambda *args: plain(norm, *args)):
        x = gaussian(3, channels, 7, 5).contiguous(memory_format=layout).requires_grad_()
        c = both.clone().requires_grad_()
        out = form(x, *c.chunk(2, dim=1))
        answers.append([out, *torch.autograd.grad((out * gaussian(*out.shape, seed=4)).sum(),
                                                  [x, c, norm.weight, norm.bias])])
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_bfloat16_a_scaled_norm_rounds_its_answer_and_no_more(layout) -> None:
    norm = Norm(16)
    x = gaussian(2, 16, 6, 6).bfloat16().contiguous(memory_format=layout)
    scale, shift = gaussian(2, 16, seed=1).bfloat16(), gaussian(2, 16, seed=2).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = norm(x, scale, shift)
        alone = norm(x)
    assert out.dtype is alone.dtype is torch.bfloat16
    expected = plain(norm, x.float(), scale.float(), shift.float())
    torch.testing.assert_close(out.float(), expected, rtol=2 ** -7, atol=2 ** -6)
    torch.testing.assert_close(alone.float(), plain(norm, x.float(), 0 * scale.float(), 0 * shift.float()),
                               rtol=2 ** -8, atol=2 ** -8)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_enlarging_is_nearest_neighbour_and_a_convolution_and_keeps_the_layout(layout) -> None:
    upsample = Upsample(6, 4).to(memory_format=layout)
    answers = []
    for form in (upsample, lambda x: upsample.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))):
        x = gaussian(2, 6, 5, 5).contiguous(memory_format=layout).requires_grad_()
        out = form(x)
        answers.append([out, *torch.autograd.grad(out.square().sum(), [x, upsample.conv.weight, upsample.conv.bias])])
    assert answers[0][0].is_contiguous(memory_format=layout)
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
