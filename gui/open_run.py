"""The open run: its snapshots, losses and strips as they stand in the folder, and what may be done with it.

`Session` builds on this class; it adds what is drawn from the run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine import paths
from engine.compute import Compute
from engine.config import RunConfig, TrainingConfig
from engine.errors import BadSetting, DiffuscopeError, ErrorReport, report
from engine.events import Marker, RunOpened, SamplesReady, TrainingState
from engine.runs import Run, Segment, new_run_path, trash_run
from engine.training.plan import check_end
from gui.coordinates import Coordinates
from gui.run_words import Notice, lock_notice, state_of

REFRESH_MS = 2000  # a run that another process may be training


class OpenRun(Coordinates):
    """One run is open, or none. Another process may be training it: then it is read again every REFRESH_MS."""

    run_changed = Signal()
    snapshots_changed = Signal()
    message = Signal(object)  # Notice
    message_cleared = Signal(str)  # its key

    def __init__(self, compute: Compute, parent: QObject | None = None) -> None:
        super().__init__(compute, parent)
        self.run: Run | None = None
        self.locked_by = ""  # who else is training the open run
        self._lock_told = ""  # what was last said of another process that trains the run
        self._strip_steps: list[int] = []
        self._late = False  # losses and markers of the open run are not read yet
        self._refresh = QTimer(self)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self.poll_run)

    # ---- what is open ----

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
    def trains_another(self) -> bool:
        """Whether a run is trained here that has not (yet) taken the place of the open one."""
        return self.training and (self.run is None or self.run.path != self.training_path)

    @property
    def training_settings(self) -> TrainingConfig | None:
        """Training settings of the open run as they hold now; None without one."""
        if self.changed_settings is not None:
            return self.changed_settings
        return self.run.info.config.training if self.run else None

    @property
    def read_only(self) -> bool:
        """Whether the open run cannot be trained further or renamed."""
        return self.run is None or bool(self.run.read_only)

    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training set."""
        if self.run:
            return int(self.run.steps_per_epoch)
        return max(1, -(-60_000 // self.draft.training.batch_size))

    # ---- opening and closing ----

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
        self.training_state = state_of(run)
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
        self._unlock_told()
        self._reset_training_words()
        self.training_state = TrainingState.IDLE
        self._late = False
        self._set_losses(np.empty((0, 3)))
        self.run_changed.emit()
        self.snapshots_changed.emit()
        self.step_changed.emit(0)
        self.training_changed.emit()
        self._run_closed()

    def _take_run(self, run: Run) -> None:
        """Look at this run: at its end, following."""
        self.run = run
        self.snapshots = _steps(run)
        self.step = self.snapshots[-1] if self.snapshots else 0
        self.locked_by = "" if self.training else run.is_locked()
        self._draw_from(run)
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
        self._run_taken()
        self._look_at_lock(run)
        if not run.read_only and not self.training:
            self._refresh.start()
        else:
            self._refresh.stop()

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
        self._folder_moved(path)
        self.run_changed.emit()

    def _lost_run(self) -> None:
        if self.run is not None:
            self._forget(self.run.info.id)
        if not paths.DEFAULT_BUNDLED_RUN.exists() or not self.open_bundled():
            self.close_run()

    # ---- what its folder tells ----

    def poll_run(self) -> None:
        """See what another process has written to the open run since."""
        run = self.run
        if run is None or self.training:
            return
        before, locked_by = (list(self.snapshots), run.info.step, run.info.state), self.locked_by
        try:
            run.refresh()
        except DiffuscopeError as error:
            self.message.emit(Notice("run-gone", "warning", error.headline, error.advice))
            return
        self.message_cleared.emit("run-gone")
        self._look_at_lock(run)
        self.training_state = state_of(run)
        self._new_snapshots(_steps(run))
        if locked_by != self.locked_by:
            self.training_changed.emit()
        if before != (self.snapshots, run.info.step, run.info.state):
            self._read_metrics()
            self.training_changed.emit()

    def _look_at_lock(self, run: Run) -> None:
        """Who else trains the run, and whether whoever did is gone without closing it: said once each."""
        self.locked_by = "" if self.training else run.is_locked()
        notice = None if self.training else lock_notice(run)
        if notice is None:
            self._unlock_told()
        elif notice.headline != self._lock_told:
            self._lock_told = notice.headline
            self.message.emit(notice)

    def _unlock_told(self) -> None:
        if self._lock_told:
            self._lock_told = ""
            self.message_cleared.emit("lock")

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
        """Steps at which a strip of sample pictures exists."""
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

    def reset_schedule(self) -> None:
        """Back to the schedule of the run."""
        if self.run:
            self._take_schedule(self.run.schedule())

    def other_schedule(self) -> tuple[str, int] | None:
        """Name and T of the schedule on display where it is not the run's own, else None."""
        shown, own = self.schedule, self.run.schedule() if self.run else None
        if own is None or (own.name, own.num_timesteps) == (shown.name, shown.num_timesteps):
            return None
        return shown.name, shown.num_timesteps

    def readable_sigma_max(self) -> float:
        """The largest noise level the open run was trained at."""
        return float(self.run.sigma_max) if self.run else self.schedule.sigma_max

    # ---- training: what TrainingControl leaves to the open run ----

    def _writable_run(self, *, quiet: bool = False) -> Run | None:
        run = self.run
        if run is None or run.read_only or self.locked_by:
            if not quiet:
                why = f"It is being trained by {self.locked_by}." if self.locked_by else "It is read-only."
                self.message.emit(Notice("training", "warning", "This run cannot go on here.",
                                         f"{why} Train starts a new one."))
            return None
        self.message_cleared.emit("training")
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

    def end_fault(self, num_steps: int) -> str:
        """Why the planned end of the run that trains cannot move there; empty if it can."""
        now = self.training_settings
        if self.run is None or now is None:
            return "No run is open."
        start = self.run.info.segments[-1].start if self.run.info.segments else 0
        under_way = Segment(start=start, end=now.num_steps, learning_rate=now.learning_rate)
        try:
            check_end(num_steps, self.live_step, [under_way], now)
        except BadSetting as error:
            return error.headline
        return ""

    def _on_refused(self, told: ErrorReport) -> None:
        self.message.emit(Notice("training", "warning", told.headline, told.advice))

    def _restore_training(self, values: dict[str, float]) -> None:
        if self.training:
            self.change_training(**values)
        else:
            self.message.emit(Notice("training", "warning", "This run is not being trained any more.",
                                     "Its training settings stay as they are."))

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

    # ---- for the session to fill in ----

    def _draw_from(self, run: Run) -> None:
        """Pictures come from this run now."""
        raise NotImplementedError

    def _run_taken(self) -> None:
        """Everybody has heard of the run that was opened."""
        raise NotImplementedError

    def _run_closed(self) -> None:
        """There is no run any more."""
        raise NotImplementedError

    def _folder_moved(self, path: Path) -> None:
        raise NotImplementedError

    def _forget(self, run_id: str) -> None:
        """A run is gone: nothing of it is kept."""
        raise NotImplementedError

    def _follow(self) -> None:
        """Go with the newest snapshot."""
        raise NotImplementedError


def _steps(run: Run) -> list[int]:
    return sorted(s.step for s in run.snapshots())
