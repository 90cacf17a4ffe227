"""What the network is told besides the picture: the noise level and the class."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def sinusoid(label: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """(B,) labels in units of 0..1000 to (B, width) cosines and sines, always in float32.

    Vaswani et al. 2017 (arXiv 1706.03762), as used for t by Ho et al. 2020. bfloat16 would round
    998.39 to 1000, so the caller's autocast is switched off here.
    """
    with torch.autocast(label.device.type, enabled=False):
        half = width // 2
        steps = torch.arange(half, device=label.device, dtype=torch.float32)
        angles = label.float()[:, None] * torch.exp(-math.log(longest) * steps / half)[None]
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimeEmbedding(nn.Module):
    """Noise label (B,) to (B, width): sinusoid, then a two-layer perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.hidden = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, noise_label: Tensor) -> Tensor:
        return self.out(functional.silu(self.hidden(sinusoid(noise_label, self.width))))  # type: ignore[no-any-return]


class ClassEmbedding(nn.Module):
    """Class labels (B,) to (B, width): one-hot, then a two-layer perceptron, times a mask (B,).

    class_mask 1 uses the class, 0 does not: the embedding is then exactly zero, whatever the label.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.hidden = nn.Linear(num_classes, width)
        self.out = nn.Linear(width, width)

    def forward(self, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        one_hot = functional.one_hot(class_labels, self.num_classes).float()
        embedded = self.out(functional.silu(self.hidden(one_hot)))
        return embedded * class_mask[:, None].to(embedded.dtype)  # type: ignore[no-any-return]
