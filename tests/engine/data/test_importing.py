"""Importing one's own pictures: what is counted, how they are brought to size, what is written, and stopping it."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.catalogue import dataset_names, dataset_title, forget_loaded, listings, load_dataset, remove
from engine.data.importing import Imported, ImportRequest, Preview, import_pictures, preview
from engine.data.stored import describe_stored, free_name, stored_file
from engine.errors import BadSetting, DiffuscopeError
from engine.events import JobProgress
from engine.paths import data_dir


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    forget_loaded()
    return tmp_path / "home"


def picture(path: Path, size: tuple[int, int], colour: tuple[int, int, int] = (200, 40, 40)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of red and blue pictures of 32 x 32, 20 each."""
    root = tmp_path / "Two colours"
    for i in range(20):
        picture(root / "red" / f"{i}.png", (32, 32), (200, 10 + i, 0))
        picture(root / "blue" / "deeper" / f"{i}.jpg", (32, 32), (0, 10 + i, 200))
    return root


def looked(request: ImportRequest) -> Preview:
    found = list(preview(request))[-1]
    assert isinstance(found, Preview)
    return found


def imported(request: ImportRequest) -> Imported:
    done = list(import_pictures(request))[-1]
    assert isinstance(done, Imported)
    return done


def test_a_preview_counts_classes_and_shows_some_of_each(folder: Path) -> None:
    events = list(preview(ImportRequest(folder)))
    found = events[-1]
    assert isinstance(found, Preview)
    assert found.class_names == ("blue", "red")
    assert found.counts == (20, 20)
    assert (found.size, found.channels, found.resized, found.total) == (32, 3, 0, 40)
    assert [s.shape for s in found.sheet] == [(14, 32, 32, 3)] * 2
    assert found.sheet[1][0, 0, 0].tolist() == [200, 10, 0]
    assert not found.problem
    assert "A tenth of each class is kept apart for testing." in found.notes
    progress = [e for e in events if isinstance(e, JobProgress)]
    assert progress[-1].n == progress[-1].total == 40
    assert not (data_dir() / "datasets").exists()


def test_an_import_is_one_file_that_can_be_learned(folder: Path) -> None:
    done = imported(ImportRequest(folder, flips=True))
    name = done.description.name
    assert name == "two-colours"
    assert [p.name for p in (data_dir() / "datasets").iterdir()] == ["two-colours.safetensors"]
    data = load_dataset(name)
    assert data.class_names == ("blue", "red")
    assert data.train_images.shape == (36, 3, 32, 32)
    assert data.test_images.shape == (4, 3, 32, 32)
    assert data.flips == (True, True)
    red = data.train_images[data.train_labels == 1]
    assert red[:, 0].mean() > 190
    assert red[:, 2].mean() < 10
    assert np.bincount(data.test_labels).tolist() == [2, 2]
    assert len(set(data.train_labels[:10])) == 2  # the order mixes classes
    assert name in dataset_names()
    assert dataset_title(name) == "Two colours"
    listing = next(entry for entry in listings() if entry.name == name)
    assert (listing.here, listing.imported, listing.counts) == (True, True, (36, 4))
    # The same again is another set; the first stays as it is.
    assert imported(ImportRequest(folder)).description.name == "two-colours-2"


def test_a_set_can_be_removed_with_its_judges(folder: Path) -> None:
    name = imported(ImportRequest(folder)).description.name
    judges = data_dir() / "judges"
    judges.mkdir()
    for file in (f"{name}-judge.safetensors", f"{name}-noise-judge.json", f"{name}-2-judge.json"):
        (judges / file).write_bytes(b"")
    load_dataset(name)
    remove(name)
    assert [p.name for p in judges.iterdir()] == [f"{name}-2-judge.json"]
    with pytest.raises(BadSetting, match="no data set called two-colours"):
        load_dataset(name)


def test_train_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    for half, count in (("train", 6), ("test", 3)):
        for name in ("7", "10"):
            for i in range(count):
                picture(tmp_path / "set" / half / name / f"{i}.png", (28, 28), (90, 90, 90))
    found = looked(ImportRequest(tmp_path / "set"))
    assert found.class_names == ("7", "10")  # numbers by their value
    assert (found.counts, found.test_counts) == ((6, 6), (3, 3))
    assert (found.size, found.channels) == (28, 1)
    data = load_dataset(imported(ImportRequest(tmp_path / "set")).description.name)
    assert (len(data.train_labels), len(data.test_labels)) == (12, 6)
    assert np.unique(data.train_images).tolist() == [90]


def test_the_resize_rule_is_kept_to(tmp_path: Path) -> None:
    wide = np.zeros((40, 80, 3), dtype=np.uint8)
    wide[:, :20], wide[:, 60:] = (250, 0, 0), (250, 0, 0)
    wide[:, 20:60] = (0, 250, 0)
    for name in "ab":
        for i in range(3):
            path = tmp_path / "set" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(wide).save(path)
    middle = looked(ImportRequest(tmp_path / "set", size=32, rule="middle"))
    assert middle.resized == 6
    assert middle.sizes == (((80, 40), 6),)
    assert middle.sheet[0][0][:, 2:30, 1].min() > 230  # only the green middle is left
    whole = looked(ImportRequest(tmp_path / "set", size=32, rule="whole")).sheet[0][0]
    assert whole[2, 16].tolist() != [0, 250, 0]  # above it its border's colour
    assert whole[16, 16, 1] > 230
    assert whole[16, 1, 0] > 230
    grey = imported(ImportRequest(tmp_path / "set", size=64, channels=1, rule="middle"))
    assert load_dataset(grey.description.name).shape == (1, 64, 64)


def test_a_list_names_pictures_and_labels(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    picture(outside, (32, 32))
    (folder / "link.png").symlink_to(outside)
    rows = [("file_name", "other", "label"), *((f"red/{i}.png", "x", "warm") for i in range(20)),
            *((f"blue/deeper/{i}.jpg", "x", "cold") for i in range(20)),
            ("../secret.png", "", "cold"), (str(outside), "", "cold"), ("red/none.png", "", "warm"),
            ("link.png", "", "warm"), ("red/3.png", "", ""), ("red", "", "warm"), ()]
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = looked(ImportRequest(folder / "list.csv"))
    assert found.class_names == ("cold", "warm")
    assert found.counts == (20, 20)
    assert {(s.name.split("/")[-1], s.reason) for s in found.skipped} == {
        ("secret.png", "outside the folder"), ("none.png", "named in the list but not there"),
        ("link.png", "a link, which is not followed"), ("3.png", "without a label"),
        ("red", "not a picture by its name")}
    (folder / "plain.csv").write_text("\n".join(f"red/{i}.png,{i % 2}" for i in range(20)))
    assert looked(ImportRequest(folder / "plain.csv")).counts == (10, 10)


def test_one_class_is_too_few_and_imbalance_is_noted(folder: Path, tmp_path: Path) -> None:
    for i in range(90):
        picture(folder / "red" / f"more{i}.png", (32, 32))
    found = looked(ImportRequest(folder))
    assert any("red has 6 times the pictures of blue" in note for note in found.notes)
    picture(tmp_path / "one" / "only" / "a.png", (32, 32))
    assert "At least two classes" in looked(ImportRequest(tmp_path / "one")).problem
    with pytest.raises(DiffuscopeError, match="only one was found"):
        list(import_pictures(ImportRequest(tmp_path / "one")))
    (tmp_path / "empty").mkdir()
    assert "none was found" in looked(ImportRequest(tmp_path / "empty")).problem


def test_closing_leaves_nothing_behind(folder: Path) -> None:
    work = import_pictures(ImportRequest(folder, size=32, channels=3))
    for event in work:
        if isinstance(event, JobProgress) and event.n:
            break
    work.close()
    assert not (data_dir() / "datasets").exists()
    assert not [t for t in threading.enumerate() if t.name.startswith("import")]


def test_other_files_and_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DiffuscopeError, match="neither a folder of pictures nor a list"):
        list(preview(ImportRequest(tmp_path / "a.txt")))
    for wrong in ({"size": 48}, {"channels": 2}, {"rule": "stretch"}):
        with pytest.raises(BadSetting):
            ImportRequest(tmp_path, **wrong)


def test_a_stored_set_that_was_changed_is_refused(folder: Path) -> None:
    name = imported(ImportRequest(folder)).description.name
    file = stored_file(name)
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(DiffuscopeError, match="The data set two-colours is damaged"):
        load_dataset(name)
    file.write_bytes(whole.replace(b'\\"channels\\": 3', b'\\"channels\\": 1'))
    with pytest.raises(DiffuscopeError, match="its training pictures are not what it says"):
        load_dataset(name)
    file.write_bytes(b"\xff" * 100)
    with pytest.raises(DiffuscopeError, match="damaged"):
        load_dataset(name)
    assert name not in [entry.name for entry in listings()]
    file.write_bytes(whole)
    file.rename(file.with_name("other.safetensors"))
    with pytest.raises(ValueError, match="it calls itself two-colours"):
        describe_stored(file.with_name("other.safetensors"))


@pytest.mark.parametrize("name", ["../x", "", "A", "a/b", "-a", "x" * 60])
def test_a_name_is_never_a_path(name: str) -> None:
    with pytest.raises(BadSetting):
        stored_file(name)
    with pytest.raises(BadSetting, match="There is no data set called"):
        load_dataset(name)


def test_a_title_becomes_a_free_name() -> None:
    assert free_name("MNIST") == "mnist-2"
    assert free_name("Größe & Äpfel!") == "gr-e-pfel"
    assert free_name("日本") == "pictures"
