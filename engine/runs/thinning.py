"""Which snapshots to take and which to keep: close together early, when most is learned.

Evenly spaced in the square root of the step, i.e. step ~ (i / keep)^2 of the plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable


def snapshot_steps(planned: int, keep: int) -> tuple[int, ...]:
    """Steps at which to take a snapshot, rising, 0 and `planned` among them.

    There are min(keep, planned + 1) of them, and at least the two ends.
    """
    if planned <= 0:
        return (0,)
    count = min(max(keep, 2), planned + 1)
    steps = [0] * count
    for i in range(1, count):
        steps[i] = max(round(planned * (i / (count - 1)) ** 2), steps[i - 1] + 1)
    steps[-1] = planned
    for i in range(count - 2, 0, -1):  # rounding up may have run past the end of a short plan
        steps[i] = min(steps[i], steps[i + 1] - 1)
    return tuple(steps)


def steps_to_remove(steps: Iterable[int], keep: int, spared: Iterable[int] = ()) -> list[int]:
    """Which of the snapshot steps to remove so that `keep` are left (not counting spared ones).

    The first and the last stay always. Removed is, again and again, the step whose neighbours are closest
    to each other in the square root of the step, since it is missed least.
    """
    left = sorted(set(steps))
    if not left:
        return []
    safe = set(spared)
    counted = sum(step not in safe for step in left)
    removed = []
    while counted > max(keep, 2):
        best = None
        for i in range(1, len(left) - 1):
            if left[i] in safe:
                continue
            gap = math.sqrt(left[i + 1]) - math.sqrt(left[i - 1])
            if best is None or gap < best[0]:
                best = (gap, i)
        if best is None:
            break
        removed.append(left.pop(best[1]))
        counted -= 1
    return removed


def evenly(steps: Iterable[int], keep: int) -> set[int]:
    """At most `keep` of the steps, those nearest to even shares of the last one, which is among them."""
    there = sorted(set(steps))
    if not there or keep < 1:
        return set()
    return {min(there, key=lambda step: abs(step - there[-1] * share / keep)) for share in range(1, keep + 1)}
