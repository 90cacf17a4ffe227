"""CIFAR-10 is read from its binary archive in its original layout, and from nothing else."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from engine.data.cifar import RECORD, TEST, TRAIN, load_cifar10
from engine.errors import DiffuscopeError

FEW = 20


def record(label: int, value: int) -> bytes:
    """One picture: its red rises by rows, its green by columns, its blue is `value`."""
    red = np.repeat(np.arange(32, dtype=np.uint8), 32)
    green = np.tile(np.arange(32, dtype=np.uint8), 32)
    return bytes([label]) + red.tobytes() + green.tobytes() + bytes([value]) * 1024


def write(path: Path, files: dict[str, bytes], folder: str = "cifar-10-batches-bin/") -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def files() -> dict[str, bytes]:
    made = {name: b"".join(record((place + i) % 10, 40 * place + i) for i in range(FEW))
            for place, name in enumerate((*TRAIN, TEST))}
    return {"readme.html": b"<html>", "batches.meta.txt": b"airplane\n", **made}


def test_pictures_labels_and_channels_are_where_the_layout_has_them(tmp_path: Path, files: dict[str, bytes]) -> None:
    data = load_cifar10(write(tmp_path / "cifar-10-binary.tar.gz", files), FEW)
    assert data.train_images.shape == (5 * FEW, 3, 32, 32)
    assert data.test_images.shape == (FEW, 3, 32, 32)
    assert data.train_labels.tolist() == [(place + i) % 10 for place in range(5) for i in range(FEW)]
    picture = data.train_images[FEW + 3]  # the second file's fourth
    assert picture[0, 7].tolist() == [7] * 32  # red
    assert picture[1, :, 9].tolist() == [9] * 32  # green
    assert np.unique(picture[2]).tolist() == [43]  # blue
    assert data.class_names[0] == "airplane"
    assert all(data.flips)
    assert data.shape == (3, 32, 32)


def damaged(path: Path, files: dict[str, bytes]) -> Path:
    write(path, files)
    path.write_bytes(path.read_bytes()[:-200])
    return path


@pytest.mark.parametrize(("change", "sentence"), [
    ({TEST: None}, "lacks test_batch.bin"),
    ({TEST: b"\0" * (RECORD * FEW - 1)}, "test_batch.bin in a.tar.gz is not 20 pictures of 32 x 32"),
    ({"data_batch_2.bin": record(11, 0) * FEW}, "data_batch_2.bin names a class 11; classes are 0 to 9")])
def test_another_archive_is_refused(tmp_path: Path, files: dict[str, bytes], change: dict, sentence: str) -> None:
    files = {name: data for name, data in {**files, **change}.items() if data is not None}
    with pytest.raises(DiffuscopeError, match=sentence):
        load_cifar10(write(tmp_path / "a.tar.gz", files), FEW)


def test_a_broken_archive_and_a_pickled_one_are_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(DiffuscopeError, match="damaged: it cannot be unpacked"):
        load_cifar10(damaged(tmp_path / "a.tar.gz", files), FEW)
    with pytest.raises(DiffuscopeError, match="is missing"):
        load_cifar10(tmp_path / "none.tar.gz")
    pickled = write(tmp_path / "python.tar.gz", {"data_batch_1": b"\x80\x02}q\x01."}, "cifar-10-batches-py/")
    with pytest.raises(DiffuscopeError, match=r"lacks data_batch_1\.bin"):
        load_cifar10(pickled, FEW)


def test_a_link_in_the_archive_is_no_file(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(f"cifar-10-batches-bin/{TEST}")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(DiffuscopeError, match="is not 20 pictures"):
        load_cifar10(path, FEW)
