"""What a training step sees, as a function of (seed, images seen): a resume is exact by construction."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from engine.build import NOISE, ORDER
from engine.config import DiffusionConfig
from engine.diffusion.noise import stream
from engine.diffusion.schedules import Schedule


class Batch(NamedTuple):
    """One batch: pictures (B, C, H, W) in -1..1, noise of their shape, sigma, labels and mask (B,)."""

    x0: Tensor
    eps: Tensor
    sigma: Tensor
    class_labels: Tensor
    class_mask: Tensor


class Order:
    """A new permutation of the data set each epoch; any stretch of it can be asked for."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.long)

    def indices(self, images_seen: int, batch_size: int) -> Tensor:
        """Indices of the next batch_size images after images_seen of them."""
        parts: list[Tensor] = []
        position = images_seen
        while batch_size > 0:
            epoch, offset = divmod(position, self.count)
            if epoch != self._epoch:
                self._permutation = torch.randperm(self.count, generator=stream(self.seed, ORDER, epoch))
                self._epoch = epoch
            part = self._permutation[offset : offset + batch_size]
            parts.append(part)
            position += len(part)
            batch_size -= len(part)
        return torch.cat(parts) if len(parts) > 1 else parts[0]


class Batches:
    """Batches from a data set that lives on the device as uint8."""

    def __init__(self, images: Tensor, labels: Tensor, config: DiffusionConfig, schedule: Schedule, seed: int,
                 flips: tuple[bool, ...] = ()) -> None:
        """flips: of which classes every other picture is mirrored, by chance; empty for none."""
        self.images = images
        self._flips = torch.tensor(flips, device=images.device) if any(flips) else None
        self.labels = labels
        self.config = config
        self.seed = seed
        self.order = Order(len(images), seed)
        sigmas = torch.from_numpy(schedule.sigma.copy()).float()
        # No level is trained beyond the schedule's own: the network is never asked for one. Plain numbers, for
        # reading them from a GPU would wait for it in each step.
        self._lowest, self._highest = float(sigmas[1]) / 5, float(sigmas[-1])
        self._sigmas = sigmas.to(images.device)

    def draw_sigma(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) noise levels: t uniform over 1..T, or ln sigma normal with a share of uniform t."""
        if self.config.stratified:
            return self._stratified(count, generator)
        device = self.images.device
        timesteps = torch.randint(1, len(self._sigmas), (count,), generator=generator, device=device)
        uniform = self._sigmas[timesteps]
        if self.config.noise_levels == "uniform-t":
            return uniform
        normal = torch.randn(count, generator=generator, device=device)
        log_normal = (self.config.log_sigma_mean + self.config.log_sigma_std * normal).exp()
        log_normal = log_normal.clamp(self._lowest, self._highest)
        chosen = torch.arange(count, device=device) < round(self.config.uniform_share * count)
        return torch.where(chosen, uniform, log_normal)

    def _stratified(self, count: int, generator: torch.Generator) -> Tensor:
        """The same distributions, one uniform number in each of equal strata, through the inverse of the CDF."""
        drawn = torch.rand(count, generator=generator, device=self.images.device)
        config, num_timesteps = self.config, len(self._sigmas) - 1
        share = 1.0 if config.noise_levels == "uniform-t" else config.uniform_share
        u, v = (_one_per_stratum(part) for part in drawn.tensor_split([round(share * count)]))
        uniform = self._sigmas[1 + (u * num_timesteps).long().clamp(max=num_timesteps - 1)]
        normal = math.sqrt(2) * torch.erfinv(2 * v - 1)  # infinite at the very ends, which the clamp takes in
        log_normal = (config.log_sigma_mean + config.log_sigma_std * normal).exp().clamp(self._lowest, self._highest)
        return torch.cat([uniform, log_normal])

    def __call__(self, images_seen: int, batch_size: int) -> Batch:
        device = self.images.device
        index = self.order.indices(images_seen, batch_size).to(device, non_blocking=True)
        generator = stream(self.seed, NOISE, images_seen, device=device)
        x0 = self.images[index].float().mul_(1 / 127.5).sub_(1)
        sigma = self.draw_sigma(batch_size, generator)
        kept = torch.rand(batch_size, generator=generator, device=device) >= self.config.label_drop
        eps = torch.randn(x0.shape, generator=generator, device=device)
        labels = self.labels[index]
        if self._flips is not None:  # drawn last, so that nothing else changes with it
            mirrored = self._flips[labels] & (torch.rand(batch_size, generator=generator, device=device) < 0.5)
            x0 = torch.where(mirrored[:, None, None, None], x0.flip(-1), x0)
        return Batch(x0, eps, sigma, labels, kept.float())


def _one_per_stratum(uniform: Tensor) -> Tensor:
    """(n,) numbers in 0..1, the i-th moved into the i-th of n equal parts of 0..1."""
    places = torch.arange(len(uniform), device=uniform.device)
    return (places + uniform) / max(1, len(uniform))
