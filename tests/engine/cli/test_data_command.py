"""`data` on the command line: lists, imports, takes local files, and says in one sentence what cannot be done."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main as entry
from engine.data.catalogue import forget_loaded


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    forget_loaded()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("up", "down"):
        (tmp_path / "arrows" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(np.full((28, 28), 20 * i, dtype=np.uint8)).save(tmp_path / "arrows" / name / f"{i}.png")
    (tmp_path / "arrows" / "up" / "broken.png").write_bytes(b"?")
    return tmp_path / "arrows"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    assert entry.main(["data", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_import_list_and_remove(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "import", str(folder), "--dry-run")
    assert found["classes"] == {"down": 8, "up": 8}
    assert (found["size"], found["channels"]) == (28, 1)
    assert found["left_out"] == [{"name": "up/broken.png", "reason": "not a picture that can be opened"}]
    done = told(capsys, "import", str(folder), "--title", "My arrows", "--mirror")
    assert (done["name"], done["counts"], done["flips"]) == ("my-arrows", [14, 2], [True, True])
    listed = {entry["name"]: entry for entry in told(capsys, "list")}
    assert listed["my-arrows"]["title"] == "My arrows"
    assert listed["mnist"]["where"] == "ships"
    assert listed["cifar10"]["download_bytes"] == 170_052_171
    assert entry.main(["data", "list"]) == 0
    assert "my-arrows" in capsys.readouterr().out
    assert entry.main(["data", "remove", "my-arrows"]) == 0
    assert "my-arrows" not in {entry["name"] for entry in (capsys.readouterr(), told(capsys, "list"))[1]}


def test_an_import_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["data", "import", str(folder)]) == 0
    words = capsys.readouterr().out
    assert "arrows is here as arrows: 14 training and 2 test pictures, 2 classes, 28 x 28 grey." in words
    assert "up/broken.png: not a picture that can be opened" in words


@pytest.mark.parametrize(("words", "sentence"), [
    (["download", "mnist"], "There is nothing to download for mnist"),
    (["download", "imagenet"], "There is nothing to download for imagenet"),
    (["use", "imagenet", "x"], "There is no data set called imagenet in the catalogue"),
    (["import", "/no/such/folder"], "There is no file or folder"),
    (["remove", "mnist"], "mnist is no data set that was downloaded or imported"),
    (["judge", "imagenet"], "There is no data set called imagenet"),
    (["eat"], "must be one of list, download")])
def test_what_cannot_be_done_is_one_sentence(words: list[str], sentence: str,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["data", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_local_files_are_checked_before_they_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "kuzushiji"
    folder.mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\0"))
    assert entry.main(["data", "use", "kmnist", str(folder)]) == 2
    assert "is damaged: it does not unpack to" in capsys.readouterr().err
    assert not list((tmp_path / "home" / "datasets" / "kmnist").iterdir())
