"""Generators that saw no more than the classifier does: small runs on the same k real pictures alone.

Each is a run like any other, in the folder of runs, so that it can be opened and looked at; one that is there already
is taken again.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from engine import paths
from engine.config import RunConfig
from engine.errors import BadRun, DiffuscopeError
from engine.events import Command, Event, Tick, TrainingFailed, TrainingState
from engine.presets import load_preset
from engine.runs import Run

if TYPE_CHECKING:
    from engine.workspace import Workspace

PRESET = "quick"


def honest_config(run: Run, count: int, seed: int, num_steps: int) -> RunConfig:
    """The Quick preset on `count` training pictures of the run's data set, those of this seed."""
    return load_preset(PRESET).changed(
        data={"dataset": run.info.config.data.dataset, "num_images": count, "subset_seed": seed},
        training={"num_steps": num_steps, "snapshots": 2, "sample_seconds": 3600.0, "seed": seed})


def honest_path(run: Run, count: int, seed: int, num_steps: int) -> Path:
    """Where that run lies."""
    name = run.info.config.data.dataset.replace("/", "-")
    return paths.runs_dir() / f"{name}-only-{count}-seed-{seed}-steps-{num_steps}"


def honest_generator(workspace: Workspace, run: Run, count: int, seed: int,
                     num_steps: int) -> Generator[Event, Command | None, Path]:
    """The folder of a finished run on those pictures alone, trained now if it is not there: a Tick a step.

    Raises BadRun where the folder's name is taken by something else, or its training failed.
    """
    config, path = honest_config(run, count, seed, num_steps), honest_path(run, count, seed, num_steps)
    if path.exists():
        there = _finished(path, config)
        if there:
            return path
        raise BadRun(f"The run {path.name} is there and is not finished, or was made otherwise.",
                     "Move it to the trash in All runs, then measure again.")
    from engine.training.trainer import Trainer

    for event in Trainer(workspace, path, config).run():
        if isinstance(event, TrainingFailed):
            raise BadRun(f"{path.name}: {event.report.headline}", event.report.advice)
        yield Tick()
    return path


def _finished(path: Path, config: RunConfig) -> bool:
    try:
        found = Run.open(path).info
    except DiffuscopeError:
        return False
    return found.config == config and found.state == TrainingState.FINISHED.value
