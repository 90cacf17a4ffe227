"""CLIP scores as a table: one row for each picture, generated and real."""

from __future__ import annotations

import csv
import io

from engine.measure.clip_scores import ClipScores
from engine.measure.clip_summary import picture_scores

HEADINGS = ("picture", "class", "seed", "test_index", "cosine", "clip_score", "probability", "rank", "clip_reads",
            "judge_reads")


def clip_csv(scores: ClipScores) -> str:
    """CSV with a heading row. `seed` is empty for real test pictures, `test_index` for generated ones."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    names = scores.class_names
    for kind, cosine, labels, read, places in (
            ("generated", scores.cosine, scores.class_label, scores.read, scores.seed),
            ("real", scores.real_cosine, scores.real_label, scores.real_read, scores.real_index)):
        found = picture_scores(cosine, labels, scores.logit_scale)
        for i in range(len(labels)):
            place = int(places[i])
            table.writerow([kind, names[labels[i]], *((place, "") if kind == "generated" else ("", place)),
                            f"{found.cosine[i]:.6f}", f"{found.score[i]:.6f}", f"{found.probability[i]:.6f}",
                            int(found.rank[i]), names[found.top[i]], names[read[i]] if read[i] >= 0 else ""])
    return text.getvalue()
