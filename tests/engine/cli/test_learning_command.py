"""`learning` on the command line: for people, for programs, and refused in one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import main as entry
from engine.cli.learning import report
from engine.config import RunConfig
from engine.events import Tick
from engine.measure import learning
from engine.measure.learning import judge
from engine.measure.sample_check import SampleCheck
from engine.measure.validation import ValidationLoss
from engine.runs import Run, RunInfo, RunWriter

STEPS = (0, 250, 300, 400, 500)


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What main sets for the whole process is set back."""
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose measurements are made up: each doubling of the steps takes a tenth off."""
    def measure_validation(workspace: object, run: Run, step: int):  # type: ignore[no-untyped-def]
        yield Tick()
        loss = 0.5 * max(1, step) ** np.log2(0.9)
        return ValidationLoss((0.1, 1.0), (0.5, 0.5), (loss, loss), (0.5, 0.5), 8)

    def measure_check(workspace: object, run: Run, step: int, judge: object):  # type: ignore[no-untyped-def]
        yield Tick()
        return SampleCheck(100, 10 + step // 10, 0.5, (0.9, 0.7), 99)

    monkeypatch.setattr(learning, "measure_validation", measure_validation)
    monkeypatch.setattr(learning, "measure_check", measure_check)
    info = RunInfo(name="small", config=RunConfig(), class_names=tuple("0123456789"), image_shape=(1, 28, 28),
                   sigma_data=0.6, parameters=6, num_steps=500, images=640, state="finished", step=500)
    writer = RunWriter.create(tmp_path / "run", info)
    for step in STEPS:
        writer.save_snapshot(step, {"weight": np.full(3, step, dtype=np.float32)})
    at = np.arange(1, 501)
    writer.append_losses(at, at ** np.log2(0.9), at / 10, 1e-3)
    writer.close()
    return Run.open(tmp_path / "run")


def test_json_has_every_snapshot_and_the_verdict(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["learning", "--run", str(run.path), "--json", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "still learning"
    assert told["found"]["fall"]["share"] == pytest.approx(0.1, abs=1e-3)
    assert told["found"]["judged"] == {"before_step": 250, "before": 0.35, "after": 0.6, "n": 100,
                                       "z": pytest.approx(3.54, abs=0.01)}
    assert [row["step"] for row in told["snapshots"]] == list(STEPS)
    last = told["snapshots"][-1]
    assert last["validation_loss"] == pytest.approx(0.5 * 500 ** np.log2(0.9))
    assert len(last["loss_by_level"]) == len(told["levels"]) == 2
    assert (last["eps_mse"], last["read_right"], last["coverage"], last["coverage_of_real"]) == (
        0.5, 0.6, 0.5, pytest.approx(0.8))


def test_for_people_and_without_samples(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["learning", "--run", str(run.path), "--no-samples", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("small: still learning\neach doubling of the steps takes 10.0 % off the ")
    assert "samples" not in out
    assert entry.main(["learning", "--run", str(run.path), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "samples read right: 35 % at step 250, 60 % at the newest" in out
    assert out.splitlines()[-1].split() == ["500", "0.1944", "0.5000", "60", "%", "0.50", "0.80"]


def test_what_is_not_finite_is_null(run: Run) -> None:
    losses = np.full(500, np.nan)
    told = report(run, (), judge(np.arange(1, 501.0), losses, ()))
    assert told["verdict"] == "diverging"
    assert told["found"]["rise"]["after"] is None
    json.dumps(told, allow_nan=False)


def test_no_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["learning", "--run", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
