"""How often the judge reads what was asked for: samples of a run, as JSON.

    python benchmarks/judge_run.py --run bundled [--count 500] [--snapshot STEP] [--sampler dpmpp-2m --steps 18]
    python benchmarks/judge_run.py --run bundled --quality [--count 5000] [--again]

With --quality also how far the pictures are from real ones, by two judges, each figure beside its floor; that is kept
with the run (`python main.py measure` is the same for users), --again measures it anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import SamplingConfig
from engine.device import cpu_name, describe
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import sample_images
from engine.errors import DiffuscopeError
from engine.measure.judge import Judge
from engine.measure.judge_files import judge_for, no_judge
from engine.measure.quality import DEFAULT_COUNT, QualityReady, QualityRequest, measure_quality
from engine.paths import resolve_run
from engine.runs import Run
from engine.settings import parse
from engine.workspace import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True)
    parser.add_argument("--count", type=int, help="default 500, with --quality 5000")
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--snapshot", type=int)
    parser.add_argument("--sampler")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--eta", type=float)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--at-least", type=float, default=0.0, help="exit 1 below this share")
    args = parser.parse_args()
    try:
        result = measure_all(args) if args.quality else measure(args)
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, indent=2))
    return 0 if result["accuracy"] >= args.at_least else 1


def sampling_of(args: argparse.Namespace, run: Run) -> SamplingConfig:
    """The run's own sampling with what was named."""
    named = {"sampler": args.sampler, "num_steps": args.steps, "guidance_scale": args.guidance, "eta": args.eta}
    return parse(SamplingConfig, {**run.info.config.sampling.model_dump(),
                                  **{k: v for k, v in named.items() if v is not None}})


def measure_all(args: argparse.Namespace) -> dict[str, object]:
    run = Run.open(resolve_run(args.run))
    request = QualityRequest(run.path, sampling_of(args, run), args.snapshot, args.count or DEFAULT_COUNT, args.seed,
                             again=args.again)
    ready = [event for event in measure_quality(Workspace(args.device, args.threads), request)
             if isinstance(event, QualityReady)][-1]
    return {"run": run.name, "stored": ready.stored, "accuracy": ready.quality.judges[0].accuracy,
            **ready.quality.values(), "trained_seconds": round(run.info.seconds, 1), "trained_steps": run.info.step,
            "cpu": cpu_name()}


def measure(args: argparse.Namespace) -> dict[str, object]:
    count = args.count or 500
    workspace = Workspace(args.device, args.threads)
    model = workspace.model(resolve_run(args.run), args.snapshot)
    sampling = sampling_of(args, model.run)
    labels = np.arange(count) % model.num_classes
    seeds = args.seed + np.arange(count)
    began = time.perf_counter()
    images = np.concatenate(list(sample_images(
        model.denoiser, labels.tolist(), seeds.tolist(), sampling, shape=model.shape, num_classes=model.num_classes,
        device=workspace.device, weaker=workspace.weaker(model, sampling), scorer=workspace.scorer(model, sampling))))
    seconds = time.perf_counter() - began
    file = judge_for(model.run)
    if file is None:
        raise no_judge(model.run)
    judge = Judge.load(file)
    read = judge.read(images).argmax(axis=1)
    right = read == labels
    wrong = np.flatnonzero(~right)
    return {
        "run": model.run.name, "snapshot": model.snapshot, "count": count,
        "accuracy": float(right.mean()),
        "by_class": {name: float(right[labels == c].mean()) for c, name in enumerate(model.run.info.class_names)
                     if (labels == c).any()},
        "wrong": [{"seed": int(seeds[i]), "asked": int(labels[i]), "read": int(read[i])} for i in wrong[:50]],
        "sampling": sampling.model_dump(),
        "network_evaluations": network_evaluations(sampling, model.denoiser.schedule),
        "sampling_seconds": round(seconds, 2),
        "trained_seconds": round(model.run.info.seconds, 1), "trained_steps": model.run.info.step,
        "judge_sha256": judge.sha256, "judge_test_accuracy": judge.record.get("test_accuracy"),
        "device": describe(workspace.device, "fp32"), "cpu": cpu_name(),
    }


if __name__ == "__main__":
    sys.exit(main())
