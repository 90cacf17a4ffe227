"""What made a picture, inside its file: read back as it was, and nothing that is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.config import SamplingConfig
from engine.errors import DiffuscopeError
from engine.export.picture_facts import BLOCK, PictureFacts, has_facts, of_run, read_facts, save_png
from engine.runs import Run, stored_percent

WHOLE = PictureFacts(
    run="mine", run_id="abc", snapshot=700, weights="f" * 64, average_percent=12.5, classes=(3, 1), seed=2**63 - 1,
    t=412, schedule=("cosine", 500), sampling=SamplingConfig(sampler="heun", guidance_scale=1.1, num_steps=7),
    page="reverse", view="x0", image=(4, 17))


def put(path: Path, text: str) -> Path:
    notes = PngInfo()
    notes.add_text(BLOCK, text)
    Image.new("L", (4, 4)).save(path, pnginfo=notes)
    return path


@pytest.mark.parametrize("pixels", [np.arange(64, dtype=np.uint8).reshape(8, 8),
                                    np.arange(192, dtype=np.uint8).reshape(8, 8, 3)])
def test_facts_and_pixels_come_back_as_they_were(pixels: np.ndarray, tmp_path: Path) -> None:
    save_png(tmp_path / "a.png", pixels, WHOLE)
    assert read_facts(tmp_path / "a.png") == WHOLE
    assert has_facts(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert np.array_equal(np.asarray(picture), pixels)
        assert picture.info["Software"] == "Diffuscope"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_what_is_not_known_is_left_out() -> None:
    assert PictureFacts(seed=0).values() == {"seed": 0}
    assert PictureFacts.from_values({"seed": 3, "from_a_later_version": 1}) == PictureFacts(seed=3)
    assert PictureFacts(image="cat.png").values() == {"image": "cat.png"}


def test_older_pictures_are_understood(tmp_path: Path) -> None:
    """As written before there was a page and a view."""
    facts = {"run": "mnist", "run_id": "a", "snapshot": 3, "classes": [0, 1], "seed": 5, "average_percent": 10.0,
             "sampling": SamplingConfig().model_dump()}
    found = read_facts(put(tmp_path / "a.png", json.dumps(facts)))
    assert (found.classes, found.seed, found.sampling, found.t) == ((0, 1), 5, SamplingConfig(), None)


@pytest.mark.parametrize("text", [
    "", "[1]", "{", '{"seed": -1}', '{"seed": "7"}', '{"seed": true}', '{"sampling": {"sampler": "magic"}}',
    '{"run": 5}', '{"classes": 3}', '{"average_percent": 0}', '{"schedule": ["linear"]}', "[" * 100_000])
def test_what_makes_no_sense_is_told_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", text)
    with pytest.raises(DiffuscopeError, match=r"a\.png"):
        read_facts(path)
    assert not has_facts(path)


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "plain.png")
    Image.new("L", (4, 4)).save(tmp_path / "photo.jpg")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    for name in ("plain.png", "photo.jpg", "text.png", "empty.png", "missing.png"):
        with pytest.raises(DiffuscopeError, match=name.replace(".", r"\.")):
            read_facts(tmp_path / name)
    whole = put(tmp_path / "cut.png", json.dumps(WHOLE.values())).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:40])
    assert not has_facts(tmp_path / "cut.png")
    with pytest.raises(DiffuscopeError):
        read_facts(tmp_path)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_values_of_any_kind_are_read_or_refused(value: object) -> None:
    for name in ("run", "snapshot", "average_percent", "classes", "seed", "t", "schedule", "sampling", "image"):
        try:
            found = PictureFacts.from_values({name: value})
        except (ValueError, TypeError):
            continue
        assert value is None or getattr(found, name) is not None


def test_facts_of_a_run_name_its_weights(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    facts = of_run(run, 3)
    assert facts["weights"] == run.weights_hash(3)
    assert facts["average_percent"] == stored_percent(run)
    assert of_run(run, 9)["weights"] == ""  # not there
