"""`animate` on the command line: each kind of animation, and refusals in one sentence before any work."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import main as entry
from engine.config import RunConfig
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace


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


def animated(run: Path, out: Path, *arguments: str) -> tuple[int, tuple[int, int], dict]:
    """How many frames, their size, and what made them."""
    assert entry.main(["animate", "--run", str(run), "--device", "cpu", "--out", str(out), *arguments]) == 0
    with Image.open(out) as picture:
        return picture.n_frames, picture.size, json.loads(picture.text["diffuscope"])


def test_reverse_forward_and_history(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames, size, facts = animated(trained, tmp_path / "r.png", "--what", "reverse", "--class", "3", "--seed", "11",
                                   "--steps", "4", "--sampler", "ddim", "--scale", "2", "--no-caption")
    assert (frames, size) == (5, (2 * (28 + 2 + 28), 56))
    assert (facts["classes"], facts["seed"], facts["snapshot"], facts["parts"]) == ([3], 11, 3, ["x", "x0"])
    assert facts["sampling"]["num_steps"] == 4
    assert "5 frames" in capsys.readouterr().out
    frames, _, facts = animated(trained, tmp_path / "f.apng", "--what", "forward", "--class", "7", "--image", "2",
                                "--fps", "50")
    assert frames == 101
    assert (facts["image"], facts["schedule"]) == (2, "linear")
    frames, size, facts = animated(trained, tmp_path / "h.apng", "--what", "history", "--seed", "2", "--scale", "1")
    snapshots = [s.step for s in Run.open(trained).snapshots()]
    assert facts["snapshots"] == snapshots
    assert frames == len(snapshots) >= 2
    assert size[0] == 10 * 28 + 9 * 2


def test_the_same_seed_gives_the_same_file(trained: Path, tmp_path: Path) -> None:
    for name in ("a.gif", "b.gif"):
        assert entry.main(["animate", "--run", str(trained), "--device", "cpu", "--class", "1", "--steps", "2",
                           "--sampler", "ddim", "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--out", "film.avi"], "--out must end in"),
    (["--out", "film.gif", "--class", "0-9"], "shows one class"),
    (["--out", "film.gif", "--class", "12"], "There is no class 12"),
    (["--out", "film.gif", "--what", "forward", "--image", "99999"], "there is no number"),
    (["--out", "film.gif", "--what", "forward", "--fps", "70"], "Frames a second"),
    (["--out", "film.gif", "--scale", "40"], "--scale must be from 1 to 32"),
])
def test_refused_in_one_sentence(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                 capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry.main(["animate", "--run", str(trained), "--device", "cpu", *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1
    assert not list(tmp_path.glob("film*"))


def test_options_that_change_nothing_are_named(trained: Path, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    animated(trained, tmp_path / "f.apng", "--what", "forward", "--steps", "4", "--part", "x")
    assert "--steps, --part are ignored" in capsys.readouterr().err
