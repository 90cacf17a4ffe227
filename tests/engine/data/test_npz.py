"""Sets in one .npz file: the layout of MedMNIST, and nothing that could run code or fill the memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.data.catalogue import forget_loaded, load_dataset
from engine.data.importing import Imported, ImportRequest, Preview, import_pictures, preview
from engine.data.npz import load_npz
from engine.errors import DiffuscopeError


def arrays(channels: int = 1, size: int = 28, counts: tuple[int, int, int] = (8, 4, 4)) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    made = {}
    for half, count in zip(("train", "val", "test"), counts, strict=True):
        shape = (count, size, size) if channels == 1 else (count, size, size, channels)
        made[f"{half}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
        made[f"{half}_labels"] = (np.arange(count) % 3)[:, None].astype(np.uint8)
    return made


def written(path: Path, made: dict[str, np.ndarray]) -> Path:
    np.savez_compressed(path, **made)
    return path


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 28), (3, 64)])
def test_halves_and_channels(tmp_path: Path, channels: int, size: int) -> None:
    made = arrays(channels, size)
    data = load_npz(written(tmp_path / "med.npz", made), "med", "Med")
    assert data.shape == (channels, size, size)
    assert (len(data.train_labels), len(data.test_labels)) == (12, 4)  # validation pictures are learned too
    assert data.class_names == ("0", "1", "2")
    first = made["train_images"][0] if channels == 1 else made["train_images"][0].transpose(2, 0, 1)
    np.testing.assert_array_equal(data.train_images[0].reshape(first.shape), first)


def test_it_is_imported_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(tmp_path / "home"))
    forget_loaded()
    request = ImportRequest(written(tmp_path / "med.npz", arrays(3)), "Tissue")
    found = list(preview(request))[-1]
    assert isinstance(found, Preview)
    assert (found.counts, found.test_counts) == ((5, 4, 3), (2, 1, 1))
    assert found.sheet[0].shape == (5, 28, 28, 3)
    done = list(import_pictures(request))[-1]
    assert isinstance(done, Imported)
    data = load_dataset(done.description.name)
    assert (done.description.name, data.title, len(data.train_labels)) == ("tissue", "Tissue", 12)
    forget_loaded()


@pytest.mark.parametrize(("change", "sentence"), [
    ({"train_images": None}, "has no train_images with train_labels"),
    ({"train_images": np.zeros((8, 30, 30), np.uint8)}, "are 30 x 30 of type uint8"),
    ({"train_images": np.zeros((8, 28, 28), np.float32)}, "holds float32 and not whole numbers"),
    ({"train_images": np.zeros((8, 28, 28), np.int32)}, "of type int32"),
    ({"train_labels": np.zeros((8, 14), np.uint8)}, "one label a picture"),
    ({"train_labels": np.full(8, -1)}, "has the label -1"),
    ({"train_labels": np.zeros(8, np.uint8), "val_labels": np.zeros(4, np.uint8), "test_labels": np.zeros(4, np.uint8)},
     "has 1 classes"),
    ({"test_images": np.zeros((4, 32, 32), np.uint8)}, "differ in shape"),
    ({"train_images": np.array([{}] * 8, dtype=object)}, "holds object and not whole numbers")])
def test_other_contents_are_refused(tmp_path: Path, change: dict, sentence: str) -> None:
    made = {name: value for name, value in {**arrays(), **change}.items() if value is not None}
    with pytest.raises(DiffuscopeError, match=sentence):
        load_npz(written(tmp_path / "a.npz", made), "a", "A")


def test_a_claim_of_endless_pictures_is_not_believed(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 28, 28), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("train_images.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DiffuscopeError, match="larger than 4 GB"):
        load_npz(tmp_path / "bomb.npz", "a", "A")
    (tmp_path / "none.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DiffuscopeError, match="cannot be read as a data set"):
        load_npz(tmp_path / "none.npz", "a", "A")
