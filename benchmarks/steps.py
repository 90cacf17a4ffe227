"""How few guided steps are enough: samples of a run read by the judge, over samplers, steps, grids and guidance.

    python benchmarks/steps.py --run bundled [--count 500] [--samplers dpmpp-2m,heun] [--steps 2,3,4,5,6,8,10]
        [--grids karras,log-snr] [--guidance 2] [--smallest 0.02] [--largest 80] [--rho 7]

Prints JSON: a row for each combination. All draw the same classes from the same seeds.

accuracy: share of the pictures that the judge reads as the class asked for. One step already gives a picture that is
read right, the average of its class; so frechet, density and coverage (in the judge's features, against as many real
test pictures of the same classes) and away tell whether the pictures are those of more steps. away: root mean square
difference, in the -1..1 of pixels, from the same seeds drawn with 40 steps. "converged" is the row of those, "real" the
floor: real training pictures in place of drawn ones. "fewest" is, for each guidance, the row with the fewest network
evaluations whose accuracy is at least 0.99, whose Frechet distance is at most a tenth above the converged one's, and
whose coverage is at most 0.01 below it.
Nothing is timed, so other programs may run beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import SamplingConfig
from engine.data.catalogue import load_dataset
from engine.device import cpu_name, describe
from engine.diffusion import schedules
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import sample_images
from engine.errors import DiffuscopeError
from engine.generators import result_of
from engine.measure.distances import compare, neighbour_radii
from engine.measure.judge import Judge
from engine.paths import resolve_run
from engine.settings import parse
from engine.workspace import LoadedModel, Workspace

CONVERGED = {"sampler": "dpmpp-3m", "grid": "log-snr", "num_steps": 40}
ENOUGH_ACCURACY, MOST_FRECHET, LESS_COVERAGE = 0.99, 1.1, 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True)
    parser.add_argument("--snapshot", type=int)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samplers", type=_words, default=["dpmpp-2m", "dpmpp-3m", "unipc", "ipndm", "heun"])
    parser.add_argument("--steps", type=_numbers, default=[2, 3, 4, 5, 6, 8, 10])
    parser.add_argument("--grids", type=_words, default=["karras", "log-snr"])
    parser.add_argument("--guidance", type=_numbers, default=[2.0])
    parser.add_argument("--interval", type=float, nargs=2, metavar=("LO", "HI"), help="guide only between these sigma")
    parser.add_argument("--smallest", type=_numbers, default=[schedules.SMALLEST_FREE_SIGMA])
    parser.add_argument("--largest", type=_numbers, default=[schedules.LARGEST_FREE_SIGMA])
    parser.add_argument("--rho", type=_numbers, default=[schedules.KARRAS_RHO])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    try:
        result = measure(args)
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, indent=1))
    return 0


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> list[float]:
    return [float(part) for part in _words(text)]


def measure(args: argparse.Namespace) -> dict[str, object]:
    """All combinations of the arguments, with what they have in common beside them."""
    workspace = Workspace(args.device, args.threads)
    model = workspace.model(resolve_run(args.run), args.snapshot)
    meter = Meter(model, args.count)
    ends = (schedules.SMALLEST_FREE_SIGMA, schedules.LARGEST_FREE_SIGMA, schedules.KARRAS_RHO)
    seeds = args.seed + np.arange(args.count)
    converged: dict[float, NDArray[np.uint8]] = {}  # by guidance
    rows, limits = [], []

    def row(sampling: SamplingConfig, levels: tuple[float, float, float]) -> dict[str, Any]:
        schedules.SMALLEST_FREE_SIGMA, schedules.LARGEST_FREE_SIGMA, schedules.KARRAS_RHO = levels
        images = np.concatenate(list(sample_images(
            model.denoiser, meter.labels.tolist(), seeds.tolist(), sampling, shape=model.shape,
            num_classes=model.num_classes, device=workspace.device)))
        exact = converged.setdefault(sampling.guidance_scale, images)
        away = (images.astype(np.float64) - exact) / 127.5
        found = {
            "sampler": sampling.sampler, "grid": sampling.grid, "steps": sampling.num_steps,
            "guidance": sampling.guidance_scale, "smallest": levels[0], "largest": levels[1], "rho": levels[2],
            "network_evaluations": network_evaluations(sampling, model.denoiser.schedule),
            **meter.look(images), "away": round(float(np.sqrt((away**2).mean())), 4),
        }
        print(json.dumps(found), file=sys.stderr, flush=True)
        return found

    for sampling, levels in combinations(args, model.run.info.config.sampling):
        if sampling.guidance_scale not in converged:
            limits.append(row(parse(SamplingConfig, {**sampling.model_dump(), **CONVERGED}), ends))
        rows.append(row(sampling, levels))
    return {
        "run": model.run.name, "snapshot": model.snapshot, "count": args.count, "seed": args.seed,
        "real": meter.floor(), "converged": limits, "rows": rows,
        "fewest": {f"{limit['guidance']:g}": fewest(rows, limit) for limit in limits},
        "trained_seconds": round(model.run.info.seconds, 1), "trained_steps": model.run.info.step,
        "judge_sha256": meter.judge.sha256, "judge_test_accuracy": meter.judge.record.get("test_accuracy"),
        "device": describe(workspace.device, "fp32"), "cpu": cpu_name(),
    }


def fewest(rows: list[dict[str, Any]], converged: dict[str, Any]) -> dict[str, Any] | None:
    """The cheapest row that is as good as the converged one of its guidance; None if there is none."""
    good = [row for row in rows if row["guidance"] == converged["guidance"] and row["accuracy"] >= ENOUGH_ACCURACY
            and row["frechet"] <= MOST_FRECHET * converged["frechet"]
            and row["coverage"] >= converged["coverage"] - LESS_COVERAGE]
    return min(good, default=None, key=lambda row: (row["network_evaluations"], row["frechet"]))


class Meter:
    """The judge, and as many real test pictures of the same classes as are drawn."""

    def __init__(self, model: LoadedModel, count: int) -> None:
        self.judge = Judge.load()
        self.data = load_dataset(model.run.info.config.data.dataset)
        self.labels = np.arange(count) % model.num_classes
        real = _of_classes(self.data.test_images, self.data.test_labels, self.labels)
        self.reference = self.judge.features(real)
        self.radii = result_of(neighbour_radii(self.reference))

    def look(self, images: NDArray[np.uint8]) -> dict[str, float]:
        """accuracy, and the distances from the real pictures."""
        features, read = self.judge.look(images)
        found = result_of(compare(self.reference, features, self.radii))
        return {"accuracy": float((read == self.labels).mean()), "frechet": round(found.frechet, 3),
                "density": round(found.density, 3), "coverage": round(found.coverage, 3)}

    def floor(self) -> dict[str, float]:
        """The same of real training pictures."""
        return self.look(_of_classes(self.data.train_images, self.data.train_labels, self.labels))


def _of_classes(images: NDArray[np.uint8], labels: NDArray[np.integer], wanted: NDArray[np.int64],
                ) -> NDArray[np.uint8]:
    """The first pictures (N, H, W) whose labels are those wanted, each used once."""
    queues = {label: iter(np.flatnonzero(labels == label)) for label in np.unique(wanted)}
    return np.stack([images[next(queues[label])].squeeze() for label in wanted])


def combinations(args: argparse.Namespace, own: SamplingConfig,
                 ) -> Iterator[tuple[SamplingConfig, tuple[float, float, float]]]:
    """Sampling settings and (smallest, largest, rho) of their levels; rho varies on the Karras grid alone."""
    common = {**own.model_dump(), "guidance_rescale": 0.0}
    if args.interval:
        common |= {"guidance_sigma_low": args.interval[0], "guidance_sigma_high": args.interval[1]}
    for grid, sampler, scale in itertools.product(args.grids, args.samplers, args.guidance):
        rhos = args.rho if grid in ("auto", "karras") else args.rho[:1]
        ends = [*itertools.product(args.smallest, args.largest, rhos)]
        if grid == "timesteps":
            ends = ends[:1]
        for levels, steps in itertools.product(ends, args.steps):
            changes = {"sampler": sampler, "grid": grid, "num_steps": int(steps), "guidance_scale": scale}
            yield parse(SamplingConfig, {**common, **changes}), levels


if __name__ == "__main__":
    sys.exit(main())
