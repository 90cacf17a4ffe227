"""Recognition and the U-turn of a run that is still training, here or in another process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import paths
from engine.config import RunConfig, SamplingConfig
from engine.events import Event, SnapshotSaved, StateChanged, TrainingState
from engine.measure.recognition import RecognitionReady, RecognitionRequest, measure_recognition, stored_recognition
from engine.measure.u_turn import UTurnReady, UTurnRequest, measure_u_turn, stored_u_turn
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
FAST = SamplingConfig(sampler="ddim", num_steps=3, guidance_scale=2.0)
HOLD = """
import sys
from engine.runs import RunWriter
writer = RunWriter.reopen(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
writer.close()
"""


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


def trainer(workspace: Workspace, path: Path) -> Generator[Event, Any, None]:
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 40, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous",
                  "snapshots": 20})
    return Trainer(workspace, path, config).run()


def requests(path: Path) -> tuple[RecognitionRequest, UTurnRequest]:
    return (RecognitionRequest(path, FAST, classes=(1, 7), seeds=3),
            UTurnRequest(path, FAST, pictures=2, levels=2))


def test_a_run_is_measured_while_it_trains(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "live"
    training = trainer(workspace, path)
    snapshots = (event.step for event in training if isinstance(event, SnapshotSaved))
    first = next(snapshots)
    recognition, u_turn = requests(path)
    for job, kind in ((measure_recognition(workspace, recognition), RecognitionReady),
                      (measure_u_turn(workspace, u_turn), UTurnReady)):
        ready, newest = None, first
        for event in job:
            ready = event if isinstance(event, kind) else ready
            newest = next(snapshots, newest)  # training goes on between two events of the measurement
        assert ready is not None
        measured = ready.recognition if isinstance(ready, RecognitionReady) else ready.u_turn
        run = Run.open(path)
        steps = [snapshot.step for snapshot in run.snapshots()]
        assert measured.snapshot in steps
        assert len(steps) > 1
    states = [event.state for event in training if isinstance(event, StateChanged)]
    assert states[-1:] in ([TrainingState.FINISHED], [])
    assert Run.open(path).info.state == "finished"
    assert any((path / "measurements").glob("recognition-*.json"))
    assert any((path / "measurements").glob("u-turn-*.json"))


def test_a_run_that_another_process_trains_is_measured_into_the_users_folder(workspace: Workspace,
                                                                             tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    for _ in trainer(workspace, path):
        pass
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        run = Run.open(path)
        assert run.is_locked()
        before = sorted(path.rglob("*"))
        recognition, u_turn = requests(path)
        for job in (measure_recognition(workspace, recognition), measure_u_turn(workspace, u_turn)):
            for _ in job:
                pass
        assert sorted(path.rglob("*")) == before
        assert stored_recognition(run, recognition) is not None
        assert stored_u_turn(run, u_turn) is not None
        kept = list(paths.measurements_dir(run.info.id).iterdir())
        assert len(kept) == 2
        other.communicate("\n")
