"""Damaged, foreign and newer run folders are told in one sentence, and the last good save is used."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_folders import SAMPLING, new_run, trajectory, weights

from engine.errors import BadRun
from engine.runs import Run, RunWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with new_run(tmp_path / "digits") as writer:
        writer.save_recorded({0: trajectory(0), 1: trajectory(1)}, SAMPLING)
    return tmp_path / "digits"


def damages(path: Path, count: int = 12) -> Iterator[str]:
    """Truncate a file at many offsets, flip one byte at many places; the file is whole again afterwards."""
    data = path.read_bytes()
    places = sorted({int(p) for p in np.linspace(0, len(data) - 1, count)})
    for place in places:
        path.write_bytes(data[:place])
        yield f"{path.name} cut at {place}"
        flipped = bytearray(data)
        flipped[place] ^= 0x01 if place % 2 else 0xFF
        path.write_bytes(bytes(flipped))
        yield f"{path.name} flipped at {place}"
    path.unlink()
    yield f"{path.name} missing"
    path.write_bytes(data)


def test_damaged_snapshot_is_refused_by_name(folder: Path) -> None:
    run = Run.open(folder)
    snapshot = folder / "snapshots" / "step-00000010"
    for name in ("ema.safetensors", "manifest.json"):
        for what in damages(snapshot / name):
            with pytest.raises(BadRun, match="The snapshot at step 10 of digits is damaged: ") as refusal:
                run.load_snapshot()
            assert refusal.value.headline.endswith("."), what
            assert run.load_snapshot(0)[0] == 0
            assert len(run.verify()) == 1, what
    assert run.load_snapshot()[0] == 10
    assert run.verify() == []


def test_damaged_resume_point_falls_back_and_says_so(folder: Path) -> None:
    state = folder / "state" / "step-00000010"
    with RunWriter.reopen(folder) as writer:
        for name in ("state.safetensors", "extra.json", "manifest.json"):
            for what in damages(state / name):
                writer.notice = ""
                step, tensors, extra = writer.load_state()
                assert (step, extra["step"]) == (5, 5), what
                assert np.array_equal(tensors["in.weight"], weights(5)["in.weight"])
                assert "The resume point at step 10 is damaged" in writer.notice, what
                assert "from the one before, at step 5" in writer.notice
        writer.notice = ""
        assert writer.load_state()[0] == 10
        assert writer.notice == ""
        for other in ("step-00000005", "step-00000010"):
            (folder / "state" / other / "extra.json").write_bytes(b"")
        with pytest.raises(BadRun, match="digits cannot be resumed: the resume point at step 10 is damaged"):
            writer.load_state()


def test_run_without_resume_point(tmp_path: Path) -> None:
    with new_run(tmp_path / "digits") as writer:
        for name in ("step-00000005", "step-00000010"):
            (writer.path / "state" / name).rename(tmp_path / name)
        with pytest.raises(BadRun, match="it has no resume point"):
            writer.load_state()


@pytest.mark.parametrize("part", ["samples/step-00000010.safetensors", "recorded"])
def test_damaged_pictures(folder: Path, part: str) -> None:
    run = Run.open(folder)
    path = folder / part
    if path.is_dir():
        path = next(path.iterdir())
    for what in damages(path):
        if path.exists():
            assert len(run.verify()) == 1, what
        if part == "recorded":
            assert run.recorded() == [], what
        else:
            with pytest.raises(BadRun, match="strip of samples at step 10 of digits"):
                run.load_samples(10)
    assert run.verify() == []
    assert len(run.recorded()) == 1


def test_damaged_run_file(folder: Path) -> None:
    path = folder / "run.json"
    data = path.read_bytes()
    for end in range(0, len(data) - 2, 97):
        path.write_bytes(data[:end])
        with pytest.raises(BadRun, match=r"run\.json of digits is truncated\."):
            Run.open(folder)
        with pytest.raises(BadRun):
            RunWriter.reopen(folder)
    for place in range(0, len(data), 41):
        flipped = bytearray(data)
        flipped[place] ^= 0xFF
        path.write_bytes(bytes(flipped))
        with pytest.raises(BadRun, match=r"run\.json of digits"):
            Run.open(folder)
    for text in ("[]", "17", "null", '{"a": 1}', '{"schema_version": true}', '{"schema_version": 0}',
                 '{"schema_version": "1"}', '{"schema_version": 1}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(BadRun, match=r"run\.json of digits"):
            Run.open(folder)
    path.write_bytes(data)
    assert Run.open(folder).verify() == []


def test_values_out_of_range_are_named(folder: Path) -> None:
    path = folder / "run.json"
    values = json.loads(path.read_bytes())
    for key, value, word in [("step", -1, "step"), ("id", "../../etc", "id"), ("state", "flying", "state"),
                             ("surprise", 1, "surprise"), ("sigma_data", float("nan"), "sigma_data")]:
        path.write_text(json.dumps({**values, key: value}))
        with pytest.raises(BadRun, match=rf"run\.json of digits is not valid: {word}"):
            Run.open(folder)
    values["config"]["training"]["batch_size"] = 0
    path.write_text(json.dumps(values))
    with pytest.raises(BadRun, match=r"config\.training\.batch_size"):
        Run.open(folder)


def test_newer_format(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "schema_version": 3, "future": {}}))
    for attempt in (Run.open, RunWriter.reopen):
        with pytest.raises(BadRun) as refusal:
            attempt(folder)
        assert refusal.value.headline == \
            "digits was made by a newer Diffuscope (format 3; this one reads up to 1)."


class Bomb:
    """Unpickling it would be noticed."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_what_is_not_a_run(tmp_path: Path, folder: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "digit.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "digit.jpg")
    Image.new("RGB", (4, 4)).save(tmp_path / "digit.webp")
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "bomb").write_bytes(pickle.dumps(Bomb()))
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "none").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "holiday.txt").write_text("hello")
    weights_file = folder / "snapshots" / "step-00000010" / "ema.safetensors"
    cases = {
        tmp_path / "nowhere": "There is no run at",
        tmp_path / "a\0b": "There is no run at",
        tmp_path / "digit.png": "is a picture",
        tmp_path / "digit.jpg": "is a picture",
        tmp_path / "digit.webp": "is a picture",
        tmp_path / "bomb.pkl": "never loads",
        tmp_path / "bomb": "never loads",
        tmp_path / "model.pt": "never loads",
        weights_file: "is a file of weights",
        tmp_path / "run.json": "not its folder",
        tmp_path / "notes.txt": "is a file, not a run folder",
        tmp_path / "none": "is an empty file",
        tmp_path / "empty": "The folder empty is empty",
        tmp_path / "other": "it has no run.json",
        folder / "snapshots": "it has no run.json",
    }
    for path, words in cases.items():
        for attempt in (Run.open, RunWriter.reopen):
            with pytest.raises(BadRun, match=words) as refusal:
                attempt(path)
            assert refusal.value.headline.endswith("."), path
            assert refusal.value.advice.endswith("."), path


def test_broken_log_is_read_as_far_as_it_goes(folder: Path) -> None:
    path = folder / "metrics.jsonl"
    data = path.read_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        assert Run.open(folder).metrics().steps.tolist() == []  # its one line lacks its end
        if end % 10 == 0:
            with RunWriter.reopen(folder) as writer:
                writer.append_losses([7], [0.5], [0.7], 1e-3)
            assert Run.open(folder).metrics().steps.tolist()[-1] == 7
    path.write_bytes(data)
    assert Run.open(folder).metrics().steps.tolist() == [1, 2, 3]
