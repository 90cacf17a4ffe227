"""A batch in parts has the losses and the gradient of the whole."""

import threading

import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.training.batches import Batch
from engine.training.shards import Shards


def made():
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    g = torch.Generator().manual_seed(0)
    for module in denoiser.modules():  # layers that start at zero would hide the others' gradients
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return denoiser


def batch(size: int) -> Batch:
    g = torch.Generator().manual_seed(1)
    return Batch(torch.randn(size, 1, 28, 28, generator=g), torch.randn(size, 1, 28, 28, generator=g),
                 torch.rand(size, generator=g) + 0.1, torch.arange(size) % 10, torch.ones(size))


@pytest.mark.parametrize(("size", "count"), [(8, 2), (7, 2), (9, 4), (2, 4), (1, 2)])
def test_parts_sum_to_the_whole(size: int, count: int) -> None:
    whole, split = made(), made()
    losses = whole.losses(*batch(size))
    losses.loss.backward()
    shards = Shards(split, count)
    told, norm = shards.backward(batch(size))
    shards.close()
    torch.testing.assert_close(told.loss, losses.loss.detach())
    torch.testing.assert_close(told.eps_mse, losses.eps_mse)
    assert not told.loss.requires_grad
    assert not told.eps_mse.requires_grad
    for one, two in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(two.grad, one.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm, torch.cat([p.grad.flatten() for p in whole.parameters()]).norm())


def test_the_same_bits_each_time_and_no_thread_left() -> None:
    before = threading.active_count()
    results = []
    for _ in range(3):
        denoiser = made()
        shards = Shards(denoiser, 2)
        shards.backward(batch(8))
        shards.close()
        shards.close()
        results.append([p.grad.clone() for p in denoiser.parameters()])
    assert all(torch.equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))
    assert threading.active_count() == before


def test_a_failing_part_fails_the_step() -> None:
    shards = Shards(made(), 2)
    wrong = batch(8)._replace(class_labels=torch.full((8,), 99))
    with pytest.raises(RuntimeError):
        shards.backward(wrong)
    shards.close()
