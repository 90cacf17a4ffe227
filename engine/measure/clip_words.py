"""The findings of CLIP scores in sentences, for the page and the command line alike."""

from __future__ import annotations

from engine.measure.clip_scores import ClipScores
from engine.measure.clip_summary import CLIP, MODEL, SCORE, ClassScores, ClipSummary

GOOD_READER = 0.95  # share of real pictures that a CLIP must put first to be called a reader of them


def picture_names(scores: ClipScores) -> str:
    """What the pictures are called."""
    return "digits" if scores.class_names == tuple("0123456789") else "pictures"


def signed(value: float | None, digits: int = 3) -> str:
    """With a sign, a true minus."""
    return "?" if value is None else f"{value:+.{digits}f}".replace("-", "\u2212")


def _gap(found: ClassScores) -> str:
    gap = found.difference[SCORE]
    ends = "" if gap.ci95 is None else f", 95 % {signed(gap.ci95[0])} to {signed(gap.ci95[1])}"
    return f"{signed(gap.mean)} against real ones{ends}"


def best_and_worst(scores: ClipScores, summary: ClipSummary) -> str:
    """Which class comes out best and worst against real pictures, and whose fault the worst is."""
    best, worst = summary.classes[summary.best], summary.classes[summary.worst]
    if best is worst:
        return f"There is one class, {best.name}: {_gap(best)}."
    return (f"Against real pictures of the same class, {best.name} comes out best ({_gap(best)}) and {worst.name} "
            f"worst ({_gap(worst)}); n = {worst.own[SCORE].n} each. {fault(scores, summary)}")


def fault(scores: ClipScores, summary: ClipSummary) -> str:
    """Whether the worst class is the model's fault or CLIP's."""
    worst = summary.classes[summary.worst]
    if summary.fault == MODEL:
        return f"The model's pictures of {worst.name} score below real ones: that is the model's doing."
    if summary.fault == CLIP:
        return (f"The model's pictures of {worst.name} score no worse than real ones for certain, and CLIP puts even "
                f"real ones first in only {100 * worst.real_first:.0f} %: that is CLIP's doing.")
    return f"That {worst.name} is worse than real pictures is not certain."


def caveat(scores: ClipScores, summary: ClipSummary) -> str:
    """What this CLIP's word is worth, by how it reads real pictures."""
    n = len(scores.real_label)
    low, high = summary.zero_shot_ci95
    read = (f"It puts the right class first for {100 * summary.zero_shot:.1f} % of {n} real test pictures "
            f"(95 % {100 * low:.1f} to {100 * high:.1f})")
    if scores.in_domain:
        told = (f"This is the in-domain CLIP: it learned pictures of these very data sets and nothing else. {read}; "
                "it says how typical a picture is of them, not what people would see in it.")
    elif summary.zero_shot < GOOD_READER:
        told = f"{read}, so it reads these pictures badly: only the difference from real ones counts."
    else:
        told = f"{read}."
    if summary.unknown:
        told += f" It never learned the words {', '.join(summary.unknown)}."
    return told
