"""Train the noise judge of MNIST and write its weights and its record into resources/models.

    python benchmarks/train_noise_judge.py [--epochs 14] [--seed 2] [--threads 1] [--out FILE.safetensors]

It learns x_t = sqrt(alpha_bar) (x0 + sigma eps) of 55 000 training pictures, shifted by up to two pixels, sigma drawn
over its whole range and mostly where a digit comes and goes. On the other 5 000 its temperature is fitted level by
level. The 10 000 test pictures, which decide nothing, give its accuracy and calibration by noise level.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.train_judge import SHIFT, shifted
from engine.data.catalogue import load_dataset
from engine.diffusion.noise import stream
from engine.measure.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from engine.measure.judge import to_input
from engine.measure.judge_files import NOISE_JUDGE_FILE
from engine.measure.noise_judge import LARGEST_SIGMA, SMALLEST_SIGMA, NoiseJudgeNetwork, noisy

HELD_OUT = 5000  # training pictures that only the temperature sees
CLEAN = 0.05  # share of a batch without noise
BUSY = 0.65  # share between BUSY_SIGMAS, where a digit becomes readable; the rest lies over the whole range
BUSY_SIGMAS = (0.2, 12.0)
DRAWS = 2  # of noise, for each held-out picture and level
PURPOSE_FIT, PURPOSE_TEST = 1, 2


def draw_sigma(count: int, generator: torch.Generator) -> Tensor:
    """Noise levels (count,) of a batch: ln sigma uniform in one range or the other, or 0."""
    kind, place = torch.rand(2, count, generator=generator)
    low = torch.where(kind < BUSY, math.log(BUSY_SIGMAS[0]), math.log(SMALLEST_SIGMA))
    high = torch.where(kind < BUSY, math.log(BUSY_SIGMAS[1]), math.log(LARGEST_SIGMA))
    return torch.where(kind > 1 - CLEAN, 0.0, (low + place * (high - low)).exp())


@torch.inference_mode()
def logits_at(network: NoiseJudgeNetwork, images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Logits (N, 10) before the temperature, for uint8 pictures (N, H, W) at one noise level."""
    parts = []
    for part in images.split(500):
        x0 = to_input(part)
        levels = torch.full((len(part),), sigma)
        parts.append(network.uncalibrated(noisy(x0, levels, torch.randn(x0.shape, generator=generator)), levels))
    return torch.cat(parts)


def calibrate(network: NoiseJudgeNetwork, images: Tensor, labels: Tensor, seed: int) -> None:
    """Set the network's temperatures on pictures that it has not learned."""
    twice = labels.repeat(DRAWS).numpy()
    for i, log_sigma in enumerate(network.temperature_levels.tolist()):
        logits = logits_at(network, images.repeat(DRAWS, 1, 1), math.exp(log_sigma), stream(seed, PURPOSE_FIT, i))
        network.temperatures[i] = fit_temperature(logits.numpy(), twice)


def test(network: NoiseJudgeNetwork, images: Tensor, labels: Tensor, seed: int) -> list[dict[str, float]]:
    """Accuracy and calibration at each noise level, the clean picture first."""
    found = []
    answers = labels.numpy()
    for i, sigma in enumerate([0.0, *network.temperature_levels.exp().tolist()]):
        logits = logits_at(network, images, sigma, stream(seed, PURPOSE_TEST, i))
        cooled = logits / network.temperature(torch.tensor([sigma]))
        probabilities = cooled.softmax(dim=1).numpy()
        found.append({
            "sigma": round(sigma, 6), "snr_db": round(-20 * math.log10(sigma), 3) if sigma else None,
            "accuracy": float((probabilities.argmax(axis=1) == answers).mean()),
            "mean_confidence": round(float(probabilities.max(axis=1).mean()), 4),
            "calibration_error": round(expected_calibration_error(probabilities, answers), 4),
            "calibration_error_uncorrected": round(
                expected_calibration_error(logits.softmax(dim=1).numpy(), answers), 4),
            "negative_log_likelihood": round(negative_log_likelihood(cooled.numpy(), answers), 4),
        })
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=NOISE_JUDGE_FILE)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)  # initial weights
    generator = torch.Generator().manual_seed(args.seed)  # order, shifts and noise
    data = load_dataset("mnist")
    images, labels = torch.from_numpy(data.train_images[:, 0]), torch.from_numpy(data.train_labels)
    learned = len(images) - HELD_OUT
    network = NoiseJudgeNetwork().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.learning_rate, weight_decay=1e-2)
    steps = args.epochs * (learned // args.batch)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.learning_rate, steps, pct_start=0.2)
    began = time.process_time()
    for epoch in range(args.epochs):
        total, count = 0.0, 0
        for index in torch.randperm(learned, generator=generator).split(args.batch):
            if len(index) < args.batch:
                continue
            x0 = to_input(shifted(images[index], generator))
            sigma = draw_sigma(len(index), generator)
            x = noisy(x0, sigma, torch.randn(x0.shape, generator=generator))
            loss = functional.cross_entropy(network.uncalibrated(x, sigma), labels[index])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total, count = total + float(loss.detach()), count + 1
        print(f"epoch {epoch + 1}/{args.epochs}  loss {total / count:.4f}  "
              f"{time.process_time() - began:.0f} s", flush=True)
    seconds = time.process_time() - began

    network.eval().requires_grad_(False)
    for parameter in network.parameters():  # calibrated and tested is what the file will hold
        parameter.copy_(parameter.half())
    calibrate(network, images[learned:], labels[learned:], args.seed)
    levels = test(network, torch.from_numpy(data.test_images[:, 0]), torch.from_numpy(data.test_labels), args.seed)
    trained = dict(network.named_parameters())
    packed = save({name: (value.half() if name in trained else value).contiguous()
                   for name, value in network.state_dict().items()})
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(packed)
    record = {
        "sha256": hashlib.sha256(packed).hexdigest(),
        "test_accuracy": levels[0]["accuracy"],
        "largest_calibration_error": max(level["calibration_error"] for level in levels),
        "test_pictures": len(data.test_labels),
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": "mnist",
        "data_sha256": hashlib.sha256(data.train_images.tobytes()).hexdigest(),
        "held_out": HELD_OUT, "epochs": args.epochs, "batch": args.batch, "learning_rate": args.learning_rate,
        "shift": SHIFT, "clean": CLEAN, "busy": BUSY, "busy_sigmas": BUSY_SIGMAS,
        "seed": args.seed, "threads": args.threads, "torch": torch.__version__, "cpu_seconds": round(seconds, 1),
        "temperatures": [round(float(t), 4) for t in np.asarray(network.temperatures)],
        "levels": levels,
    }
    args.out.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
