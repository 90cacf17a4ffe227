"""The judges: small networks that were trained on the real pictures of a data set and read the class of others."""

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
from engine.measure.judge_files import JUDGE_FILE, judge_record, network_shape, restoring
from engine.measure.judge_networks import NETWORKS, JudgeModule


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
            network = NETWORKS[record.get("network", "plain")](**network_shape(record))
            network.load_state_dict({name: value.float() if value.is_floating_point() else value
                                     for name, value in load_tensors(data).items()})
        except Exception:  # safetensors' own error type, or torch's for names and shapes
            raise DiffuscopeError(f"{path.name} does not hold the judge's weights.", restore) from None
        return cls(network, sha256, record, device)

    def read(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of each class, float32 (N, num_classes), for uint8 pictures.

        Grey ones are (N, H, W) or (N, H, W, 1), coloured ones (N, H, W, 3); (N, C, H, W), as a data set holds them,
        is understood too. Raises DiffuscopeError for another size, type or number of channels than it learned.
        """
        return self._run(images, lambda x: self.network(x).softmax(dim=-1), self.num_classes)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The layer before the logits, float32 (N, width), for pictures as `read` takes them."""
        return self._run(images, self.network.features, self.network.width)

    def look(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Features (N, width) and the class read (N,), in one pass."""
        width = self.network.width

        def both(x: Tensor) -> Tensor:
            features = self.network.features(x)
            return torch.cat([features, self.network.out(features)], dim=1)

        answers = self._run(images, both, width + self.num_classes)
        return answers[:, :width], answers[:, width:].argmax(axis=1)

    @property
    def num_classes(self) -> int:
        """How many classes it tells apart."""
        return self.network.out.out_features

    @torch.inference_mode()
    def _run(self, images: NDArray[np.uint8], function: Any, width: int) -> NDArray[np.float32]:
        pictures = channels_first(images, self.network.channels, self.network.size)
        if pictures is None or images.dtype != np.uint8:
            raise DiffuscopeError(f"The judge reads {described(self.network.channels, self.network.size)} bytes; these "
                                  f"are {' x '.join(map(str, images.shape[1:]))} of type {images.dtype}.")
        answers = np.empty((len(images), width), dtype=np.float32)
        for begin in range(0, len(images), 500):
            part = torch.from_numpy(np.array(pictures[begin : begin + 500])).to(self.device)
            answers[begin : begin + 500] = function(to_input(part)).cpu().numpy()
        return answers


def channels_first(images: NDArray[Any], channels: int, size: int) -> NDArray[Any] | None:
    """Pictures (N, H, W), (N, H, W, C) or (N, C, H, W) as (N, C, H, W); None where they are of another shape."""
    if images.ndim == 3 and channels == 1:
        images = images[:, None]
    if images.ndim == 4 and images.shape[1:] == (size, size, channels) and channels < size:
        images = images.transpose(0, 3, 1, 2)
    return images if images.ndim == 4 and images.shape[1:] == (channels, size, size) else None


def described(channels: int, size: int) -> str:
    """What kind of picture, in words: grey pictures of 28 x 28."""
    return f"{'grey' if channels == 1 else 'coloured'} pictures of {size} x {size}"


def to_input(images: Tensor) -> Tensor:
    """uint8 (B, H, W) or (B, C, H, W) to float (B, C, H, W) in -1..1."""
    return (images[:, None] if images.ndim == 3 else images).float().mul_(1 / 127.5).sub_(1)
