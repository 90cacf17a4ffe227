"""The U-Net: shapes, switches, and what must not leak."""

import pytest
import torch

from engine.config import ModelConfig
from engine.diffusion.noise import stream
from engine.errors import BadSetting
from engine.model.init import initialise
from engine.model.unet import UNet, count_parameters


def network(channels: int = 1, size: int = 28, **changes) -> UNet:
    net = UNet(ModelConfig(**{"widths": (16, 32), "embedding_width": 32, **changes}), channels=channels, size=size,
               num_classes=10)
    initialise(net, stream(0, 1))
    # The output layer starts at zero; give it weights so that differences show.
    g = torch.Generator().manual_seed(3)
    for module in net.modules():
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.1, generator=g)
    return net.eval()


def run(net: UNet, label: float = 100.0, cls: int = 3, mask: float = 1.0, size: int = 28,
        channels: int = 1) -> torch.Tensor:
    x = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return net(x, torch.full((2,), label), torch.full((2,), cls), torch.full((2,), mask))


@pytest.mark.parametrize(("channels", "size", "changes"), [
    (1, 28, {}), (3, 32, {}), (1, 28, {"stem": 1, "widths": (8, 16, 16)}),
    (3, 64, {"blocks": 2, "attention_levels": (1,)}),
    (1, 28, {"skips": False}), (1, 28, {"conditioning": "add"})])
def test_output_has_the_shape_of_the_picture(channels: int, size: int, changes: dict) -> None:
    assert run(network(channels, size, **changes), size=size, channels=channels).shape == (2, channels, size, size)


def test_noise_level_and_class_change_the_output_and_the_mask_hides_the_class() -> None:
    net = network()
    assert not torch.equal(run(net, label=100), run(net, label=500))
    assert not torch.equal(run(net, cls=3), run(net, cls=4))
    assert torch.equal(run(net, cls=3, mask=0), run(net, cls=4, mask=0))
    assert not torch.equal(run(net, cls=3, mask=0), run(net, cls=3, mask=1))


def test_each_part_can_be_left_out() -> None:
    assert torch.equal(run(network(time_embedding=False), label=1), run(network(time_embedding=False), label=900))
    assert torch.equal(run(network(class_embedding=False), cls=1), run(network(class_embedding=False), cls=8))
    assert count_parameters(network(skips=False)) < count_parameters(network())


def test_skips_carry_what_is_concatenated() -> None:
    net = network()
    shapes = []
    for stages in net.up:
        for stage in stages:
            stage.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape[1]))
    run(net)
    assert shapes == [64, 32]  # own channels plus the skip's


def test_embedding_is_float32_under_autocast() -> None:
    from engine.model.embeddings import sinusoid

    with torch.autocast("cpu", dtype=torch.bfloat16):
        e = sinusoid(torch.tensor([998.39]), 32)
    assert e.dtype == torch.float32
    assert not torch.equal(e, sinusoid(torch.tensor([1000.0]), 32))


def test_same_seed_same_network_whatever_the_global_generator() -> None:
    torch.rand(7)
    a = network()
    torch.rand(11)
    b = network()
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_a_fresh_network_is_silent() -> None:
    net = UNet(ModelConfig(), channels=1, size=28, num_classes=10)
    initialise(net, stream(0, 1))
    assert torch.equal(run(net), torch.zeros(2, 1, 28, 28))


def test_a_size_that_does_not_divide_is_named() -> None:
    with pytest.raises(BadSetting, match="divides by 8; 28 does not"):
        UNet(ModelConfig(widths=(8, 8, 8), stem=2), channels=1, size=28, num_classes=10)
