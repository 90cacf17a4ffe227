"""The judge: a small network that was trained on real MNIST and reads pictures as digits."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from engine.errors import DiffuscopeError
from engine.paths import RESOURCES

JUDGE_FILE = RESOURCES / "models" / "mnist-judge.safetensors"
FEATURES = 128
SIZE = 28  # pixels, height and width


def _convolution(channels_in: int, channels_out: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True))


class JudgeNetwork(nn.Module):
    """Five convolutions, one hidden layer: (B, 1, 28, 28) in -1..1 to logits (B, 10)."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(1, 16, 5), nn.MaxPool2d(2),
            _convolution(16, 32), _convolution(32, 32), nn.MaxPool2d(2),
            _convolution(32, 64), _convolution(64, 64), nn.MaxPool2d(2))
        self.hidden = nn.Linear(64 * 3 * 3, FEATURES)
        self.drop = nn.Dropout(0.2)  # only in training, where it draws from torch's global generator
        self.out = nn.Linear(FEATURES, num_classes)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer (B, 128), after its ReLU: where sets of pictures are compared."""
        return torch.relu(self.hidden(self.body(x).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.drop(self.features(x)))
        return logits


class Judge:
    """The trained network with its record. Always in float32, in evaluation mode."""

    def __init__(self, network: JudgeNetwork, sha256: str = "", record: dict[str, Any] | None = None,
                 device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.sha256 = sha256  # of the weights file: what a measurement is keyed by
        self.record = record or {}  # how it was trained and how accurate it is

    @classmethod
    def load(cls, path: Path | None = None, device: torch.device | str = "cpu") -> Self:
        """The judge that ships, or another one of the same shape.

        Raises DiffuscopeError when the file is missing, damaged or of another shape.
        """
        path = path or JUDGE_FILE
        restore = f"Restore {path}, or make it anew with benchmarks/train_judge.py."
        try:
            data = path.read_bytes()
        except OSError:
            raise DiffuscopeError(f"The judge's weights {path.name} cannot be read.", restore) from None
        sha256 = hashlib.sha256(data).hexdigest()
        record: dict[str, Any] = {}
        try:
            record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError):
            raise DiffuscopeError(f"The judge's record {path.stem}.json cannot be read.", restore) from None
        if record and record.get("sha256") != sha256:
            raise DiffuscopeError(f"The judge's weights {path.name} are damaged: "
                                  "their checksum differs from the recorded one.", restore)
        network = JudgeNetwork()
        try:
            network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                     for name, value in load_tensors(data).items()})
        except Exception:  # safetensors' own error type, or torch's for names and shapes
            raise DiffuscopeError(f"{path.name} does not hold the judge's weights.", restore) from None
        return cls(network, sha256, record, device)

    def read(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of each digit, float32 (N, 10), for grey pictures uint8 (N, 28, 28)."""
        return self._run(images, lambda x: self.network(x).softmax(dim=-1), 10)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The hidden layer's values, float32 (N, 128), for grey pictures uint8 (N, 28, 28)."""
        return self._run(images, self.network.features, FEATURES)

    @torch.inference_mode()
    def _run(self, images: NDArray[np.uint8], function: Any, width: int) -> NDArray[np.float32]:
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
            raise DiffuscopeError(f"The judge reads grey pictures of {SIZE} x {SIZE} bytes; these are "
                                  f"{' x '.join(map(str, images.shape[1:]))} of type {images.dtype}.")
        answers = np.empty((len(images), width), dtype=np.float32)
        for begin in range(0, len(images), 500):
            part = torch.from_numpy(np.array(images[begin : begin + 500])).to(self.device)
            answers[begin : begin + 500] = function(to_input(part)).cpu().numpy()
        return answers


def to_input(images: Tensor) -> Tensor:
    """uint8 (B, 28, 28) to float (B, 1, 28, 28) in -1..1."""
    return images[:, None].float().mul_(1 / 127.5).sub_(1)
