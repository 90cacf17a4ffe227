"""Networks over many pictures at once, as they are quickest: what long measurements ask instead of the model itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.device import cores
from engine.diffusion.denoiser import Denoise, Denoiser
from engine.side_by_side import SideBySide

PIECE = 50  # pictures of one network call: its intermediate results stay in the processor's cache


class Many(SideBySide):
    """On a CPU, pieces of a batch side by side with channels last; elsewhere as the device has it. Answers are equal
    up to rounding. To be closed."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(min(cores(), torch.get_num_threads()) if device.type == "cpu" else 1)
        self.device = device

    def denoiser(self, denoiser: Denoiser) -> Denoise:
        """The same denoiser for many pictures."""
        if self.device.type != "cpu":
            return denoiser
        copied = copy.deepcopy(denoiser).to(memory_format=torch.channels_last)

        @torch.inference_mode()  # each thread has a mode of its own
        def part(*values: Tensor) -> Tensor:
            answer: Tensor = copied(*values)
            return answer

        def denoise(x: Tensor, sigma: Tensor, class_labels: Tensor, class_mask: Tensor) -> Tensor:
            size = min(PIECE, -(-len(x) // self.count))
            pieces = zip(*(torch.split(values, size) for values in (x, sigma, class_labels, class_mask)), strict=True)
            return torch.cat(self.each([partial(part, *piece) for piece in pieces]))

        return denoise

    def read(self, judge: Callable[..., NDArray[np.float32]], *arrays: NDArray[np.generic]) -> NDArray[np.float32]:
        """What a judge's method answers for arrays of one length, in pieces."""
        size = min(2 * PIECE, -(-len(arrays[0]) // self.count))
        return np.concatenate(self.each([partial(judge, *(array[begin : begin + size] for array in arrays))
                                         for begin in range(0, len(arrays[0]), size)]))
