"""The noise judge: reads the class of noisy pictures x_t when told the noise level, and says how sure it may be.

A judge of clean pictures cannot be asked about x_t, which is unlike all it learned. This one learned
x_t = sqrt(alpha_bar) (x0 + sigma eps) of real pictures over the whole range of sigma, so that its probability is
fair at each level: what it gives a class at 60 % is of that class in about 60 % of the cases.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from engine.errors import DiffuscopeError
from engine.measure.judge import channels_first, described
from engine.measure.judge_files import NOISE_JUDGE_FILE, judge_record, network_shape, restoring

# Noise levels are told apart between these: below the first nothing is hidden, above the last nothing is left.
SMALLEST_SIGMA, LARGEST_SIGMA = 0.02, 100.0
_PART = 500


class _Level(nn.Module):
    """A convolution whose channels are scaled and shifted as the noise level asks."""

    def __init__(self, channels_in: int, channels_out: int, width: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels_out, affine=False)
        self.level = nn.Linear(width, 2 * channels_out)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        scale, shift = self.level(level)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, self.norm(self.convolution(x)), 1 + scale)


class _Residual(nn.Module):
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first, self.second = _Level(channels, channels, width), _Level(channels, channels, width)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        return torch.relu(x + self.second(torch.relu(self.first(x, level)), level))


class NoiseJudgeNetwork(nn.Module):
    """Seven convolutions and a hidden layer: x_t (B, channels, size, size) and sigma (B,) to logits.

    The logits are divided by a temperature that depends on the level: `temperatures` at `temperature_levels`
    (ln sigma, rising), set after training so that the probabilities are calibrated; 1 until then.
    """

    temperature_levels: Tensor
    temperatures: Tensor
    WIDTH = 64
    WAVES = 8

    def __init__(self, num_classes: int = 10, num_levels: int = 25, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        a, b, c = 16, 48, 96
        self.embed = nn.Sequential(nn.Linear(2 * self.WAVES, self.WIDTH), nn.SiLU())
        self.stem = _Level(channels, a, self.WIDTH, 5, stride=2)
        self.first = _Residual(a, self.WIDTH)
        self.halve = _Level(a, b, self.WIDTH, stride=2)
        self.second = _Residual(b, self.WIDTH)
        self.last = _Level(b, c, self.WIDTH, stride=2)
        # Positions are kept apart: at high noise they are all there is.
        self.hidden = nn.Linear(c * (-(-size // 8)) ** 2, 128)
        self.out = nn.Linear(128, num_classes)
        levels = torch.linspace(math.log(SMALLEST_SIGMA), math.log(LARGEST_SIGMA), num_levels)
        self.register_buffer("temperature_levels", levels)
        self.register_buffer("temperatures", torch.ones(num_levels))

    def uncalibrated(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Logits (B, 10) before the temperature: what training works on."""
        level = self._position(sigma)  # 0..1
        angles = level[:, None] * torch.pi * torch.arange(1, self.WAVES + 1, device=x.device)
        embedded = self.embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        x = self.first(torch.relu(self.stem(x, embedded)), embedded)
        x = self.second(torch.relu(self.halve(x, embedded)), embedded)
        x = torch.relu(self.last(x, embedded))
        logits: Tensor = self.out(torch.relu(self.hidden(x.flatten(1))))
        return logits

    def temperature(self, sigma: Tensor) -> Tensor:
        """(B,), by interpolation in ln sigma."""
        at = self._position(sigma) * (len(self.temperatures) - 1)
        low = at.floor().clamp(max=len(self.temperatures) - 2).long()
        return torch.lerp(self.temperatures[low], self.temperatures[low + 1], at - low)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.uncalibrated(x, sigma) / self.temperature(sigma)[:, None]

    def _position(self, sigma: Tensor) -> Tensor:
        """Where ln sigma lies in the range of levels, 0 to 1, held at its ends."""
        low, high = math.log(SMALLEST_SIGMA), math.log(LARGEST_SIGMA)
        return (sigma.clamp(SMALLEST_SIGMA, LARGEST_SIGMA).log() - low) / (high - low)


def noisy(x0: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    """x_t = sqrt(alpha_bar) (x0 + sigma eps), sqrt(alpha_bar) = 1 / sqrt(1 + sigma^2): (B, 1, H, W) of sigma (B,)."""
    wide = sigma[:, None, None, None]
    return (x0 + wide * eps) * (1 + wide**2).rsqrt()


class NoiseJudge:
    """The trained network with its record. Always in float32, in evaluation mode."""

    def __init__(self, network: NoiseJudgeNetwork, sha256: str = "", record: dict[str, Any] | None = None,
                 device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval().requires_grad_(False)
        if self.device.type == "cpu":
            self.network = self.network.to(memory_format=torch.channels_last)  # twice as quick there
        self.sha256 = sha256  # of the weights file: what a measurement is keyed by
        self.record = record or {}  # how it was trained, and by noise level how accurate it is

    @classmethod
    def load(cls, path: Path | None = None, device: torch.device | str = "cpu") -> Self:
        """The noise judge that ships, or another one of its shape.

        Raises DiffuscopeError when the file is missing, damaged or of another shape.
        """
        path = path or NOISE_JUDGE_FILE
        restore = restoring(path, "train_noise_judge.py")
        try:
            data = path.read_bytes()
        except OSError:
            raise DiffuscopeError(f"The noise judge's weights {path.name} cannot be read.", restore) from None
        sha256 = hashlib.sha256(data).hexdigest()
        record = judge_record(path)
        if record and record.get("sha256") != sha256:
            raise DiffuscopeError(f"The noise judge's weights {path.name} are damaged: "
                                  "their checksum differs from the recorded one.", restore)
        try:
            network = NoiseJudgeNetwork(**network_shape(record))
            network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                     for name, value in load_tensors(data).items()})
        except Exception:  # safetensors' own error type, or torch's for names and shapes
            raise DiffuscopeError(f"{path.name} does not hold the noise judge's weights.", restore) from None
        return cls(network, sha256, record, device)

    @torch.inference_mode()
    def read(self, x: NDArray[np.floating], sigma: ArrayLike) -> NDArray[np.float32]:
        """Probability of each class, float32 (N, num_classes), for noisy pictures.

        x: (N, C, H, W), or (N, H, W) where they are grey, of any float type, not clipped, scaled as x_t =
        sqrt(alpha_bar) (x0 + sigma eps), as trajectories hold it. sigma: one level or (N,), 0 for a clean picture.
        Raises DiffuscopeError for other shapes, and for a sigma that is no number from 0 up.
        """
        channels, size = self.network.channels, self.network.size
        pictures = channels_first(x, channels, size)
        if pictures is None or not np.issubdtype(x.dtype, np.floating):
            raise DiffuscopeError(f"The noise judge reads {described(channels, size)} numbers; these are "
                                  f"{' x '.join(map(str, x.shape[1:]))} of type {x.dtype}.")
        levels = np.asarray(sigma, dtype=np.float64)
        if levels.shape not in ((), (len(x),)) or not (levels >= 0).all():
            raise DiffuscopeError("A noise level is a number from 0 up, one for all pictures or one for each.")
        levels = np.broadcast_to(levels, len(x))
        answers = np.empty((len(x), self.network.out.out_features), dtype=np.float32)
        for begin in range(0, len(x), _PART):
            part = slice(begin, begin + _PART)
            answers[part] = self.network(
                torch.from_numpy(np.ascontiguousarray(pictures[part], dtype=np.float32)).to(self.device),
                torch.from_numpy(levels[part].astype(np.float32)).to(self.device),
            ).softmax(dim=-1).cpu().numpy()
        return answers
