"""Jobs for the compute thread. Importing this needs no torch: each job imports what it needs where it runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.compute import Job, JobGenerator, Priority
from engine.config import RunConfig
from engine.events import JumpRequest, JumpsReady, TrajectoriesReady, TrajectoryRequest

if TYPE_CHECKING:
    from engine.export.animation import Animation
    from engine.measure.blind_test import BlindRequest
    from engine.measure.clip_study import StudyRequest
    from engine.measure.clip_trace import CourseRequest, GridRequest
    from engine.measure.learning import LearningRequest
    from engine.measure.quality import QualityRequest
    from engine.measure.race import RaceRequest
    from engine.measure.race_quality import RaceQualityRequest
    from engine.measure.recognition import RecognitionRequest
    from engine.measure.sample_history import HistoryRequest
    from engine.measure.time_machine import TimeMachineRequest
    from engine.measure.u_turn import UTurnRequest
    from engine.workspace import Workspace

FRAME_SECONDS = 0.02  # a growing trajectory is shown this often


def make_context(device: str = "auto") -> Workspace:
    """What the compute thread holds; imports torch."""
    from engine.workspace import Workspace

    return Workspace(device)


def train_job(config: RunConfig | None, path: Path, *, resume: bool = False, continue_steps: int = 0) -> Job:
    """Training of a new run (`config`), or of one taken up again."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.training.trainer import Trainer

        return Trainer(workspace, path, config, resume=resume, continue_steps=continue_steps).run()

    return Job("train", make, Priority.TRAINING)


def trajectory_job(request: TrajectoryRequest, key: str = "reverse",
                   priority: Priority = Priority.INTERACTIVE) -> Job:
    """Record the trajectories of a request, streaming them as they grow."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.diffusion.evaluations import network_evaluations
        from engine.diffusion.sample import record
        from engine.events import Tick

        model = workspace.model(request.run, request.snapshot, request.average_percent)
        began = time.perf_counter()
        shown = 0.0
        nfe = network_evaluations(request.sampling, model.denoiser.schedule)
        frames = record(model.denoiser, request.class_labels, request.seed, request.sampling,
                        snapshot=model.snapshot, shape=model.shape, num_classes=model.num_classes,
                        device=workspace.device, weaker=workspace.weaker(model, request.sampling),
                        scorer=workspace.scorer(model, request.sampling))
        for trajectories in frames:
            now = time.perf_counter()
            complete = next(iter(trajectories.values())).filled == request.sampling.num_steps + 1
            if complete or now - shown >= FRAME_SECONDS:
                shown = now
                yield TrajectoriesReady(request, model.snapshot, trajectories, complete, nfe, now - began)
            else:
                yield Tick()

    return Job(key, make, priority)


def jump_job(request: JumpRequest, key: str = "forward") -> Job:
    """One jump, and many steps, from each noised version of a picture."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.diffusion.jumps import jumps

        model = workspace.model(request.run, request.snapshot)
        yield from (JumpsReady(request, model.snapshot, one, many, trained, complete)
                    for one, many, trained, complete in jumps(model.denoiser, request, model.run.sigma_max,
                                                              workspace.device))

    return Job(key, make)


def race_job(request: RaceRequest, key: str = "race", priority: Priority = Priority.INTERACTIVE) -> Job:
    """Lanes of sampling settings from the same noise, a network call of one of them at a time."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.race import run_race

        return run_race(workspace, request)

    return Job(key, make, priority)


def race_quality_job(request: RaceQualityRequest, key: str = "race-quality") -> Job:
    """The same lanes measured over many pictures; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.race_quality import measure_race

        return measure_race(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def quality_job(request: QualityRequest, key: str = "quality") -> Job:
    """How good a run's pictures are, by two judges; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.quality import measure_quality

        return measure_quality(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def learning_job(request: LearningRequest, key: str = "learning") -> Job:
    """Validation loss and a check of the samples for the snapshots of a run; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.learning import measure_learning

        return measure_learning(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def time_machine_job(request: TimeMachineRequest, key: str = "time-machine") -> Job:
    """One class and seed by every snapshot at every noise level, coarse to fine; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.time_machine_job import fill_maps

        return fill_maps(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def recognition_job(request: RecognitionRequest, key: str = "recognition") -> Job:
    """When each class can first be read; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.recognition import measure_recognition

        return measure_recognition(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def blind_job(request: BlindRequest, key: str = "blind") -> Job:
    """A trajectory for the blind test, and what the judge reads of it."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.blind_test import draw_blind

        return draw_blind(workspace, request)

    return Job(key, make)


def u_turn_job(request: UTurnRequest, key: str = "u-turn") -> Job:
    """Real pictures into noise and back; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.u_turn import measure_u_turn

        return measure_u_turn(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def history_job(request: HistoryRequest, key: str = "history") -> Job:
    """A picture of each class, of one seed, at every snapshot of a run; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.sample_history import draw_history

        return draw_history(workspace, request)

    return Job(key, make, Priority.BACKGROUND)


def animation_job(animation: Animation, path: Path, key: str = "animation") -> Job:
    """Write an animation."""
    def make(_: Workspace) -> JobGenerator:
        from engine.export.animation import write_animation

        return write_animation(animation, path)

    return Job(key, make, Priority.BACKGROUND)


def clip_course_job(request: CourseRequest, key: str = "clip-course",
                    priority: Priority = Priority.INTERACTIVE) -> Job:
    """One picture under CLIP guidance, step by step."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.clip_trace import run_course

        return run_course(workspace, request)

    return Job(key, make, priority)


def clip_grid_job(request: GridRequest, key: str = "clip-grid", priority: Priority = Priority.INTERACTIVE) -> Job:
    """Every class by every way to guide, from one seed."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.clip_trace import run_grid

        return run_grid(workspace, request)

    return Job(key, make, priority)


def clip_study_job(request: StudyRequest, key: str = "clip-study") -> Job:
    """Whether guidance by CLIP helps; saved with the run."""
    def make(workspace: Workspace) -> JobGenerator:
        from engine.measure.clip_study_run import measure_study

        return measure_study(workspace, request)

    return Job(key, make, Priority.BACKGROUND)
