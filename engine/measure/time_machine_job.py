"""Fills the maps of the time machine, coarse to fine: see `engine.measure.time_machine`.

First every column with few levels: the newest, the oldest, then always the middle of the widest gap. Then every level;
then, over many seeds, where the class is first read; then the other classes. It looks again for new snapshots before
each column, so it serves a run that is trained meanwhile, here or by another process. Imports no torch by itself.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import BadRun, BadSetting, report
from engine.events import Command, Event, JobProgress
from engine.measure.judge_files import judge_for
from engine.measure.learning import next_place
from engine.measure.path_coding import packed_path, unpacked_path
from engine.measure.recognition_summary import first_recognition
from engine.measure.time_machine import (
    COARSE,
    Column,
    ColumnLost,
    ColumnsReady,
    FirstReady,
    TimeMachineRequest,
    chosen_steps,
    line_key,
    map_levels,
    save_columns,
    stored_columns,
    stored_line,
)
from engine.runs import Run, SaveFailed

if TYPE_CHECKING:
    from engine.measure.many import Many
    from engine.measure.noise_judge import NoiseJudge
    from engine.workspace import LoadedModel, Workspace

# The kinds of work, in their order; the unit of JobProgress.
FEW, EVERY, LINE, OTHERS = "coarse", "levels", "seeds", "other classes"
PHASES = (FEW, EVERY, LINE, OTHERS)
BATCHED = 8  # from so many pictures on they are drawn side by side
SHOWN_S = 0.03  # a growing column is shown this often

Work = Generator[Event, Command | None, None]


def fill_maps(workspace: Workspace, request: TimeMachineRequest) -> Work:
    """Fill the maps, as a long job: ColumnsReady and FirstReady as they come, an event after each network call.

    Stored columns come first. JobProgress counts the pictures of one kind of work. It may be closed at any moment: what
    is finished is saved. Raises BadRun for no run, BadSetting for a class that is not there or a schedule of too few
    timesteps, SaveFailed at the end where something could not be saved.
    """
    from engine.measure.many import Many

    with Many(workspace.device) as many:
        maps = [_Map(workspace, many, request, path) for path in request.runs]
        for each in maps:
            yield from each.read_stored()
        for phase in PHASES:
            while waiting := [each for each in maps if each.missing(phase)]:
                total = sum(each.size(phase) * len(each.steps) for each in maps if each.asked(phase))
                left = sum(each.size(phase) * each.missing(phase) for each in maps)
                # Two maps grow side by side.
                yield from max(waiting, key=lambda each: each.missing(phase)).work(phase, total - left, total)
                for each in maps:
                    yield from each.read_stored()
    for each in maps:
        if each.failed is not None:
            raise each.failed


class _Map:
    """The map of one run so far."""

    def __init__(self, workspace: Workspace, many: Many, request: TimeMachineRequest, path: Path) -> None:
        self.workspace, self.many, self.request, self.path = workspace, many, request, path
        self.run = Run.open(path)
        classes = len(self.run.info.class_names)
        if not 0 <= request.class_label < classes:
            raise BadSetting(f"There is no class {request.class_label}; classes are 0 to {classes - 1}.")
        self.sigma, _ = map_levels(request, self.run.schedule())
        self.others = tuple(c for c in range(classes) if c != request.class_label)
        self.judge_file = judge_for(self.run, "noise")
        self.judge: NoiseJudge | None = None
        self.steps: list[int] = []  # of the columns
        self.looked: set[int] = set()
        self.lost: set[int] = set()
        self.made: dict[str, set[int]] = {phase: set() for phase in PHASES}  # snapshots
        self.failed: SaveFailed | None = None

    # ---- what there is to do ----

    def look(self) -> None:
        """The snapshots of the columns, as there are now."""
        self.steps = chosen_steps([s.step for s in self.run.snapshots() if s.step not in self.lost],
                                  self.request.columns)

    def asked(self, phase: str) -> bool:
        """Whether this kind of work is wanted and possible."""
        if phase == OTHERS:
            return self.request.others and bool(self.others)
        return phase != LINE or (self.request.line_seeds >= 2 and self.judge_file is not None)

    def missing(self, phase: str) -> int:
        """How many columns need it."""
        return sum(step not in self.made[phase] for step in self.steps) if self.asked(phase) else 0

    def size(self, phase: str) -> int:
        """How many pictures it is for a column."""
        levels = self.request.levels
        return {FEW: 1 + (levels - 1) // COARSE, EVERY: levels, OTHERS: levels * len(self.others),
                LINE: self.request.line_seeds}[phase]

    def read_stored(self) -> Work:
        """What was made before of snapshots that were not looked at yet."""
        self.look()
        for step in [step for step in self.steps if step not in self.looked]:
            self.looked.add(step)
            try:
                found = stored_columns(self.run, step, self.request)
                first = stored_line(self.run, step, self.request) if self.asked(LINE) else None
            except BadRun as error:
                yield self._lose(step, error)
                continue
            if self.request.class_label in found:
                self.made[FEW].add(step)
                self.made[EVERY].add(step)
                if found.keys() >= set(self.others):
                    self.made[OTHERS].add(step)
            if found:
                yield ColumnsReady(self.request, self.path, tuple(found.values()))
            if first is not None:
                self.made[LINE].add(step)
                yield FirstReady(self.request, self.path, step, first)

    def _lose(self, step: int, error: BadRun) -> ColumnLost:
        self.lost.add(step)
        self.look()
        return ColumnLost(self.request, self.path, step, report(error))

    # ---- work ----

    def work(self, phase: str, before: int, total: int) -> Work:
        """One column of this kind. before, total: pictures, for the progress."""
        place = next_place([step in self.made[phase] for step in self.steps])
        if place is None:
            return
        step = self.steps[place]
        try:
            model = self.workspace.model(self.path, step)
            if phase == LINE:
                yield from self._first(model, before, total)
            else:
                yield from self._columns(phase, model, before, total)
        except BadRun as error:
            yield self._lose(step, error)
        except SaveFailed as error:
            self.failed = error
        self.made[phase].add(step)

    def _columns(self, phase: str, model: LoadedModel, before: int, total: int) -> Work:
        """One path, or that of every other class, a level at a time; then what the judge reads."""
        from engine.measure.time_machine_draw import path

        labels = self.others if phase == OTHERS else (self.request.class_label,)
        rows = tuple(range(0, self.request.levels, COARSE if phase == FEW else 1))
        sampling = self.request.drawn_with.model_copy(update={"num_steps": len(rows) - 1})
        denoise = self.many.denoiser(model.denoiser) if len(labels) >= BATCHED else model.denoiser
        size = (len(rows), *model.shape)
        columns = [Column(model.snapshot, label, rows, np.zeros(size, np.float16), np.zeros(size, np.uint8), None, None,
                          0) for label in labels]
        filled, shown = 0, time.perf_counter()
        for levels in path(denoise, model.denoiser.schedule, labels, self.request.seed, sampling, shape=model.shape,
                           device=self.workspace.device):
            for level in levels:
                for i, column in enumerate(columns):
                    column.x[filled], column.x0[filled] = level.x[i], level.x0[i]
                filled += 1
            yield JobProgress(before + filled * len(labels), total, phase)
            if phase == EVERY and time.perf_counter() - shown >= SHOWN_S:
                shown = time.perf_counter()
                yield ColumnsReady(self.request, self.path, tuple(replace(c, filled=filled) for c in columns))
        done = []
        for column in columns:
            read = self._read(replace(column, filled=filled))
            done.append(read if phase == FEW else self._as_kept(read))
            yield JobProgress(before + filled * len(labels), total, phase)
        yield ColumnsReady(self.request, self.path, tuple(done))
        if phase != FEW:
            save_columns(self.run, self.request, model.snapshot, done)

    def _read(self, column: Column) -> Column:
        """With what the judge reads in its x_t."""
        judge = self._judge()
        if judge is None:
            return column
        sigma = self.sigma[list(column.rows)]
        read = judge.read(column.x, sigma)
        return replace(column, probability=read[:, column.class_label].astype(np.float16),
                       top=read.argmax(axis=1).astype(np.uint8))

    def _as_kept(self, column: Column) -> Column:
        """As it will be when it is read from the file."""
        x, x0 = unpacked_path(packed_path(column.x, column.x0, self.sigma), self.sigma)
        return replace(column, x=x, x0=x0)

    def _judge(self) -> NoiseJudge | None:
        if self.judge is None and self.judge_file is not None:
            from engine.measure.noise_judge import NoiseJudge

            self.judge = NoiseJudge.load(self.judge_file, self.workspace.device)
        return self.judge

    def _first(self, model: LoadedModel, before: int, total: int) -> Work:
        """Where the class is first read, from each of the line's seeds."""
        from engine.measure.recognition_frames import frames

        judge, count, levels = self._judge(), self.request.line_seeds, self.request.levels
        assert judge is not None
        label = self.request.class_label
        drawing = frames(self.many.denoiser(model.denoiser), model.denoiser.schedule, [label] * count, range(count),
                         self.request.drawn_with, predicted=False, shape=model.shape, device=self.workspace.device)
        calls, x = 0, None
        while x is None:
            try:
                next(drawing)
            except StopIteration as stop:
                x = stop.value
            else:
                calls += 1
                yield JobProgress(before + count * calls // levels, total, LINE)
        read = self.many.read(judge.read, x.reshape(-1, *x.shape[2:]), np.repeat(self.sigma, count))
        first = tuple(first_recognition(read[:, label].reshape(levels, count).T).tolist())
        yield JobProgress(before + count, total, LINE)
        yield FirstReady(self.request, self.path, model.snapshot, first)
        self.run.save_measurement(line_key(self.run, model.snapshot, self.request), {"first": list(first)})


