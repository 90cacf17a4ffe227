"""A few of a data set's training pictures, as many of each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadSetting
from engine.settings import number


def subset(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Indices (count,) of training pictures, rising: as many of each class as can be, by chance of the seed.

    Where count does not divide, the first classes of a shuffled order get one more; a class that has too few gives
    all it has, and the others make up for it. Raises BadSetting for more than there are.
    """
    if not 0 <= count <= len(labels):
        raise BadSetting(f"The data set has {number(len(labels))} training pictures; {number(count)} cannot be had.")
    rng = np.random.default_rng([seed, count])
    orders = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    chosen: list[NDArray[np.int64]] = []
    turn = rng.permutation(len(orders))
    wanted = np.zeros(len(orders), dtype=np.int64)
    left = count
    while left:
        open_ = [c for c in turn if wanted[c] < len(orders[c])][:left]
        share = max(1, left // len(open_))
        for c in open_:
            take = min(share, len(orders[c]) - int(wanted[c]))
            wanted[c] += take
            left -= take
    for c, order in enumerate(orders):
        chosen.append(order[: wanted[c]])
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
