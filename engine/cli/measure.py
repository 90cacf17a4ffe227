"""`measure`: how good a run's pictures are, by two judges, each figure beside that of real pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from engine.cli.sample import ignored, sampling_of
from engine.cli.usage import LARGEST_SEED
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.quality import (
    JudgeQuality,
    Quality,
    QualityReady,
    QualityRequest,
    measure_quality,
    stored_quality,
)
from engine.measure.scorers import guidance_words
from engine.paths import resolve_run
from engine.runs import Run

FIGURES = ("frechet", "precision", "recall", "density", "coverage")


def run_measure(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    run = Run.open(resolve_run(args.run))
    if args.seed + args.count - 1 > LARGEST_SEED:
        raise BadSetting(f"Seeds end at {LARGEST_SEED}; {args.count} pictures from seed {args.seed} go beyond.")
    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    request = QualityRequest(run.path, sampling, args.snapshot, args.count, args.seed, args.average, args.again)
    known = None if args.again else stored_quality(run, request)
    for ready in [QualityReady(request, known, True)] if known is not None else _measured(request, args.device):
        print(json.dumps({"run": run.name, "run_id": run.info.id, "stored": ready.stored, **ready.quality.values()},
                         indent=2) if args.json else text(run.name, ready.quality))
    return 0


def _measured(request: QualityRequest, device: str) -> Iterator[QualityReady]:
    """The answer, after a bar on a terminal; what follows it (saving) may fail."""
    from tqdm import tqdm

    from engine.workspace import Workspace

    workspace = Workspace(device)
    tqdm.monitor_interval = 0  # no thread of its own
    try:
        with tqdm(total=request.count, unit="picture", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for event in measure_quality(workspace, request):
                if isinstance(event, JobProgress):
                    bar.update(event.n - bar.n)
                elif isinstance(event, QualityReady):
                    yield event
    finally:
        workspace.close()


def text(name: str, quality: Quality) -> str:
    """The measurement for people."""
    sampling = quality.sampling
    average = f", average over the last {quality.average_percent:g} %" if quality.average_percent is not None else ""
    lines = [
        f"{name}, step {quality.snapshot}{average}: {quality.count} pictures against {quality.reference_count} real "
        "ones of the test set",
        f"{sampling.sampler}, {sampling.num_steps} steps, {guidance_words(sampling)}, {quality.nfe} network "
        f"evaluations each, seeds from {quality.seed}; {quality.seconds:.1f} s of sampling ({quality.device})",
        "",
        "".join([f"{'':16}", *(f"{judge.name + ' judge':>12}{'real':>10}{'':12}" for judge in quality.judges)]),
        "".join([f"{'read right':16}", *(f"{_percent(judge.accuracy):>12}{_percent(judge.real_accuracy):>10}{'':12}"
                                         for judge in quality.judges)]),
    ]
    lines += ["".join([f"{figure:16}", *(_figure(judge, figure) for judge in quality.judges)]) for figure in FIGURES]
    lines += ["", "Read right by class, %:"]
    lines += [f"{judge.name + ' judge':16}" + " ".join(f"{100 * share:6.2f}" for share in judge.accuracy_by_class)
              for judge in quality.judges]
    lines += ["", f"The judges read {_percent(quality.agreement)} alike. Real: for read right the test pictures, else "
              f"the mean of {len(quality.judges[0].floors)} draws of training pictures; "
              f"{quality.neighbours} neighbours.", *quality.notes]
    return "\n".join(line.rstrip() for line in lines)


def _figure(judge: JudgeQuality, figure: str) -> str:
    """A figure, its floor, and for the Frechet distance how many times the floor it is."""
    times = f"  ({judge.frechet_over_floor:.1f}x)" if figure == "frechet" else ""
    return f"{getattr(judge.distances, figure):12.3f}{getattr(judge.floor, figure):10.3f}{times:12}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
