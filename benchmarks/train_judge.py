"""Train a judge of MNIST and write its weights and its record into resources/models.

    python benchmarks/train_judge.py [--judge first] [--epochs 12] [--seed 0] [--threads 1] [--out FILE.safetensors]
    python benchmarks/train_judge.py --judge second      another network, another seed, 8 epochs

A judge never sees a generated picture: it learns the 60 000 training pictures, shifted by up to two pixels, and
is tested on the 10 000 test pictures, which decide nothing. The first judge has a share of its pictures drowned
in noise, from a little to all of it, with the label kept: so it learns that pure noise is no digit in
particular, where a judge of clean pictures alone reads noise as an 8 with certainty. The second one stands
beside it: what both find is not the quirk of one network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.data.catalogue import load_dataset
from engine.measure.judge import Judge, to_input
from engine.measure.judge_files import JUDGE_FILE, SECOND_JUDGE_FILE
from engine.measure.judge_networks import NETWORKS

SHIFT = 2  # pixels


@dataclass(frozen=True)
class Recipe:
    """What differs between the judges. noised: share of each batch that is drowned in noise."""

    network: str
    file: Path
    seed: int
    epochs: int
    noised: float
    stored: torch.dtype  # of the weights in the file; the running averages stay float32


RECIPES = {
    "first": Recipe("plain", JUDGE_FILE, 0, 12, 0.15, torch.float32),
    "second": Recipe("residual", SECOND_JUDGE_FILE, 1, 8, 0.0, torch.float16),
}


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture of uint8 (B, H, W) moved by up to SHIFT pixels, filled with black."""
    batch, height, width = images.shape
    padded = functional.pad(images, (SHIFT, SHIFT, SHIFT, SHIFT))
    offsets = torch.randint(0, 2 * SHIFT + 1, (2, batch), generator=generator)
    rows = offsets[0][:, None] + torch.arange(height)
    columns = offsets[1][:, None] + torch.arange(width)
    return padded[torch.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]


def noised(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """(B, 1, H, W) in -1..1, the first `share` of them mixed with noise: cos(a) x + sin(a) eps, a uniform."""
    count = round(share * len(x))
    if count == 0:
        return x
    angle = torch.rand(count, 1, 1, 1, generator=generator) * (torch.pi / 2)
    eps = torch.randn(x[:count].shape, generator=generator)
    mixed = (angle.cos() * x[:count] + angle.sin() * eps).clamp(-1, 1)
    return torch.cat([mixed, x[count:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", choices=RECIPES, default="first")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    recipe = RECIPES[args.judge]
    epochs = recipe.epochs if args.epochs is None else args.epochs
    seed = recipe.seed if args.seed is None else args.seed
    out = args.out or recipe.file

    torch.set_num_threads(args.threads)
    torch.manual_seed(seed)  # initial weights and dropout
    generator = torch.Generator().manual_seed(seed)  # order and shifts
    data = load_dataset("mnist")
    images, labels = torch.from_numpy(data.train_images[:, 0]), torch.from_numpy(data.train_labels)
    network = NETWORKS[recipe.network]().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.learning_rate, weight_decay=1e-2)
    steps = epochs * (len(images) // args.batch)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.learning_rate, steps, pct_start=0.2)
    began = time.process_time()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        total, count = 0.0, 0
        for index in order.split(args.batch):
            if len(index) < args.batch:
                continue
            x = noised(to_input(shifted(images[index], generator)), recipe.noised, generator)
            logits = network(x.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits, labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total, count = total + float(loss.detach()), count + 1
        print(f"epoch {epoch + 1}/{epochs}  loss {total / count:.4f}  "
              f"{time.process_time() - began:.0f} s", flush=True)
    seconds = time.process_time() - began

    weights = {name: value.to(recipe.stored if name in dict(network.named_parameters()) else value.dtype).contiguous()
               for name, value in network.state_dict().items()}
    packed = save(weights)
    # Judged is what the file holds, rounded as it is.
    network.load_state_dict({name: value.to(network.state_dict()[name].dtype) for name, value in weights.items()})
    judge = Judge(network)
    read = judge.read(data.test_images[:, 0]).argmax(axis=1)
    right = read == data.test_labels
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(packed)
    record = {
        "sha256": hashlib.sha256(packed).hexdigest(),
        "network": recipe.network,
        "test_accuracy": float(right.mean()),
        "test_errors": int((~right).sum()),
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": "mnist",
        "data_sha256": hashlib.sha256(data.train_images.tobytes()).hexdigest(),
        "epochs": epochs, "batch": args.batch, "learning_rate": args.learning_rate,
        "shift": SHIFT, "noised": recipe.noised,
        "seed": seed, "threads": args.threads, "torch": torch.__version__, "cpu_seconds": round(seconds, 1),
    }
    if args.judge != "first":
        first = Judge.load()
        first_read = first.read(data.test_images[:, 0]).argmax(axis=1)
        record["first_judge_sha256"] = first.sha256
        record["test_agreement"] = float((read == first_read).mean())  # read alike, rightly or wrongly
        record["both_wrong"] = int((~right & (first_read != data.test_labels)).sum())
    out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
