"""How a judge of clean pictures is trained: by the script that makes the ones that ship, and on request in the app.

A judge never sees a generated picture: it learns the training pictures of a data set, shifted by up to two pixels and
mirrored where the data set allows it, and is tested on the test pictures, which decide nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from engine.data.dataset import Dataset
from engine.errors import BadSetting
from engine.events import Event, JobProgress, Tick
from engine.measure.judge import Judge, to_input
from engine.measure.judge_networks import NETWORKS, JudgeModule
from engine.measure.noise_judge import NoiseJudge
from engine.runs.atomic import saving, write_file
from engine.runs.jsontext import readable

SHIFT = 2  # pixels
FEWEST = 20  # pictures that a judge can be made of


@dataclass(frozen=True)
class Recipe:
    """How one kind of judge is made. noised: share of each batch that is drowned in noise, from a little to all of it,
    with the label kept, so that it learns that pure noise is no class in particular.
    """

    network: str = "plain"
    seed: int = 0
    epochs: int = 12
    noised: float = 0.15
    batch: int = 128
    learning_rate: float = 4e-3
    stored: torch.dtype = torch.float16  # of the weights in the file; the running averages stay float32


@dataclass(frozen=True, eq=False)
class Trained:
    """A judge with its record, and the bytes of its weights' file."""

    judge: Judge | NoiseJudge
    packed: bytes
    record: dict[str, Any]

    def save(self, file: Path) -> None:
        """Write weights and, after them, the record beside them. Raises SaveFailed."""
        with saving(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, [self.packed])
        write_file(file.with_suffix(".json"), [readable(self.record)])


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture of uint8 (B, C, H, W) moved by up to SHIFT pixels; its border is repeated where it leaves."""
    batch, channels, height, width = images.shape
    offsets = torch.randint(-SHIFT, SHIFT + 1, (2, batch), generator=generator)
    rows = (offsets[0][:, None] + torch.arange(height)).clamp(0, height - 1)[:, None, :, None]
    columns = (offsets[1][:, None] + torch.arange(width)).clamp(0, width - 1)[:, None, None, :]
    return images[torch.arange(batch)[:, None, None, None], torch.arange(channels)[:, None, None], rows, columns]


def flipped(images: Tensor, labels: Tensor, flips: tuple[bool, ...], generator: torch.Generator) -> Tensor:
    """Half of the pictures (B, C, H, W) whose class may be seen in a mirror, mirrored."""
    if not any(flips):
        return images
    chosen = torch.tensor(flips)[labels] & (torch.rand(len(labels), generator=generator) < 0.5)
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)


def noised(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """(B, C, H, W) in -1..1, the first `share` of them mixed with noise: cos(a) x + sin(a) eps, a uniform."""
    count = round(share * len(x))
    if count == 0:
        return x
    angle = torch.rand(count, 1, 1, 1, generator=generator) * (torch.pi / 2)
    eps = torch.randn(x[:count].shape, generator=generator)
    mixed = (angle.cos() * x[:count] + angle.sin() * eps).clamp(-1, 1)
    return torch.cat([mixed, x[count:]])


def fit(network: nn.Module, count: int, loss_of: Callable[[Tensor], Tensor], generator: torch.Generator, *, epochs: int,
        batch: int, learning_rate: float) -> Generator[Event, Any, None]:
    """Train a network on `count` pictures in whole batches, in a new order each epoch: JobProgress after each step.

    loss_of: the loss of a batch, from the indices (B,) of its pictures.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-2)
    steps = epochs * (count // batch)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps, pct_start=0.2)
    step = 0
    yield JobProgress(0, steps, "steps")
    for _ in range(epochs):
        for index in torch.randperm(count, generator=generator).split(batch):  # type: ignore[no-untyped-call]
            if len(index) < batch:
                continue
            loss = loss_of(index)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
            step += 1
            yield JobProgress(step, steps, "steps")


def batch_of(data: Dataset, count: int, wanted: int) -> int:
    """The size of a batch where there are `count` pictures to learn. Raises BadSetting where there are too few."""
    if count < FEWEST:
        raise BadSetting(f"{data.title} has {count} pictures for a judge to learn from; it needs {FEWEST}.",
                         "Import more pictures.")
    return min(wanted, count)


@contextmanager
def own_randomness(state: list[Tensor]) -> Iterator[None]:
    """Within it torch's global generator is that of `state` (one tensor), for initial weights and drop-out; afterwards
    it is as it was, for between two steps others may draw from it.
    """
    before = torch.get_rng_state()
    torch.set_rng_state(state[0])
    try:
        yield
    finally:
        state[0] = torch.get_rng_state()
        torch.set_rng_state(before)


def seeded(seed: int) -> list[Tensor]:
    """The state of a generator with this seed, for `own_randomness`."""
    return [torch.Generator().manual_seed(seed).get_state()]


def train_judge(data: Dataset, recipe: Recipe, *, chosen: NDArray[np.int64] | None = None,
                device: torch.device | str = "cpu") -> Generator[Event, Any, Trained]:
    """Train, round the weights as the file will hold them, and test: JobProgress after each step, returning the judge.

    chosen: learn these training pictures alone. Raises BadSetting where there are too few.
    """
    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    if chosen is not None:
        images, labels = images[chosen], labels[chosen]
    batch = batch_of(data, len(images), recipe.batch)
    state, began = seeded(recipe.seed), time.process_time()
    with own_randomness(state):
        network = NETWORKS[recipe.network](num_classes=data.num_classes, channels=data.channels, size=data.size)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    generator = torch.Generator().manual_seed(recipe.seed)  # order, shifts and noise

    def loss_of(index: Tensor) -> Tensor:
        seen = flipped(shifted(images[index], generator), labels[index], data.flips, generator)
        x = noised(to_input(seen), recipe.noised, generator).to(device)
        with own_randomness(state):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        return functional.cross_entropy(logits, labels[index].to(device))

    yield from fit(network, len(images), loss_of, generator, epochs=recipe.epochs, batch=batch,
                   learning_rate=recipe.learning_rate)
    seconds = time.process_time() - began
    network.cpu()
    packed = pack(network, recipe.stored)
    judge = Judge(network, hashlib.sha256(packed).hexdigest())
    right = np.empty(len(data.test_labels), dtype=bool)
    for begin in range(0, len(right), 500):
        part = slice(begin, begin + 500)
        right[part] = judge.read(data.test_images[part]).argmax(axis=1) == data.test_labels[part]
        yield Tick()
    record = {
        "sha256": judge.sha256, "network": recipe.network,
        "num_classes": data.num_classes, "channels": data.channels, "size": data.size,
        "test_accuracy": float(right.mean()) if len(right) else 0.0, "test_errors": int((~right).sum()),
        "accuracy_by_class": [round(float(right[data.test_labels == c].mean()), 4) if (data.test_labels == c).any()
                              else None for c in range(data.num_classes)],
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": data.name, "data_sha256": data.train_sha256, "images": len(images), "test_images": len(right),
        "epochs": recipe.epochs, "batch": batch, "learning_rate": recipe.learning_rate, "shift": SHIFT,
        "flips": [name for name, may in zip(data.class_names, data.flips, strict=False) if may],
        "noised": recipe.noised, "seed": recipe.seed, "threads": torch.get_num_threads(),
        "device": torch.device(device).type, "torch": torch.__version__, "cpu_seconds": round(seconds, 1),
    }
    judge.record = record
    return Trained(judge, packed, record)


def pack(network: JudgeModule, stored: torch.dtype) -> bytes:
    """The weights' file; the network is rounded to what it holds, so that what is tested is what ships."""
    trained = dict(network.named_parameters())
    weights = {name: value.detach().to(stored if name in trained else value.dtype).contiguous()
               for name, value in network.state_dict().items()}
    network.load_state_dict({name: value.to(network.state_dict()[name].dtype) for name, value in weights.items()})
    return save(weights)
