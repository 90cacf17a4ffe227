"""`bench`: how fast this machine trains and samples, for people or as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from engine.paths import resolve_run
from engine.presets import load_preset
from engine.runs import Run

SECONDS = 30.0


def run_bench(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for what cannot be measured, before anything is."""
    config = load_preset(args.preset)
    run = Run.open(resolve_run(args.run))

    from engine.measure.bench import machine_facts, measure_sampling, measure_training
    from engine.workspace import Workspace

    workspace = Workspace(args.device)
    try:
        machine = machine_facts(workspace.device)  # the load that it names is from before
        _say(f"drawing from {run.name}")
        sampling = measure_sampling(workspace, run.path)
        # Half for the windows, a tenth each to warm up and, before and after, for either matrix product.
        share = args.seconds / 10
        training = measure_training(workspace, config, windows=5, window_seconds=share, warm_up_seconds=share,
                                    peak_seconds=share, say=_say)
    finally:
        workspace.close()
    facts = {"machine": machine, "training": training, "sampling": sampling}
    print(json.dumps(facts, indent=2, ensure_ascii=False) if args.json else text(facts))
    return 0


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"Measuring: {what}", file=sys.stderr)


def text(facts: dict[str, Any]) -> str:
    """The same for people: a line for each thing."""
    machine, training, sampling = facts["machine"], facts["training"], facts["sampling"]
    rates = [w["images_per_second"] for w in training["windows"]]
    peaks = ", ".join(f"{name} {peak:.3g} GFLOP/s" for name, peak in training["matmul_peak_gflops"].items())
    settings = sampling["sampling"]
    memory = f"{training['resident_mb']:.0f} MB resident"
    if training["gpu_mb"] is not None:
        memory += f", {training['gpu_mb']:.0f} MB on the GPU"
    rows = {
        "Machine": f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}",
        "Training": f"{training['images_per_second']:.0f} images/s ({min(rates):.0f} to {max(rates):.0f}), preset "
        f"{training['preset']}, batch {training['batch_size']}",
        "Layout": f"{training['device']}, {training['precision']}, "
        f"{'channels last' if training['channels_last'] else 'contiguous'}, {training['threads']} "
        f"thread{'' if training['threads'] == 1 else 's'}",
        "Operations": f"{training['mflop_per_image']['training_step']:.0f} MFLOP an image, "
        f"{training['gflops']:.3g} GFLOP/s",
        "Peak": f"matrix product {peaks}; training reaches {100 * training['share_of_peak']:.0f} % of "
        f"{training['peak_precision']}",
        "Memory": memory,
        "Sampling": f"{1000 * sampling['seconds']:.0f} ms for {sampling['pictures']} pictures of {sampling['run']}: "
        f"{settings['sampler']}, {settings['num_steps']} steps, guidance {settings['guidance_scale']:g}, "
        f"{sampling['network_evaluations']} network evaluations a picture",
    }
    return "\n".join(f"{name + ':':<12}{value}" for name, value in rows.items())
