"""synthesise, augment, nearest and export on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.data.catalogue import Dataset
from engine.export import synthetic_set
from engine.measure import augmentation, nearest
from engine.measure.recipe import Recipe
from main import main

pytestmark = pytest.mark.usefixtures("own_data")
DRAW = ["--sampler", "ddim", "--steps", "1", "--guidance", "1", "--device", "cpu"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, small_mnist: Dataset) -> None:
    for module in (augmentation, nearest, synthetic_set):
        monkeypatch.setattr(module, "load_dataset", lambda name: small_mnist)
    monkeypatch.setattr(augmentation, "QUICK", Recipe(num_steps=2, batch_size=8))


def test_synthesise_writes_a_set(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    args = ["synthesise", "--run", str(tiny_run), "--count", "2", "--format", "npz", "--out", str(out), *DRAW]
    assert main([*args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == [2] * 10
    assert told["settings"]["sampling"]["num_steps"] == 1
    assert sorted(p.name for p in out.iterdir()) == ["DATA_CARD.md", "set.json", "set.npz"]
    assert main(args) == 2
    assert "not empty" in capsys.readouterr().err


def test_augment_says_gain_and_caveat(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["augment", "--run", str(tiny_run), "--real", "20", "--synthetic", "10,20", "--seeds", "2", *DRAW]
    assert main([*args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["augmentation"]
    assert [(c["real"], c["synthetic"], len(c["accuracy"])) for c in told["cells"]] == [
        (20, 0, 2), (20, 10, 2), (20, 20, 2)]
    assert "learned 60" in told["caveat"]
    assert main(args) == 0
    text = capsys.readouterr().out
    assert "caveat" not in text
    assert "real pictures: what it adds is what it learned" in text
    assert main(["augment", "--run", str(tiny_run), *DRAW]) == 2
    assert "--synthetic, --score" in capsys.readouterr().err
    assert main([*args[:-len(DRAW) - 2], "--synthetic", "some", *DRAW]) == 2
    assert "50,100,500" in capsys.readouterr().err


def test_nearest_lists_each_picture(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["nearest", "--run", str(tiny_run), "--classes", "3,8", "--seed", "7", *DRAW]
    assert main([*args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(p["class_label"], p["seed"]) for p in told["pictures"]] == [(3, 7), (8, 8)]
    assert len(told["pictures"][0]["pixels"]["index"]) == 5
    assert 0 <= told["pictures"][0]["features"]["nearer_than"] <= 1
    assert main(args) == 0
    assert "2 are suspect" in capsys.readouterr().out


def test_export_writes_weights_and_says_what_the_script_leaves_out(tiny_run: Path, tmp_path: Path,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["export", "--run", str(tiny_run), "--out", str(out), "--sampler", "unipc", "--steps", "4"]) == 0
    said = capsys.readouterr()
    assert "sample.py" in said.out
    assert "unipc" in said.err
    assert json.loads((out / "config.json").read_text())["sampling"]["sampler"] == "dpmpp-2m"
