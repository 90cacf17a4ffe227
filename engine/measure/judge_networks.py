"""The networks of the judges: two that share neither shape nor seed, so that a flaw of one shows in the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class JudgeModule(nn.Module):
    """What a judge needs of its network: logits, and the layer before them."""

    width: int  # of that layer
    channels: int  # of the pictures it reads
    size: int  # their height and width in pixels
    out: nn.Linear  # from it to the logits

    def features(self, x: Tensor) -> Tensor:
        """The layer before the logits (B, width), not negative: where sets of pictures are compared."""
        raise NotImplementedError


def _convolution(channels_in: int, channels_out: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True))


class JudgeNetwork(JudgeModule):
    """Five convolutions, one hidden layer: (B, channels, size, size) in -1..1 to logits (B, num_classes)."""

    width = 128

    def __init__(self, num_classes: int = 10, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        self.body = nn.Sequential(
            _convolution(channels, 16, 5), nn.MaxPool2d(2),
            _convolution(16, 32), _convolution(32, 32), nn.MaxPool2d(2),
            _convolution(32, 64), _convolution(64, 64), nn.MaxPool2d(2))
        self.hidden = nn.Linear(64 * (size // 8) ** 2, self.width)
        self.drop = nn.Dropout(0.2)  # only in training, where it draws from torch's global generator
        self.out = nn.Linear(self.width, num_classes)

    def features(self, x: Tensor) -> Tensor:
        return torch.relu(self.hidden(self.body(x).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.drop(self.features(x)))
        return logits


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class SecondJudgeNetwork(JudgeModule):
    """A small residual network that averages over positions: (B, channels, size, size) in -1..1 to (B, num_classes)."""

    width = 96

    def __init__(self, num_classes: int = 10, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        self.body = nn.Sequential(
            _convolution(channels, 24, 5, stride=2), _Residual(24),
            _convolution(24, 48, stride=2), _Residual(48),
            _convolution(48, self.width, stride=2), _Residual(self.width))
        self.out = nn.Linear(self.width, num_classes)

    def features(self, x: Tensor) -> Tensor:
        averaged: Tensor = self.body(x).mean(dim=(2, 3))
        return averaged

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.features(x))
        return logits


# By the name in a judge's record; the first judge's record, made before there was a choice, has none. Called with
# num_classes, channels and size.
NETWORKS: dict[str, Callable[..., JudgeModule]] = {"plain": JudgeNetwork, "residual": SecondJudgeNetwork}
