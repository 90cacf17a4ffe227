"""From scratch, seconds of training until the judge reads 95 % and 99 % of 200 guided samples. Prints JSON.

    python benchmarks/time_to_digits.py [--preset quick] [--seconds 60] [--every 2.5] [--seeds 0 1 2 3 4]

Each seed is a run of its own, planned for --seconds as a run of the window's Quick start would be, so that its
learning rate takes the same course. From --first seconds on, every --every, 20 pictures a class are drawn from its
averaged weights, from the same seeds each time, with the preset's own sampling unless --sampler, --steps, --guidance or
--sample-set say otherwise. The clock is wall time of training with everything a run does; it stands still while
pictures are drawn and read. What comes before the first step (data, choice of the layout) is not in it.

"first" is the first examination with that share, "kept" the first from which on none fell below it; a run ends at
the first 99 % unless --whole. Density and coverage are against as many real pictures, and beside them what real
test pictures reach.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.cli.usage import parse_settings, seconds, whole
from engine.config import RunConfig, SamplingConfig
from engine.errors import DiffuscopeError
from engine.measure import time_to_digits as digits
from engine.measure.bench import machine_facts
from engine.measure.judge import Judge
from engine.measure.judge_files import JUDGE_FILES
from engine.presets import load_preset
from engine.settings import parse
from engine.workspace import Workspace

SHARES = (0.95, 0.99)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seconds", type=seconds, default=60.0, help="of training that each run is planned for")
    parser.add_argument("--every", type=seconds, default=2.5, help="seconds of training between two examinations")
    parser.add_argument("--first", type=seconds, default=10.0, help="seconds of training before the first examination")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--per-class", type=whole(1, 10_000), default=20)
    parser.add_argument("--whole", action="store_true", help="train each run to its end")
    parser.add_argument("--sampler")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--sample-set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="default: every core")
    args = parser.parse_args()
    try:
        print(json.dumps(measure(args), indent=2))
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    config = load_preset(args.preset).changed(**parse_settings(args.settings))
    sampling = _sampling(args, config)
    workspace = Workspace(args.device, args.threads)
    judges = [Judge.load(path, workspace.device) for path in JUDGE_FILES.values()]
    examiner = digits.Examiner(workspace, config, judges, per_class=args.per_class)
    machine = machine_facts(workspace.device)
    runs = [_run(args, workspace, config.changed(training={"seed": seed}), examiner, sampling) for seed in args.seeds]
    medians = {way: {f"{share:.0%}": [digits.median_of([run[way][f"{share:.0%}"][j] for run in runs])
                                      for j in range(len(judges))] for share in SHARES} for way in ("first", "kept")}
    return {
        "machine": machine, "preset": args.preset, "planned_seconds": args.seconds, "samples": len(examiner.labels),
        "sampling": sampling.model_dump(),
        "judges": [{"name": name, "sha256": judge.sha256, "test_accuracy": judge.record.get("test_accuracy")}
                   for name, judge in zip(JUDGE_FILES, judges, strict=True)],
        "median_seconds": medians,
        "real_pictures": {"density": examiner.floor[0], "coverage": examiner.floor[1]},
        "runs": runs,
    }


def _sampling(args: argparse.Namespace, config: RunConfig) -> SamplingConfig:
    named = {"sampler": args.sampler, "num_steps": args.steps, "guidance_scale": args.guidance}
    return parse(SamplingConfig, {**config.sampling.model_dump(),
                                  **parse_settings(args.sample_set, "sampling").get("sampling", {}),
                                  **{k: v for k, v in named.items() if v is not None}})


def _run(args: argparse.Namespace, workspace: Workspace, config: RunConfig, examiner: digits.Examiner,
         sampling: SamplingConfig) -> dict[str, Any]:
    seen: list[digits.Examined] = []
    for examined in digits.examine_training(
            workspace, config, examiner, seconds=args.seconds, every=args.every, first=args.first, sampling=sampling,
            enough=None if args.whole else SHARES[-1]):
        seen.append(examined)
        print(f"seed {config.training.seed}: {examined.seconds:5.1f} s, step {examined.step}, read "
              f"{' and '.join(f'{a:.1%}' for a in examined.accuracies)}, density {examined.density:.2f}, coverage "
              f"{examined.coverage:.2f}", file=sys.stderr, flush=True)
    judges = range(len(seen[0].accuracies))
    return {
        "seed": config.training.seed,
        "first": {f"{share:.0%}": [digits.first_at(seen, share, j) for j in judges] for share in SHARES},
        "kept": {f"{share:.0%}": [digits.kept_from(seen, share, j) for j in judges] for share in SHARES},
        "preparation_seconds": seen[-1].preparation_seconds,
        "images_per_second": seen[-1].images_seen / seen[-1].seconds,
        "examined": [digits.as_row(e) for e in seen],
    }


if __name__ == "__main__":
    sys.exit(main())
