"""What an animation shows: frames uint8 (H, W) or (H, W, 3) of a trajectory, of noising, of training; numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.diffusion.forward import noised, to_uint8
from engine.diffusion.schedules import Schedule
from engine.events import Trajectory
from engine.settings import number

Uint8 = NDArray[np.uint8]

GAP = 2  # black pixels between two pictures of a frame
PARTS = {"x": "xₜ", "x0": "predicted x₀"}  # of a trajectory


def side_by_side(pictures: Sequence[Uint8]) -> Uint8:
    """Pictures of equal height in a row, with gaps."""
    gap = np.zeros((pictures[0].shape[0], GAP, *pictures[0].shape[2:]), dtype=np.uint8)
    spaced = [piece for picture in pictures for piece in (picture, gap)][:-1]
    return np.concatenate(spaced, axis=1)


def as_pixels(values: NDArray[np.floating]) -> Uint8:
    """(H, W) or (H, W, 3) of a picture (C, H, W) in -1..1, clipped."""
    pixels = to_uint8(np.nan_to_num(values.astype(np.float32)))
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, 2))


def reverse_frames(trajectory: Trajectory, parts: Sequence[str] = ("x", "x0")) -> tuple[list[Uint8], list[str]]:
    """Frames and captions of a trajectory as far as it is filled, noise first. parts: names of PARTS, left to right."""
    frames = [side_by_side([as_pixels(getattr(trajectory, part)[i]) for part in parts])
              for i in range(trajectory.filled)]
    return frames, [f"t {number(int(t))}" for t in trajectory.t[: trajectory.filled]]


def forward_frames(x0: NDArray[np.float32], eps: NDArray[np.float32], schedule: Schedule,
                   levels: Sequence[int]) -> tuple[list[Uint8], list[str]]:
    """Frames and captions of a picture (C, H, W) and its noise, mixed as the schedule says at each t of `levels`."""
    return [as_pixels(noised(x0, eps, schedule, t)) for t in levels], [f"t {number(int(t))}" for t in levels]


def history_frames(rows: Mapping[int, Uint8], classes: Sequence[int]) -> tuple[list[Uint8], list[str]]:
    """Frames and captions of rows (K, H, W) or (K, H, W, 3) by training step: these classes beside each other."""
    steps = sorted(rows)
    return [side_by_side([rows[step][c] for c in classes]) for step in steps], [f"step {number(s)}" for s in steps]
