"""The open run and the one point it is looked at from: training step, noise level t, class, seed.

Moving the point anywhere moves it everywhere: every view reads it here and hears of changes by signal.
The session asks the compute thread for what is missing; it holds nothing that a restart loses, except what
the user is just looking at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine import jobs, paths
from engine.compute import Compute, Message, Priority
from engine.config import RunConfig, TrainingConfig
from engine.errors import DiffuscopeError, ErrorReport, report
from engine.events import (
    JobFailed,
    Marker,
    RunOpened,
    SamplesReady,
    TrainingState,
    Trajectory,
)
from engine.runs import Run, new_run_path, percent_of_gamma, percent_range, trash_run
from gui.coordinates import Coordinates
from gui.trajectories import Point
from gui.trajectory_requests import TrajectoryRequests

REFRESH_MS = 2000  # a run that another process may be training
SHOWN_SEED = 11  # looked at first where a run brings it


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say in a banner. key: a newer notice of the same key replaces it; kind: error, warning."""

    key: str
    kind: str
    headline: str
    advice: str = ""
    details: str = ""


class Session(Coordinates):
    """The open run, the point it is looked at from, and what can be asked about it."""

    run_changed = Signal()
    snapshots_changed = Signal()
    trajectories_changed = Signal()
    message = Signal(object)  # Notice
    message_cleared = Signal(str)  # its key

    def __init__(self, compute: Compute | None = None, parent: QObject | None = None) -> None:
        super().__init__(compute or Compute(jobs.make_context), parent)
        self.run: Run | None = None
        self.locked_by = ""  # who else is training the open run
        self._range: tuple[tuple[str, int, tuple[int, ...]], tuple[int, int] | None] | None = None
        self._strip_steps: list[int] = []
        self._late = False  # losses and markers of the open run are not read yet
        self.requests = TrajectoryRequests(self.bridge, self)
        self.requests.changed.connect(self._on_trajectories)
        self.requests.failed.connect(lambda told: self._say_report("trajectory", told))
        self._refresh = QTimer(self)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self.poll_run)

    # ---- the run ----

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of the open run."""
        return tuple(self.run.info.class_names) if self.run else tuple("0123456789")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the open run's pictures."""
        return tuple(self.run.info.image_shape) if self.run else (1, 28, 28)  # type: ignore[return-value]

    @property
    def num_steps(self) -> int:
        """Planned training steps of the open run: the end of the training-step slider."""
        if self.training and self.progress:
            return self.progress.num_steps
        if self.run:
            return max(self.run.info.num_steps, self.snapshots[-1] if self.snapshots else 0)
        return self.draft.training.num_steps

    @property
    def live_step(self) -> int:
        """The newest step there is: of training while it runs, else the last snapshot."""
        if self.training and self.progress:
            return self.progress.step
        return self.snapshots[-1] if self.snapshots else 0

    @property
    def read_only(self) -> bool:
        """Whether the open run cannot be trained further or renamed."""
        return self.run is None or bool(self.run.read_only)

    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training set."""
        if self.run:
            return int(self.run.steps_per_epoch)
        return max(1, -(-60_000 // self.draft.training.batch_size))

    def open_run(self, path: str | Path) -> bool:
        """Open a run folder; whether it worked. A bad one is told in a banner and changes nothing."""
        if self.training:
            self.message.emit(Notice(
                "open-run", "warning", "A run is being trained.",
                "Stop it before opening another; nothing was changed."))
            return False
        try:
            run = Run.open(Path(path))
        except DiffuscopeError as error:
            self.message.emit(Notice("open-run", "error", error.headline, error.advice))
            return False
        except Exception as error:  # a foreign file may fail in ways nobody thought of
            told = report(error)
            self.message.emit(Notice("open-run", "error", f"{Path(path).name} cannot be opened.",
                                     "Nothing was changed. " + told.headline, told.details))
            return False
        self.message_cleared.emit("open-run")
        self._reset_training_words()
        self.training_state = _state_of(run)
        self._take_run(run)
        self._read_metrics()
        self.training_changed.emit()
        return True

    def open_bundled(self) -> bool:
        """Open the run that ships with the program."""
        return self.open_run(paths.DEFAULT_BUNDLED_RUN)

    def close_run(self) -> None:
        """Have no run open."""
        self.run = None
        self.snapshots = []
        self._strip_steps = []
        self.step = 0
        self._refresh.stop()
        self._reset_training_words()
        self.training_state = TrainingState.IDLE
        self._late = False
        self._set_losses(np.empty((0, 3)))
        self.run_changed.emit()
        self.snapshots_changed.emit()
        self.step_changed.emit(0)
        self.training_changed.emit()
        self.trajectories_changed.emit()

    def _take_run(self, run: Run) -> None:
        """Look at this run: at its end, following."""
        self.run = run
        self.snapshots = _steps(run)
        self.step = self.snapshots[-1] if self.snapshots else 0
        self.requests.use(run.info.id, run.path, self.point)
        self.requests.point_moved()
        if self.training:
            self.requests.priority = Priority.BACKGROUND
        self.locked_by = "" if self.training else str(run.is_locked() or "")
        self._fill_from_recorded(run)
        if self.sampling != run.info.config.sampling:
            self.sampling = run.info.config.sampling
            self.sampling_changed.emit()
        self.set_average(None, by_hand=False)
        if self.class_label >= len(self.class_names):
            self.class_label = 0
            self.class_changed.emit(0)
        self._set_following(True)
        self.run_changed.emit()
        self.reset_schedule()
        self.snapshots_changed.emit()
        self.step_changed.emit(self.step)
        self.trajectories_changed.emit()
        if not run.read_only and not self.training:
            self._refresh.start()
        else:
            self._refresh.stop()

    def poll_run(self) -> None:
        """See what another process has written to the open run since."""
        run = self.run
        if run is None or self.training:
            return
        before = (list(self.snapshots), run.info.step, run.info.state)
        try:
            run.refresh()
            self.locked_by = str(run.is_locked() or "")
        except DiffuscopeError as error:
            self.message.emit(Notice("run-gone", "warning", error.headline, error.advice))
            return
        self.message_cleared.emit("run-gone")
        self.training_state = _state_of(run)
        self._new_snapshots(_steps(run))
        if before != (self.snapshots, run.info.step, run.info.state):
            self._read_metrics()
            self.training_changed.emit()

    def _read_metrics(self) -> None:
        """What the run's files tell of its training. Thousands of losses wait until a page asks for them."""
        run = self.run
        if run is None:
            return
        self._late, self._losses_live = True, False
        self.losses_changed.emit()
        self._strip_steps = list(run.sample_strips())
        self.samples = self.samples_at(self._strip_steps[-1]) if self._strip_steps else None
        self.markers_changed.emit()
        self.samples_changed.emit()

    def _read_late(self, *, wanted: bool = True) -> None:
        run, late, self._late = self.run, self._late, False
        if run is None or not late or not wanted:
            return
        metrics = run.metrics()
        self._markers = [Marker(str(m.get("kind", "")), int(m.get("step", 0)), float(m.get("seconds", 0.0)),
                                str(m.get("text", ""))) for m in metrics.markers]
        self._put_losses(np.stack([metrics.steps, metrics.losses, metrics.seconds], axis=1)
                         if len(metrics.steps) else np.empty((0, 3)))

    @property
    def sample_steps(self) -> list[int]:
        """Steps at which a strip of sample digits exists."""
        return sorted({*self._strip_steps, *self.sample_history})

    def samples_at(self, step: int) -> SamplesReady | None:
        """The strip of that step, from memory or the run folder; None if there is none."""
        if step not in self.sample_history and self.run is not None and step in self._strip_steps:
            try:
                images, classes, seeds = self.run.load_samples(step)
            except (DiffuscopeError, OSError):
                return None
            self.sample_history[step] = SamplesReady(
                step, images, tuple(int(c) for c in classes), tuple(int(s) for s in seeds))
        return self.sample_history.get(step)

    def trash(self, path: Path) -> None:
        """Move a run folder to the trash; if it is open, the bundled one takes its place."""
        mine = self.run is not None and self.run.path == path
        if mine and self.training:
            self.discard()
            return
        trash_run(path)
        if mine:
            self._lost_run()

    def moved(self, path: Path) -> None:
        """The open run's folder has a new name; what is looked at stays the same."""
        if self.run is None:
            return
        self.run = Run.open(path)
        self.requests.use(self.run.info.id, path, self.point)
        self.run_changed.emit()

    def _lost_run(self) -> None:
        if self.run is not None:
            self.requests.cache.drop_run(self.run.info.id)
        if not paths.DEFAULT_BUNDLED_RUN.exists() or not self.open_bundled():
            self.close_run()

    # ---- what the run says about noise levels ----

    def reset_schedule(self) -> None:
        """Back to the schedule of the run."""
        if self.run:
            self._take_schedule(self.run.schedule())

    def readable_sigma_max(self) -> float:
        """The largest noise level the open run was trained at."""
        return float(self.run.sigma_max) if self.run else self.schedule.sigma_max

    # ---- trajectories ----

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

    def trajectory(self, class_label: int | None = None) -> Trajectory | None:
        """The trajectory of the current point (or another class of it), as far as it is filled.

        Asking for one that is missing requests it: the current class first, then the others together.
        `trajectories_changed` tells when there is more.
        """
        point = self.point(class_label)
        return self.requests.get(point) if point is not None else None

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

    def _fill_from_recorded(self, run: Run) -> None:
        """Frames that came with the run: the sliders move before torch is there."""
        try:
            recordings = run.recordings()
        except (DiffuscopeError, OSError):
            return
        for recording in recordings:
            for label, trajectory in recording.trajectories.items():
                self.requests.cache.put(Point(run.info.id, recording.snapshot, label, recording.seed,
                                               recording.sampling), trajectory)
        newest = [r for r in recordings if r.snapshot == self.step]
        seeds = [r.seed for r in newest]
        if seeds and not self._seed_chosen:
            seed = SHOWN_SEED if SHOWN_SEED in seeds else self.seed if self.seed in seeds else seeds[0]
            if seed != self.seed:
                self.seed = seed
                self.seed_changed.emit(seed)

    def _on_trajectories(self) -> None:
        self.trajectories_changed.emit()
        if self.following:
            self._follow()

    def _point_moved(self) -> None:
        self.requests.point_moved()
        self.message_cleared.emit("trajectory")

    def _on_job_event(self, message: Message) -> None:
        event = message.event
        if message.key == "compute" and isinstance(event, JobFailed):
            self._say_report("compute", event.report)
        else:
            self.requests.hear(message)

    def _say_report(self, key: str, told: ErrorReport) -> None:
        self.message.emit(Notice(key, "error", told.headline, told.advice, told.details))

    # ---- training: what TrainingControl leaves to the session ----

    def _writable_run(self, *, quiet: bool = False) -> Run | None:
        run = self.run
        if run is None or run.read_only or self.locked_by:
            if not quiet:
                why = f"It is being trained by {self.locked_by}." if self.locked_by else "It is read-only."
                self.message.emit(Notice("training", "warning", "This run cannot go on here.",
                                         f"{why} Train starts a new one."))
            return None
        return run

    def can_continue(self) -> str:
        """Empty if Continue would work now, else the reason why not."""
        if self.training:
            return "Training is under way."
        if self.run is None:
            return "No run is open."
        if self.locked_by:
            return f"This run is being trained by {self.locked_by}."
        if self.run.read_only:
            return "This run ships with the program and stays as it is; Train starts a new one."
        return ""

    def _new_path(self, config: RunConfig) -> Path:
        return new_run_path(paths.runs_dir(), config.data.dataset, config.preset)

    def _on_run_opened(self, event: RunOpened) -> None:
        try:
            run = Run.open(event.path)
        except DiffuscopeError as error:
            self.message.emit(Notice("open-run", "error", error.headline, error.advice))
            return
        self.message_cleared.emit("open-run")
        self.training_path = event.path
        if event.resumed_at:
            self._strip_steps = [s for s in run.sample_strips() if s <= event.resumed_at]
        else:
            self._strip_steps = []
        self._take_run(run)
        self.losses_changed.emit()
        self.samples_changed.emit()
        self.markers_changed.emit()

    def _on_snapshot(self, step: int) -> None:
        run = self.run
        if run is None:
            return
        try:
            run.refresh()
            steps = _steps(run)
        except DiffuscopeError:
            steps = self.snapshots
        self._new_snapshots(sorted({*steps, step}))

    def _new_snapshots(self, steps: list[int]) -> None:
        """Snapshots came (or thinning took some): followers go with the newest, others stay put."""
        if steps == self.snapshots:
            return
        self.snapshots = steps
        self.snapshots_changed.emit()
        if not steps:
            return
        if self.following:
            self._follow()
        elif self.step not in steps:
            self.set_step(self.step, by_hand=False)

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

    def _on_training_over(self, *, discarded: bool) -> None:
        if discarded:
            self._lost_run()
            return
        if self.run is not None:
            try:
                self.run.refresh()
            except DiffuscopeError as error:
                self.message.emit(Notice("run-gone", "warning", error.headline, error.advice))
                return
            self._new_snapshots(_steps(self.run))
            if self.following:
                self._follow()
            self._refresh.start()

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


def _steps(run: Run) -> list[int]:
    return sorted(s.step for s in run.snapshots())


def _state_of(run: Run) -> TrainingState:
    """The state a run folder tells of, seen by a process that does not train it."""
    try:
        state = TrainingState(run.info.state)
    except ValueError:
        return TrainingState.IDLE
    return TrainingState.IDLE if state.active and not run.is_locked() else state
