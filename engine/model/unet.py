"""The U-Net: a way down, a way up, and a skip tensor from each down block to its up block."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.config import ModelConfig
from engine.errors import BadSetting
from engine.model.blocks import Downsample, Norm, ResidualBlock, SelfAttention, Upsample, zeroed
from engine.model.embeddings import ClassEmbedding, TimeEmbedding


class Stage(nn.Module):
    """One residual block, with self-attention after it where the level has it."""

    def __init__(self, in_channels: int, out_channels: int, config: ModelConfig, attention: bool) -> None:
        super().__init__()
        self.block = ResidualBlock(in_channels, out_channels, config.embedding_width,
                                   conditioning=config.conditioning)
        self.attention = SelfAttention(out_channels) if attention else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        return self.attention(self.block(x, condition))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """(B, C, H, W) noisy picture, noise label (B,), class and mask (B,) to (B, C, H, W).

    Knows no schedule: what the output means is the denoiser's business (engine.diffusion.denoiser).
    size must divide by stem * 2^(levels - 1). Ronneberger et al. 2015 (arXiv 1505.04597), conditioned as in
    Ho et al. 2020 and Nichol and Dhariwal 2021.
    """

    def __init__(self, config: ModelConfig, *, channels: int, size: int, num_classes: int) -> None:
        super().__init__()
        levels = len(config.widths)
        multiple = config.stem * 2 ** (levels - 1)
        if size % multiple:
            raise BadSetting(f"{levels} levels and a stem of {config.stem} need a picture size that divides "
                             f"by {multiple}; {size} does not.")
        self.config = config
        width = config.embedding_width
        self.time = TimeEmbedding(width) if config.time_embedding else None
        self.label = ClassEmbedding(num_classes, width) if config.class_embedding else None

        patch = channels * config.stem ** 2
        self.stem = nn.Conv2d(patch, config.widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.downsample = nn.ModuleList()
        for level, out in enumerate(config.widths):
            self.down.append(nn.ModuleList(
                Stage(out, out, config, level in config.attention_levels) for _ in range(config.blocks)))
            if level + 1 < levels:
                self.downsample.append(Downsample(out, config.widths[level + 1]))

        deepest = config.widths[-1]
        self.middle = Stage(deepest, deepest, config, levels - 1 in config.attention_levels)

        self.up = nn.ModuleList()
        self.upsample = nn.ModuleList()
        for level in reversed(range(levels)):
            out = config.widths[level]
            joined = 2 * out if config.skips else out
            self.up.append(nn.ModuleList(
                Stage(joined, out, config, level in config.attention_levels) for _ in range(config.blocks)))
            if level > 0:
                self.upsample.append(Upsample(out, config.widths[level - 1]))
        self.out_norm = Norm(config.widths[0])
        self.out = zeroed(nn.Conv2d(config.widths[0], patch, 3, padding=1))

    def condition(self, noise_label: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        """(B, embedding_width): time embedding plus masked class embedding, through SiLU."""
        total = torch.zeros(len(noise_label), self.config.embedding_width, device=noise_label.device)
        if self.time is not None:
            total = total + self.time(noise_label)
        if self.label is not None:
            total = total + self.label(class_labels, class_mask)
        return functional.silu(total)

    def forward(self, x: Tensor, noise_label: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
        condition = self.condition(noise_label, class_labels, class_mask)
        h = functional.pixel_unshuffle(x, self.config.stem) if self.config.stem > 1 else x
        h = self.stem(h)
        skips: list[Tensor] = []
        for level, stages in enumerate(self.down):
            for stage in _stages(stages):
                h = stage(h, condition)
                skips.append(h)
            if level < len(self.downsample):
                h = self.downsample[level](h)
        h = self.middle(h, condition)
        for step, stages in enumerate(self.up):
            for stage in _stages(stages):
                skip = skips.pop()
                h = stage(torch.cat([h, skip], dim=1) if self.config.skips else h, condition)
            if step < len(self.upsample):
                h = self.upsample[step](h)
        h = self.out(functional.silu(self.out_norm(h)))
        return functional.pixel_shuffle(h, self.config.stem) if self.config.stem > 1 else h


def _stages(level: nn.Module) -> Iterator[nn.Module]:
    return level.children()


def count_parameters(network: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in network.parameters())
