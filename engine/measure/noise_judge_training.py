"""How a noise judge is trained: by the script that makes the ones that ship, and on request in the app.

It learns x_t = sqrt(alpha_bar) (x0 + sigma eps) of the training pictures, shifted by up to two pixels and mirrored
where the data set allows it, sigma drawn over its whole range and mostly where a picture comes and goes. On held-out
training pictures its temperature is fitted level by level. The test pictures, which decide nothing, give its accuracy
and calibration by noise level.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from engine.data.dataset import Dataset
from engine.diffusion.noise import stream
from engine.events import Event, Tick
from engine.measure.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from engine.measure.judge import to_input
from engine.measure.judge_training import (
    SHIFT,
    Trained,
    batch_of,
    fit,
    flipped,
    own_randomness,
    seeded,
    shifted,
)
from engine.measure.noise_judge import LARGEST_SIGMA, SMALLEST_SIGMA, NoiseJudge, NoiseJudgeNetwork, noisy

MOST_HELD_OUT = 5000  # training pictures that only the temperature sees: a twelfth of all, at most so many
CLEAN = 0.05  # share of a batch without noise
BUSY = 0.65  # share between BUSY_SIGMAS, where a picture becomes readable; the rest lies over the whole range
BUSY_SIGMAS = (0.2, 12.0)
DRAWS = 2  # of noise, for each held-out picture and level
PURPOSE_FIT, PURPOSE_TEST = 1, 2
PART = 500


@dataclass(frozen=True)
class NoiseRecipe:
    """How a noise judge is made."""

    seed: int = 2
    epochs: int = 14
    batch: int = 128
    learning_rate: float = 4e-3


def draw_sigma(count: int, generator: torch.Generator) -> Tensor:
    """Noise levels (count,) of a batch: ln sigma uniform in one range or the other, or 0."""
    kind, place = torch.rand(2, count, generator=generator)
    low = torch.where(kind < BUSY, math.log(BUSY_SIGMAS[0]), math.log(SMALLEST_SIGMA))
    high = torch.where(kind < BUSY, math.log(BUSY_SIGMAS[1]), math.log(LARGEST_SIGMA))
    return torch.where(kind > 1 - CLEAN, 0.0, (low + place * (high - low)).exp())


def train_noise_judge(data: Dataset, recipe: NoiseRecipe, *,
                      device: torch.device | str = "cpu") -> Generator[Event, Any, Trained]:
    """Train, calibrate and test: JobProgress after each step, returning the noise judge as its file will hold it.

    Raises BadSetting where there are too few pictures.
    """
    order = np.random.default_rng(recipe.seed).permutation(len(data.train_labels))
    held = min(MOST_HELD_OUT, len(order) // 12)
    images, labels = torch.from_numpy(data.train_images), torch.from_numpy(data.train_labels)
    apart, learned = torch.from_numpy(order[:held]), torch.from_numpy(order[held:])
    batch = batch_of(data, len(learned), recipe.batch)
    state, began = seeded(recipe.seed), time.process_time()
    with own_randomness(state):
        network = NoiseJudgeNetwork(data.num_classes, channels=data.channels, size=data.size)
    network = network.to(device).to(memory_format=torch.channels_last).train()
    generator = torch.Generator().manual_seed(recipe.seed)  # order, shifts and noise

    def loss_of(index: Tensor) -> Tensor:
        chosen = learned[index]
        x0 = to_input(flipped(shifted(images[chosen], generator), labels[chosen], data.flips, generator))
        sigma = draw_sigma(len(chosen), generator)
        x = noisy(x0, sigma, torch.randn(x0.shape, generator=generator))
        return functional.cross_entropy(network.uncalibrated(x.to(device), sigma.to(device)), labels[chosen].to(device))

    yield from fit(network, len(learned), loss_of, generator, epochs=recipe.epochs, batch=batch,
                   learning_rate=recipe.learning_rate)
    seconds = time.process_time() - began
    network.cpu().eval().requires_grad_(False)
    for parameter in network.parameters():  # calibrated and tested is what the file will hold
        parameter.copy_(parameter.half())
    yield from _calibrate(network, images[apart], labels[apart], recipe.seed)
    levels = yield from _test(network, torch.from_numpy(data.test_images), torch.from_numpy(data.test_labels),
                              recipe.seed)
    trained = dict(network.named_parameters())
    packed = save({name: (value.half() if name in trained else value).contiguous()
                   for name, value in network.state_dict().items()})
    record = {
        "sha256": hashlib.sha256(packed).hexdigest(),
        "num_classes": data.num_classes, "channels": data.channels, "size": data.size,
        "test_accuracy": levels[0]["accuracy"],
        "largest_calibration_error": max(level["calibration_error"] for level in levels),
        "test_pictures": len(data.test_labels),
        "parameters": sum(p.numel() for p in network.parameters()),
        "data": data.name, "data_sha256": data.train_sha256,
        "held_out": held, "epochs": recipe.epochs, "batch": batch, "learning_rate": recipe.learning_rate,
        "shift": SHIFT, "clean": CLEAN, "busy": BUSY, "busy_sigmas": BUSY_SIGMAS,
        "seed": recipe.seed, "threads": torch.get_num_threads(), "device": torch.device(device).type,
        "torch": torch.__version__,
        "cpu_seconds": round(seconds, 1),
        "temperatures": [round(float(t), 4) for t in np.asarray(network.temperatures)],
        "levels": levels,
    }
    return Trained(NoiseJudge(network, record["sha256"], record), packed, record)


@torch.inference_mode()
def _logits_at(network: NoiseJudgeNetwork, images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Logits (N, classes) before the temperature, for uint8 pictures (N, C, H, W) at one noise level."""
    parts = []
    for part in images.split(PART):  # type: ignore[no-untyped-call]
        x0 = to_input(part)
        levels = torch.full((len(part),), sigma)
        parts.append(network.uncalibrated(noisy(x0, levels, torch.randn(x0.shape, generator=generator)), levels))
    return torch.cat(parts)


def _calibrate(network: NoiseJudgeNetwork, images: Tensor, labels: Tensor, seed: int) -> Generator[Event, Any, None]:
    """Set the network's temperatures on pictures that it has not learned; 1 where there are none."""
    if len(images) == 0:
        return
    twice = labels.repeat(DRAWS).numpy()
    for i, log_sigma in enumerate(network.temperature_levels.tolist()):
        logits = _logits_at(network, images.repeat(DRAWS, 1, 1, 1), math.exp(log_sigma), stream(seed, PURPOSE_FIT, i))
        network.temperatures[i] = fit_temperature(logits.numpy(), twice)
        yield Tick()


def _test(network: NoiseJudgeNetwork, images: Tensor, labels: Tensor,
          seed: int) -> Generator[Event, Any, list[dict[str, Any]]]:
    """Accuracy and calibration at each noise level, the clean picture first."""
    found: list[dict[str, Any]] = []
    answers = labels.numpy()
    for i, sigma in enumerate([0.0, *network.temperature_levels.exp().tolist()]):
        logits = _logits_at(network, images, sigma, stream(seed, PURPOSE_TEST, i))
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
        yield Tick()
    return found
