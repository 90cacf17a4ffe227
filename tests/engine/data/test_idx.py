"""IDX files: what is accepted, and the sentence for each kind of damage."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from engine.data.idx import read_idx
from engine.errors import DiffuscopeError

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx_bytes(values: np.ndarray) -> bytes:
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "values.gz"
    path.write_bytes(gzip.compress(idx_bytes(VALUES)))
    return path


def test_values_come_back(file: Path) -> None:
    values = read_idx(file, (2, 3, 4), hashlib.sha256(idx_bytes(VALUES)).hexdigest())
    assert np.array_equal(values, VALUES)
    assert values.flags.writeable  # torch warns otherwise


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match=r"nothing\.gz is missing") as caught:
        read_idx(tmp_path / "nothing.gz", (1,))
    assert str(tmp_path) in caught.value.advice


def test_a_folder_in_its_place_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match="cannot be read"):
        read_idx(tmp_path, (1,))


@pytest.mark.parametrize("cut", [0, 1, 10, 20, -9, -1])
def test_a_truncated_file_is_refused(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(DiffuscopeError, match="is damaged"):
        read_idx(file, (2, 3, 4))


def test_no_flipped_bit_ever_gives_other_values(file: Path) -> None:
    """The gzip header holds idle bits (time, system), and so may the end of the stream; no other may pass."""
    good = file.read_bytes()
    refused = 0
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            assert np.array_equal(read_idx(file, (2, 3, 4)), VALUES)
        except DiffuscopeError:
            refused += 1
    assert refused > 8 * (len(good) - 10) - 8


def test_other_counts_than_promised_are_refused(file: Path) -> None:
    for shape in [(3, 3, 4), (1, 3, 4), (24,)]:
        with pytest.raises(DiffuscopeError, match="does not unpack to"):
            read_idx(file, shape)
    with pytest.raises(DiffuscopeError, match="not an IDX file of 4 x 3 x 2 bytes"):
        read_idx(file, (4, 3, 2))


def test_sound_file_with_other_content_is_refused(file: Path) -> None:
    with pytest.raises(DiffuscopeError, match="checksum differs"):
        read_idx(file, (2, 3, 4), "0" * 64)


def test_a_small_file_that_unpacks_to_a_huge_one_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DiffuscopeError, match="does not unpack to 40 bytes"):
        read_idx(path, (2, 3, 4))
