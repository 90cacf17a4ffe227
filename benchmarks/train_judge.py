"""Train a judge of a data set and write its weights and its record into resources/models.

    python benchmarks/train_judge.py [--data mnist] [--judge first] [--epochs 12] [--seed 0] [--threads 1]
        [--device cpu]
    python benchmarks/train_judge.py --judge second      another network, another seed, 8 epochs
    python benchmarks/train_judge.py --data fashion-mnist --epochs 8
    python benchmarks/train_judge.py --half b            the judge of the study of CLIP guidance

A judge never sees a generated picture (engine/measure/judge_training.py says how it learns). The first judge has a
share of its pictures drowned in noise, where a judge of clean pictures alone reads noise as an 8 with certainty. The
second one stands beside it: what both find is not the quirk of one network. The judge of the study of CLIP guidance
learns half b of the training pictures alone (engine/data/halves.py), since the CLIP that guides there has learned half
a; its seed is another one, and nothing is drowned in noise.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.data.catalogue import load_dataset
from engine.data.halves import HALVES, half_of
from engine.device import choose_device
from engine.events import Event, JobProgress
from engine.measure.judge import Judge
from engine.measure.judge_files import ENDINGS, judge_file
from engine.measure.judge_training import Recipe, train_judge
from engine.paths import RESOURCES

RECIPES = {"first": Recipe("plain", 0, 12, 0.15), "second": Recipe("residual", 1, 8, 0.0)}
HALF_RECIPE = Recipe("plain", 2, 4, 0.0)
T = TypeVar("T")


def watch(work: Generator[Event, None, T], said_every: float = 10.0) -> T:
    """Run a training generator to its end, saying how far it is; what it returns."""
    said = time.monotonic()
    while True:
        try:
            event = next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if isinstance(event, JobProgress) and time.monotonic() - said >= said_every:
            said = time.monotonic()
            print(f"{event.unit[:-1]} {event.n} of {event.total}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--judge", choices=RECIPES, default="first")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--half", choices=HALVES, help="learn this half of the training pictures alone")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    given = {name: value for name in ("epochs", "batch", "learning_rate", "seed")
             if (value := getattr(args, name)) is not None}
    torch.set_num_threads(args.threads)
    data = load_dataset(args.data)
    device = choose_device(args.device)
    if args.half is not None:
        chosen = np.arange(len(data.train_images))[half_of(args.half)]
        trained = watch(train_judge(data, replace(HALF_RECIPE, **given), chosen=chosen, device=device))
        trained.record["half"] = args.half
    else:
        trained = watch(train_judge(data, replace(RECIPES[args.judge], **given), device=device))
    if args.judge != "first" and (first_file := judge_file(args.data)).exists():
        assert isinstance(trained.judge, Judge)
        first = Judge.load(first_file)
        read, first_read = (judge.read(data.test_images).argmax(axis=1) for judge in (trained.judge, first))
        trained.record["first_judge_sha256"] = first.sha256
        trained.record["test_agreement"] = float((read == first_read).mean())  # read alike, rightly or wrongly
        trained.record["both_wrong"] = int(((read != data.test_labels) & (first_read != data.test_labels)).sum())
    name = ENDINGS[args.judge] if args.half is None else f"judge-half-{args.half}"
    trained.save(args.out or RESOURCES / "models" / f"{args.data}-{name}.safetensors")
    print(json.dumps(trained.record, indent=2))


if __name__ == "__main__":
    main()
