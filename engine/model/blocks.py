"""The parts of the U-Net: residual block, attention, and the ways between levels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Norm(nn.GroupNorm):
    """Group normalisation of (B, C, H, W) in groups of at least four channels, eight groups at most.

    With scale and shift, (B, C) each, normalised * (1 + scale) + shift.
    """

    def __init__(self, channels: int) -> None:
        groups = min(8, max(1, channels // 4))
        while channels % groups:
            groups -= 1
        super().__init__(groups, channels)

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        on_cpu = x.device.type == "cpu"
        if on_cpu and x.dtype is torch.bfloat16:
            x = x.contiguous()  # torch's kernel for channels-last bfloat16 takes ten times as long
        if scale is None or shift is None:
            return super().forward(x)
        if not on_cpu or not x.is_contiguous():
            return torch.addcmul(_wide(shift), super().forward(x), 1 + _wide(scale))
        # Every picture's channels as channels of their own, each with its weight and bias: one pass instead of two.
        batch, channels, height, width = x.shape
        weight, bias = torch.addcmul(self.weight, self.weight, scale), torch.addcmul(shift, self.bias, 1 + scale)
        return functional.group_norm(x.view(1, batch * channels, height, width), batch * self.num_groups,
                                     weight.flatten(), bias.flatten(), self.eps).view(x.shape)


def _wide(values: Tensor) -> Tensor:
    """(B, C) to (B, C, 1, 1)."""
    return values.view(*values.shape, 1, 1)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The same layer with its weights and bias at zero: the block starts as the identity."""
    layer.starts_at_zero = True  # type: ignore[assignment]  # read by engine.model.init
    return layer


class ResidualBlock(nn.Module):
    """norm, SiLU, conv, condition, norm, SiLU, conv, plus the input: (B, in, H, W) to (B, out, H, W).

    The condition (B, embedding_width) enters as scale and shift after the second normalisation (Nichol and
    Dhariwal 2021) or is added to the channels before it (Ho et al. 2020).
    """

    def __init__(self, in_channels: int, out_channels: int, embedding_width: int, *,
                 conditioning: str) -> None:
        super().__init__()
        self.scale_shift = conditioning == "scale-shift"
        self.norm1 = Norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.condition = nn.Linear(embedding_width, out_channels * (2 if self.scale_shift else 1))
        self.norm2 = Norm(out_channels)
        self.conv2 = zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.residual = (nn.Identity() if in_channels == out_channels
                         else nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        c = self.condition(condition)
        h = self.norm2(h, *c.chunk(2, dim=1)) if self.scale_shift else self.norm2(h + _wide(c))
        h = self.conv2(functional.silu(h))
        return self.residual(x) + h  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Attention over the positions of a feature map, four heads at most, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, min(4, channels // 16))
        self.norm = Norm(channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        qkv = self.query_key_value(self.norm(x))
        qkv = qkv.reshape(batch, 3, self.heads, channels // self.heads, height * width)
        q, k, v = qkv.transpose(-1, -2).unbind(1)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(mixed.transpose(-1, -2).reshape(batch, channels, height, width))  # type: ignore[no-any-return]


class Downsample(nn.Module):
    """Half the height and width by a strided convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Upsample(nn.Module):
    """Twice the height and width: nearest neighbour, then a convolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        # Where the channels of a place lie side by side a CPU copies them together, else value by value: with the
        # convolution that is two thirds of the time in bfloat16, and half in float32.
        apart = x.device.type == "cpu" and x.is_contiguous()
        if apart:
            x = x.contiguous(memory_format=torch.channels_last)
        out: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out.contiguous() if apart else out
