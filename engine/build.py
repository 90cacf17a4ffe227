"""From a configuration to a network and its denoiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.noise import stream
from engine.diffusion.schedules import schedule
from engine.errors import BadRun
from engine.model.init import initialise
from engine.model.unet import UNet

# First numbers of the keys of random streams, so that no purpose shares another's numbers.
INIT, ORDER, NOISE, HELD_OUT = 1, 2, 3, 4


def build_denoiser(config: RunConfig, *, shape: tuple[int, int, int], num_classes: int, sigma_data: float,
                   precision: torch.dtype = torch.float32) -> Denoiser:
    """A denoiser with freshly initialised weights (by the training seed), on the CPU, in training mode."""
    network = UNet(config.model, channels=shape[0], size=shape[1], num_classes=num_classes)
    initialise(network, stream(config.training.seed, INIT))
    d = config.diffusion
    return Denoiser(network, parameterisation=d.parameterisation,
                    schedule=schedule(d.schedule, d.num_timesteps, d.zero_terminal_snr),
                    sigma_data=sigma_data, weighting=d.weighting, precision=precision)


@torch.no_grad()
def load_weights(denoiser: Denoiser, tensors: dict[str, NDArray[Any]], where: str) -> None:
    """Fill a denoiser's network with saved weights; BadRun when they belong to another network."""
    own = denoiser.network.state_dict()
    if own.keys() != tensors.keys() or any(tuple(own[k].shape) != tensors[k].shape for k in own):
        raise BadRun(f"The weights of {where} do not fit the network its settings describe.",
                     "The run was changed from outside.")
    for name, target in own.items():
        target.copy_(torch.from_numpy(np.ascontiguousarray(tensors[name])).to(target.dtype))
