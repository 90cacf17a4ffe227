"""Sets of IDX files: Fashion-MNIST's shipped half, EMNIST turned upright."""

import gzip
import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.data import known as known_sets
from engine.data.catalogue import KNOWN, load_test_half
from engine.data.idx_sets import EMNIST_LETTERS, FASHION_MNIST, IdxFile, IdxSet
from engine.errors import DiffuscopeError
from engine.paths import RESOURCES


def idx(values: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0)


def small(known: IdxSet, train: int, test: int) -> IdxSet:
    """The same set with fewer pictures and no checksums."""
    counts = (train, train, test, test)
    files = tuple(IdxFile(f.name, (n, *f.shape[1:])) for f, n in zip(known.files, counts, strict=True))
    return replace(known, files=files)


def letter_f(lying: bool) -> np.ndarray:
    """An F: a stem at the left, two bars to the right. EMNIST's files hold it with rows and columns exchanged."""
    picture = np.zeros((28, 28), dtype=np.uint8)
    picture[4:24, 8:11] = 255
    picture[4:7, 8:20] = 255
    picture[12:15, 8:16] = 255
    return picture.T if lying else picture


def test_a_letter_of_emnist_stands_upright(tmp_path: Path) -> None:
    known = small(EMNIST_LETTERS, 4, 2)
    arrays = [np.stack([letter_f(lying=True)] * 4), np.array([6, 6, 1, 26]), np.stack([letter_f(lying=True)] * 2),
              np.array([6, 2])]
    for file, values in zip(known.files, arrays, strict=True):
        (tmp_path / file.name).write_bytes(idx(values))
    data = known.load(tmp_path)
    np.testing.assert_array_equal(data.train_images[0, 0], letter_f(lying=False))
    np.testing.assert_array_equal(data.test_images[1, 0], letter_f(lying=False))
    # Labels 1 to 26 are classes 0 to 25, A to Z.
    assert [data.class_names[c] for c in data.train_labels] == ["F", "F", "A", "Z"]
    assert data.test_labels.tolist() == [5, 1]
    assert not any(data.flips)


def test_the_letters_are_taken_out_of_the_archive_of_all_of_emnist(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    contents = {file.name: f"content of {file.name}".encode() for file in EMNIST_LETTERS.files}
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        archive.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"others")
        archive.writestr("../outside.txt", b"hostile")
        for name, data in contents.items():
            archive.writestr(f"gzip/{name}", data)
    known_sets.KNOWN["emnist-letters"].unpack(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(contents)
    assert all((tmp_path / name).read_bytes() == data for name, data in contents.items())
    assert not (tmp_path.parent / "outside.txt").exists()
    bad = io.BytesIO()
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("gzip/other", b"")
    (tmp_path / "gzip.zip").write_bytes(bad.getvalue())
    with pytest.raises(DiffuscopeError, match="archive of EMNIST is damaged or holds something else"):
        known_sets.KNOWN["emnist-letters"].unpack(tmp_path)


def test_the_test_half_of_fashion_mnist_ships() -> None:
    data = KNOWN["fashion-mnist"].load_test(RESOURCES / "data" / "fashion-mnist")
    assert data.test_images.shape == (10000, 1, 28, 28)
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert not data.trainable
    assert data.class_names == FASHION_MNIST.class_names
    # A shirt may be seen in a mirror; shoes all point one way.
    assert [name for name, may in zip(data.class_names, data.flips, strict=True) if not may] == [
        "Sandal", "Sneaker", "Ankle boot"]
    assert load_test_half("fashion-mnist").test_images.shape == (10000, 1, 28, 28)
    # Trousers are narrower than pullovers: pictures and labels belong together.
    wide = (data.test_images[:, 0] > 60).any(axis=1).sum(axis=1)
    assert wide[data.test_labels == 1].mean() < wide[data.test_labels == 2].mean() - 5
