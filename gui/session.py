"""The open run and the one point it is looked at from: training step, noise level t, class, seed.

Moving the point anywhere moves it everywhere: every view reads it here and hears of changes by signal.
The session asks the compute thread for what is missing; it holds nothing that a restart loses, except what
the user is just looking at.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine import jobs
from engine.compute import Compute, Message, Priority
from engine.config import TrainingConfig
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import JobFailed, Trajectory
from engine.runs import Run, percent_of_gamma, percent_range
from gui.open_run import OpenRun
from gui.run_words import Notice
from gui.trajectories import Point
from gui.trajectory_requests import TrajectoryRequests

__all__ = ["Notice", "Session"]

SHOWN_SEED = 11  # looked at first where a run brings it


class Session(OpenRun):
    """The open run, the point it is looked at from, and what can be asked about it."""

    trajectories_changed = Signal()

    def __init__(self, compute: Compute | None = None, parent: QObject | None = None) -> None:
        super().__init__(compute or Compute(jobs.make_context), parent)
        self._range: tuple[tuple[str, int, tuple[int, ...]], tuple[int, int] | None] | None = None
        self._recorded_read: set[int] = set()  # seeds whose recordings of the open run were looked for
        self.requests = TrajectoryRequests(self.bridge, self)
        self.requests.changed.connect(self._on_trajectories)
        self.requests.failed.connect(lambda told: self._say_report("trajectory", told))

    # ---- the weights that are drawn from ----

    def point(self, class_label: int | None = None) -> Point | None:
        """What a trajectory here depends on; None without a snapshot to draw from."""
        if self.run is None or not self.snapshots:
            return None
        label = self.class_label if class_label is None else class_label
        return Point(self.run.info.id, self.step, label, self.seed, self.sampling, self.average())

    def average_range(self) -> tuple[int, int] | None:
        """Over how many percent of training the weights at this step can be averaged; None: only as stored."""
        if self.run is None or not self.snapshots:
            return None
        key = (self.run.info.id, self.step, tuple(self.snapshots))
        if self._range is None or self._range[0] != key:
            self._range = (key, percent_range(self.run, self.step))
        return self._range[1]

    def stored_averages(self) -> tuple[int, int]:
        """In whole percent, how far the average of the open run's snapshots reaches back, and their second one."""
        training = self.run.info.config.training if self.run is not None else TrainingConfig()
        return round(percent_of_gamma(training.ema_power)), round(percent_of_gamma(training.ema_power_wide))

    def average(self) -> float | None:
        """The average that is drawn from at this step: the one set, as far as it can be made; None: as stored."""
        if self.average_percent is None:
            return None
        there = self.average_range()
        if there is None:
            return None
        percent = min(max(self.average_percent, there[0]), there[1])
        return None if percent == self.stored_averages()[0] else percent

    # ---- trajectories ----

    def trajectory(self, class_label: int | None = None) -> Trajectory | None:
        """The trajectory of the current point (or another class of it), as far as it is filled.

        Asking for one that is missing requests it: the current class first, then the others together.
        `trajectories_changed` tells when there is more.
        """
        point = self.point(class_label)
        if point is None or self.run is None:
            return None
        if point.seed not in self._recorded_read:
            self._fill_from_recorded(self.run, point.seed)
        return self.requests.get(point)

    def frame(self, trajectory: Trajectory) -> int:
        """The frame of a trajectory at the current noise level; -1 when none is filled yet."""
        if self.run is None:
            return trajectory.frame_at(self.t)
        own = self.run.schedule()
        if (own.name, own.num_timesteps) == (self.schedule.name, self.schedule.num_timesteps):
            return trajectory.frame_at(self.t)
        return trajectory.frame_at(own.t_of_sigma(self.sigma()))

    def drawing(self) -> bool:
        """Whether a requested trajectory is still being recorded or about to be requested."""
        return self.requests.busy()

    def retry_trajectories(self) -> None:
        """Ask again for what failed."""
        self.requests.retry()

    def _fill_from_recorded(self, run: Run, seed: int) -> None:
        """Frames of a seed that came with the run, read once: the sliders move before torch is there."""
        self._recorded_read.add(seed)
        try:
            recordings = run.recordings(seed)
        except (DiffuscopeError, OSError):
            return
        for recording in recordings:
            for label, trajectory in recording.trajectories.items():
                self.requests.cache.put(Point(run.info.id, recording.snapshot, label, recording.seed,
                                               recording.sampling), trajectory)

    def _choose_recorded_seed(self, run: Run) -> None:
        """A seed that the run has recorded, unless somebody chose one."""
        seeds = run.recorded_seeds(self.step)
        if seeds and not self._seed_chosen:
            seed = SHOWN_SEED if SHOWN_SEED in seeds else self.seed if self.seed in seeds else seeds[0]
            if seed != self.seed:
                self.seed = seed
                self.seed_changed.emit(seed)

    def _on_trajectories(self) -> None:
        self.trajectories_changed.emit()
        if self.following:
            self._follow()

    def _follow(self) -> None:
        """Go with the newest snapshot, as fast as it can be drawn without holding training up.

        Nobody waits for these pictures, so they take the background's share; a snapshot that comes before
        the last one is drawn is left out.
        """
        if not self.snapshots or self.step == self.snapshots[-1]:
            return
        if self.training and self.requests.busy():
            return  # comes back when that is done
        self.set_step(self.snapshots[-1], by_hand=False)
        if self.training:
            self.requests.priority = Priority.BACKGROUND

    def _point_moved(self) -> None:
        self.requests.point_moved()
        self.message_cleared.emit("trajectory")

    # ---- what becomes of the open run ----

    def _draw_from(self, run: Run) -> None:
        self.requests.use(run.info.id, run.path, self.point)
        self.requests.point_moved()
        if self.training:
            self.requests.priority = Priority.BACKGROUND
        self._recorded_read.clear()
        self._choose_recorded_seed(run)

    def _run_taken(self) -> None:
        self.trajectories_changed.emit()

    def _run_closed(self) -> None:
        self.trajectories_changed.emit()

    def _folder_moved(self, path: Path) -> None:
        if self.run is not None:
            self.requests.use(self.run.info.id, path, self.point)

    def _forget(self, run_id: str) -> None:
        self.requests.cache.drop_run(run_id)

    # ---- the compute thread ----

    def _on_job_event(self, message: Message) -> None:
        event = message.event
        if message.key == "compute" and isinstance(event, JobFailed):
            self._say_report("compute", event.report)
        else:
            self.requests.hear(message)

    def _say_report(self, key: str, told: ErrorReport) -> None:
        self.message.emit(Notice(key, "error", told.headline, told.advice, told.details))

    def replace_compute(self, compute: Compute) -> bool:
        """Another compute thread, for another device; False while a run is being trained."""
        if self.training:
            return False
        self.bridge.compute.close(timeout=0)
        self.bridge.compute = compute
        self._loss_read, self._loss_epoch, self._losses_live = 0, compute.losses.epoch, False
        self.requests.forget()
        self.message_cleared.emit("compute")
        return True

    def abandon(self) -> None:
        """Hear no more of the training job: the window closes without it."""
        self._job = 0
        self.training_path = None

    def shutdown(self, timeout: float | None = 10.0) -> bool:
        """End the timers and the compute thread; whether it ended in time."""
        self.requests.stop()
        self._refresh.stop()
        self.bridge.stop()
        return self.bridge.compute.close(timeout)
