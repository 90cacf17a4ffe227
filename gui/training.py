"""Training as the window sees it: the controls, and what the training job last said.

`Session` builds on this class; it is apart only to keep each file readable.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine import jobs
from engine.compute import Compute, Message
from engine.config import RunConfig, TrainingConfig
from engine.errors import ErrorReport
from engine.events import (
    REFUSED_CHANGE,
    ChangeTraining,
    Command,
    JobDone,
    JobFailed,
    Marker,
    Pause,
    PinSnapshots,
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
    TrainingFailed,
    TrainingState,
    Warned,
    WarningCleared,
)
from engine.presets import load_preset
from gui.bridge import Bridge

TRAIN = "train"
CONTINUE_STEPS = 1000
PROGRESS_MS = 500  # `progressed` while training goes on: figures that change faster cannot be read


class TrainingControl(QObject):
    """Start, pause, stop and all the rest, each from every state; the job's latest words.

    Attributes (read only): training_state, progress, markers, warnings (by kind), failure, saved_at
    (time.time() of the last save), resume_note (why a resume is not exact), draft (settings of the next run).
    """

    training_changed = Signal()  # state, failure or time of the last save
    progressed = Signal()  # step, speed, time left; every PROGRESS_MS at most while training goes on
    losses_changed = Signal()
    samples_changed = Signal()
    warnings_changed = Signal()
    markers_changed = Signal()
    draft_changed = Signal()
    data_sets_asked = Signal()  # the list of data sets is wanted
    data_sets_changed = Signal()  # a set came, went or is another one now

    def __init__(self, compute: Compute, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.bridge = Bridge(compute, self)
        self.bridge.control.connect(self._on_control)
        self.bridge.picture.connect(self._on_picture)
        self.bridge.losses.connect(self._on_losses)
        self.draft: RunConfig = load_preset("quick")
        self.training_state = TrainingState.IDLE
        self.training_path: Path | None = None  # the run this process trains
        self._job = 0  # id of the training job that runs; 0 when none does
        self._heard = 0  # id of the last one: its last picture may come after its end
        self._losses_live = False  # whether the shown losses grow with the buffer
        self._next: tuple[Any, ...] | None = None  # a start asked for while the last run still stops
        self._discarding = False
        self.warnings: dict[str, ErrorReport] = {}
        self._reset_training_words()
        self._reset_losses()

    def _reset_training_words(self) -> None:
        self.progress: Progress | None = None
        self._progressed_at = 0.0
        self._markers: list[Marker] = []
        self.failure: TrainingFailed | None = None
        self.saved_at: float | None = None
        self.resume_note = ""
        self.changed_settings: TrainingConfig | None = None  # of the run under way, where its file may not say so yet
        self.samples: SamplesReady | None = None
        self.sample_history: dict[int, SamplesReady] = {}
        if self.warnings:
            self.warnings = {}
            self.warnings_changed.emit()

    # ---- what is going on ----

    @property
    def training(self) -> bool:
        """Whether this process has a run open for writing."""
        return self._job != 0

    @property
    def losses(self) -> NDArray[np.float64]:
        """Rows step, loss, seconds of the run that is shown (a view; do not write to it)."""
        self._read_late()
        view = self._losses[: self._loss_count]
        view.flags.writeable = False
        return view

    @property
    def markers(self) -> list[Marker]:
        """Pauses and the like of the run that is shown."""
        self._read_late()
        return self._markers

    # ---- controls ----

    def set_draft(self, config: RunConfig) -> None:
        """Replace the settings of the next run."""
        if config != self.draft:
            self.draft = config
            self.draft_changed.emit()

    def start_training(self, config: RunConfig | None = None, *, pause_after: int = 0) -> None:
        """Train a new run from scratch; pause_after > 0 makes it pause after so many steps."""
        config = config or self.draft
        if self.training:
            self._next = ("start", config, pause_after)
            if self.training_state is not TrainingState.STOPPING:
                self.stop()
            return
        path = self._new_path(config)
        self._begin(jobs.train_job(config, path), path, 0, pause_after)

    def continue_training(self, steps: int = CONTINUE_STEPS, *, pause_after: int = 0) -> None:
        """Go on with the open run: to its planned end if that lies ahead, else `steps` past it."""
        if self.training_state is TrainingState.PAUSED and self.training:
            self._command(Resume())
            return
        run = self._writable_run()
        if run is None:
            return
        if self.training:
            self._next = ("continue", steps, pause_after)
            return
        ahead = run.info.num_steps - run.info.step
        job = jobs.train_job(run.info.config, run.path, resume=True,
                             continue_steps=0 if ahead > 0 else steps)
        self._begin(job, run.path, run.info.step, pause_after)

    def _begin(self, job: Any, path: Path, step: int, pause_after: int) -> None:
        self._read_late(wanted=step > 0)
        self._reset_training_words()
        self._discarding = False
        self.training_path = path
        self.bridge.compute.losses.restart()
        self._reset_losses(up_to=step)
        self._losses_live = True
        self._job = self._heard = self.bridge.submit(job)
        if pause_after:
            self._command(RunSteps(pause_after))
        self._set_state(TrainingState.PREPARING)

    def pause(self) -> None:
        """Save and wait."""
        if self.training and self.training_state in (TrainingState.PREPARING, TrainingState.TRAINING):
            self._command(Pause())
            if self.training_state is TrainingState.TRAINING:
                self._set_state(TrainingState.PAUSING)

    def resume(self) -> None:
        """Go on after a pause."""
        if self.training and self.training_state in (TrainingState.PAUSED, TrainingState.PAUSING):
            self._command(Resume())

    def toggle_training(self) -> None:
        """Start, pause or go on: what Ctrl+Enter and the Train button mean just now."""
        if not self.training:
            self.start_training()
        elif self.training_state in (TrainingState.PAUSED, TrainingState.PAUSING):
            self.resume()
        elif self.training_state is TrainingState.STOPPING:
            self.start_training()
        else:
            self.pause()

    def run_steps(self, num_steps: int) -> None:
        """So many steps, then pause; without a run to go on with, a new one begins."""
        if self.training:
            if self.training_state is not TrainingState.STOPPING:
                self._command(RunSteps(num_steps))
        elif self._writable_run(quiet=True) is not None:
            self.continue_training(num_steps, pause_after=num_steps)
        else:
            self.start_training(pause_after=num_steps)

    def run_epoch(self) -> None:
        """One pass over the training set, then pause."""
        self.run_steps(self.steps_per_epoch())

    def stop(self) -> None:
        """Save and end; the run is kept."""
        if self.training and self.training_state is not TrainingState.STOPPING:
            self._command(Stop(keep=True))
            self._set_state(TrainingState.STOPPING)

    def discard(self) -> None:
        """End, and move this run to the trash."""
        self._next = None
        if self.training:
            self._discarding = True
            self._command(Stop(keep=False))
            self._set_state(TrainingState.STOPPING)

    def save_snapshot(self) -> None:
        """Keep the weights of this step for good."""
        self._command(SaveSnapshot())

    def change_training(self, **changes: float) -> None:
        """New values for live settings of the run that trains."""
        now = self.training_settings
        if not self.training or now is None or all(getattr(now, name) == value for name, value in changes.items()):
            return
        self.changed_settings = now.model_copy(update=changes)
        self._command(ChangeTraining(tuple(changes.items())))
        self.training_changed.emit()

    def pin_snapshots(self, *steps: int) -> None:
        """Steps that are being looked at: thinning spares them."""
        self._command(PinSnapshots(tuple(steps)))

    def _command(self, command: Command) -> None:
        if self.training:
            self.bridge.send(TRAIN, command)

    # ---- for the session to fill in ----

    @property
    def training_settings(self) -> TrainingConfig | None:
        """Training settings of the open run as they hold now."""
        raise NotImplementedError

    def _on_refused(self, told: ErrorReport) -> None:
        """A change of settings that training did not take."""
        raise NotImplementedError

    def _read_late(self, *, wanted: bool = True) -> None:
        """Take in what was left unread of a run that was opened; not wanted: leave it so for good."""
        raise NotImplementedError

    def _writable_run(self, *, quiet: bool = False) -> Any:
        """The open run if training may go on in it."""
        raise NotImplementedError

    def _new_path(self, config: RunConfig) -> Path:
        raise NotImplementedError

    def steps_per_epoch(self) -> int:
        """Steps in one pass over the training set."""
        raise NotImplementedError

    def _on_run_opened(self, event: RunOpened) -> None:
        raise NotImplementedError

    def _on_snapshot(self, step: int) -> None:
        raise NotImplementedError

    def _on_training_over(self, *, discarded: bool) -> None:
        raise NotImplementedError

    def _on_job_event(self, message: Message) -> None:
        raise NotImplementedError

    # ---- what the job says ----

    def _set_state(self, state: TrainingState) -> None:
        if state is not self.training_state:
            self.training_state = state
            self.training_changed.emit()

    def _on_control(self, message: Message) -> None:
        if message.key != TRAIN:
            self._on_job_event(message)
            return
        if message.job_id != self._job:  # a job that was replaced has nothing more to say
            return
        match message.event:
            case StateChanged(state=state):
                # Between a click and the job's answer the window already shows what is on its way.
                on_its_way = self.training_state is TrainingState.STOPPING and state.active
                if not on_its_way:
                    self._set_state(state)
            case RunOpened() as event:
                self.resume_note = event.inexact
                self._on_run_opened(event)
                self.training_changed.emit()
            case SnapshotSaved(step=step):
                self._on_snapshot(step)
            case StateSaved(time=saved):
                self.saved_at = saved
                self.training_changed.emit()
            case Marker() as marker:
                self._markers.append(marker)
                self.markers_changed.emit()
            case TrainingChanged(training=training):
                self.changed_settings = training
                self.training_changed.emit()
            case Warned(report=report) if report.kind == REFUSED_CHANGE:
                self.changed_settings = None
                self._on_refused(report)
                self.training_changed.emit()
            case Warned(report=report):
                self.warnings[report.kind] = report
                self.warnings_changed.emit()
            case WarningCleared(kind=kind):
                if self.warnings.pop(kind, None) is not None:
                    self.warnings_changed.emit()
            case TrainingFailed() as failure:
                self.failure = failure
                self._set_state(TrainingState.FAILED)
                self.training_changed.emit()
            case JobFailed(report=report):
                step = self.progress.step if self.progress else 0
                saved = self.progress.last_saved_step if self.progress else 0
                self.failure = TrainingFailed(report, step, saved)
                self._set_state(TrainingState.FAILED)
                self.training_changed.emit()
            case JobDone():
                self._over()

    def _over(self) -> None:
        self._job = 0
        self.changed_settings = None
        discarded, self._discarding = self._discarding, False
        self.training_path = None
        if self.training_state.active:
            self.training_state = TrainingState.IDLE if discarded else TrainingState.FINISHED
        if discarded:
            self._reset_training_words()
        elif self.saved_at is None and self.progress is not None:
            self.saved_at = time.time()
        self._on_training_over(discarded=discarded)
        self.training_changed.emit()
        follow, self._next = self._next, None
        if follow is not None and follow[0] == "start":
            self.start_training(follow[1], pause_after=follow[2])
        elif follow is not None:
            self.continue_training(follow[1], pause_after=follow[2])

    def _on_picture(self, message: Message) -> None:
        if message.key != TRAIN:
            self._on_job_event(message)
            return
        if message.job_id != self._heard:
            return
        match message.event:
            case Progress() as progress:
                self.progress = progress
                self._say_progress()
            case SamplesReady() as samples:
                self.samples = samples
                self.sample_history[samples.step] = samples
                self.samples_changed.emit()

    def _say_progress(self) -> None:
        """Now and then while there will be more; always when this may be the last for a while."""
        now = time.monotonic()
        if self.training_state is TrainingState.TRAINING and now - self._progressed_at < PROGRESS_MS / 1000:
            return
        self._progressed_at = now
        self.progressed.emit()

    # ---- losses ----

    def _reset_losses(self, up_to: int = 0) -> None:
        """Begin anew, keeping the rows up to a resume point."""
        kept = np.empty((0, 3))
        if up_to:
            kept = self.losses[self.losses[:, 0] <= up_to].copy()
        self._losses = np.empty((max(1024, 2 * len(kept)), 3))
        self._losses[: len(kept)] = kept
        self._loss_count = len(kept)
        self._loss_read = 0
        self._loss_epoch = self.bridge.compute.losses.epoch

    def _set_losses(self, rows: NDArray[np.float64]) -> None:
        """The losses of a run that this process does not train."""
        self._put_losses(rows)
        self.losses_changed.emit()

    def _put_losses(self, rows: NDArray[np.float64]) -> None:
        self._losses = np.array(rows, dtype=np.float64).reshape(-1, 3)
        self._loss_count = len(self._losses)
        self._losses_live = False

    def _on_losses(self) -> None:
        buffer = self.bridge.compute.losses
        if buffer.epoch != self._loss_epoch:
            self._loss_epoch, self._loss_read = buffer.epoch, 0
        rows = buffer.since(self._loss_read)
        self._loss_read += len(rows)
        if not len(rows) or not self._losses_live:
            return
        needed = self._loss_count + len(rows)
        if needed > len(self._losses):
            grown = np.empty((max(1024, 2 * needed), 3))
            grown[: self._loss_count] = self._losses[: self._loss_count]
            self._losses = grown
        self._losses[self._loss_count : needed] = rows
        self._loss_count = needed
        self.losses_changed.emit()
