"""Quality over guidance, as a Markdown table: both judges, every figure, real pictures in the last rows.

    python benchmarks/quality.py --run bundled [--count 5000] [--guidance 1,1.5,2,3] [--guidance-interval LO HI]
        [--threads N] [--again]

DPM-Solver++(2M) in 18 steps, and the run's own sampler. Each row is a measurement kept with the run, so that an
interrupted sweep goes on where it was; --again measures anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import SamplingConfig
from engine.device import cpu_name
from engine.errors import DiffuscopeError
from engine.measure.distances import SetDistances
from engine.measure.quality import DEFAULT_COUNT, Quality, QualityReady, QualityRequest, measure_quality
from engine.paths import resolve_run
from engine.runs import Run
from engine.settings import parse
from engine.workspace import Workspace

HEADINGS = ("sampler", "w", "judge", "read right", "Fréchet", "over floor", "precision", "recall", "density",
            "coverage")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True)
    parser.add_argument("--count", type=int, default=DEFAULT_COUNT)
    parser.add_argument("--guidance", default="1,1.5,2,3")
    parser.add_argument("--guidance-interval", type=float, nargs=2, metavar=("LO", "HI"))
    parser.add_argument("--snapshot", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    try:
        sweep(args)
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def sweep(args: argparse.Namespace) -> None:
    run = Run.open(resolve_run(args.run))
    own = run.info.config.sampling
    if args.guidance_interval:
        low, high = args.guidance_interval
        own = parse(SamplingConfig, {**own.model_dump(), "guidance_sigma_low": low, "guidance_sigma_high": high})
    fast = parse(SamplingConfig, {**own.model_dump(), "sampler": "dpmpp-2m", "num_steps": 18, "grid": "auto"})
    workspace = Workspace(args.device, args.threads)
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}", flush=True)
    quality: Quality | None = None
    for sampling in dict.fromkeys([fast, own]):  # the quick rows first
        for scale in map(float, args.guidance.split(",")):
            guided = parse(SamplingConfig, {**sampling.model_dump(), "guidance_scale": scale})
            request = QualityRequest(run.path, guided, args.snapshot, args.count, again=args.again)
            for event in measure_quality(workspace, request):
                if isinstance(event, QualityReady):
                    quality = event.quality
                    print_rows(quality)
    assert quality is not None
    for judge in quality.judges:
        print(line("real pictures", "", judge.name, judge.real_accuracy, judge.floor, 1.0))
    print(f"\n{run.name}, step {quality.snapshot}, {quality.count} pictures, {cpu_name()}", *quality.notes)


def print_rows(quality: Quality) -> None:
    sampling = quality.sampling
    label = f"{sampling.sampler}, {sampling.num_steps} steps"
    if not sampling.guided_everywhere:
        label += f", guided for σ from {sampling.guidance_sigma_low:g} to {sampling.guidance_sigma_high:g}"
    for judge in quality.judges:
        print(line(label, f"{sampling.guidance_scale:g}", judge.name, judge.accuracy,
                   judge.distances, judge.frechet_over_floor), flush=True)


def line(sampler: str, scale: str, judge: str, accuracy: float, distances: SetDistances, over_floor: float) -> str:
    figures = [f"{getattr(distances, name):.3f}" for name in ("precision", "recall", "density", "coverage")]
    return "| " + " | ".join([sampler, scale, judge, f"{100 * accuracy:.2f} %", f"{distances.frechet:.3f}",
                              f"{over_floor:.1f}", *figures]) + " |"


if __name__ == "__main__":
    sys.exit(main())
