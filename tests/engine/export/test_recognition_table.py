"""The table of a recognition has a row for each picture, and nothing where there is no number."""

from __future__ import annotations

import csv
import io

import numpy as np

from engine.config import SamplingConfig
from engine.export.recognition_table import HEADINGS, recognition_csv
from engine.measure.recognition import Recognition


def test_one_row_a_picture_with_empty_cells_for_never() -> None:
    made = Recognition(
        snapshot=5, average_percent=None, sampling=SamplingConfig(num_steps=4), reading="noisy", unconditional=False,
        classes=(1, 0), class_names=("nought", "one"), seeds=2, first_seed=7, nfe=8, num_timesteps=1000,
        sigma=(100.0, 10.0, 1.0, 0.1, 0.0), t=(1000, 700, 400, 100, 0), judge="a", judge_accuracy=(0.1,) * 5,
        class_label=np.array([1, 1, 0, 0], dtype=np.uint8), seed=np.array([7, 8, 7, 8]),
        probability=np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0.5], [1, 1, 1, 1, 1], [0, 1, 0, 0, 1]], dtype=np.float16),
        top=np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 1], [0] * 5, [1, 0, 1, 1, 0]], dtype=np.uint8),
        top_probability=np.ones((4, 5), dtype=np.float16))
    rows = list(csv.DictReader(io.StringIO(recognition_csv(made))))
    assert tuple(rows[0]) == HEADINGS
    assert [(row["class"], row["seed"], row["first_percent_denoised"], row["commit_percent_denoised"], row["drifted"],
             row["read_at_end"]) for row in rows] == [
        ("one", "7", "60", "60", "0", "one"), ("one", "8", "", "100", "0", "one"),
        ("nought", "7", "0", "0", "0", "nought"), ("nought", "8", "100", "100", "1", "nought")]
    assert [row["first_snr_db"] for row in rows] == ["0", "", "-40", ""]
    assert [row["first_percent_steps"] for row in rows] == ["50", "", "0", "100"]
    assert [row["probability_at_end"] for row in rows] == ["1.0000", "0.5000", "1.0000", "1.0000"]
