"""A compute thread without torch: jobs that do what a test says. And small run folders to look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from engine.compute import Compute, Job, Priority
from engine.config import RunConfig, SamplingConfig
from engine.events import (
    ChangeTraining,
    Command,
    Event,
    LossPoints,
    Marker,
    Pause,
    Progress,
    Resume,
    RunOpened,
    RunSteps,
    SamplesReady,
    SaveSnapshot,
    SnapshotSaved,
    StateChanged,
    StateSaved,
    Stop,
    TrainingChanged,
    TrainingState,
    TrajectoriesReady,
    Trajectory,
    TrajectoryRequest,
)
from engine.measure.learning import LearningKnown, LearningPoint, LearningRequest
from engine.presets import load_preset
from engine.runs import Run, RunInfo, RunWriter, trash_run

CLASSES = tuple("0123456789")
SIDE = 8


def config(**training: Any) -> RunConfig:
    """The quick preset with a few steps."""
    return load_preset("quick").changed(training={"num_steps": 40, **training},
                                        sampling={"num_steps": 4})


def weights(step: int) -> dict[str, np.ndarray]:
    return {"weight": np.full((2, 3), step, dtype=np.float32)}


def trajectory(label: int, seed: int, snapshot: int, *, steps: int = 4, filled: int | None = None) -> Trajectory:
    """Frames whose first pixel tells class, seed and frame."""
    t = np.linspace(1000, 0, steps + 1).round().astype(np.int64)
    sigma = np.concatenate([np.geomspace(100, 0.01, steps), [0.0]])
    frames = np.zeros((steps + 1, 1, SIDE, SIDE), dtype=np.float16)
    frames[:, 0, 0, 0] = label + np.arange(steps + 1) / 100
    return Trajectory(label, seed, snapshot, sigma, t, frames, frames, frames, frames,
                      steps + 1 if filled is None else filled)


def make_run(path: Path, *, steps: tuple[int, ...] = (0, 10, 20, 40), recorded: int | None = None,
             keep_open: bool = False, **changes: Any) -> RunWriter | None:
    """A run folder with snapshots, losses, samples; recorded: the seed of recorded trajectories."""
    settings = changes.pop("config", config())
    info = RunInfo(name=path.name, config=settings, class_names=CLASSES, image_shape=(1, SIDE, SIDE),
                   sigma_data=0.5, parameters=6, num_steps=settings.training.num_steps, images=640,
                   **{"state": "finished", "step": steps[-1] if steps else 0, **changes})
    writer = RunWriter.create(path, info)
    for step in steps:
        writer.save_snapshot(step, weights(step))
    last = steps[-1] if steps else 0
    if last:
        at = np.arange(1, last + 1)
        writer.append_losses(at, 1 / at, at / 10, 1e-3)
        writer.append_marker("paused", 5, 0.5, "paused at 5")
        writer.save_samples(last, np.full((10, SIDE, SIDE), last, dtype=np.uint8), range(10), range(10))
    if recorded is not None:
        writer.save_recorded({c: trajectory(c, recorded, last) for c in range(10)})
    if keep_open:
        return writer
    writer.close()
    return None


def make_bundled(path: Path) -> None:
    """A run where the shipped ones lie; nothing may write there, so it is moved in."""
    made = path.parent.parent / "made"
    make_run(made, recorded=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.rename(path)


class Script:
    """Stands in for engine.jobs. `asked` lists trajectory requests; `gate` may hold the training job."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, TrajectoryRequest]] = []
        self.priorities: list[Priority] = []
        self.commands: list[Command] = []
        self.fail_trajectories: Exception | None = None
        self.fail_training_at: tuple[int, Event] | None = None
        self.step_seconds = 0.001
        self.learned: list[LearningPoint] = []  # what was measured before
        self.to_learn: list[LearningPoint] = []  # what a learning job measures, one after the other
        self.learning_asked: list[LearningRequest] = []

    def make_context(self, device: str = "auto") -> str:
        return device

    def trajectory_job(self, request: TrajectoryRequest, key: str = "reverse",
                       priority: Priority = Priority.INTERACTIVE) -> Job:
        self.asked.append((key, request))
        self.priorities.append(priority)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            if self.fail_trajectories is not None:
                raise self.fail_trajectories
            for filled in range(1, request.sampling.num_steps + 2):
                ready = {c: trajectory(c, request.seed, request.snapshot or 0, filled=filled,
                                       steps=request.sampling.num_steps) for c in request.class_labels}
                yield TrajectoriesReady(request, request.snapshot or 0, ready,
                                        filled == request.sampling.num_steps + 1, filled, 0.0)

        return Job(key, make, priority)

    def learning_job(self, request: LearningRequest, key: str = "learning") -> Job:
        self.learning_asked.append(request)

        def make(_: Any) -> Generator[Event, Command | None, None]:
            run_id, made = Run.open(request.run).info.id, 0
            yield LearningKnown(request, run_id, tuple(self.learned), len(self.to_learn), True)
            while self.to_learn and made != request.most:
                point = self.to_learn.pop(0)
                made += 1
                self.learned = sorted([*self.learned, point], key=lambda p: p.step)
                yield LearningKnown(request, run_id, tuple(self.learned), len(self.to_learn), True, 0.01)

        return Job(key, make, Priority.BACKGROUND)

    def train_job(self, settings: RunConfig | None, path: Path, *, resume: bool = False,
                  continue_steps: int = 0) -> Job:
        return Job("train", lambda _: self._train(settings, path, resume, continue_steps), Priority.TRAINING)

    def _train(self, settings: RunConfig | None, path: Path, resume: bool,
               continue_steps: int) -> Generator[Event, Command | None, None]:
        step = 0
        commands: list[Command] = []

        def hear(command: Command | None) -> None:
            if command is not None:
                commands.append(command)
                self.commands.append(command)

        hear((yield StateChanged(TrainingState.PREPARING)))
        if resume:
            run = Run.open(path)
            step, settings = run.info.step, run.info.config
            writer = RunWriter.reopen(path)
            planned = run.info.num_steps + continue_steps
            writer.update(num_steps=planned)
        else:
            assert settings is not None
            planned = settings.training.num_steps
            writer = make_run(path, steps=(0,), keep_open=True, config=settings, state="training")
            assert writer is not None
        hear((yield RunOpened(path, planned, step)))
        hear((yield SnapshotSaved(step, path)))
        hear((yield StateChanged(TrainingState.TRAINING, step)))
        pause_at = -1
        paused = False
        try:
            while step < planned or paused:
                for command in commands:
                    if isinstance(command, Pause):
                        pause_at = step
                    elif isinstance(command, Resume):
                        paused, pause_at = False, -1
                    elif isinstance(command, RunSteps):
                        paused, pause_at = False, step + command.num_steps
                    elif isinstance(command, SaveSnapshot):
                        writer.save_snapshot(step, weights(step), True)
                        hear((yield SnapshotSaved(step, path)))
                    elif isinstance(command, ChangeTraining):
                        settings = settings.changed(training=dict(command.changes))
                        planned = settings.training.num_steps
                        writer.update(config=settings, num_steps=planned)
                        hear((yield TrainingChanged(settings.training)))
                    elif isinstance(command, Stop):
                        hear((yield StateChanged(TrainingState.STOPPING, step)))
                        if not command.keep:
                            writer.close()
                            trash_run(path)
                            yield StateChanged(TrainingState.IDLE)
                            return
                        planned, paused = step, False
                commands.clear()
                if pause_at == step and not paused and planned > step:
                    paused = True
                    yield Marker("paused", step, step / 10, f"paused at {step}")
                    hear((yield StateSaved(step, time.time())))
                if paused:
                    hear((yield StateChanged(TrainingState.PAUSED, step)))
                    continue
                if step >= planned:
                    break
                time.sleep(self.step_seconds)
                step += 1
                if self.fail_training_at and step == self.fail_training_at[0]:
                    hear((yield self.fail_training_at[1]))
                    hear((yield StateChanged(TrainingState.FAILED, step)))
                    return
                hear((yield LossPoints(np.array([step]), np.array([1 / step], np.float32),
                                       np.array([step / 10], np.float32), np.array([0.5], np.float32))))
                hear((yield progress(step, planned)))
                if step % 10 == 0:
                    writer.save_snapshot(step, weights(step))
                    hear((yield SnapshotSaved(step, path)))
                    images = np.full((10, SIDE, SIDE), step, dtype=np.uint8)
                    writer.save_samples(step, images, range(10), range(10))
                    hear((yield SamplesReady(step, images, tuple(range(10)), tuple(range(10)))))
            writer.save_snapshot(step, weights(step))
            hear((yield SnapshotSaved(step, path)))
            writer.update(step=step, state="finished")
            hear((yield StateSaved(step, time.time())))
            hear((yield StateChanged(TrainingState.FINISHED, step)))
        finally:
            writer.close()


def progress(step: int, planned: int) -> Progress:
    """Where a scripted training stands."""
    return Progress(step, planned, step * 64, step / 10, 850.0, step / 10, (planned - step) / 10,
                    400 * 2**20, "CPU, bf16, 2 threads", 1e-3, 0)


def compute_for(script: Script) -> Compute:
    """A compute thread for scripted jobs, not yet started."""
    return Compute(script.make_context)


def no_more(predicate: Callable[[], bool]) -> Callable[[], None]:
    """For qtbot.waitUntil with a plain condition."""
    def check() -> None:
        assert predicate()
    return check


def sampling(**changes: Any) -> SamplingConfig:
    """The sampling of scripted runs."""
    return config().sampling.model_copy(update=changes)
