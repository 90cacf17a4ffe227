"""Recognition, the U-turn and the blind test as tables: one row for each picture."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.measure.blind_test import BlindTest
from engine.measure.recognition import Recognition
from engine.measure.recognition_summary import (
    SCALES,
    SNR,
    chosen,
    commit_point,
    drifted,
    first_recognition,
    places,
    scale,
)
from engine.measure.u_turn import UTurn

HEADINGS = ("class", "seed", *(f"first_{name}" for name in SCALES), *(f"commit_{name}" for name in SCALES), "drifted",
            "read_at_end", "probability_at_end")


def recognition_csv(recognition: Recognition) -> str:
    """CSV with a heading row: class and seed of each picture, its first recognition and its commit point on each
    scale, whether it drifted, and what was read at the end. Empty where a picture was never read, or sigma is 0.
    """
    probability, top = recognition.probability.astype(np.float32), recognition.top
    first, commit = first_recognition(probability), commit_point(top)
    drift = drifted(probability, top, recognition.class_label)
    at = {name: scale(recognition, name) for name in SCALES}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    for c in recognition.classes:
        for i in chosen(recognition, c).tolist():
            table.writerow([
                recognition.class_names[c], recognition.seed[i],
                *(_number(at[name][first[i]]) for name in SCALES),
                *(_number(at[name][commit[i]]) for name in SCALES),
                int(drift[i]), recognition.class_names[top[i, -1]], f"{probability[i, -1]:.4f}"])
    return text.getvalue()


TURN_HEADINGS = ("class", "seed", "t", "snr_db", "read", "probability")


def u_turn_csv(found: UTurn) -> str:
    """CSV with a heading row: for each picture and each level where it turned, what the judge read in what came back,
    and how sure it was of the picture's own class.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(TURN_HEADINGS)
    snr = places(found.sigma, found.t, found.num_timesteps, SNR)
    for i, label in enumerate(found.class_label.tolist()):
        for level, t in enumerate(found.t):
            table.writerow([found.class_names[label], found.seed[i], t, _number(snr[level]),
                            found.class_names[found.top[i, level]], f"{float(found.probability[i, level]):.4f}"])
    return text.getvalue()


BLIND_HEADINGS = ("class", "seed", "read_as", *(f"person_{name}" for name in SCALES),
                  *(f"judge_{name}" for name in SCALES))


def blind_csv(test: BlindTest) -> str:
    """CSV with a heading row: each picture with what the person read, where, and where the judge read the same
    trajectory. Empty where it was not read before the end.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(BLIND_HEADINGS)
    at = {name: places(test.sigma, test.t, test.num_timesteps, name) for name in SCALES}
    for trial in test.trials:
        judge = len(test.sigma) if trial.judge_frame is None else trial.judge_frame
        table.writerow([test.class_names[trial.class_label], trial.seed, test.class_names[trial.answer],
                        *(_number(at[name][trial.frame]) for name in SCALES),
                        *(_number(at[name][judge]) for name in SCALES)])
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
