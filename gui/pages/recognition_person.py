"""What a person read in the blind test, beside the judge's reading of the very same trajectories."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.measure.blind_test import BlindSummary, BlindTest, Seen, seen_frames
from engine.measure.recognition_summary import DENOISED, Spread, places
from engine.settings import number
from gui.pages.recognition_ranking import Ranking, Row
from gui.pages.recognition_words import SCALE_NAMES, on_scale, p_words, plus_minus
from gui.widgets.labels import Text
from gui.widgets.words import Words
from gui.words import NARROW

FEW = 10  # digits, below which little can be said


def person_finding(summary: BlindSummary) -> tuple[str, str]:
    """The answer, and its numbers."""
    seen = summary.overall
    you, judge = seen.person[DENOISED], seen.judge[DENOISED]
    count = f"{number(seen.n)} picture{'' if seen.n == 1 else 's'}, {number(seen.right)} right"
    if you.mean is None:
        return "You read none of them yet:", f"{count}."
    beside = "" if judge.mean is None else f", the judge at {on_scale(judge.mean, DENOISED)}"
    return f"You read at {on_scale(you.mean, DENOISED)} on average{beside}:", f"{count}."


def person_figures(summary: BlindSummary) -> str:
    """Shares and means with their intervals, and the difference on the same trajectories."""
    seen, later = summary.overall, summary.later[DENOISED]
    low, high = seen.right_ci
    parts = [f"Right: {100 * seen.right / max(1, seen.n):.0f}{NARROW}%, interval {100 * low:.0f} to "
             f"{100 * high:.0f}{NARROW}%."]
    if seen.person[DENOISED].mean is not None:
        parts.append(f"You {_interval(seen.person[DENOISED])}, the judge {_interval(seen.judge[DENOISED])}"
                     f"{NARROW}% denoised.")
    if later.mean is not None:
        word = "later" if later.mean >= 0 else "earlier"
        half = "" if later.ci95 is None else f" ± {(later.ci95[1] - later.ci95[0]) / 2:.1f}"
        parts.append(f"Of the {number(later.n)} that both read, you were {abs(later.mean):.1f}{half} points {word}, "
                     f"{p_words(summary.p)}.")
    if seen.n < FEW:
        parts.append(f"Fewer than {FEW} pictures say little.")
    return " ".join(parts)


def blind_answer(test: BlindTest) -> str:
    """Where the last picture was read, by the person and by the judge."""
    trial, never = test.trials[-1], len(test.sigma)
    at = places(test.sigma, test.t, test.num_timesteps, DENOISED)
    you = "You waited to the end" if trial.frame == never else f"You saw it at {on_scale(at[trial.frame], DENOISED)}"
    if trial.judge_frame is None:
        return f"{you}."
    judge = "the judge never reads it for sure" if trial.judge_frame == never else \
        f"the judge reads it from {on_scale(at[trial.judge_frame], DENOISED)} on"
    return f"{you}, {judge}. Seed {trial.seed}. {len(test.trials)} so far."


def _interval(spread: Spread) -> str:
    return f"{plus_minus(spread)} (n = {number(spread.n)})"


class PersonView(QWidget):
    """Two rankings of the same classes in the same order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figures = Text("", 12, 400, "text2", wrap=True)
        self.you, self.judge = Ranking(), Ranking()
        self.you.setAccessibleName("Where you read each class")
        self.judge.setAccessibleName("Where the judge reads the same trajectories")
        self.you_title, self.judge_title = Words(), Words()
        parts = QHBoxLayout()
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(24)
        for title, widget in ((self.you_title, self.you), (self.judge_title, self.judge)):
            column = QVBoxLayout()
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(title)
            column.addWidget(widget, 1)
            parts.addLayout(column, 1)
            widget.setProperty("explain", "blind-test")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(self.figures)
        whole.addLayout(parts, 1)

    def show_test(self, test: BlindTest, summary: BlindSummary, name: str, class_label: int) -> None:
        """All trials on the axis of that name."""
        self.figures.setText(person_figures(summary))
        at = places(test.sigma, test.t, test.num_timesteps, name)
        order = sorted(summary.classes, key=lambda one: _first(one[1], name))
        rows: tuple[list[Row], list[Row]] = ([], [])
        for label, seen in order:
            trials = [one for one in test.trials if one.class_label == label]
            seeds = np.array([one.seed for one in trials], dtype=np.int64)
            judged = np.array([one.judge_frame if one.judge_frame is not None else len(at) - 1 for one in trials])
            words = f"{seen.name}: {seen.right} of {seen.n} right; you {plus_minus(seen.person[name])}, the judge " \
                    f"{plus_minus(seen.judge[name])}"
            for row, frames, spread in ((rows[0], seen_frames(trials, len(at) - 1), seen.person[name]),
                                        (rows[1], judged, seen.judge[name])):
                row.append(Row(label, seen.name, at[frames], seeds, spread.mean, spread.ci95, plus_minus(spread),
                               words))
        for ranking, made, other in ((self.you, rows[0], rows[1]), (self.judge, rows[1], rows[0])):
            ranking.set_rows(made, None, other)
            ranking.set_chosen(class_label)
        self.you_title.set_parts((f"You, {SCALE_NAMES[name]}", "text", 600, 13, ""),
                                 ("wrong or waited to the end: never", "muted", 400, 12, ""))
        self.judge_title.set_parts((f"The judge, {SCALE_NAMES[name]}", "text", 600, 13, ""),
                                   ("the very same trajectories", "muted", 400, 12, ""))


def _first(seen: Seen, name: str) -> float:
    mean = seen.person[name].mean
    return np.inf if mean is None else mean
