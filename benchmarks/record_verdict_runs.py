"""Trains small real runs whose state is known, and records what the verdict on a run reads of them.

    python benchmarks/record_verdict_runs.py [--out DIR] [--only NAME ...] [--again]

Each recording is a JSON file: settings, losses, validation loss and judged samples of each snapshot. The known state
does not come from the verdict's rule:

  learning    stopped on its way; the same run trained to twice the steps has a validation loss at least 3 % lower
  finished    trained to its planned end; the same run planned half as long ended within 3 % of its validation loss
  diverging   moved with far too large steps: the last 20 losses are on average 1.25 times the lowest 20, or not finite
  short       stopped within the first 200 steps

`evidence` in the file is the figure behind it. Recordings named tune-... may be used to adjust the rule, held-...
never: they share no seed. hard-... was held out and is what the rule cannot tell: raw losses that scatter by a factor
of a hundred, and two snapshots in the half. tests/engine/measure/test_verdict_runs.py reads them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.config import RunConfig
from engine.errors import DiffuscopeError
from engine.events import ChangeTraining, Command, StepDone, Stop
from engine.generators import result_of
from engine.measure.judge import Judge
from engine.measure.judge_files import judge_for
from engine.measure.sample_check import measure_check
from engine.measure.validation import measure_validation
from engine.presets import load_preset
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace

OUT = Path(__file__).resolve().parent.parent / "tests" / "engine" / "measure" / "verdict_runs"
SMALL: dict[str, dict[str, Any]] = {"model": {"widths": [4, 8]}, "training": {"batch_size": 32}}
# Nothing but training: a layout that is not measured first, so that the same seed gives the same run.
PLAIN = {"precision": "fp32", "memory_layout": "contiguous", "sample_seconds": 3600, "autosave_seconds": 3600,
         "snapshots": 12}


@dataclass(frozen=True)
class Recipe:
    """One run. steps: planned; stop: where it ends, 0 at the plan's end; rate_at: (step, a new learning rate)."""

    name: str
    seed: int
    steps: int
    stop: int = 0
    rate_at: tuple[int, float] | None = None
    training: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    diffusion: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """learning, finished, diverging or short."""
        return self.name.split("-")[1]

    @property
    def end(self) -> int:
        """Steps that the recording has at most."""
        return self.stop or self.steps

    def config(self, steps: int) -> RunConfig:
        """The quick preset, changed."""
        return load_preset("quick").changed(
            model={**SMALL["model"], **self.model}, diffusion=self.diffusion,
            training={**PLAIN, **SMALL["training"], **self.training, "num_steps": steps, "seed": self.seed})


ADAMW = {"optimiser": "adamw"}

RECIPES = (
    Recipe("tune-short-1", 1021, 800, 60),
    Recipe("tune-finished-1", 1031, 8000),
    Recipe("tune-diverging-1", 1001, 600, 260, training={"learning_rate": 0.5}),
    Recipe("tune-learning-1", 1011, 1600, 260),
    Recipe("held-short-1", 2021, 800, 25),
    Recipe("held-short-2", 2022, 1200, 195),
    Recipe("held-short-3", 2023, 1000, 140, training=ADAMW, model={"widths": [8, 16]}),
    Recipe("held-short-4", 2024, 500, 90, training={"batch_size": 8}),
    Recipe("held-short-5", 2025, 150, diffusion={"parameterisation": "v", "weighting": "min-snr"}),
    Recipe("held-finished-1", 2031, 8200),
    Recipe("held-finished-2", 2032, 13000, training={"batch_size": 48, "learning_rate": 5e-3}),
    Recipe("held-finished-3", 2033, 12000, training={"batch_size": 40}),
    Recipe("held-finished-4", 2034, 12500, diffusion={"log_sigma_mean": 0.3}),
    Recipe("held-finished-5", 2035, 11500, training={"batch_size": 36, "learning_rate": 4e-3}),
    Recipe("held-diverging-1", 2001, 900, 270, training={"learning_rate": 0.8}, model={"widths": [8, 16]}),
    Recipe("held-diverging-2", 2002, 700, 280,
           training={"learning_rate": 0.1, "muon_factor": 100.0, "warmup_steps": 150}),
    Recipe("held-diverging-3", 2003, 1500, 280, rate_at=(160, 0.6), training={"batch_size": 16}),
    Recipe("held-diverging-4", 2004, 1000, 300, training={"learning_rate": 1.0, "warmup_steps": 250},
           diffusion={"parameterisation": "v"}),
    Recipe("held-diverging-5", 2005, 1000, 260, rate_at=(150, 0.8), training=ADAMW,
           diffusion={"parameterisation": "noise", "noise_levels": "uniform-t"}),
    Recipe("held-learning-1", 2011, 1400, 240, model={"widths": [8, 16]}),
    Recipe("held-learning-2", 2012, 2000, 280, training=ADAMW),
    Recipe("held-learning-3", 2013, 2600, 300, training={**ADAMW, "learning_rate": 1e-3, "batch_size": 24}),
    Recipe("held-learning-4", 2016, 1200, 240, diffusion={"parameterisation": "noise", "noise_levels": "uniform-t"}),
    Recipe("hard-learning-1", 2014, 1200, 230,
           diffusion={"parameterisation": "noise", "noise_levels": "uniform-t", "weighting": "edm"}),
    Recipe("held-learning-5", 2015, 1000, 250, training={"batch_size": 16}, diffusion={"parameterisation": "x0"}),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names, or beginnings of names")
    parser.add_argument("--again", action="store_true", help="also those that are there")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    # One thread: these networks are too small for a second one to help.
    workspace = Workspace("cpu", threads=1)
    try:
        for recipe in RECIPES:
            path = args.out / f"{recipe.name}.json"
            if (path.exists() and not args.again) or not recipe.name.startswith(tuple(args.only or ("",))):
                continue
            with tempfile.TemporaryDirectory(prefix="verdict-runs-") as folder:
                recording = record(workspace, recipe, Path(folder))
            path.write_text(json.dumps(recording, separators=(",", ":")) + "\n", encoding="utf-8")
            print(f"{recipe.name:18} {len(recording['losses']):5} losses, {len(recording['validation']):2} snapshots, "
                  f"evidence {recording['evidence']}", flush=True)
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        workspace.close()
    return 0


def record(workspace: Workspace, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Train, measure, and find the evidence for what the run is."""
    run = train(workspace, folder / "run", recipe.config(recipe.steps), recipe.end, recipe.rate_at)
    validation, read = measured(workspace, run)
    metrics = run.metrics()
    losses = [round(float(loss), 5) if math.isfinite(loss) else None for loss in metrics.losses]
    kept = recipe.config(recipe.steps).model_dump(include={"model": {"widths"}, "diffusion": True, "training": {
        "num_steps", "batch_size", "learning_rate", "optimiser", "muon_factor", "warmup_steps", "decay_share", "seed"}})
    return {"name": recipe.name, "kind": recipe.kind, "settings": kept, "rate_at": recipe.rate_at,
            "evidence": evidence(workspace, recipe, folder, metrics.losses, validation),
            "first_step": int(metrics.steps[0]), "losses": losses, "validation": validation, "read_right": read}


def train(workspace: Workspace, path: Path, config: RunConfig, stop: int,
          rate_at: tuple[int, float] | None = None) -> Run:
    """Train a new run, or go on with the one that is there, and stop at a step; a loss that is no number ends it."""
    events = Trainer(workspace, path, None if path.exists() else config, resume=path.exists()).run()
    command: Command | None = None
    while True:
        try:
            event = events.send(command)
        except StopIteration:
            return Run.open(path)
        command = None
        if isinstance(event, StepDone) and event.step == stop < config.training.num_steps:
            command = Stop()
        elif rate_at is not None and isinstance(event, StepDone) and event.step == rate_at[0]:
            command = ChangeTraining((("learning_rate", rate_at[1]),))


def measured(workspace: Workspace, run: Run) -> tuple[list[list[float]], list[list[int]]]:
    """[step, validation loss] and [step, read right, of so many] of the snapshots that the verdict looks at.

    Those are the second half's and two before, and of samples the newest and the one nearest to half its step.
    """
    steps = [s.step for s in run.snapshots()]
    before = [step for step in steps if step < steps[-1] / 2]
    late = [*before[-2:], *steps[len(before) :]]
    validation = [[step, round(result_of(measure_validation(workspace, run, step)).mean, 6)] for step in late]
    judge = Judge.load(judge_for(run), workspace.device)
    middle = min(steps[:-1], key=lambda step: abs(step - steps[-1] / 2), default=steps[-1])
    checks = {step: result_of(measure_check(workspace, run, step, judge)) for step in sorted({middle, steps[-1]})}
    return validation, [[step, check.right, check.n] for step, check in checks.items()]


def evidence(workspace: Workspace, recipe: Recipe, folder: Path, losses: np.ndarray,
             validation: list[list[float]]) -> dict[str, float | None]:
    """The figure that says what a run is, apart from the verdict's rule."""
    if recipe.kind in ("learning", "finished"):
        learning = recipe.kind == "learning"
        stop = 2 * recipe.end if learning else recipe.end // 2
        other = train(workspace, folder / ("run" if learning else "other"),
                      recipe.config(recipe.steps if learning else stop), stop)
        found = result_of(measure_validation(workspace, other, other.snapshots()[-1].step))
        return {"steps": stop, "validation": round(found.mean, 6), "own_validation": validation[-1][1]}
    if recipe.kind == "diverging":
        means = [float(np.mean(losses[i : i + 20])) for i in range(len(losses) - 19)]
        return {"last_20": round(means[-1], 4) if math.isfinite(means[-1]) else None,
                "lowest_20": round(min(means), 4)}
    return {"steps": len(losses)}


if __name__ == "__main__":
    sys.exit(main())
