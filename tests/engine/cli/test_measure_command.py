"""`measure` on the command line: for people, for programs, kept, and refused in one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import main as entry
from engine.cli.measure import text
from engine.config import RunConfig
from engine.measure.quality import Quality
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = ["--sampler", "dpmpp-2m", "--steps", "2", "--device", "cpu"]


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


def measured(capsys: pytest.CaptureFixture[str], run: Path, *arguments: str) -> dict:
    assert entry.main(["measure", "--run", str(run), "--json", *FAST, *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_both_judges_with_floors_and_settings(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, trained, "--count", "120", "--seed", "4", "--guidance", "1")
    assert (found["run"], found["snapshot"], found["count"], found["seed"], found["nfe"]) == ("tiny", 3, 120, 4, 2)
    assert found["sampling"]["guidance_scale"] == 1
    assert not found["stored"]
    assert [judge["name"] for judge in found["judges"]] == ["first", "second"]
    for judge in found["judges"]:
        assert judge["frechet_over_floor"] == pytest.approx(judge["distances"]["frechet"] / judge["floor"]["frechet"])
        assert len(judge["accuracy_by_class"]) == 10
    again = measured(capsys, trained, "--count", "120", "--seed", "4", "--guidance", "1")
    assert again == {**found, "stored": True}


def test_text_says_each_figure_beside_that_of_real_pictures(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, trained, "--count", "120", "--seed", "4")
    assert entry.main(["measure", "--run", str(trained), *FAST, "--count", "120", "--seed", "4"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "tiny, step 3: 120 pictures against 120 real ones of the test set"
    assert "dpmpp-2m, 2 steps, guidance 2, 4 network evaluations each, seeds from 4" in shown[1]
    rows = {line.split()[0]: line for line in shown[2:] if line}
    first, second = found["judges"]
    assert f"{first['distances']['frechet']:.3f}" in rows["frechet"]
    assert f"({second['frechet_over_floor']:.1f}x)" in rows["frechet"]
    for name in ("precision", "recall", "density", "coverage"):
        figures = [f"{judge[kind][name]:.3f}" for judge in (first, second) for kind in ("distances", "floor")]
        assert rows[name].split()[1:] == figures
    kept = Quality.from_values({k: v for k, v in found.items() if k not in ("run", "run_id", "stored")})
    assert kept is not None
    assert text("tiny", kept) == "\n".join(shown)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--count", "50"], "--count must be from 100 to 10000; 50 is not."),
    (["--snapshot", "7"], "has no snapshot at step 7"),
    (["--guidance", "9"], "Guidance must be from 0 to 8"),
    (["--seed", str(2**63 - 2)], "Seeds end at"),
])
def test_what_cannot_be_measured_is_refused_in_a_sentence(trained: Path, capsys: pytest.CaptureFixture[str],
                                                          arguments: list[str], sentence: str) -> None:
    assert entry.main(["measure", "--run", str(trained), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
