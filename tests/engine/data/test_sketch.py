"""A drawing made to look as the data do."""

from __future__ import annotations

import numpy as np

from engine.data.sketch import centred, shrunk


def test_ink_is_scaled_to_twenty_pixels_and_centred_by_mass() -> None:
    picture = np.zeros((1, 28, 28), dtype=np.uint8)
    picture[0, 0:10, 0:4] = 255
    made = centred(picture)[0].astype(float)
    rows, columns = np.flatnonzero((made > 60).any(axis=1)), np.flatnonzero((made > 60).any(axis=0))
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 == 8
    y, x = (float((made.sum(axis=1 - axis) @ np.arange(28)) / made.sum()) for axis in (0, 1))
    assert abs(y - 13.5) <= 0.6
    assert abs(x - 13.5) <= 0.6


def test_lopsided_ink_stays_inside_and_an_empty_sheet_stays_empty() -> None:
    picture = np.zeros((3, 32, 32), dtype=np.uint8)
    picture[:, 2:30, 2] = 255
    picture[:, 2:5, 2:30] = 255
    made = centred(picture)
    assert made.shape == (3, 32, 32)
    assert made.max() > 200
    empty = np.zeros((1, 28, 28), dtype=np.uint8)
    assert np.array_equal(centred(empty), empty)


def test_a_large_drawing_shrinks_to_means() -> None:
    drawn = np.zeros((280, 280), dtype=np.uint8)
    drawn[:5, :10] = 200
    small = shrunk(drawn, 28, 3)
    assert small.shape == (3, 28, 28)
    assert small[:, 0, 0].tolist() == [100, 100, 100]
    assert small.sum() == 300
