"""What a run learned over its training, from its snapshots: validation loss of each, then how good its samples are.

One long job for a run that is open, still training here, or being trained by another process: it looks again for new
snapshots before each measurement. What was measured before is read; what is measured is saved at once, so it may end
at any moment. Imports no torch by itself.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import BadRun
from engine.events import Event, JobProgress
from engine.measure.judge_files import judge_for
from engine.measure.sample_check import SampleCheck, check_key, measure_check, stored_check
from engine.measure.validation import ValidationLoss, measure_validation, stored_validation, validation_key
from engine.measure.verdict import Float64, Verdict, verdict
from engine.runs import Run, SaveFailed

if TYPE_CHECKING:
    from engine.measure.judge import Judge
    from engine.workspace import Workspace


# While a run trains, snapshots come faster than they are measured, and samples would never have their turn: so many
# validation losses for each check of samples.
CHECKED = 3


@dataclass(frozen=True, slots=True)
class LearningRequest:
    """Measure the snapshots of a run. most: so many measurements now, None for all; samples: check the samples too."""

    run: Path
    most: int | None = None
    samples: bool = True


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """What is known of one snapshot."""

    step: int
    validation: ValidationLoss | None = None
    samples: SampleCheck | None = None


@dataclass(frozen=True, slots=True)
class LearningKnown(Event):
    """What is known of every snapshot there is, by rising step. missing: measurements that are still to be made.

    judged: whether there is a judge of what this run draws. seconds: of work in the last
    measurement, what ran in between left out; 0 for none.
    """

    request: LearningRequest
    run_id: str
    points: tuple[LearningPoint, ...]
    missing: int
    judged: bool
    seconds: float = 0.0


def judge(steps: Float64, losses: Float64, points: Sequence[LearningPoint]) -> Verdict:
    """The verdict on losses (N,) at training steps (N,), not finite ones among them, and on what was measured."""
    validation = [(p.step, p.validation.mean) for p in points if p.validation is not None]
    samples = [(p.step, p.samples.accuracy, p.samples.n) for p in points if p.samples is not None]
    checked = np.array(validation, dtype=np.float64).reshape(-1, 2)
    read = np.array(samples, dtype=np.float64).reshape(-1, 3)
    right = (read[:, 0], read[:, 1], int(read[-1, 2])) if len(read) else None
    return verdict(steps, losses, (checked[:, 0], checked[:, 1]), right)


def next_place(done: Sequence[bool]) -> int | None:
    """Which of a row to measure next: the last, the first, then the middle of the widest gap (the later one of equal
    ones), so that a few already show the whole course. None when all are done.
    """
    if all(done):
        return None
    for end in (len(done) - 1, 0):
        if not done[end]:
            return end
    there = [i for i, is_done in enumerate(done) if is_done]
    _, before, after = max((after - before, before, after) for before, after in itertools.pairwise(there))
    return (before + after) // 2


def measure_learning(workspace: Workspace, request: LearningRequest) -> Generator[Event, Any, None]:
    """What is known at once, then after each measurement; JobProgress within them. Raises BadRun for no run.

    A snapshot that cannot be read (damaged, or thinned away meanwhile) is left out. Raises SaveFailed at the end where
    something could not be saved.
    """
    yield from _Course(workspace, request).measure()


class _Course:
    """The measurements of one run so far."""

    def __init__(self, workspace: Workspace, request: LearningRequest) -> None:
        self.workspace, self.request = workspace, request
        self.run = Run.open(request.run)
        self.judged = request.samples and judge_for(self.run) is not None
        self.judge: Judge | None = None
        self.validation: dict[int, ValidationLoss] = {}
        self.samples: dict[int, SampleCheck] = {}
        self.looked: set[int] = set()
        self.unreadable: set[int] = set()
        self.failed: SaveFailed | None = None

    def measure(self) -> Generator[Event, Any, None]:
        made = 0
        steps = self._steps()
        yield self._known(steps)
        while self.request.most is None or made < self.request.most:
            steps = self._steps()
            kind, step = self._next(steps)
            if step is None:
                break
            total = made + self._missing(steps)
            yield JobProgress(made, total, kind)
            try:
                seconds = yield from _timed(self._validate(step) if kind == "validation" else self._check(step))
            except BadRun:
                self.unreadable.add(step)
                yield self._known(self._steps())
                continue
            made += 1
            yield JobProgress(made, total, kind)
            yield self._known(self._steps(), seconds)
        if self.failed is not None:
            raise self.failed

    def _steps(self) -> list[int]:
        """Snapshots there are now, the stored measurements of new ones read."""
        steps = [s.step for s in self.run.snapshots()]
        for step in steps:
            if step in self.looked:
                continue
            self.looked.add(step)
            try:
                if (validation := stored_validation(self.run, step)) is not None:
                    self.validation[step] = validation
                if self.judged and (samples := stored_check(self.run, step)) is not None:
                    self.samples[step] = samples
            except BadRun:
                self.unreadable.add(step)
        return [step for step in steps if step not in self.unreadable]

    def _next(self, steps: list[int]) -> tuple[str, int | None]:
        """Validation losses first; of some at a time, samples in between."""
        validation = next_place([step in self.validation for step in steps])
        samples = next_place([step in self.samples for step in steps]) if self.judged else None
        turn = self.request.most is not None and CHECKED * len(self.samples) < len(self.validation)
        if validation is not None and not (turn and samples is not None):
            return "validation", steps[validation]
        return "samples", None if samples is None else steps[samples]

    def _missing(self, steps: list[int]) -> int:
        samples = sum(step not in self.samples for step in steps) if self.judged else 0
        return samples + sum(step not in self.validation for step in steps)

    def _known(self, steps: list[int], seconds: float = 0.0) -> LearningKnown:
        points = tuple(LearningPoint(step, self.validation.get(step), self.samples.get(step)) for step in steps)
        return LearningKnown(self.request, self.run.info.id, points, self._missing(steps), self.judged, seconds)

    def _validate(self, step: int) -> Generator[Event, Any, None]:
        found = yield from measure_validation(self.workspace, self.run, step)
        self.validation[step] = found
        self._save(lambda: validation_key(self.run, step), found.values())

    def _check(self, step: int) -> Generator[Event, Any, None]:
        if self.judge is None:
            from engine.measure.judge import Judge

            self.judge = Judge.load(judge_for(self.run), self.workspace.device)
        found = yield from measure_check(self.workspace, self.run, step, self.judge)
        self.samples[step] = found
        self._save(lambda: check_key(self.run, step), found.values())

    def _save(self, key: Callable[[], str], values: dict[str, Any]) -> None:
        try:
            self.run.save_measurement(key(), values)
        except SaveFailed as error:
            self.failed = error


def _timed(work: Generator[Event, Any, None]) -> Generator[Event, Any, float]:
    """The same events, returning the seconds spent in making them."""
    spent = 0.0
    while True:
        began = time.perf_counter()
        event = next(work, None)
        spent += time.perf_counter() - began
        if event is None:
            return spent
        yield event
