"""Train the noise judge of a data set and write its weights and its record into resources/models.

    python benchmarks/train_noise_judge.py [--data mnist] [--epochs 14] [--seed 2] [--threads 1] [--device cpu]

engine/measure/noise_judge_training.py says how it learns, is calibrated and is tested.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.train_judge import watch
from engine.data.catalogue import load_dataset
from engine.device import choose_device
from engine.measure.judge_files import ENDINGS
from engine.measure.noise_judge_training import NoiseRecipe, train_noise_judge
from engine.paths import RESOURCES


def main() -> None:
    standard = NoiseRecipe()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=int, default=standard.epochs)
    parser.add_argument("--batch", type=int, default=standard.batch)
    parser.add_argument("--learning-rate", type=float, default=standard.learning_rate)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = NoiseRecipe(args.seed, args.epochs, args.batch, args.learning_rate)
    trained = watch(train_noise_judge(load_dataset(args.data), recipe, device=choose_device(args.device)))
    trained.save(args.out or RESOURCES / "models" / f"{args.data}-{ENDINGS['noise']}.safetensors")
    print(json.dumps(trained.record, indent=2))


if __name__ == "__main__":
    main()
