"""A labelled set of drawn pictures: what is asked for is in it, whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.config import SamplingConfig
from engine.data.catalogue import Dataset
from engine.data.idx import read_idx
from engine.diffusion.sample import sample_images
from engine.errors import BadSetting, DiffuscopeError
from engine.events import Event, JobProgress
from engine.export import synthetic_set as module
from engine.export.picture_facts import read_facts
from engine.export.synthetic_set import (
    SyntheticReady,
    SyntheticRequest,
    SyntheticSample,
    folder_names,
    idx_bytes,
    make_synthetic_set,
)
from engine.measure.judge import Judge
from engine.runs import Run
from engine.settings import parse
from engine.use_config import SyntheticConfig
from engine.workspace import Workspace

pytestmark = pytest.mark.usefixtures("own_data")
FAST = SamplingConfig(sampler="ddim", num_steps=2, guidance_scale=1.0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, small_mnist: Dataset) -> None:
    monkeypatch.setattr(module, "load_dataset", lambda name: small_mnist)


def request_of(run: Path, out: Path, **changes: object) -> SyntheticRequest:
    return SyntheticRequest(run, FAST, out, parse(SyntheticConfig, {"per_class": 3, **changes}))


def make(workspace: Workspace, request: SyntheticRequest) -> tuple[SyntheticReady, list[Event]]:
    events = list(make_synthetic_set(workspace, request))
    ready = events[-1]
    assert isinstance(ready, SyntheticReady)
    return ready, events


def test_a_folder_holds_each_picture_under_its_class(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "set"
    ready, events = make(one_thread, request_of(tiny_run, out, first_seed=40))
    assert sorted(p.name for p in out.iterdir()) == sorted([*"0123456789", "DATA_CARD.md", "set.json"])
    assert ready.files == 32
    assert sum(1 for p in out.rglob("*") if p.is_file()) == 32
    assert [p.name for p in sorted((out / "4").iterdir())] == ["00000044.png", "00000054.png", "00000064.png"]
    assert any(isinstance(e, SyntheticSample) for e in events)
    last = [e for e in events if isinstance(e, JobProgress) and e.unit == "pictures"][-1]
    assert (last.n, last.total) == (30, 30)

    model = one_thread.model(tiny_run, None)  # each is the picture of its class and seed, as `sample` draws it
    own = next(sample_images(model.denoiser, [4], [54], FAST, shape=model.shape, num_classes=10,
                             device=one_thread.device))[0]
    with Image.open(out / "4" / "00000054.png") as picture:
        assert np.abs(np.asarray(picture).astype(int) - own).max() <= 1
    facts = read_facts(out / "4" / "00000054.png")
    assert (facts.classes, facts.seed, facts.t, facts.sampling) == ((4,), 54, 0, FAST)
    assert facts.run_id == Run.open(tiny_run).info.id


def test_npz_and_idx_hold_the_same(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    make(one_thread, request_of(tiny_run, tmp_path / "a", format="npz"))
    make(one_thread, request_of(tiny_run, tmp_path / "b", format="idx"))
    with np.load(tmp_path / "a" / "set.npz") as held:
        images, labels = held["images"], held["labels"]
        assert images.shape == (30, 28, 28)
        assert labels.tolist() == np.repeat(np.arange(10), 3).tolist()
        assert sorted(held["seeds"].tolist()) == list(range(30))
        assert held["confidence"].shape == (30,)
        assert held["class_names"].tolist() == list("0123456789")
    assert np.array_equal(read_idx(tmp_path / "b" / "train-images-idx3-ubyte.gz", (30, 28, 28)), images)
    assert np.array_equal(read_idx(tmp_path / "b" / "train-labels-idx1-ubyte.gz", (30,)), labels)


def test_colour_pictures_make_idx_files_of_four_axes() -> None:
    values = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    packed = idx_bytes(values)
    assert gzip.decompress(packed)[:4] == bytes((0, 0, 8, 4))
    assert gzip.decompress(packed)[20:] == values.tobytes()
    assert packed == idx_bytes(values)


def test_the_card_says_where_it_comes_from(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    make(one_thread, request_of(tiny_run, tmp_path / "a", format="npz"))
    card = (tmp_path / "a" / "DATA_CARD.md").read_text(encoding="utf-8")
    values = json.loads((tmp_path / "a" / "set.json").read_text(encoding="utf-8"))
    run = Run.open(tiny_run)
    assert values["origin"]["run_id"] == run.info.id
    assert values["origin"]["weights"] == run.weights_hash(3)
    assert values["counts"] == values["drawn"] == [3] * 10
    assert values["judge"]["test_accuracy"] > 0.99
    assert len(values["nearest"]) == 30
    for words in (run.info.id, "training step 3", "30 of 30", "No filter", "real test pictures", "Is it copying"):
        assert words in card, words


def test_a_filter_keeps_only_what_is_read_surely(one_thread: Workspace, tiny_run: Path, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that reads every picture right, surely at every other look at a picture."""
    turns = iter(range(10**6))

    def read(self: Judge, images: np.ndarray) -> np.ndarray:
        chance = np.full((len(images), 10), 0.01, dtype=np.float32)
        for row in chance:
            row[asked[next(turns)]] = 0.9 if next(picky) % 2 else 0.5
        return chance

    asked: list[int] = []
    picky = iter(range(10**6))
    drawing = module.draw

    def draw(workspace: Workspace, model: object, labels: list[int], *rest: object) -> Generator[Event, None, object]:
        asked.extend(labels)
        return drawing(workspace, model, labels, *rest)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr(Judge, "read", read)
    monkeypatch.setattr(module, "draw", draw)
    ready, _ = make(one_thread, request_of(tiny_run, tmp_path / "a", format="npz", min_confidence=0.8))
    made = ready.made
    assert made.labels.tolist() == np.repeat(np.arange(10), 3).tolist()
    assert made.confidence is not None
    assert (made.confidence >= 0.8).all()
    assert sum(made.facts.drawn) > 30
    assert len(set(made.seeds.tolist())) == 30
    assert "at least 0.8" in (tmp_path / "a" / "DATA_CARD.md").read_text(encoding="utf-8")


def test_a_filter_that_nothing_passes_ends_in_words(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    """Three steps of training draw nothing that a judge would read."""
    with pytest.raises(BadSetting, match="only 0 were read so surely"):
        make(one_thread, request_of(tiny_run, tmp_path / "a", per_class=1, min_confidence=0.99))
    assert list(tmp_path.glob("*a*")) == []


def test_without_a_judge_nothing_can_be_filtered(one_thread: Workspace, tiny_run: Path, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "judge_for", lambda run: None)
    with pytest.raises(BadSetting, match="No judge reads"):
        make(one_thread, request_of(tiny_run, tmp_path / "a", min_confidence=0.5))
    ready, _ = make(one_thread, request_of(tiny_run, tmp_path / "a", format="npz"))
    assert ready.made.confidence is None
    assert "nobody has checked the labels" in (tmp_path / "a" / "DATA_CARD.md").read_text(encoding="utf-8")


def test_cancelled_it_leaves_nothing(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    request = request_of(tiny_run, tmp_path / "a", per_class=20)
    for until in (SyntheticSample, None):
        work = make_synthetic_set(one_thread, request)
        for event in work:
            writing = any(p.name.startswith(".tmp-") for p in tmp_path.iterdir())
            if (until is not None and isinstance(event, until)) or (until is None and writing):
                break
        work.close()
        assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(one_thread: Workspace, tiny_run: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").write_text("mine")
    with pytest.raises(DiffuscopeError, match="not empty"):
        make(one_thread, request_of(tiny_run, tmp_path / "a"))
    with pytest.raises(DiffuscopeError, match="is a file"):
        make(one_thread, request_of(tiny_run, tmp_path / "a" / "mine.txt"))
    assert (tmp_path / "a" / "mine.txt").read_text() == "mine"


def test_class_names_become_folders() -> None:
    assert folder_names(("T-shirt/top", "a b", "../up", "", "ä", "a b")) == \
        ["T-shirt-top", "a-b", "up", "3", "4", "5-a-b"]
