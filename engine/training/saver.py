"""What training writes, and what it says when the disk refuses: training goes on, the save is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress

from engine.config import RunConfig, TrainingConfig
from engine.errors import ErrorReport, report
from engine.events import (
    Command,
    Event,
    LossPoints,
    Marker,
    SamplesReady,
    SnapshotSaved,
    StateSaved,
    TrainingState,
    Warned,
    WarningCleared,
)
from engine.runs import RunWriter, SaveFailed, Segment, snapshot_steps
from engine.training.learner import Learner

Events = Generator[Event, Command | None, None]
Note = Callable[[Command | None], None]

RETRY_SECONDS = 30.0
QUICK_AUTOSAVE_SECONDS = 10.0  # while a save costs under QUICK_AUTOSAVE_SHARE of the time
QUICK_AUTOSAVE_SHARE = 0.01


class Saver:
    """The run folder as training sees it."""

    def __init__(self, writer: RunWriter, config: RunConfig, note: Note, last_saved_step: int) -> None:
        self.writer = writer
        self.config = config
        self.last_saved_step = last_saved_step
        self.pinned: frozenset[int] = frozenset()
        self.segments: tuple[Segment, ...] = writer.info.segments
        self._note = note
        self._save_cost = 0.0
        self._refused: dict[str, float] = {}  # kind of write -> when it may be tried again
        self._due = snapshot_steps(self.num_steps, config.training.snapshots)

    @property
    def num_steps(self) -> int:
        """Planned steps in all."""
        return self.segments[-1].end

    def autosave_interval(self, training: TrainingConfig) -> float:
        """Seconds to the next autosave."""
        if self._save_cost < QUICK_AUTOSAVE_SHARE * QUICK_AUTOSAVE_SECONDS:
            return min(QUICK_AUTOSAVE_SECONDS, training.autosave_seconds)
        return training.autosave_seconds

    def snapshot_due(self, step: int) -> bool:
        """Whether the plan keeps the averaged weights of this step."""
        return step in self._due

    # ---- writes that may be refused ----

    def _attempt(self, kind: str, write: Callable[[], object], *, again: bool = False) -> Events:
        """Write; when the disk refuses, warn once and try this kind no sooner than RETRY_SECONDS later."""
        if not again and time.monotonic() < self._refused.get(kind, 0.0):
            return
        try:
            write()
        except SaveFailed as error:
            first = not self._refused
            self._refused[kind] = time.monotonic() + RETRY_SECONDS
            if first:
                headline = "The disk is full." if error.disk_full else "The run cannot be written."
                told = ErrorReport("disk-full" if error.disk_full else "save-failed", headline,
                                   f"Training goes on; step {self.last_saved_step} is the last one saved. "
                                   f"Saving is tried again every {RETRY_SECONDS:.0f} s.", report(error).details)
                self._note((yield Warned(told)))
            return
        if self._refused.pop(kind, None) is not None and not self._refused:
            for warning in ("disk-full", "save-failed"):
                self._note((yield WarningCleared(warning)))

    def snapshot(self, learner: Learner, seconds: float, *, manual: bool = False) -> Events:
        """Keep the averaged weights of this step; thin out older ones."""
        step = learner.step

        def write() -> None:
            saved = self.writer.save_snapshot(step, learner.averaged_weights(), manual=manual,
                                              wide=learner.wide_weights(), dtype="float16")
            self.writer.thin(self.config.training.snapshots, self.num_steps, self.pinned)
            done.append(SnapshotSaved(saved.step, saved.path))

        done: list[SnapshotSaved] = []
        yield from self._attempt("snapshot", write, again=manual)
        for event in done:
            self._note((yield event))

    def state(self, learner: Learner, seconds: float, state: TrainingState, *, again: bool = False) -> Events:
        """Write a resume point."""
        def write() -> None:
            began = time.perf_counter()
            tensors, extra = learner.state()
            self.writer.save_state(learner.step, tensors, {**extra, "seconds": seconds})
            self.writer.update(step=learner.step, seconds=seconds, state=str(state), config=self.config,
                               segments=self.segments, num_steps=self.num_steps)
            self.last_saved_step = learner.step
            self._save_cost = time.perf_counter() - began

        before = self.last_saved_step
        yield from self._attempt("state", write, again=again)
        if self.last_saved_step != before or "state" not in self._refused:
            self._note((yield StateSaved(self.last_saved_step, time.time())))

    def losses(self, points: LossPoints, learning_rate: float) -> Events:
        """Append to the metrics; the writer keeps what the disk refuses and writes it with the next."""
        yield from self._attempt("metrics", lambda: self.writer.append_losses(
            points.steps, points.losses, points.seconds, learning_rate, points.eps_mse), again=True)

    def marker(self, marker: Marker) -> Events:
        """Append a marker to the metrics."""
        yield from self._attempt("metrics", lambda: self.writer.append_marker(
            marker.kind, marker.step, marker.seconds, marker.text), again=True)

    def samples(self, ready: SamplesReady) -> Events:
        """Keep a strip of samples."""
        yield from self._attempt("samples", lambda: self.writer.save_samples(
            ready.step, ready.images, ready.class_labels, ready.seeds))

    # ---- settings ----

    def change(self, training: TrainingConfig, step: int) -> None:
        """New live settings; a learning rate and a planned end count for the segment under way."""
        segments = list(self.segments)
        if training.num_steps != self.num_steps:
            segments[-1] = segments[-1].model_copy(update={"end": training.num_steps})
        if training.learning_rate != self.config.training.learning_rate:
            index = next((i for i, s in enumerate(segments) if step < s.end), len(segments) - 1)
            segments[index] = segments[index].model_copy(update={"learning_rate": training.learning_rate})
        self._take_plan(training, segments)

    def replan(self, num_steps: int) -> None:
        """Another planned end for the segment under way."""
        last = self.segments[-1].model_copy(update={"end": num_steps})
        training = self.config.training.model_copy(update={"num_steps": num_steps})
        self._take_plan(training, [*self.segments[:-1], last])

    def _take_plan(self, training: TrainingConfig, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self.config = self.config.model_copy(update={"training": training})
        self._due = snapshot_steps(self.num_steps, training.snapshots)
        # A refusal is no loss: every save of the state writes all of this again.
        with suppress(SaveFailed):
            self.writer.update(config=self.config, segments=self.segments, num_steps=self.num_steps)

    def rescue(self, learner: Learner, seconds: float) -> None:
        """A resume point while training fails: whatever goes wrong here must not hide the failure itself."""
        if learner.step > self.last_saved_step:
            with suppress(Exception):
                tensors, extra = learner.state()
                self.writer.save_state(learner.step, tensors, {**extra, "seconds": seconds})
                self.writer.update(step=learner.step, seconds=seconds)
                self.last_saved_step = learner.step

    def note_state(self, state: TrainingState) -> None:
        """Write the state word; a full disk must not hide the failure that is being told."""
        with suppress(SaveFailed):
            self.writer.update(state=str(state))

    def discard(self) -> None:
        """The run goes to the trash."""
        self.writer.discard()

    def close(self) -> None:
        """Give the lock back; the last of the log may be lost to a full disk, which was told before."""
        with suppress(SaveFailed):
            self.writer.close()
