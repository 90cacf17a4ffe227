"""`train`: the training generator driven in a plain loop, with a progress bar."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from tqdm import tqdm

from engine.cli.usage import BadUsage, one_sentence, parse_settings
from engine.config import RunConfig
from engine.data.catalogue import dataset_names, load_dataset
from engine.errors import BadRun, DiffuscopeError, ErrorReport
from engine.events import (
    Command,
    Event,
    LossPoints,
    Progress,
    RunOpened,
    StateChanged,
    Stop,
    TrainingFailed,
    TrainingState,
    Warned,
    WarningCleared,
)
from engine.paths import is_bundled, resolve_run, runs_dir
from engine.presets import load_preset
from engine.runs import Run

SHORT_PROBE = 3.0  # a run with less training than this has no planned time yet


def run_train(args: argparse.Namespace) -> int:
    """Exit code 0 when the run was trained and saved, also after Ctrl-C; 1 when training failed."""
    path = _path(args)
    if args.resume:
        config, continue_steps, finished = None, *_resume_plan(args, path)
        if finished:
            print(f"{path.name} has finished its planned steps; --steps N with a larger N goes on.")
            return 0
    else:
        config, continue_steps = _config(args), 0
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise BadRun(f"{path} is there already.", "Go on with it by --resume, or choose another name.")
    with StopSignals() as signals:
        from engine.training.trainer import Trainer
        from engine.workspace import Workspace

        workspace = Workspace(args.device)
        trainer = Trainer(
            workspace, path, config, resume=args.resume, continue_steps=continue_steps, seconds=args.seconds
        )
        watch = Watch(path, planned=args.seconds is None)
        try:
            events = trainer.run()
            event = next(events)
            while True:
                watch.see(event)
                try:
                    event = events.send(signals.take())
                except StopIteration:
                    break
        finally:
            watch.close()
            workspace.close()
    return watch.exit_code(interrupted=signals.count > 0)


def _path(args: argparse.Namespace) -> Path:
    if args.run == "bundled" or is_bundled(Path(args.run).expanduser()):
        raise BadRun("The run that ships cannot be trained on.", "Give --run another folder.")
    path = resolve_run(args.run) if args.resume else Path(args.run).expanduser()
    if not args.resume and getattr(args, "runs_dir", None) and path.name == args.run:
        path = runs_dir() / path
    return path


def _config(args: argparse.Namespace) -> RunConfig:
    """The settings of a new run: preset, then --set, then the named options."""
    changes = parse_settings(args.settings)
    named = {"training": {"num_steps": args.steps, "seed": args.seed}, "data": {"dataset": args.dataset}}
    for group, values in named.items():
        changes.setdefault(group, {}).update({k: v for k, v in values.items() if v is not None})
    config = load_preset(args.preset or "quick").changed(**changes)
    if config.data.dataset not in dataset_names():
        load_dataset(config.data.dataset)  # which says what there is, before torch is imported
    return config


def _resume_plan(args: argparse.Namespace, path: Path) -> tuple[int, bool]:
    """(steps past the planned end, whether nothing is left to do); BadUsage where options contradict."""
    info = Run.open(path).info
    own: dict[str, Any] = info.config.model_dump()
    given: dict[str, dict[str, Any]] = parse_settings(args.settings)
    given.setdefault("training", {})
    given.setdefault("data", {})
    if args.seed is not None:
        given["training"]["seed"] = args.seed
    if args.dataset is not None:
        given["data"]["dataset"] = args.dataset
    if args.preset is not None and args.preset != info.config.preset:
        raise BadUsage(
            f"A resumed run keeps its settings, and this one was started from the preset {info.config.preset}.",
            "Leave out --preset.",
        )
    asked = info.config.changed(**given).model_dump()
    for group, values in given.items():
        for name in values:
            if asked[group][name] != own[group][name]:
                raise BadUsage(
                    f"A resumed run keeps its settings, and {group}.{name} is {own[group][name]}.",
                    "Leave that option out.",
                )
    if args.seconds is not None and info.seconds >= SHORT_PROBE:
        args.seconds = None  # planned and recorded when the run began
    if args.steps is not None and args.steps < info.num_steps:
        raise BadUsage(
            f"{path.name} has {info.num_steps} planned steps, and --steps {args.steps} would shorten it.",
            "Leave it out, or give a larger number.",
        )
    more = args.steps - info.num_steps if args.steps is not None else 0
    return more, more == 0 and info.step >= info.num_steps


class Watch:
    """Turns the events of training into a progress bar and, at the end, one line."""

    def __init__(self, path: Path, *, planned: bool) -> None:
        self.path = path
        self.failed: ErrorReport | None = None
        self.progress: Progress | None = None
        self._planned = planned  # whether the number of steps is known, or still to come from the probe
        self._first_plan = 0
        self._loss: float | None = None
        self._state = TrainingState.IDLE
        self._bar: Any = None

    def see(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case RunOpened():
                self._open(event)
            case LossPoints():
                recent = float(event.losses[-50:].mean())
                self._loss = recent if self._loss is None else self._loss + 0.2 * (recent - self._loss)
            case Progress():
                self._show(event)
            case Warned():
                self._say(f"Warning: {event.report.headline} {event.report.advice}".rstrip())
            case WarningCleared():
                self._say(f"No longer: {event.kind}.")
            case TrainingFailed():
                self.failed = event.report
            case StateChanged():
                self._state = event.state

    def _open(self, event: RunOpened) -> None:
        self._first_plan = event.num_steps
        quiet = not sys.stderr.isatty()
        tqdm.monitor_interval = 0  # no thread of its own
        self._bar = tqdm(
            total=event.num_steps if self._planned else None,
            initial=event.resumed_at,
            unit="step",
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=10.0 if quiet else 0.2,
            smoothing=0.1,
        )
        if event.resumed_at:
            self._say(f"Going on from step {event.resumed_at}.")
        if event.inexact:
            self._say(f"This resume is not bit for bit the same: {event.inexact}.")

    def _show(self, progress: Progress) -> None:
        self.progress = progress
        if self._bar is None:
            return
        self._planned = self._planned or progress.num_steps != self._first_plan
        if self._planned and self._bar.total != progress.num_steps:
            self._bar.total = progress.num_steps
        loss = f"loss {self._loss:.4f}, " if self._loss is not None else ""
        self._bar.set_postfix_str(f"{loss}{progress.images_per_second:.0f} images/s", refresh=False)
        self._bar.update(progress.step - self._bar.n)

    def _say(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()

    def exit_code(self, *, interrupted: bool) -> int:
        """Print the last line and say how it went."""
        if self.failed is not None:
            told = DiffuscopeError(self.failed.headline, self.failed.advice)
            print(one_sentence(told), file=sys.stderr)
            return 2 if self.failed.kind == "expected" else 1
        p = self.progress
        done = f"{p.step} of {p.num_steps} steps, {p.images_seen} images, {p.seconds:.1f} s" if p else "no step"
        loss = f", loss {self._loss:.4f}" if self._loss is not None else ""
        word = "Stopped" if interrupted else "Trained"
        print(f"{word}: {done}{loss}; saved in {self.path}" + ("; --resume goes on." if interrupted else ""))
        return 0


class StopSignals:
    """Ctrl-C (or SIGTERM) asks training to save and end; the second one ends the process at once."""

    def __init__(self) -> None:
        self.count = 0
        self._told = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            os._exit(128 + number)
        # Not print: the interrupted code may be in the middle of one.
        os.write(2, b"\nSaving. Ctrl-C again ends without waiting.\n")

    def take(self) -> Command | None:
        """The command to send into training, once."""
        if self.count and not self._told:
            self._told = True
            return Stop(keep=True)
        return None
