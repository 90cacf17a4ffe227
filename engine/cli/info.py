"""`info`: what a run is and how far it got, for people or as JSON."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.paths import resolve_run
from engine.runs import Run


def run_info(args: argparse.Namespace) -> int:
    """Exit code 0; BadRun for what is no run. Damaged parts of a run are listed, not refused."""
    facts = gather(Run.open(resolve_run(args.run)))
    print(json.dumps(facts, indent=2, ensure_ascii=False) if args.json else text(facts))
    return 0


def gather(run: Run) -> dict[str, Any]:
    """Everything about a run as plain values."""
    info = run.info
    snapshots = run.snapshots()
    values = info.model_dump(mode="json")
    return {
        "path": str(run.path.resolve()),
        **{key: value for key, value in values.items() if key != "config"},
        "read_only": run.read_only,
        "locked_by": run.is_locked(),
        "images_seen": info.step * info.config.training.batch_size,
        "epochs": info.step * info.config.training.batch_size / info.images if info.images else 0.0,
        "snapshots": [{"step": s.step, "manual": s.manual} for s in snapshots],
        "problems": run.verify(),
        "config": values["config"],
    }


def text(facts: dict[str, Any]) -> str:
    """The same for people: a line for each thing."""
    config, machine = facts["config"], facts["machine"]
    steps = [s["step"] for s in facts["snapshots"]]
    rows = {
        "Run": f"{facts['name']} ({facts['path']})",
        "Made": facts["created"],
        "State": facts["state"]
        + (f", written by {facts['locked_by']}" if facts["locked_by"] else "")
        + (", read-only" if facts["read_only"] else ""),
        "Trained": f"step {facts['step']} of {facts['num_steps']}, {facts['images_seen']} images "
        f"({facts['epochs']:.1f} epochs), {facts['seconds']:.1f} s",
        "Data": f"{config['data']['dataset']}, {facts['images']} images of "
        f"{' x '.join(map(str, facts['image_shape']))}, classes {', '.join(facts['class_names'])}",
        "Model": f"preset {config['preset']}, {facts['parameters']} parameters, predicts "
        f"{config['diffusion']['parameterisation']}",
        "Machine": ", ".join(f"{key} {value}" for key, value in machine.items() if value not in ("", None)),
        "Snapshots": f"{len(steps)}: {', '.join(map(str, steps))}" if steps else "none",
    }
    lines = [f"{name + ':':<11}{value}" for name, value in rows.items() if value]
    return "\n".join(lines + [f"Problem:   {problem}" for problem in facts["problems"]])
