"""How a picture that moves is written. Part of no run."""

from __future__ import annotations

from typing import Literal

from engine.settings import Group, setting

LOWEST_FPS, HIGHEST_FPS = 1, 50  # viewers slow a GIF down that shows frames for less than 20 ms
LARGEST_SCALE = 32


class AnimationConfig(Group):
    """Format, size and speed of an animation."""

    format: Literal["gif", "apng", "webp", "mp4"] = setting(
        "gif", "Format", "GIF opens everywhere; APNG and WebP keep every colour; MP4 is for films and slides, and "
        "needs the package imageio-ffmpeg.")
    scale: int = setting(
        4, "Size", "Screen pixels for one pixel of the pictures, across and down.", unit="times", step=1, ge=1,
        le=LARGEST_SCALE)
    fps: float = setting(
        12.0, "Speed", "How many frames are shown in a second.", unit="frames/s", step=1, ge=LOWEST_FPS,
        le=HIGHEST_FPS)
    captions: bool = setting(True, "Caption below each frame", "The noise level t or the training step, in words.")
    loop: bool = setting(True, "Play again and again", "Begin anew at the end. MP4 leaves that to the player.")
