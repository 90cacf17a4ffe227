"""Validation loss: held-out pictures, always with the same noise at the same noise levels. Imports no torch by itself.

The training loss of a step jumps because each batch draws new pictures, noise and noise levels. Here nothing is drawn
anew, so two snapshots differ by what was learned between them. A measurement is saved with the run, by weights.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.config import DiffusionConfig
from engine.data.catalogue import load_test_half
from engine.diffusion.schedules import Schedule
from engine.events import Event
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.workspace import Workspace

Float64 = NDArray[np.float64]

NUM_IMAGES = 200
NUM_LEVELS = 20
GROUPS = 5  # every fifth picture has its noise at every fifth level: a fifth of the work, and no picture less
SEED = 0
METHOD = 1  # raised when the same weights would give other figures


@dataclass(frozen=True, slots=True)
class ValidationLoss:
    """Of one snapshot's averaged weights. sigma: rising noise levels, of which the tuples that follow have one each.

    eps_mse: E|eps - eps_hat|^2. loss: what training lowers, in its own units and weighting. share: how often training
    draws a level near this one; they sum to 1. images: in all, of which each level has its fifth.
    """

    sigma: tuple[float, ...]
    eps_mse: tuple[float, ...]
    loss: tuple[float, ...]
    share: tuple[float, ...]
    images: int

    @property
    def mean(self) -> float:
        """The loss over the levels as training draws them: comparable with the training loss."""
        return float(np.dot(self.share, self.loss))

    @property
    def mean_eps_mse(self) -> float:
        """The noise-prediction error over the levels as training draws them."""
        return float(np.dot(self.share, self.eps_mse))

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> ValidationLoss | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            columns = {name: tuple(float(v) for v in values[name]) for name in ("sigma", "eps_mse", "loss", "share")}
            made = cls(**columns, images=int(values["images"]))
        except (KeyError, TypeError, ValueError):
            return None
        return made if made.sigma and len({len(column) for column in columns.values()}) == 1 else None


def level_shares(config: DiffusionConfig, schedule: Schedule, levels: Float64) -> Float64:
    """How often training draws a noise level nearest (in ln sigma) to each of rising `levels`; sums to 1, (levels,).

    Of uniform t the steps of the schedule are counted, of the log-normal part the mass between the geometric means of
    neighbouring levels is taken; what lies beyond the outer levels counts with them, as training clamps it.
    """
    between = np.log(levels[:-1] * levels[1:]) / 2
    nearest = np.searchsorted(between, np.log(schedule.sigma[1:]))
    uniform = np.bincount(nearest, minlength=len(levels)) / len(nearest)
    if config.noise_levels == "uniform-t":
        return np.asarray(uniform)
    edges = (between - config.log_sigma_mean) / (config.log_sigma_std * math.sqrt(2))
    below = np.array([0.0, *(0.5 * (1 + math.erf(edge)) for edge in edges.tolist()), 1.0])
    return np.asarray(config.uniform_share * uniform + (1 - config.uniform_share) * np.diff(below))


def validation_key(run: Run, step: int) -> str:
    """Under what a measurement is saved: equal for equal weights, pictures, levels and method. Raises BadRun."""
    settings = {"images": NUM_IMAGES, "levels": NUM_LEVELS, "groups": GROUPS, "seed": SEED,
                "dataset": run.info.config.data.dataset, "method": METHOD}
    return measurement_key("validation", run.weights_hash(step), settings)


def stored_validation(run: Run, step: int) -> ValidationLoss | None:
    """The measurement of a snapshot if it was made before. Raises BadRun for one that is not there."""
    values = run.measurement(validation_key(run, step))
    return None if values is None else ValidationLoss.from_values(values)


def measure_validation(workspace: Workspace, run: Run, step: int) -> Generator[Event, Any, ValidationLoss]:
    """Measure one snapshot: a Tick after each network call, returning the figures. Saves nothing. Raises BadRun."""
    import torch

    from engine.diffusion.denoiser import scalings
    from engine.diffusion.weighting import output_weight
    from engine.measure.noise_error import error_levels, held_out, noise_error

    model = workspace.model(run.path, step)
    denoiser, config = model.denoiser, run.info.config.diffusion
    levels = error_levels(denoiser.schedule, NUM_LEVELS)
    dataset = load_test_half(run.info.config.data.dataset)
    images, class_labels = held_out(dataset, min(NUM_IMAGES, len(dataset.test_images)))
    eps_mse = np.empty(NUM_LEVELS)
    for group in range(GROUPS):
        own = slice(group, None, GROUPS)
        eps_mse[own] = yield from noise_error(denoiser, images[own], class_labels[own], levels[own],
                                              device=workspace.device, seed=SEED + group)
    sigma = torch.from_numpy(levels)
    out = scalings(denoiser.parameterisation, sigma, denoiser.sigma_data).out
    weight = output_weight(denoiser.weighting, denoiser.parameterisation, sigma, out, denoiser.sigma_data)
    # The network's own error, as Denoiser.losses has it, from the error of the noise that it implies.
    factor = (sigma / out).square() * (1.0 if weight is None else weight)
    loss = eps_mse * factor.numpy()
    return ValidationLoss(
        sigma=tuple(levels.tolist()), eps_mse=tuple(eps_mse.tolist()), loss=tuple(loss.tolist()),
        share=tuple(level_shares(config, denoiser.schedule, levels).tolist()), images=len(images))
