"""`learning`: how a run learned, snapshot by snapshot, and whether it still does."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.events import JobProgress
from engine.measure.learning import LearningKnown, LearningPoint, LearningRequest, judge, measure_learning
from engine.measure.verdict import Verdict
from engine.paths import resolve_run
from engine.runs import Run


def run_learning(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    run = Run.open(resolve_run(args.run))
    points = _measured(LearningRequest(run.path, samples=not args.no_samples), args.device)
    metrics = run.metrics()
    found = judge(metrics.steps.astype(np.float64), metrics.losses.astype(np.float64), points)
    print(json.dumps(report(run, points, found), indent=2) if args.json else text(run, points, found))
    return 0


def _measured(request: LearningRequest, device: str) -> tuple[LearningPoint, ...]:
    """What is known of the snapshots when all is measured, after a bar on a terminal."""
    from tqdm import tqdm

    from engine.workspace import Workspace

    workspace = Workspace(device)
    tqdm.monitor_interval = 0  # no thread of its own
    points: tuple[LearningPoint, ...] = ()
    try:
        with tqdm(unit="measurement", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for event in measure_learning(workspace, request):
                if isinstance(event, JobProgress):
                    bar.total = event.total
                    bar.update(event.n - bar.n)
                elif isinstance(event, LearningKnown):
                    points = event.points
    finally:
        workspace.close()
    return points


def report(run: Run, points: tuple[LearningPoint, ...], found: Verdict) -> dict[str, Any]:
    """All of it as plain values: not finite numbers are null, and so is what was not measured."""
    schedule = run.schedule()
    levels = next((p.validation.sigma for p in points if p.validation is not None), ())
    rows = []
    for p in points:
        loss, samples = p.validation, p.samples
        rows.append({
            "step": p.step,
            "validation_loss": loss.mean if loss else None,
            "eps_mse": loss.mean_eps_mse if loss else None,
            "loss_by_level": list(loss.loss) if loss else None,
            "eps_mse_by_level": list(loss.eps_mse) if loss else None,
            "read_right": samples.accuracy if samples else None,
            "coverage": samples.coverage if samples else None,
            "coverage_of_real": samples.floor if samples else None,
            "samples": samples.n if samples else None,
        })
    shares = next((p.validation.share for p in points if p.validation is not None), ())
    values = {
        "run": run.name, "run_id": run.info.id, "verdict": str(found.kind),
        "found": {name: value for name, value in asdict(found).items() if name != "kind"},
        "levels": [{"sigma": sigma, "t": schedule.t_of_sigma(sigma), "share": share}
                   for sigma, share in zip(levels, shares, strict=True)],
        "snapshots": rows,
    }
    return _plain(values)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """The same without NaN and infinity, which JSON has not."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def text(run: Run, points: tuple[LearningPoint, ...], found: Verdict) -> str:
    """The same for people: the verdict, then a line for each snapshot."""
    lines = [f"{run.name}: {found.kind}"]
    if found.rise is not None:
        lines.append(f"{found.rise.source} loss rose from {found.rise.before:.4f} to {found.rise.after:.4f}")
    elif found.fall is not None:
        fall = found.fall
        lines.append(f"each doubling of the steps takes {100 * fall.share:.1f} % off the {fall.source} loss "
                     f"(95 % interval {100 * fall.low:.1f} to {100 * fall.high:.1f} %)")
    if found.judged is not None:
        lines.append(f"samples read right: {100 * found.judged.before:.0f} % at step {found.judged.before_step}, "
                     f"{100 * found.judged.after:.0f} % at the newest")
    lines += ["", f"{'step':>10}{'validation':>13}{'eps MSE':>10}{'read right':>12}{'coverage':>10}{'of real':>9}"]
    for p in points:
        loss, samples = p.validation, p.samples
        lines.append(f"{p.step:10}"
                     + (f"{loss.mean:13.4f}{loss.mean_eps_mse:10.4f}" if loss else f"{'':23}")
                     + (f"{100 * samples.accuracy:10.0f} %{samples.coverage:10.2f}{samples.floor:9.2f}" if samples
                        else ""))
    return "\n".join(line.rstrip() for line in lines)
