"""The subcommands and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.usage import (
    LARGEST_SEED,
    Parser,
    existing_or_new_folder,
    percent,
    real,
    seconds,
    step_or_none,
    whole,
    window_size,
)
from engine.config import SamplingConfig
from engine.data.catalogue import dataset_names
from engine.measure.quality import DEFAULT_COUNT, LARGEST_COUNT, SMALLEST_COUNT
from engine.measure.recognition import (
    DEFAULT_SEEDS,
    DENOISE,
    DIRECTIONS,
    FEWEST_SEEDS,
    MOST_SEEDS,
    NOISY,
    READINGS,
)
from engine.presets import preset_names
from engine.settings import describe

# What a screenshot can show.
PAGES = ("train", "forward", "reverse", "time-machine", "recognition", "clip", "race", "use")
DEVICES = ("auto", "cpu", "cuda", "mps")
SAMPLERS, GRIDS, CLIP_METHODS = (
    next(s.choices for s in describe(SamplingConfig) if s.name == name) for name in ("sampler", "grid", "clip_guidance")
)

WINDOW_HELP = "Without a command the window opens; --run says with which run."


def build_parser() -> Parser:
    """All of the command line. `command` is None where the window is meant."""
    parser = Parser(prog="diffuscope", description="A desktop laboratory for diffusion models.", epilog=WINDOW_HELP)
    parser.add_argument("--run", metavar="DIR", help="open the window with this run; `bundled` is the one that ships")
    _runs_dir(parser)
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=Parser)
    _train(
        commands.add_parser(
            "train",
            help="train a model",
            description="Train a model from scratch, or resume "
            "a run. Ctrl-C saves and ends; a second one ends at once.",
        )
    )
    _sample(
        commands.add_parser(
            "sample",
            help="draw pictures from a run",
            description="Draw pictures from a run. "
            "Picture i has class classes[i % len(classes)] and seed SEED + i, and does not "
            "depend on the others.",
        )
    )
    _measure(
        commands.add_parser(
            "measure",
            help="measure how good a run's pictures are",
            description="Draw pictures of all classes from a run and compare them with real ones by two judges. The "
            "answer is kept with the run: asked again, it is there at once.",
        )
    )
    _recognise(
        commands.add_parser(
            "recognise",
            help="measure when a run's pictures can first be read",
            description="Denoise every class from many seeds and let a judge read each step: at what point of "
            "denoising can the picture first be read, and does that differ from class to class? The answer is kept "
            "with the run: asked again, it is there at once.",
        )
    )
    _learning(
        commands.add_parser(
            "learning",
            help="measure whether a run still learns",
            description="Validation loss by noise level and a check of 100 samples for each snapshot of a run, and a "
            "verdict: still learning, finished, diverging, or too short to say. What is measured is kept with the run.",
        )
    )
    _screenshot(
        commands.add_parser(
            "screenshot",
            help="save a picture of the window",
            description="Save a picture of the window; needs no display.",
        )
    )
    _info(commands.add_parser("info", help="say what a run is", description="Say what a run is and how far it got."))
    _bench(
        commands.add_parser(
            "bench",
            help="measure this machine",
            description="Measure how fast this machine trains a preset and draws ten pictures.",
        )
    )
    from engine.cli.clip import add_clip_command

    add_clip_command(commands)
    from engine.cli.u_turn import add_u_turn

    add_u_turn(commands)
    from engine.cli.use_parser import add_use_commands

    add_use_commands(commands)
    from engine.cli.animate_options import add_animate

    add_animate(commands)
    from engine.cli.clip_study import add_clip_study

    add_clip_study(commands)
    from engine.cli.data import add_data_command

    add_data_command(commands, _device, Parser)
    return parser


def drawing_options(parser: argparse.ArgumentParser) -> None:
    """How pictures are drawn and where: what a command that draws from a run takes beside its own options."""
    _drawing(parser)
    _device(parser)
    _settings(parser, "sampling.clip_x0=false")
    _runs_dir(parser)


def _runs_dir(parser: argparse.ArgumentParser) -> None:
    # Suppressed default: given before the command or after it, it is the same option.
    parser.add_argument(
        "--runs-dir",
        metavar="DIR",
        type=existing_or_new_folder,
        default=argparse.SUPPRESS,
        help="folder of runs, in place of the user's own; a bare name given to --run is looked for there",
    )


def _train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="folder of the run, made new unless --resume")
    parser.add_argument("--preset", help=f"named settings: {', '.join(preset_names())} (default quick)")
    parser.add_argument("--dataset", help=f"what is learned: {', '.join(dataset_names())}")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds",
        type=seconds,
        metavar="S",
        help="train for so long; the number of steps is planned from a short probe and recorded",
    )
    length.add_argument(
        "--steps",
        type=whole(1, 10_000_000),
        metavar="N",
        help="train for so many steps; with --resume, go on to this step",
    )
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), help="decides initial weights, data order and noise")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    _device(parser)
    _settings(parser, "training.learning_rate=0.001")
    _runs_dir(parser)


def _sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--classes", metavar="LIST", help="like 0-9, 3 or 1,3,7 (default all)")
    parser.add_argument(
        "--count", type=whole(1, 10_000_000), metavar="N", help="how many pictures (default one a class)"
    )
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="seed of the first picture (default 0)")
    _drawing(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".npz with images, labels and seeds, or .png with a grid",
    )
    _device(parser)
    _settings(parser, "sampling.clip_x0=false")
    _runs_dir(parser)


def _drawing(parser: argparse.ArgumentParser) -> None:
    """How pictures are drawn, and from which weights."""
    parser.add_argument("--sampler", choices=SAMPLERS, help="default: the run's own")
    parser.add_argument(
        "--steps",
        type=whole(1, 1000),
        metavar="N",
        help="sampling steps (default: the run's own; every step of the schedule for ddpm)",
    )
    parser.add_argument("--guidance", type=real, metavar="W", help="how hard the class pulls; 1 is plain conditional")
    parser.add_argument("--grid", choices=GRIDS, help="the noise levels that steps visit (default: the run's own)")
    parser.add_argument(
        "--guidance-interval",
        type=real,
        nargs=2,
        metavar=("LO", "HI"),
        help="guide only at noise levels sigma between these",
    )
    parser.add_argument(
        "--autoguide",
        type=step_or_none,
        metavar="STEP",
        help="guide against the snapshot of this earlier training step; `none`: against no class",
    )
    parser.add_argument(
        "--clip-guidance",
        choices=CLIP_METHODS,
        help="how a reader of pictures guides: `blend`, `scale` or `gradient` (default: the run's own, mostly off)",
    )
    parser.add_argument(
        "--clip-strength", type=real, metavar="S", help="how much its say counts; 0 is plain conditional (default 1)"
    )
    parser.add_argument(
        "--clip-model",
        metavar="WHICH",
        help="who reads: `in-domain` (default), `judge`, an open_clip tag or a file of weights",
    )
    parser.add_argument("--eta", type=real, help="fresh noise in DDIM, 0 to 1")
    parser.add_argument("--snapshot", type=whole(0, 10**12), metavar="STEP", help="training step (default the newest)")
    parser.add_argument(
        "--average",
        type=percent,
        metavar="PERCENT",
        help="average the weights over the last so many percent of training: as old, in the mean, as a plain average "
        "over that part (default: the average that the snapshot holds)",
    )


def _measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument(
        "--count",
        type=whole(SMALLEST_COUNT, LARGEST_COUNT),
        default=DEFAULT_COUNT,
        metavar="N",
        help=f"how many pictures, as many of each class (default {DEFAULT_COUNT})",
    )
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="seed of the first picture (default 0)")
    _drawing(parser)
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _device(parser)
    _settings(parser, "sampling.clip_x0=false")
    _runs_dir(parser)


def _recognise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--classes", metavar="LIST", help="like 0-9, 3 or 1,3,7 (default all)")
    parser.add_argument(
        "--seeds",
        type=whole(FEWEST_SEEDS, MOST_SEEDS),
        default=DEFAULT_SEEDS,
        metavar="N",
        help=f"how many for each class (default {DEFAULT_SEEDS})",
    )
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="the first seed (default 0)")
    parser.add_argument(
        "--reading",
        choices=READINGS,
        default=NOISY,
        help="`noisy`: the judge of noisy pictures reads x_t (default); `x0`: the judge of clean pictures reads the "
        "predicted x0",
    )
    parser.add_argument(
        "--direction",
        choices=DIRECTIONS,
        default=DENOISE,
        help="`denoise`: the model's pictures on their way out of noise (default); `forward`: real test pictures on "
        "their way into it, up to which noise can they be read?",
    )
    parser.add_argument(
        "--unconditional",
        action="store_true",
        help="tell no class; the class of a picture is what is read at the end, and each has its own seed",
    )
    _drawing(parser)
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _device(parser)
    _settings(parser, "sampling.clip_x0=false")
    _runs_dir(parser)


def _learning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--no-samples", action="store_true", help="validation loss alone, which is quicker")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _device(parser)
    _runs_dir(parser)


def _screenshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--page", choices=PAGES, default="reverse")
    parser.add_argument("--size", type=window_size, default=(1440, 900), metavar="WxH", help="default 1440x900")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--run", metavar="DIR", default="bundled", help="a run's folder, or `bundled` (default)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .png file")
    _runs_dir(parser)


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _runs_dir(parser)


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="quick", help=f"trained: {', '.join(preset_names())} (default quick)")
    parser.add_argument("--run", metavar="DIR", default="bundled", help="what is drawn from (default `bundled`)")
    parser.add_argument(
        "--seconds", type=seconds, default=30.0, metavar="S", help="about how long it may take (default 30)"
    )
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _device(parser)
    _runs_dir(parser)


def _device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default auto: a GPU if there is one")


def _settings(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help=f"any other setting, like {example}; may be repeated",
    )
