"""The map of the time machine as a table: one row for each cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.measure.time_machine import Column

HEADINGS = ("run", "class", "seed", "training_step", "t", "percent_denoised", "sigma", "probability", "read",
            "first_readable")


@dataclass(frozen=True, eq=False)
class TableMap:
    """One run's columns of one class. t, sigma (rows,) of num_timesteps."""

    name: str
    class_names: tuple[str, ...]
    seed: int
    num_timesteps: int
    t: NDArray[np.int64]
    sigma: NDArray[np.float64]
    columns: tuple[Column, ...]


def time_machine_csv(maps: Iterable[TableMap]) -> str:
    """CSV with a heading row: where the cell is, how sure the judge is of the class in its x_t, the class it reads, and
    1 from the row on from which it is read to the end. Empty where there is no judge.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    for each in maps:
        for column in each.columns:
            first = column.first
            for frame in range(column.filled):
                row = column.rows[frame]
                read = ("", "", "") if column.probability is None or column.top is None or first is None else (
                    f"{column.probability[frame]:.4f}", each.class_names[column.top[frame]], int(row >= first))
                t = int(each.t[row])
                table.writerow([each.name, each.class_names[column.class_label], each.seed, column.snapshot, t,
                                f"{100 * (1 - t / each.num_timesteps):.6g}", f"{each.sigma[row]:.6g}", *read])
    return text.getvalue()
