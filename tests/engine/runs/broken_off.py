"""What is kept or exported, in small, so that it can be broken off at each call of the disk. Runs without torch.

Run as a program, it forks for each line [work, root, k] that it reads, does the work there until it is killed at call
k, and prints the exit status.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from run_folders import Killed, disk, new_run

from engine.config import SamplingConfig
from engine.data.catalogue import Dataset
from engine.export import synthetic_set
from engine.export.animation import Animation, write_animation
from engine.export.data_card import Facts
from engine.export.synthetic_set import SyntheticRequest, SyntheticSet, make_synthetic_set
from engine.export.weights import export_weights
from engine.measure import augmentation, classification_score, nearest, u_turn
from engine.measure.augmentation import AugmentationRequest, measure_augmentation
from engine.measure.classification_score import ScoreRequest, measure_score
from engine.measure.nearest import NearestRequest, measure_nearest
from engine.measure.u_turn import UTurn, UTurnRequest, measure_u_turn
from engine.runs import Run
from engine.settings import parse
from engine.use_config import AugmentationConfig, SyntheticConfig

FAST = SamplingConfig(sampler="ddim", num_steps=2, guidance_scale=1.0)
DIGITS = tuple("0123456789")
HALF = re.compile(r"\.tmp-\d+-\d+-.+")  # a name for what is being written; the like may also be somebody's own
Events = Generator[Any, None, Any]


@dataclass(frozen=True)
class Root:
    """A folder with all there is: the run, the user's data folder and a shelf for exports.

    mark: what is measured or drawn; another mark gives other values under the same key, or another new name.
    again: measure even where the answer is there.
    """

    path: Path
    mark: int
    again: bool = True

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def shelf(self) -> Path:
        return self.path / "shelf"


@dataclass(frozen=True)
class Work:
    """start: the job. single: its files appear together or not at all; else each by itself. silent: where it cannot
    be kept it is worked out anew, which is no failure. elsewhere: the run may not be written.
    """

    start: Callable[[Root], Iterable[Any]]
    single: bool = False
    silent: bool = False
    elsewhere: bool = False


def a_root(path: Path) -> None:
    """A run, an empty data folder, and a shelf with somebody's files."""
    path.mkdir()
    new_run(path / "run", class_names=DIGITS).close()
    (path / "home").mkdir()
    (path / "shelf" / ".tmp-photos").mkdir(parents=True)
    for name in ("note.txt", ".tmp-note", ".tmp-photos/one.png"):
        (path / "shelf" / name).write_text("mine")


# ---- the works, with stand-ins for all that draws and reads ----

def _dataset(mark: int) -> Dataset:
    rng = np.random.default_rng(mark)
    labels = np.arange(40) % 10
    return Dataset("mnist", "MNIST", DIGITS, 1, 28, _pictures(rng, 40), labels, _pictures(rng, 20), labels[:20])


def _pictures(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)


def _u_turn(mark: int) -> UTurn:
    rng = np.random.default_rng(mark)
    labels, seeds = np.repeat(np.arange(10), 2).astype(np.uint8), np.tile([0, 1], 10)
    return UTurn(
        snapshot=10, average_percent=None, sampling=FAST, guided=False, pictures=2, first_seed=0, class_names=DIGITS,
        num_timesteps=1000, sigma=(80.0, 1.0), t=(1000, 400), judge="abc", judge_accuracy=0.99, class_label=labels,
        seed=seeds, top=rng.integers(0, 10, (20, 2)).astype(np.uint8), probability=np.full((20, 2), 0.5, np.float16),
        real_top=labels, real=_pictures(rng, 10)[:, 0], examples=_pictures(rng, 20).reshape(10, 2, 28, 28))


def _set(mark: int, run: Run, config: SyntheticConfig) -> SyntheticSet:
    rng = np.random.default_rng(mark)
    facts = Facts(run=run, snapshot=10, average_percent=None, sampling=FAST, config=config, counts=(1,) * 10,
                  drawn=(1,) * 10, read_right=None, judge=None, nearest=())
    return SyntheticSet(_pictures(rng, 10), np.arange(10), np.arange(10), None, facts)


def _returning(value: Any) -> Events:
    return value
    yield


def _synthetic(form: str) -> Callable[[Root], Iterable[Any]]:
    def start(root: Root) -> Iterable[Any]:
        config = parse(SyntheticConfig, {"per_class": 1, "format": form})
        return make_synthetic_set(WORKSPACE, SyntheticRequest(root.run, FAST, root.shelf / f"set-{root.mark}", config))
    return start


def _weights(root: Root) -> Iterable[Any]:
    yield export_weights(Run.open(root.run), root.shelf / f"weights-{root.mark}", FAST)


def _animation(root: Root) -> Iterable[Any]:
    frames = list(_pictures(np.random.default_rng(root.mark), 3)[:, 0])
    return write_animation(Animation(frames, scale=1), root.shelf / "film.gif")


def _turning(root: Root) -> Iterable[Any]:
    return measure_u_turn(WORKSPACE, UTurnRequest(root.run, FAST, pictures=2, again=root.again))


def _augmenting(root: Root) -> Iterable[Any]:
    config = parse(AugmentationConfig, {"real": (20,), "synthetic": (10,), "seeds": 2})
    return measure_augmentation(WORKSPACE, AugmentationRequest(root.run, FAST, config, again=root.again))


def _scoring(root: Root) -> Iterable[Any]:
    return measure_score(WORKSPACE, ScoreRequest(root.run, FAST, count=10, again=root.again))


def _looking_up(root: Root) -> Iterable[Any]:
    return measure_nearest(WORKSPACE, NearestRequest(root.run, _pictures(np.random.default_rng(9), 2), (1, 2)))


WORKSPACE: Any = SimpleNamespace(device=None, model=lambda *_: SimpleNamespace(snapshot=10, num_classes=10))
MEASURED: dict[str, Work] = {
    "u-turn": Work(_turning), "score": Work(_scoring), "augmentation": Work(_augmenting),
    "augmentation of a run that may not be written": Work(_augmenting, elsewhere=True),
    "nearest": Work(_looking_up, silent=True)}
EXPORTED: dict[str, Work] = {
    "set as folder": Work(_synthetic("folder"), single=True), "set as npz": Work(_synthetic("npz"), single=True),
    "set as idx": Work(_synthetic("idx"), single=True), "weights": Work(_weights, single=True),
    "animation": Work(_animation)}
WORKS = {**MEASURED, **EXPORTED}


@contextmanager
def at(work: Work, root: Root) -> Iterator[None]:
    """Whatever the work would draw or read is there already, and the data folder is the root's."""
    dataset = _dataset(root.mark)
    shares = np.random.default_rng(root.mark).random((2, 20)) < 0.5

    def draw(_workspace: Any, _model: Any, labels: list[int], *_: Any, **__: Any) -> Events:
        return _returning(_pictures(np.random.default_rng(root.mark), len(labels)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFUSCOPE_HOME", str(root.path / "home"))
        patch.setattr(u_turn, "_measured", lambda *_: _returning(_u_turn(root.mark)))
        for module in (augmentation, classification_score):
            patch.setattr(module, "draw", draw)
            patch.setattr(module, "read_right", lambda _w, _d, sets, *_: _returning(list(shares[: len(sets)])))
        patch.setattr(augmentation, "load_dataset", lambda _: dataset)
        patch.setattr(nearest, "load_dataset", lambda _: dataset)
        patch.setattr(nearest, "judge_for", lambda _: None)
        patch.setattr(nearest, "_kept", OrderedDict())
        patch.setattr(synthetic_set, "_drawn", lambda _w, run, _m, request: _returning(
            _set(root.mark, run, request.config)))
        if work.elsewhere:
            patch.setattr(Run, "read_only", property(lambda _: True))
        yield


def do(work: Work, root: Root) -> list[str]:
    """The whole work; the names of its events."""
    events: list[str] = []
    do_and_tell(work, root, events)
    return events


def do_and_tell(work: Work, root: Root, events: list[str]) -> None:
    """The same; what it said before it failed is told too."""
    with at(work, root):
        events.extend(type(event).__name__ for event in work.start(root))


# ---- what is there ----

def tree(folder: Path) -> dict[str, str]:
    """Each file that is not a temporary one by name, with a hash of what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(HALF.fullmatch(part) for part in name.parts):
            found[name.as_posix()] = hashlib.sha256(_contents(path)).hexdigest()
    return found


def _contents(path: Path) -> bytes:
    if path.suffix != ".npz":
        return path.read_bytes()
    with np.load(path) as held:  # the file itself holds the time
        return b"".join(name.encode() + held[name].tobytes() for name in sorted(held))


def temporaries(folder: Path) -> list[Path]:
    """What was left half-written anywhere in a folder, the outermost of it."""
    found = [path for path in folder.rglob(".tmp-*") if HALF.fullmatch(path.name)]
    return [path for path in found if not any(parent in found for parent in path.parents)]


def main() -> None:
    """See the head of this file."""
    for line in sys.stdin:
        name, root, k = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with disk(Killed(k), names=True):
                    do(WORKS[name], Root(Path(root), 1))
                status = 0
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
