"""`clip` on the command line: for programs, for people, and refused in one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import main as entry
from engine.cli.clip import listing
from engine.clip.sources import GENERAL
from engine.config import RunConfig
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = ["--count", "20", "--steps", "2", "--device", "cpu"]


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What main sets for the whole process is set back; no weights are in the cache."""
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
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
    assert entry.main(["clip", "--run", str(run), *FAST, *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], run: Path, *arguments: str) -> str:
    assert entry.main(["clip", "--run", str(run), *FAST, *arguments]) == 2
    text = capsys.readouterr().err.strip()
    assert "\n" not in text
    return text


def test_json_holds_every_picture_and_is_the_same_each_time(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, trained, "--json")
    told = json.loads(text)
    assert len(told["pictures"]) == 20
    assert told["model"] == "in-domain"
    assert told["zero_shot_real"] > 0.9
    assert said(capsys, trained, "--json") == text


def test_for_people(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, trained, "--template", "a photo of the digit {}.", "--template", "the number {}")
    assert "In-domain CLIP" in text
    assert "comes out best" in text
    assert "In-domain" in text or "in-domain" in text
    assert "the judge alone" in text


def test_over_denoising(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, trained, "--over", "denoising", "--each", "2", "--json"))
    assert len(told["points"]) == 2
    assert "real" in said(capsys, trained, "--over", "denoising", "--each", "2")


def test_templates_from_a_file(trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "templates.txt"
    file.write_text("a {}\nthe {}\n", encoding="utf-8")
    assert json.loads(said(capsys, trained, "--templates", str(file), "--json"))["templates"] == ["a {}", "the {}"]
    file.write_text("a {}\nnothing\n", encoding="utf-8")
    assert "Line 2: It needs {}" in refused(capsys, trained, "--templates", str(file))


def test_weights_that_are_not_here_are_refused_with_their_size(trained: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    assert "about 605 MB" in refused(capsys, trained, "--model", "datacomp_xl_s13b_b90k")


def test_a_file_of_another_architecture(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.clip.files import IN_DOMAIN_FILE

    assert "another architecture than RN50" in refused(capsys, trained, "--model", str(IN_DOMAIN_FILE),
                                                       "--architecture", "RN50")


def test_what_is_no_model(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no CLIP called nonsense" in refused(capsys, trained, "--model", "nonsense")


def test_nothing_is_downloaded_without_a_yes(capsys: pytest.CaptureFixture[str],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.clip import hub
    from engine.clip.sources import DEFAULT_GENERAL

    offer = hub.Offer(DEFAULT_GENERAL, "http://127.0.0.1:9", 605_000_000, "ab" * 32, "c", 0, 10**12, Path("cache/x"))
    monkeypatch.setattr(hub, "ask_hub", lambda known: offer)
    monkeypatch.setattr(hub, "download", lambda offer: pytest.fail("downloaded"))
    assert entry.main(["clip", "--model", DEFAULT_GENERAL.source, "--download"]) == 1
    told = capsys.readouterr()
    assert "takes 605.0 MB" in told.err
    assert "agree with --yes" in told.err


def test_the_list_names_every_source() -> None:
    text = listing()
    assert all(one.source in text for one in GENERAL)
    assert "81.2" in text
