"""What the network predicts, compared: trains each family alike and prints its noise error level by level as JSON.

    python benchmarks/families.py [--steps 250] [--batch 64] [--weighting min-snr] [--out DIR]

Each run has the same network, seed, noise levels and number of images; only the parameterisation differs (and with
it what weighting "simple" means). The error is that of the averaged weights on pictures of the test set.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import Parameterisation, RunConfig, Weighting
from engine.data.catalogue import load_dataset
from engine.device import cpu_name, describe
from engine.errors import DiffuscopeError
from engine.events import TrainingFailed
from engine.generators import result_of
from engine.measure.noise_error import NUM_IMAGES, error_levels, held_out, noise_error
from engine.presets import load_preset
from engine.training.trainer import Trainer
from engine.workspace import Workspace

LAST = 50  # steps over which the logged error is averaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--families", nargs="+", choices=get_args(Parameterisation), default=get_args(Parameterisation))
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--weighting", choices=get_args(Weighting), default="simple")
    parser.add_argument("--noise-levels", choices=("uniform-t", "log-normal"))
    parser.add_argument("--stratified", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=NUM_IMAGES, help="pictures of the test set")
    parser.add_argument("--out", type=Path, help="keep the runs in this folder")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    try:
        if args.out is not None:
            result = compare(args, args.out)
        else:
            with tempfile.TemporaryDirectory(prefix="families-") as folder:
                result = compare(args, Path(folder))
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, indent=2))
    return 0


def settings(args: argparse.Namespace, family: str) -> RunConfig:
    """The settings of a family's run."""
    diffusion: dict[str, Any] = {"parameterisation": family, "weighting": args.weighting, "stratified": args.stratified}
    if args.noise_levels:
        diffusion["noise_levels"] = args.noise_levels
    return load_preset(args.preset).changed(diffusion=diffusion, training={
        "num_steps": args.steps, "batch_size": args.batch, "seed": args.seed})


def compare(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    workspace = Workspace(args.device, args.threads)
    # All settings before the first run: a wrong combination must not cost the runs before it.
    configs = {family: settings(args, family) for family in args.families}
    families = {}
    for family, config in configs.items():
        families[family] = one_family(workspace, folder / family, config, args)
        print(family, families[family]["mean_eps_mse"], file=sys.stderr, flush=True)
    first = configs[args.families[0]]
    schedule = workspace.model(folder / args.families[0], None).denoiser.schedule
    return {
        "images_seen": args.steps * args.batch, "test_images": args.images,
        "settings": {"preset": args.preset, "model": first.model.model_dump(), "training": first.training.model_dump(),
                     "diffusion": first.diffusion.model_dump(exclude={"parameterisation"})},
        "sigma": [round(float(level), 5) for level in error_levels(schedule)],
        "families": families, "cpu": cpu_name(), "device": describe(workspace.device, "fp32"),
    }


def one_family(workspace: Workspace, path: Path, config: RunConfig, args: argparse.Namespace) -> dict[str, Any]:
    """Train one family and measure it."""
    for event in Trainer(workspace, path, config).run():
        if isinstance(event, TrainingFailed):
            raise DiffuscopeError(event.report.headline, event.report.advice)
    model = workspace.model(path, None)
    images, labels = held_out(load_dataset(config.data.dataset), args.images)
    levels = error_levels(model.denoiser.schedule)
    job = noise_error(model.denoiser, images, labels, levels, device=workspace.device, seed=args.seed)
    errors = result_of(job)
    metrics = model.run.metrics()
    info = model.run.info
    return {
        "eps_mse": [float(f"{error:.4g}") for error in errors], "mean_eps_mse": float(f"{errors.mean():.4g}"),
        "logged_eps_mse": float(f"{metrics.eps_mse[-LAST:].mean():.4g}"),
        "logged_loss": float(f"{metrics.losses[-LAST:].mean():.4g}"),
        "training_seconds": round(info.seconds, 1), "images_a_second": round(len(metrics) * args.batch / info.seconds),
        "sigma_data": round(info.sigma_data, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
