"""A recognition as a table: one row for each picture."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.measure.recognition import Recognition
from engine.measure.recognition_summary import (
    SCALES,
    chosen,
    commit_point,
    drifted,
    first_recognition,
    scale,
)

HEADINGS = ("class", "seed", *(f"first_{name}" for name in SCALES), *(f"commit_{name}" for name in SCALES), "drifted",
            "read_at_end", "probability_at_end")


def recognition_csv(recognition: Recognition) -> str:
    """CSV with a heading row: class and seed of each picture, its first recognition and its commit point on each
    scale, whether it drifted, and what was read at the end. Empty where a picture was never read, or sigma is 0.
    """
    probability, top = recognition.probability.astype(np.float32), recognition.top
    first, commit = first_recognition(probability), commit_point(top)
    drift = drifted(probability, top, recognition.class_label)
    places = {name: scale(recognition, name) for name in SCALES}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    for c in recognition.classes:
        for i in chosen(recognition, c).tolist():
            table.writerow([
                recognition.class_names[c], recognition.seed[i],
                *(_number(places[name][first[i]]) for name in SCALES),
                *(_number(places[name][commit[i]]) for name in SCALES),
                int(drift[i]), recognition.class_names[top[i, -1]], f"{probability[i, -1]:.4f}"])
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
