"""`bench`: half a minute of measurement as lines for people, or as JSON."""

import json
import os
from pathlib import Path

import pytest

import main as entry
from engine.cli.bench import text
from engine.config import RunConfig

FACTS = {
    "machine": {"cpu": "A CPU", "gpu": None, "cores": 2, "torch": "2.0"},
    "training": {
        "preset": "quick", "batch_size": 64, "device": "cpu", "precision": "fp32", "channels_last": True, "threads": 1,
        "images_per_second": 555.4, "windows": [{"images_per_second": v} for v in (500.2, 600.7)],
        "mflop_per_image": {"forward": 55.0, "training_step": 164.9}, "gflops": 91.6,
        "matmul_peak_gflops": {"fp32": 183.2, "bf16": 0.456}, "peak_precision": "fp32", "share_of_peak": 0.5,
        "resident_mb": 812.3, "gpu_mb": None},
    "sampling": {
        "run": "mnist", "pictures": 10, "seconds": 0.1234, "network_evaluations": 20,
        "sampling": {"sampler": "dpmpp-2m", "num_steps": 10, "guidance_scale": 1.5}},
}


def test_lines_for_people_name_what_was_measured() -> None:
    lines = dict(line.split(":", 1) for line in text(FACTS).splitlines())
    assert lines["Machine"].strip() == "A CPU, 2 cores, torch 2.0"
    assert lines["Training"].strip() == "555 images/s (500 to 601), preset quick, batch 64"
    assert lines["Layout"].strip() == "cpu, fp32, channels last, 1 thread"
    assert lines["Operations"].strip() == "165 MFLOP an image, 91.6 GFLOP/s"
    assert lines["Peak"].strip() == "matrix product fp32 183 GFLOP/s, bf16 0.456 GFLOP/s; training reaches 50 % of fp32"
    assert lines["Memory"].strip() == "812 MB resident"
    assert lines["Sampling"].strip().startswith("123 ms for 10 pictures of mnist: dpmpp-2m, 10 steps, guidance 1.5, ")


@pytest.fixture
def tiny_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two steps; the preset that is timed is as small."""
    small = {"model": {"widths": (8, 16), "embedding_width": 16},
             "training": {"num_steps": 2, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"},
             "sampling": {"num_steps": 2}}
    from engine.training.trainer import Trainer
    from engine.workspace import Workspace

    for _ in Trainer(Workspace("cpu", threads=1), tmp_path / "run", RunConfig().changed(**small)).run():
        pass
    monkeypatch.setattr("engine.cli.bench.load_preset", lambda name: RunConfig().changed(**small))
    return tmp_path / "run"


def test_json_of_a_real_measurement(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(os.listdir(tiny_run))
    assert entry.main(["bench", "--json", "--device", "cpu", "--run", str(tiny_run), "--seconds", "0.2"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["training"]["images_per_second"] > 0
    assert len(facts["training"]["windows"]) == 5
    assert 0 < facts["training"]["share_of_peak"] < 1
    assert facts["training"]["resident_mb"] > 10
    assert facts["sampling"]["run"] == "run"
    assert facts["sampling"]["network_evaluations"] == 4
    assert facts["machine"]["cores"] >= 1
    assert set(os.listdir(tiny_run)) == before


@pytest.mark.parametrize(("options", "words"), [
    (["--preset", "huge"], "There is no preset called huge"),
    (["--run", "nowhere"], "no run at"),
    (["--seconds", "0"], "must be more than 0"),
])
def test_what_cannot_be_measured_is_one_sentence(options: list[str], words: str,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["bench", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert words in captured.err
