"""Judges of a data set that the user asked for: trained as one long job, and kept in the user's data folder.

Imports no torch by itself.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.catalogue import load_dataset
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Event, JobProgress
from engine.measure.judge_files import judge_file, judge_record, network_shape
from engine.paths import RESOURCES, data_dir

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.measure.judge_training import Trained
    from engine.workspace import Workspace

# Pictures seen while one judge is trained. Fewer than those that ship have: a few minutes, not twenty.
FEWEST_SEEN, MOST_SEEN = 40_000, 300_000
EPOCHS = 12


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """Train the judge and the noise judge of a data set; again: also where it has them."""

    dataset: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class JudgeReady(Event):
    """The data set has its judges. records: what each says of itself, by kind ("first", "noise")."""

    request: JudgeRequest
    records: dict[str, dict[str, Any]]


def missing_judges(dataset: str, shape: dict[str, int]) -> list[str]:
    """Which of "first" and "noise" a data set of this shape (see `network_shape`) lacks."""
    lacking = []
    for kind in ("first", "noise"):
        file = judge_file(dataset, kind)
        record = judge_record(file) if file.exists() else {}
        if record.get("data") != dataset or network_shape(record) != shape:
            lacking.append(kind)
    return lacking


def epochs_for(count: int) -> int:
    """How often `count` pictures are gone through, so that neither few nor many of them take too little or too long."""
    seen = min(MOST_SEEN, max(FEWEST_SEEN, EPOCHS * count))
    return max(1, round(seen / max(1, count)))


def train_judges(workspace: Workspace, request: JudgeRequest) -> Generator[Event, Any, None]:
    """JobProgress in steps over both, then JudgeReady. Each is kept as soon as it is trained; closing it keeps those.

    Raises DiffuscopeError for a set that is not here, BadSetting for one with too few pictures or whose judges ship.
    """
    data = load_dataset(request.dataset)
    shape = {"num_classes": data.num_classes, "channels": data.channels, "size": data.size}
    wanted = ["first", "noise"] if request.again else missing_judges(data.name, shape)
    if any(judge_file(data.name, kind).is_relative_to(RESOURCES) for kind in wanted):
        wanted = [kind for kind in wanted if not judge_file(data.name, kind).is_relative_to(RESOURCES)]
        if request.again and not wanted:
            raise BadSetting(f"The judges of {data.title} ship with the program and stay as they are.")
    if not len(data.test_labels):
        raise DiffuscopeError(f"{data.title} has no test pictures, so nothing could say how good a judge is.",
                              "Import more pictures of each class.")
    for turn, kind in enumerate(wanted):
        trained = yield from _trained(workspace, data, kind, turn, len(wanted))
        trained.save(_own_file(data.name, kind))
    yield JudgeReady(request, {kind: judge_record(judge_file(data.name, kind)) for kind in ("first", "noise")})


def _trained(workspace: Workspace, data: Dataset, kind: str, turn: int,
             turns: int) -> Generator[Event, Any, Trained]:
    """The same events, its progress as a part of the whole, returning the judge."""
    from engine.measure.judge_training import Recipe, train_judge
    from engine.measure.noise_judge_training import NoiseRecipe, train_noise_judge

    epochs = epochs_for(len(data.train_labels))
    work = train_judge(data, Recipe(epochs=epochs), device=workspace.device) if kind == "first" else \
        train_noise_judge(data, NoiseRecipe(epochs=epochs), device=workspace.device)
    while True:
        try:
            event = next(work)
        except StopIteration as stop:
            done: Trained = stop.value
            return done
        if isinstance(event, JobProgress):
            yield JobProgress(turn * event.total + event.n, turns * event.total, event.unit)
        else:
            yield event


def _own_file(dataset: str, kind: str) -> Path:
    return data_dir() / "judges" / judge_file(dataset, kind).name
