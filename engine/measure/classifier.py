"""A small classifier that is trained to find out what a set of pictures is worth: always the same recipe.

The network is shaped as the first judge, for any number of channels and classes; the recipe is the judge's without
noise and drop-out. What differs between two classifiers that are compared is their pictures alone.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.diffusion.noise import stream
from engine.measure.recipe import QUICK, Recipe
from engine.model.init import initialise

INIT, ORDER = 61, 62  # first numbers of the keys of random streams
PART = 500  # pictures read at once


def _convolution(channels_in: int, channels_out: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, size, padding=size // 2, bias=False),
                         nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True))


class Classifier(nn.Module):
    """Five convolutions and one hidden layer: (B, C, H, W) in -1..1 to logits (B, num_classes)."""

    def __init__(self, shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.body = nn.Sequential(
            _convolution(channels, 16, 5), nn.MaxPool2d(2),
            _convolution(16, 32), _convolution(32, 32), nn.MaxPool2d(2),
            _convolution(32, 64), _convolution(64, 64), nn.MaxPool2d(2))
        self.hidden = nn.Linear(64 * (height // 8) * (width // 8), 128)
        self.out = nn.Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(torch.relu(self.hidden(self.body(x).flatten(1))))
        return logits


def train_classifier(images: NDArray[np.uint8], labels: NDArray[np.int64], num_classes: int, seed: int,
                     recipe: Recipe = QUICK, device: torch.device | str = "cpu") -> Generator[None, None, Classifier]:
    """A classifier of pictures (N, C, H, W) with labels (N,), in evaluation mode; yields after each step.

    seed decides its initial weights, the order of pictures and their shifts.
    """
    network = Classifier(images.shape[1:], num_classes)
    initialise(network, stream(seed, INIT))
    network = network.to(torch.device(device)).to(memory_format=torch.channels_last)
    network.train()
    generator = stream(seed, ORDER)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, recipe.num_steps, pct_start=0.2)
    everything, truth = torch.from_numpy(images), torch.from_numpy(labels)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(recipe.num_steps):
        while len(order) < recipe.batch_size:
            order = torch.cat([order, torch.randperm(len(images), generator=generator)])
        index, order = order[:recipe.batch_size], order[recipe.batch_size:]
        x = to_input(shifted(everything[index], recipe.shift, generator)).to(device)
        loss = functional.cross_entropy(network(x.contiguous(memory_format=torch.channels_last)),
                                        truth[index].to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        yield
    network.eval().requires_grad_(False)
    return network


def read(network: Classifier, images: NDArray[np.uint8]) -> Generator[None, None, NDArray[np.int64]]:
    """The class read in each of the pictures (N, C, H, W); yields after each part."""
    device = next(network.parameters()).device
    answers = np.empty(len(images), dtype=np.int64)
    for begin in range(0, len(images), PART):
        with torch.inference_mode():
            x = to_input(torch.from_numpy(np.array(images[begin : begin + PART]))).to(device)
            answers[begin : begin + PART] = network(x).argmax(dim=1).cpu().numpy()
        yield
    return answers


def to_input(images: Tensor) -> Tensor:
    """uint8 (B, C, H, W) to float32 in -1..1."""
    return images.float().mul_(1 / 127.5).sub_(1)


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each picture of uint8 (B, C, H, W) moved by up to `most` pixels; its border is repeated where it leaves."""
    if most == 0:
        return images
    batch, _, height, width = images.shape
    offsets = torch.randint(-most, most + 1, (2, batch), generator=generator)
    rows = (offsets[0][:, None] + torch.arange(height)).clamp(0, height - 1)
    columns = (offsets[1][:, None] + torch.arange(width)).clamp(0, width - 1)
    return images.permute(0, 2, 3, 1)[torch.arange(batch)[:, None, None], rows[:, :, None],
                                      columns[:, None, :]].permute(0, 3, 1, 2)
