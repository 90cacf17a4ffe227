"""A few training pictures: as many of each class, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.subset import subset
from engine.errors import BadSetting

LABELS = np.array([0] * 50 + [1] * 30 + [2] * 3, dtype=np.int64)


def test_each_class_gives_as_many() -> None:
    chosen = subset(LABELS, 9, 0)
    assert np.bincount(LABELS[chosen]).tolist() == [3, 3, 3]
    assert (np.diff(chosen) > 0).all()


def test_what_does_not_divide_and_what_is_missing_is_made_up_for() -> None:
    assert sorted(np.bincount(LABELS[subset(LABELS, 10, 0)]).tolist()) == [3, 3, 4]
    assert np.bincount(LABELS[subset(LABELS, 43, 1)]).tolist() == [20, 20, 3]
    assert subset(LABELS, len(LABELS), 5).tolist() == list(range(len(LABELS)))
    assert len(subset(LABELS, 0, 5)) == 0


def test_a_seed_decides_which() -> None:
    assert subset(LABELS, 9, 3).tolist() == subset(LABELS, 9, 3).tolist()
    assert subset(LABELS, 9, 3).tolist() != subset(LABELS, 9, 4).tolist()


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(BadSetting, match="83 training pictures; 84"):
        subset(LABELS, 84, 0)
