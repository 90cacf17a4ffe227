"""How quick and how steady the window is. Run by hand; prints JSON.

    python benchmarks/ui.py start                  process start to first paint, five times
    python benchmarks/ui.py lateness --seconds 60  event-loop lateness while training, loss drawn live
    python benchmarks/ui.py slider                 slider move to painted frame, idle and while training
    python benchmarks/ui.py speed --seconds 30     images/s with the window and without, in turns
    python benchmarks/ui.py memory --seconds 600   resident memory of the window while training
    python benchmarks/ui.py time-machine           its first map, and lateness while it fills, is scrolled and hovered
    python benchmarks/ui.py all                    everything

Each measurement runs in a process of its own, on the display there is, else offscreen. Counts are asserted
(something was painted, something was trained); times are only reported, for they belong to the machine.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

START = str(Path(__file__).with_name("ui_start.py"))

AIMS = {"start": "first paint at most 1.0 s", "lateness": "p99 at most 10 ms, worst at most 50 ms",
        "slider": "p95 at most 16 ms", "speed": "at least 0.95", "memory": "at most 1.5 GB, flat",
        "time-machine": "first coarse map at most 3 s, p99 at most 33 ms, 40 snapshots within 8 MB"}


# ---- the parent: one child process for each measurement ----

def child(name: str, **options: object) -> dict[str, Any]:
    """Run one measurement in a fresh process with a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="diffuscope-bench-", ignore_cleanup_errors=True) as home:
        env = {**os.environ, "DIFFUSCOPE_HOME": home}
        if not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
            env.setdefault("QT_QPA_PLATFORM", "offscreen")
        arguments = [f"--{key}={value}" for key, value in options.items() if value is not None]
        command = [__file__, f"_{name}", *arguments] if name != "start" else [START, str(time.time())]
        done = subprocess.run([sys.executable, *command], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              check=False)
    if done.returncode != 0:
        raise SystemExit(f"The measurement {name} failed with code {done.returncode}.")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_start(args: argparse.Namespace) -> dict[str, Any]:
    runs = [child("start") for _ in range(args.repeats)]
    seconds = [r["seconds"] for r in runs]
    assert not any(r["torch_imported"] for r in runs), "torch was imported before the first paint"
    return {"median_s": median(seconds), "worst_s": max(seconds), "all_s": seconds,
            "cpu_median_s": median(r["cpu_seconds"] for r in runs), "platform": runs[0]["platform"]}


def run_lateness(args: argparse.Namespace) -> dict[str, Any]:
    return child("lateness", seconds=args.seconds or 60)


def run_slider(args: argparse.Namespace) -> dict[str, Any]:
    return child("slider", run=args.run)


def run_speed(args: argparse.Namespace) -> dict[str, Any]:
    seconds = args.seconds or 30
    rows = [{"headless": child("headless", seconds=seconds), "window": child("window", seconds=seconds)}
            for _ in range(args.pairs)]
    ratios = [r["window"]["images_per_second"] / r["headless"]["images_per_second"] for r in rows]
    return {"ratio": median(ratios), "ratios": ratios, "runs": rows}


def run_memory(args: argparse.Namespace) -> dict[str, Any]:
    return child("memory", seconds=args.seconds or 600)


def run_time_machine(args: argparse.Namespace) -> dict[str, Any]:
    return child("time-machine", run=args.run, seconds=args.seconds or 60)


# ---- command line ----

MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "start": run_start, "lateness": run_lateness, "slider": run_slider, "speed": run_speed, "memory": run_memory,
    "time-machine": run_time_machine}
CHILDREN = {"_lateness": "ui_window", "_slider": "ui_window", "_window": "ui_window", "_headless": "ui_window",
            "_memory": "ui_window", "_time-machine": "ui_time_machine"}


def machine() -> dict[str, Any]:
    """What a figure belongs to."""
    cpu = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*MEASURES, "all", *CHILDREN], metavar="|".join([*MEASURES, "all"]))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--repeats", type=int, default=5, help="of start")
    parser.add_argument("--pairs", type=int, default=3, help="of speed")
    parser.add_argument("--run", default="bundled", help="for slider and time-machine")
    args = parser.parse_args()
    if args.what in CHILDREN:
        child_of = importlib.import_module(f"benchmarks.{CHILDREN[args.what]}")
        measure = getattr(child_of, "measure" + args.what.replace("-", "_"))
        print(json.dumps(measure(args)), flush=True)
        return
    report: dict[str, Any] = {"machine": machine()}
    for name in MEASURES if args.what == "all" else [args.what]:
        report[name] = {"aim": AIMS[name], **MEASURES[name](args)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
