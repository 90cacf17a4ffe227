"""Small classifiers that are trained to find out what sets of pictures are worth: all by the same recipe.

The network is the first judge's, for any number of channels and classes; the recipe is the judge's without noise and
drop-out. What differs between two classifiers that are compared is their pictures alone. They are trained side by
side, one CPU thread each, which is quicker than one after the other on all of them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.device import cores
from engine.diffusion.noise import stream
from engine.measure.judge import to_input
from engine.measure.judge_networks import NETWORKS, JudgeModule
from engine.measure.judge_training import shifted
from engine.measure.recipe import QUICK, Recipe
from engine.model.init import initialise
from engine.side_by_side import SideBySide

INIT, ORDER = 61, 62  # first numbers of the keys of random streams
PART = 500  # pictures read at once


class Pictures(NamedTuple):
    """uint8 (N, C, H, W) and int64 (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class _Training:
    """One classifier on its way. seed decides its initial weights, the order of pictures and their shifts."""

    def __init__(self, pictures: Pictures, num_classes: int, seed: int, recipe: Recipe, device: torch.device) -> None:
        network = NETWORKS["plain"](num_classes, pictures.images.shape[1], pictures.images.shape[2])
        network.drop = nn.Identity()  # it would draw from torch's global generator
        initialise(network, stream(seed, INIT))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.network.train()
        self.recipe, self.device = recipe, device
        self.images, self.labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
        self.generator = stream(seed, ORDER)
        self.order = torch.empty(0, dtype=torch.long)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate,
                                           weight_decay=recipe.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, recipe.learning_rate, recipe.num_steps,
                                                             pct_start=0.2)

    def step(self) -> None:
        """One batch; pictures come round again in a new order when all were seen."""
        size = self.recipe.batch_size
        while len(self.order) < size:
            self.order = torch.cat([self.order, torch.randperm(len(self.images), generator=self.generator)])
        index, self.order = self.order[:size], self.order[size:]
        x = to_input(shifted(self.images[index], self.generator)).to(self.device)
        loss = functional.cross_entropy(self.network(x.contiguous(memory_format=torch.channels_last)),
                                        self.labels[index].to(self.device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.scheduler.step()

    def done(self) -> JudgeModule:
        """The network, for reading."""
        self.network.eval().requires_grad_(False)
        return self.network


def train_classifiers(sets: Sequence[Pictures], num_classes: int, seed: int, recipe: Recipe = QUICK,
                      device: torch.device | str = "cpu") -> Generator[None, None, list[JudgeModule]]:
    """A classifier for each set of pictures, all with the same initial weights; yields after each step of all."""
    device = torch.device(device)
    trainings = [_Training(pictures, num_classes, seed, recipe, device) for pictures in sets]
    with _threads(device, len(sets)) as threads:
        for _ in range(recipe.num_steps):
            threads.each([training.step for training in trainings])
            yield
    return [training.done() for training in trainings]


def read(networks: Sequence[JudgeModule],
         images: NDArray[np.uint8]) -> Generator[None, None, list[NDArray[np.int64]]]:
    """The class that each network reads in each of the pictures (N, C, H, W); yields after each part."""
    answers = [np.empty(len(images), dtype=np.int64) for _ in networks]
    device = next(networks[0].parameters()).device
    with _threads(device, len(networks)) as threads:
        for begin in range(0, len(images), PART):
            x = to_input(torch.from_numpy(np.array(images[begin : begin + PART]))).to(device)
            for own, part in zip(answers, threads.each([partial(_classes, network, x) for network in networks]),
                                 strict=True):
                own[begin : begin + PART] = part
            yield
    return answers


def _threads(device: torch.device, count: int) -> SideBySide:
    """On a CPU at least two: then one alone has a thread of its own too, and is trained just as it is beside others."""
    return SideBySide(max(2, min(cores(), count)) if device.type == "cpu" else 1)


@torch.inference_mode()
def _classes(network: JudgeModule, x: Tensor) -> NDArray[np.int64]:
    read: NDArray[np.int64] = network(x).argmax(dim=1).cpu().numpy()
    return read
