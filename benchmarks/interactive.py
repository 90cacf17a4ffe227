"""Training with and without somebody who asks for pictures meanwhile, in a compute thread as the window has it.

    python benchmarks/interactive.py [--preset quick] [--run bundled] [--seconds 10] [--every 1.0] [--device auto]

Images/s of training alone, seconds from the request to ten finished pictures of --run alone (its own sampling), then
both together: a request every --every seconds. `in_line` is the same with pictures in training's own queue instead of
the stream of high priority that a GPU has for them. Prints JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.cli.usage import parse_settings, seconds
from engine.compute import Compute
from engine.errors import DiffuscopeError
from engine.events import JobDone, JobFailed, Stop, TrainingFailed, TrajectoryRequest
from engine.jobs import train_job, trajectory_job
from engine.measure.bench import ENDLESS, machine_facts
from engine.paths import resolve_run
from engine.presets import load_preset
from engine.runs import Run
from engine.workspace import Workspace

WARM_UP_SECONDS = 8.0  # the choice of the layout, the first steps, and a recording on a GPU


class Watched:
    """A compute thread and what it says."""

    def __init__(self, workspace: Workspace, batch_size: int) -> None:
        self._batch_size = batch_size
        self.compute = Compute(lambda: workspace)
        self.compute.start()

    @property
    def images(self) -> int:
        """Seen by training, as far as their losses were fetched."""
        return len(self.compute.losses) * self._batch_size

    def look(self, until: float, done: str = "") -> None:
        """Read what is said until then, or until the job of key `done` is."""
        while (left := until - time.perf_counter()) > 0:
            try:
                message = self.compute.control.get(timeout=left)
            except queue.Empty:
                return
            event = message.event
            if isinstance(event, JobFailed | TrainingFailed):
                raise DiffuscopeError(event.report.headline, event.report.advice)
            elif isinstance(event, JobDone) and message.key == done:
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--run", default="bundled", help="whose pictures are asked for")
    parser.add_argument("--seconds", type=seconds, default=10.0, help="of each of the three measurements")
    parser.add_argument("--every", type=seconds, default=1.0, help="seconds between two requests")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    args = parser.parse_args()
    try:
        print(json.dumps(measure(args), indent=2))
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def measure(args: argparse.Namespace) -> dict[str, Any]:
    config = load_preset(args.preset).changed(**parse_settings(args.settings))
    config = config.changed(training={"num_steps": ENDLESS, "sample_seconds": 3600})
    workspace = Workspace(args.device)
    watched = Watched(workspace, config.training.batch_size)
    path = resolve_run(args.run)
    request = partial(TrajectoryRequest, run=path, snapshot=None, class_labels=tuple(range(10)),
                      sampling=Run.open(path).info.config.sampling)
    result: dict[str, Any] = {"machine": machine_facts(workspace.device), "preset": args.preset}
    with tempfile.TemporaryDirectory(prefix="diffuscope-bench-", ignore_cleanup_errors=True) as folder:
        try:
            ask(watched, request, 3.0, 0.2)  # the first one loads the model
            result["pictures_alone"] = told(ask(watched, request, args.seconds / 2, 0.2))
            watched.compute.submit(train_job(config, Path(folder) / "run"))
            watched.look(time.perf_counter() + WARM_UP_SECONDS)
            result["training_alone"] = training(watched, args.seconds)
            result["together"] = together(watched, request, args)
            if workspace.device.type == "cuda":
                workspace.lane = lambda interactive: contextlib.nullcontext()  # type: ignore[method-assign]
                result["in_line"] = together(watched, request, args)
        finally:
            watched.compute.send("train", Stop(keep=False))
            watched.look(time.perf_counter() + 10, done="train")
            watched.compute.close()
    return result


def training(watched: Watched, duration: float) -> dict[str, float]:
    began, images = time.perf_counter(), watched.images
    watched.look(began + duration)
    return {"images_per_second": (watched.images - images) / (time.perf_counter() - began)}


def together(watched: Watched, request: Any, args: argparse.Namespace) -> dict[str, Any]:
    began, images = time.perf_counter(), watched.images
    taken = ask(watched, request, args.seconds, args.every)
    rate = (watched.images - images) / (time.perf_counter() - began)
    return {"images_per_second": rate, **told(taken)}


def ask(watched: Watched, request: Any, duration: float, every: float) -> list[float]:
    """Ask for ten pictures again and again; seconds that each request took."""
    end = time.perf_counter() + duration
    taken: list[float] = []
    while (began := time.perf_counter()) < end:
        watched.compute.submit(trajectory_job(request(seed=len(taken)), "asked"))
        watched.look(began + 600, done="asked")
        taken.append(time.perf_counter() - began)
        watched.look(began + every)
    return taken


def told(taken: list[float]) -> dict[str, float]:
    return {"requests": len(taken), "seconds": median(taken), "worst_seconds": max(taken)}


if __name__ == "__main__":
    sys.exit(main())
