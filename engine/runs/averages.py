"""Averages of other widths than the stored ones, out of a run's snapshots. Torch-free, and cheap to ask about.

A width is a percent: "average over the last so many percent of training" (see `engine.runs.posthoc`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.errors import BadSetting
from engine.runs.posthoc import Average, combination, combinations, gamma_of_percent, percent_of_gamma
from engine.runs.reader import Run, Snapshot
from engine.runs.tensors import Arrays
from engine.runs.thinning import steps_to_remove
from engine.settings import number

LARGEST_ERROR = 0.1  # of a made profile, relative, in the L2 norm over training time
MOST_SNAPSHOTS = 40  # looked through for an average; a longer list is thinned as training thins


def stored_percent(run: Run) -> float:
    """The width of the average that every snapshot of the run holds."""
    return percent_of_gamma(run.info.config.training.ema_power)


def is_stored(run: Run, percent: float) -> bool:
    """Whether that is the average that every snapshot holds, as written or as the window shows it, in whole percent."""
    own = stored_percent(run)
    return math.isclose(percent, own, rel_tol=1e-6) or percent == round(own)


def percent_range(run: Run, step: int) -> tuple[int, int] | None:
    """The smallest and largest whole percent that can be made at a snapshot; None for none but the stored one.

    A width can be made when the profile of the combined averages misses the wanted one by at most LARGEST_ERROR.
    """
    stored = [average for average, _ in _stored(run.snapshots(), run, step)]
    if not stored:
        return None
    wanted = range(1, 101)
    made = combinations(stored, [gamma_of_percent(percent) for percent in wanted], step)
    good = [percent for percent, found in zip(wanted, made, strict=True) if found.error <= LARGEST_ERROR]
    low = high = max(1, min(100, round(stored_percent(run))))
    while low - 1 in good:
        low -= 1
    while high + 1 in good:
        high += 1
    return (low, high) if high > low else None


def load_average(run: Run, step: int | None, percent: float | None) -> tuple[int, Arrays]:
    """The step, and its weights averaged over the last `percent` of training (None: as stored), in float32.

    step None is the newest. Raises BadSetting for a width that cannot be made there, saying which can; BadRun
    where a snapshot is missing or damaged.
    """
    if percent is None or is_stored(run, percent):
        return run.load_snapshot(step)
    there = run.snapshots()
    at = step if step is not None else there[-1].step if there else 0
    stored = _stored(there, run, at)
    if not stored:
        raise BadSetting(*_one_average(run, there, at))
    averages, gamma = [average for average, _ in stored], gamma_of_percent(percent)
    if combinations(averages, [gamma], at)[0].error > LARGEST_ERROR:
        reach = percent_range(run, at)
        own = number(round(stored_percent(run)))
        words = f"{reach[0]} to {reach[1]}" if reach else own
        raise BadSetting(f"At step {number(at)} of {run.name} the average may be over the last {words} % of training; "
                         f"{number(percent)} is not among them.",
                         "Fewer snapshots before a step leave less choice; a later one has more.")
    listed = {snapshot.step: snapshot for snapshot in there}
    made: Arrays = {}
    for (average, wide), coefficient in zip(stored, combination(averages, gamma, at).coefficients, strict=True):
        if coefficient == 0:
            continue
        arrays = run.read_snapshot(listed[average.step], wide=wide)
        if arrays is None:  # gone, or saved anew
            _, arrays = run.load_snapshot(average.step, wide=wide)
        for name, array in arrays.items():
            if not np.issubdtype(array.dtype, np.floating):
                made[name] = array  # a counter, not an average; the newest stays
            elif name in made:
                made[name] += np.float32(coefficient) * array
            else:
                made[name] = np.float32(coefficient) * array
    return at, made


def _stored(there: Sequence[Snapshot], run: Run, step: int) -> list[tuple[Average, bool]]:
    """The averages to combine at a step, each with whether it is the second one, by rising step.

    Empty unless that step itself has both: with the narrow one alone nothing wider can be made of it.
    """
    training = run.info.config.training
    having = {snapshot.step: snapshot for snapshot in there if 1 <= snapshot.step <= step}
    if step not in having or not having[step].wide:
        return []
    wide = {at for at, snapshot in having.items() if snapshot.wide}
    spared = wide if len(wide) <= MOST_SNAPSHOTS // 2 else {step}
    left = sorted(set(having) - set(steps_to_remove(having, MOST_SNAPSHOTS - len(spared), spared)))
    narrow = [(Average(at, training.ema_power), False) for at in left]
    return narrow + [(Average(at, training.ema_power_wide), True) for at in left if at in wide]


def _one_average(run: Run, there: Sequence[Snapshot], step: int) -> tuple[str, str]:
    """Headline and advice where nothing but the stored average can be had."""
    own = number(round(stored_percent(run)))
    both = [snapshot.step for snapshot in there if snapshot.wide]
    if not both:
        return (f"{run.name} keeps one average of the weights, over the last {own} % of training; another cannot be "
                "made.", "A run trained now keeps two.")
    return (f"The snapshot at step {number(step)} of {run.name} keeps one average, over the last {own} % of training; "
            "another cannot be made there.", f"Both are kept at {', '.join(map(number, both[-8:]))}.")
