"""Initial weights from an explicit generator, so that a seed means the same network everywhere."""

from __future__ import annotations

import math

import torch
from torch import nn


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Kaiming-uniform weights and uniform biases for every convolution and linear layer, in order of definition.

    Layers marked `starts_at_zero` become zero, so that each residual block starts as the identity.
    """
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        if getattr(module, "starts_at_zero", False):
            module.weight.zero_()
            if module.bias is not None:
                module.bias.zero_()
            continue
        nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
        if module.bias is not None:
            bound = 1 / math.sqrt(module.weight[0].numel())
            module.bias.uniform_(-bound, bound, generator=generator)
