"""Training as a generator of events. It reads top to bottom in `Trainer.run`.

    for event in Trainer(workspace, path, config).run():
        ...

A driver may send a command (engine.events.Command) in place of any `next`; it is obeyed before the next
step. After StateChanged(PAUSED) a driver asks no further until it has a command; a plain `next` resumes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from engine.config import RunConfig, TrainingConfig
from engine.device import describe, resident_bytes
from engine.diffusion.sample import denoising_steps, to_pixels
from engine.errors import BadSetting, DiffuscopeError, ErrorReport, report
from engine.events import (
    REFUSED_CHANGE,
    ChangeTraining,
    Command,
    Event,
    Marker,
    Pause,
    PinSnapshots,
    Progress,
    Resume,
    RunOpened,
    RunSteps,
    SamplesReady,
    SaveSnapshot,
    StateChanged,
    StepDone,
    Stop,
    Tick,
    TrainingChanged,
    TrainingFailed,
    TrainingState,
    Warned,
    WarningCleared,
)
from engine.settings import number, parse
from engine.training.learner import LossLog
from engine.training.plan import check_end, learning_rate_at, plan_steps
from engine.training.setup import SAMPLE_SETTINGS, Prepared, is_out_of_memory, prepare
from engine.workspace import Workspace

Events = Generator[Event, Command | None, None]

FETCH_SECONDS = 0.1  # losses come from the device this often: no other wait for it in the loop
SAMPLING_SHARE = 0.03  # of the training time, at most
PROBE_SECONDS = 3.0  # of training before a time is planned as a number of steps


class Trainer:
    """One run being trained in one process.

    seconds plans the number of steps from the first PROBE_SECONDS of training, and once more halfway.
    continue_steps opens another segment past the planned end of a finished run.
    clock is where every time of training is read from; a measurement stops it while it looks at the model.
    """

    def __init__(self, workspace: Workspace, path: Path, config: RunConfig | None = None, *, resume: bool = False,
                 continue_steps: int = 0, seconds: float | None = None,
                 clock: Callable[[], float] = time.perf_counter) -> None:
        if seconds is not None and seconds <= 0:
            raise BadSetting(f"Training time must be more than 0 seconds; {seconds:g} is not.")
        self.workspace = workspace
        self.path = path
        self.config = config
        self.resume = resume or continue_steps > 0
        self.continue_steps = continue_steps
        self.seconds_planned = seconds
        self.state = TrainingState.IDLE
        self._now = clock
        self._commands: deque[Command] = deque()
        self._hold = False
        self._stop: Stop | None = None
        self._steps_left: int | None = None  # of a RunSteps command
        self._told: Progress | None = None  # the last one
        self._refused = False  # a change of settings, and the warning is still up

    # ---- the loop ----

    def run(self) -> Events:
        """Prepare, train, save. Ends with StateChanged(FINISHED), or TrainingFailed and StateChanged(FAILED)."""
        yield from self._enter(TrainingState.PREPARING, 0)
        prepared: Prepared | None = None
        failure: TrainingFailed | None = None
        try:
            prepared = yield from prepare(self.workspace, self.path, self.config, resume=self.resume,
                                          continue_steps=self.continue_steps, note=self._note)
            self.learner, self.saver = prepared.learner, prepared.saver
            self.training = prepared.config.training
            self._clock = prepared.seconds
            self._rate = 0.0
            self._log = LossLog(self.workspace.device)
            yield from self._say(RunOpened(self.path, self.saver.num_steps, self.learner.step, prepared.inexact))
            for warning in prepared.warnings:
                yield from self._say(warning)
            yield from self._train()
            yield from self._end()
        except Exception as error:
            # As text, and told outside this block: a live exception keeps frames and their tensors.
            failure = self._describe(error, prepared)
        finally:
            if prepared is not None:
                prepared.learner.close()
                prepared.saver.close()
        if failure is not None:
            if failure.report.kind in ("out-of-memory", "unexpected"):
                if prepared is not None:
                    prepared.learner.free()
                self.workspace.free()
            yield failure
            self.state = TrainingState.FAILED
            yield StateChanged(TrainingState.FAILED, failure.step)

    def _train(self) -> Events:
        if self.learner.step == 0:
            yield from self.saver.snapshot(self.learner, self._clock)
        yield from self._enter(TrainingState.TRAINING, self.learner.step)
        self._next_fetch = self._next_sample = self._next_autosave = 0.0
        self._start_clock()
        self._planned_at: list[float] = []
        while self.learner.step < self.saver.num_steps:
            yield from self._obey()
            if self._stop is not None:
                return
            rate = learning_rate_at(self.learner.step, self.saver.segments, self.training)
            self._log.add(self.learner.step + 1, self.learner.train_step(rate), self._seconds())
            yield from self._say(StepDone(self.learner.step, self.learner.images_seen))
            if self._steps_left is not None:
                self._steps_left -= 1
                self._hold = self._hold or self._steps_left <= 0
            now = self._now()
            if now >= self._next_fetch:
                yield from self._fetch()
                self._next_fetch = self._now() + FETCH_SECONDS
            self._plan()
            if self.saver.snapshot_due(self.learner.step):
                yield from self._fetch()
                yield from self.saver.snapshot(self.learner, self._seconds())
            if now >= self._next_autosave:
                if self._next_autosave:
                    yield from self._save()
                self._next_autosave = self._now() + self.saver.autosave_interval(self.training)
            if now >= self._next_sample:
                began = self._now()
                yield from self._sample()
                cost = self._now() - began
                self._next_sample = now + max(self.training.sample_seconds, cost / SAMPLING_SHARE)

    def _end(self) -> Events:
        if self._stop is not None and not self._stop.keep:
            if not self.resume:  # what an earlier session made is not this one's to throw away
                self.saver.discard()
            yield from self._enter(TrainingState.IDLE, 0)
            return
        yield from self._enter(TrainingState.STOPPING, self.learner.step)
        yield from self._fetch()
        yield from self._sample()
        yield from self.saver.snapshot(self.learner, self._seconds())
        yield from self._save(TrainingState.FINISHED, again=True)
        yield from self._enter(TrainingState.FINISHED, self.learner.step)

    # ---- commands ----

    def _note(self, command: Command | None) -> None:
        if command is not None:
            self._commands.append(command)

    def _say(self, event: Event) -> Events:
        self._note((yield event))

    def _enter(self, state: TrainingState, step: int) -> Events:
        self.state = state
        yield from self._say(StateChanged(state, step))

    def _obey(self) -> Events:
        """Carry out what was asked for; waits here while paused."""
        yield from self._take_commands()
        if not self._must_wait():
            return
        yield from self._enter(TrainingState.PAUSING, self.learner.step)
        self._stop_clock()
        yield from self._fetch()
        yield from self._sample()
        stepping = self._steps_left is not None
        if not stepping:
            yield from self._mark("paused", f"paused at {self.learner.step}")
        yield from self.saver.snapshot(self.learner, self._clock)
        yield from self._save(TrainingState.PAUSED)
        while self._must_wait():
            self.state = TrainingState.PAUSED
            command = yield StateChanged(TrainingState.PAUSED, self.learner.step)
            self._note(command or Resume())
            yield from self._take_commands()
        if self._stop is None:
            self._start_clock()
            if self._steps_left is None:
                yield from self._mark("resumed", f"resumed at {self.learner.step}")
            yield from self._enter(TrainingState.TRAINING, self.learner.step)

    def _must_wait(self) -> bool:
        return self._hold and self._stop is None

    def _take_commands(self) -> Events:
        while self._commands:
            command = self._commands.popleft()
            if isinstance(command, Pause):
                self._hold = True
            elif isinstance(command, Resume):
                self._hold, self._steps_left = False, None
            elif isinstance(command, RunSteps):
                self._hold, self._steps_left = False, command.num_steps
            elif isinstance(command, Stop):
                self._stop = command
            elif isinstance(command, SaveSnapshot):
                yield from self.saver.snapshot(self.learner, self._seconds(), manual=True)
            elif isinstance(command, PinSnapshots):
                self.saver.pinned = frozenset(command.steps)
            elif isinstance(command, ChangeTraining):
                yield from self._change(dict(command.changes))

    def _change(self, changes: dict[str, float]) -> Events:
        """New live settings. What cannot be is told and changes nothing; training goes on as it was."""
        before, end = self.training, self.saver.num_steps
        try:
            training = parse(TrainingConfig, {**before.model_dump(), "num_steps": end, **changes})
            check_end(training.num_steps, self.learner.step, self.saver.segments, training)
        except BadSetting as error:
            self._refused = True
            yield from self._say(Warned(report(error, kind=REFUSED_CHANGE)))
            return
        if self._refused:
            self._refused = False
            yield from self._say(WarningCleared(REFUSED_CHANGE))
        self.training = training
        self.saver.change(training, self.learner.step)
        if training.learning_rate != before.learning_rate:
            yield from self._mark("lr", f"learning rate {training.learning_rate:g}")
        if training.num_steps != end:
            self.seconds_planned = None  # a number of steps that was asked for counts
            yield from self._mark("plan", f"stop at {number(training.num_steps)}")
            if self._told is not None:  # while paused no other comes
                yield from self._say(replace(self._told, num_steps=training.num_steps, seconds_left=None))
        yield from self._say(TrainingChanged(training))

    # ---- parts of a step ----

    def _fetch(self) -> Events:
        """Losses since the last fetch, to the log and to whoever watches; a non-finite one ends training."""
        points = self._log.fetch()
        if points is None:
            return
        bad = self._log.first_bad(points)
        told = points if bad is None else points.first(bad + 1)  # that one too, so that the curve says where it ended
        rate = learning_rate_at(max(0, self.learner.step - 1), self.saver.segments, self.training)
        yield from self.saver.losses(told, rate)
        yield from self._say(told)
        if bad is not None:
            raise NotFinite(int(points.steps[bad]), rate)
        self._told = self._progress(rate)
        yield from self._say(self._told)

    def _progress(self, rate: float) -> Progress:
        learner, seconds = self.learner, self._seconds()
        self._rate = self._log.images_per_second(learner.batch_size, seconds)
        left = None
        if self._rate and seconds - self._log.began >= PROBE_SECONDS:
            left = (self.saver.num_steps - learner.step) * learner.batch_size / self._rate
        return Progress(step=learner.step, num_steps=self.saver.num_steps, images_seen=learner.images_seen,
                        epoch=learner.images_seen / learner.batches.order.count, images_per_second=self._rate,
                        seconds=seconds, seconds_left=left, memory_bytes=resident_bytes(),
                        device=describe(self.workspace.device, learner.layout.precision), learning_rate=rate,
                        last_saved_step=self.saver.last_saved_step)

    def _sample(self) -> Events:
        """One picture a class from the averaged weights, always from the same seeds."""
        learner = self.learner
        labels = list(range(learner.num_classes))
        picture = None
        for picture in denoising_steps(learner.average, labels, labels, SAMPLE_SETTINGS, shape=learner.shape,
                                       num_classes=learner.num_classes, device=self.workspace.device):
            yield from self._say(Tick())
        if picture is not None:
            ready = SamplesReady(learner.step, to_pixels(picture), tuple(labels), tuple(labels))
            yield from self.saver.samples(ready)
            yield from self._say(ready)

    def _mark(self, kind: str, text: str) -> Events:
        marker = Marker(kind, self.learner.step, self._seconds(), text)
        yield from self.saver.marker(marker)
        yield from self._say(marker)

    def _save(self, state: TrainingState = TrainingState.TRAINING, *, again: bool = False) -> Events:
        yield from self.saver.state(self.learner, self._seconds(), state, again=again)

    def _plan(self) -> None:
        """Turn planned seconds into planned steps, first after PROBE_SECONDS and again halfway through."""
        if self.seconds_planned is None or len(self._planned_at) == 2:
            return
        done = self._seconds()
        due = PROBE_SECONDS if not self._planned_at else self.seconds_planned / 2
        due = min(due, self.seconds_planned * 0.3 if not self._planned_at else due)
        if done < due:
            return
        first = not self._planned_at
        self._planned_at.append(done)
        per_step = done / self.learner.step
        steps = plan_steps(self.seconds_planned, self.learner.step, done, per_step)
        # Replanned before the learning rate begins to fall, the curve so far stays what it was.
        if first or self.learner.step < (1 - self.training.decay_share) * min(steps, self.saver.num_steps):
            self.saver.replan(steps)
            self.training = self.saver.config.training

    # ---- time ----

    def _start_clock(self) -> None:
        self._since: float | None = self._now()
        self._log.restart_rate(self._clock)

    def _stop_clock(self) -> None:
        self._clock = self._seconds()
        self._since = None

    def _seconds(self) -> float:
        """Seconds of training, pauses left out."""
        since = getattr(self, "_since", None)
        return self._clock + (self._now() - since if since is not None else 0.0)

    # ---- failure ----

    def _describe(self, error: Exception, prepared: Prepared | None) -> TrainingFailed:
        """What happened, what is kept and what to do, as text."""
        step = self.learner.step if prepared is not None else 0
        if prepared is not None and not isinstance(error, NotFinite):
            # A failed step has changed nothing yet; the steps before it are worth keeping.
            prepared.saver.rescue(self.learner, self._seconds())
        saved = prepared.saver.last_saved_step if prepared is not None else 0
        smaller = 0
        kept = f"The state of step {saved} is kept. " if saved else ""
        told = report(error)
        if isinstance(error, NotFinite):
            step = error.step
            told = ErrorReport("not-finite", f"The loss is no longer a number (step {step}).",
                               f"Training stopped. {kept}A learning rate of {error.learning_rate / 3:.1g} "
                               "usually helps.", told.details)
        elif is_out_of_memory(error):
            batch = prepared.config.training.batch_size if prepared is not None else 0
            smaller = batch // 2
            told = ErrorReport("out-of-memory", f"There is not enough memory for a batch of {batch} images.",
                               f"{kept}Try a batch of {smaller}.", told.details)
        elif not isinstance(error, DiffuscopeError):
            told = ErrorReport("unexpected", told.headline, f"Training stopped. {kept}".strip(), told.details)
        if prepared is not None:
            prepared.saver.note_state(TrainingState.FAILED)
        return TrainingFailed(told, step, saved, smaller)


class NotFinite(Exception):
    """The loss of a step was NaN or infinite; the weights were not touched by it."""

    def __init__(self, step: int, learning_rate: float) -> None:
        super().__init__(f"loss not finite at step {step}")
        self.step = step
        self.learning_rate = learning_rate


