"""Options of `synthesise`, `augment`, `nearest` and `export`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.parser import drawing_options
from engine.cli.usage import LARGEST_SEED, real, whole
from engine.settings import describe
from engine.use_config import MOST_PICTURES, AugmentationConfig, SyntheticConfig

FORMATS = next(s.choices for s in describe(SyntheticConfig) if s.name == "format")


def add_use_commands(commands: Any) -> None:
    """Add them to the subcommands."""
    _synthesise(commands.add_parser(
        "synthesise", help="draw a labelled set of pictures",
        description="Draw as many pictures of each class as wanted and write them as a labelled set, with a data card: "
        "where they come from, how they were made, what a judge reads in them, and how near they are to training "
        "pictures."))
    _augment(commands.add_parser(
        "augment", help="measure whether drawn pictures help a classifier",
        description="Train small classifiers on real pictures with and without drawn ones, and test them on real ones. "
        "The answer is kept with the run."))
    _nearest(commands.add_parser(
        "nearest", help="find the training pictures nearest to drawn ones",
        description="For each drawn picture the nearest training pictures, in pixels and in the judge's features, "
        "beside how near training pictures are to real ones that were held out."))
    _export(commands.add_parser(
        "export", help="write the weights for use without this program",
        description="Write a snapshot's averaged weights as safetensors with config.json, a model card, and a short "
        "script that draws from them with PyTorch alone."))


def counts(text: str) -> tuple[int, ...]:
    """Numbers of pictures from "100" or "50,100,500"."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"is written like 100 or 50,100,500; {text!r} is not") from None


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")


def _default(config: type, name: str) -> Any:
    return next(s.default for s in describe(config) if s.name == name)


def _synthesise(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--count", type=whole(1, MOST_PICTURES), default=_default(SyntheticConfig, "per_class"),
                        metavar="N", help="how many of each class (default 100)")
    parser.add_argument("--seed", type=whole(0, 10**12), default=0, help="seed of the first picture (default 0)")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0],
                        help="a folder of PNG files for each class (default), one .npz file, or IDX files")
    parser.add_argument("--min-confidence", type=real, default=0.0, metavar="P",
                        help="keep only pictures that the judge reads as the class asked, with this probability at "
                        "least (default 0: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--json", action="store_true", help="what set.json holds, for programs")
    drawing_options(parser)


def _augment(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--real", type=counts, default=_default(AugmentationConfig, "real"), metavar="K[,K...]",
                        help="numbers of real training pictures (default 100)")
    parser.add_argument("--synthetic", type=counts, default=None, metavar="M[,M...]",
                        help="numbers of drawn pictures that are added")
    parser.add_argument("--seeds", type=whole(2, 50), default=_default(AugmentationConfig, "seeds"), metavar="N",
                        help="how often it is repeated (default 5)")
    parser.add_argument("--honest", action="store_true",
                        help="draw from generators trained on the same real pictures alone: one is trained for each "
                        "seed, in the folder of runs")
    parser.add_argument("--score", type=whole(10, MOST_PICTURES), default=0, metavar="N",
                        help="also the classification accuracy score: a classifier trained on N drawn pictures alone")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    drawing_options(parser)


def _nearest(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--classes", metavar="LIST", help="like 0-9, 3 or 1,3,7 (default all)")
    parser.add_argument("--count", type=whole(1, 10_000), metavar="N", help="how many pictures (default one a class)")
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED - 10_000), default=0,
                        help="seed of the first picture (default 0)")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    drawing_options(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    _run(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    drawing_options(parser)
