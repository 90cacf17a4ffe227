"""Options of `animate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.parser import drawing_options
from engine.cli.usage import LARGEST_SEED, real, whole
from engine.export.animation_config import HIGHEST_FPS, LARGEST_SCALE, LOWEST_FPS

WHAT = ("reverse", "forward", "history")
PARTS = ("x", "x0")


def add_animate(commands: Any) -> None:
    """Add it to the subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "animate", help="write a picture that moves",
        description="Write denoising, noising or training as GIF, APNG, WebP or MP4, enlarged by whole pixels. MP4 "
        "needs the package imageio-ffmpeg.")
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument(
        "--what", choices=WHAT, default=WHAT[0],
        help="`reverse`: x_t beside predicted x0 at every step (default); `forward`: a test image on its way into "
        "noise; `history`: a picture of each class at every snapshot")
    parser.add_argument("--class", metavar="LIST", dest="classes",
                        help="one class, like 3 (default 0); for history like 0-9 (default all)")
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="of the noise (default 0)")
    parser.add_argument("--image", type=whole(1, 10**9), default=1, metavar="N",
                        help="for forward: which test image of the class (default 1)")
    parser.add_argument("--part", choices=PARTS, help="for reverse: x_t or predicted x0 alone")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE",
                        help="ends in .gif, .apng, .png, .webp or .mp4")
    parser.add_argument("--fps", type=real, metavar="N",
                        help=f"frames a second, {LOWEST_FPS} to {HIGHEST_FPS} (default 12; forward 24, history 6)")
    parser.add_argument("--scale", type=whole(1, LARGEST_SCALE), default=4, metavar="N",
                        help="screen pixels for one pixel, across and down (default 4)")
    parser.add_argument("--once", action="store_true", help="play once, not for ever")
    parser.add_argument("--no-caption", action="store_true", help="no words below the frames")
    drawing_options(parser)
