"""`recognise` on the command line: for programs, for people, the same each time, and refused in one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import main as entry
from engine.config import RunConfig
from engine.training.trainer import Trainer
from engine.workspace import Workspace

# The judge of clean pictures: what it reads is of no matter here.
FAST = ["--reading", "x0", "--seeds", "2", "--steps", "2", "--device", "cpu"]


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What main sets for the whole process is set back."""
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    workspace = Workspace("cpu", threads=1)
    for _ in Trainer(workspace, path, config).run():
        pass
    workspace.close()
    return path


def said(capsys: pytest.CaptureFixture[str], run: Path, *arguments: str) -> str:
    assert entry.main(["recognise", "--run", str(run), *FAST, *arguments]) == 0
    return capsys.readouterr().out


def test_json_has_every_class_with_its_figures_and_is_the_same_each_time(trained: Path,
                                                                         capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, trained, "--json", "--classes", "0-9")
    found = json.loads(text)
    assert (found["run"], found["snapshot"], found["seeds"], found["reading"], found["unconditional"]) == (
        "tiny", 3, 2, "x0", False)
    assert [one["class"] for one in found["classes"]] == list(range(10))
    for one in found["classes"]:
        assert {"first_recognition_percent", "commit_percent", "drift_rate", "ci95", "snr_db", "n"} <= set(one)
        assert one["n"] == 2
        assert len(one["probability"]["mean"]) == 3
    assert (found["test"]["name"], found["test"]["blocks"], found["test"]["n"]) == ("Friedman", 2, 20)
    assert len(found["pairs"]) == 45
    assert found["steps"]["percent_denoised"] == [0, 50, 100]
    assert said(capsys, trained, "--json") == text, "stored"
    assert said(capsys, trained, "--json", "--again") == text, "measured anew"
    assert json.loads(said(capsys, trained, "--json", "--seed", "5"))["first_seed"] == 5


def test_text_has_a_row_for_each_class_and_the_test(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, trained, "--classes", "1,5,7,8").splitlines()
    assert lines[0] == "tiny, step 3: 8 pictures, 2 seeds a class from 0; the judge of clean pictures reads the " \
                       "predicted x0"
    assert sorted(line.split()[0] for line in lines[5:9]) == ["1", "5", "7", "8"]
    assert any(line.startswith("Does it differ by class? Friedman chi-squared = ") for line in lines)
    assert any(line.startswith('Claim "readable at about 70 %": ') for line in lines)
    assert lines[-1].startswith("This judge is right about real test pictures in 99.57 %")


def test_without_a_class_no_guidance_is_told(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, trained, "--unconditional").splitlines()
    assert lines[0].startswith("tiny, step 3: 20 pictures")
    assert lines[1] == "ddim, 2 steps, no class told, 2 network evaluations each"


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--seeds", "1"], "--seeds must be from 2 to 1000; 1 is not."),
    (["--classes", "0-12"], "There is no class 12; classes are 0 to 9."),
    (["--classes", "3,3"], "Each class is measured once; one is named twice."),
    (["--snapshot", "9"], "snapshot"),
    (["--reading", "mind"], "--reading must be one of noisy, x0; mind is not."),
    (["--seed", str(2**63 - 1)], "Seeds end at")])
def test_what_cannot_be_measured_is_told_in_a_sentence(trained: Path, capsys: pytest.CaptureFixture[str],
                                                       arguments: list[str], sentence: str) -> None:
    assert entry.main(["recognise", "--run", str(trained), *FAST, *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_a_missing_noise_judge_is_told(trained: Path, capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.measure.judge_files.RESOURCES", tmp_path)
    assert entry.main(["recognise", "--run", str(trained), "--seeds", "2", "--steps", "2", "--device", "cpu"]) == 2
    assert "There is no judge for mnist yet" in capsys.readouterr().err
