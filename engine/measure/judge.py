"""The judges: small networks that were trained on real MNIST and read pictures as digits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor

from engine.errors import DiffuscopeError
from engine.measure.judge_files import JUDGE_FILE, judge_record, restoring
from engine.measure.judge_networks import NETWORKS, JudgeModule

SIZE = 28  # pixels, height and width


class Judge:
    """The trained network with its record. Always in float32, in evaluation mode."""

    def __init__(self, network: JudgeModule, sha256: str = "", record: dict[str, Any] | None = None,
                 device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.sha256 = sha256  # of the weights file: what a measurement is keyed by
        self.record = record or {}  # how it was trained and how accurate it is

    @classmethod
    def load(cls, path: Path | None = None, device: torch.device | str = "cpu") -> Self:
        """The judge that ships (JUDGE_FILE), or another one: its record beside it names its network.

        Raises DiffuscopeError when the file is missing, damaged or of another shape.
        """
        path = path or JUDGE_FILE
        restore = restoring(path)
        try:
            data = path.read_bytes()
        except OSError:
            raise DiffuscopeError(f"The judge's weights {path.name} cannot be read.", restore) from None
        sha256 = hashlib.sha256(data).hexdigest()
        record = judge_record(path)
        if record and record.get("sha256") != sha256:
            raise DiffuscopeError(f"The judge's weights {path.name} are damaged: "
                                  "their checksum differs from the recorded one.", restore)
        try:
            network = NETWORKS[record.get("network", "plain")]()
            network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                     for name, value in load_tensors(data).items()})
        except Exception:  # safetensors' own error type, or torch's for names and shapes
            raise DiffuscopeError(f"{path.name} does not hold the judge's weights.", restore) from None
        return cls(network, sha256, record, device)

    def read(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of each digit, float32 (N, 10), for grey pictures uint8 (N, 28, 28)."""
        return self._run(images, lambda x: self.network(x).softmax(dim=-1), 10)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The layer before the logits, float32 (N, width), for grey pictures uint8 (N, 28, 28)."""
        return self._run(images, self.network.features, self.network.width)

    def look(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Features (N, width) and the digit read (N,), in one pass."""
        width = self.network.width

        def both(x: Tensor) -> Tensor:
            features = self.network.features(x)
            return torch.cat([features, self.network.out(features)], dim=1)

        answers = self._run(images, both, width + 10)
        return answers[:, :width], answers[:, width:].argmax(axis=1)

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
