"""What the Train page says first: whether the run still learns, with the numbers that say so.

The rule is engine.measure.verdict, told to the reader by resources/explain/train-finding.md.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.events import TrainingState
from engine.measure.verdict import LEAST_LOSSES, MATTERS, Fall, Judged, Kind, Rise, Verdict
from engine.settings import number
from gui.words import clock

NARROW = "\u202f"
FEW = 10  # losses that the start and the end are means of, at least
ANSWERS = {Kind.LEARNING: "Still learning.", Kind.FINISHED: "Learned out.", Kind.DIVERGING: "Diverging.",
           Kind.TOO_SHORT: "Too short to say."}


def percent(share: float) -> str:
    """A share as it is written: 5 %, 0.4 %, the sign left out."""
    value = abs(share) * 100
    text = f"{value:.0f}" if value >= 9.5 else f"{value:.1f}"
    return f"{text}{NARROW}%"


def stretch(steps: int, steps_per_epoch: int) -> str:
    """The last so many steps, in epochs from one on."""
    epochs = steps / max(1, steps_per_epoch)
    return f"in the last {epochs:.1f} epochs" if epochs >= 1 else f"in the last {number(steps)} steps"


def fell(fall: Fall, steps: int, steps_per_epoch: int) -> str:
    """How the loss went over the second half of the steps, without a stop at the end."""
    name = "validation loss" if fall.source == "validation" else "loss"
    over = stretch(steps - steps // 2, steps_per_epoch)
    if fall.low > 0 or fall.high < 0:
        return f"{name} {'fell' if fall.share > 0 else 'rose'} {percent(fall.share)} {over}, from {fall.before:.3f} " \
               f"to {fall.after:.3f}"
    widest = max(abs(fall.low), abs(fall.high))
    return f"{name} stayed at {fall.after:.3f} {over}: any change is below {percent(widest)}"


def rose(rise: Rise) -> str:
    """What is worse than it was, without a stop at the end."""
    name = "validation loss" if rise.source == "validation" else "loss"
    if not math.isfinite(rise.after):
        return f"{name} is not finite any more; its lowest mean was {rise.before:.3f}" if math.isfinite(rise.before) \
            else f"{name} is not finite"
    return f"{name} rose {percent(rise.after / rise.before - 1)} from its lowest, {rise.before:.3f} to {rise.after:.3f}"


def read(judged: Judged) -> str:
    """How the samples read right changed since half the steps, without a stop at the end."""
    before, after = (f"{100 * share:.0f}{NARROW}%" for share in (judged.before, judged.after))
    if before == after:
        return f"samples read right stayed at {after}"
    return f"samples read right {'rose' if judged.after > judged.before else 'fell'} from {before} to {after}"


def sentence(found: Verdict, losses: int, steps_per_epoch: int) -> str:
    """The numbers of a verdict on so many losses."""
    if found.rise is not None:
        parts = [rose(found.rise)]
    elif losses < LEAST_LOSSES:
        return f"{number(losses)} {'step' if losses == 1 else 'steps'} so far; a judgement takes {LEAST_LOSSES}."
    else:
        parts = [fell(found.fall, found.steps, steps_per_epoch)] if found.fall is not None else []
        if found.judged is not None:
            parts.append(read(found.judged))
        if found.kind is Kind.TOO_SHORT:
            parts.append(f"a fall of {MATTERS * 100:.0f}{NARROW}% a doubling of the steps can be neither told nor "
                         "excluded yet")
    words = "; ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def finding(losses: NDArray[np.float64], found: Verdict, state: TrainingState, step: int, num_steps: int,
            steps_per_epoch: int) -> tuple[str, str]:
    """(answer, its numbers) for losses (N, 3: step, loss, seconds), the verdict on them, and where training stands."""
    if not len(losses):
        if state is TrainingState.PREPARING:
            return "Preparing.", "The fastest number format of this machine is being chosen."
        if state.active:
            return "Just started.", "The first loss comes in a moment."
        return "Not started.", "Nothing has been trained here yet."
    words = sentence(found, len(losses), steps_per_epoch)
    if state not in (TrainingState.FINISHED, TrainingState.IDLE, TrainingState.FAILED):
        return ANSWERS[found.kind], words
    seconds = clock(float(losses[-1, 2]))
    took = f"{number(step)} steps in {seconds}"
    if state is TrainingState.FAILED:
        answer = "Failed."
    elif step < num_steps:
        answer, took = "Stopped early.", f"{number(step)} of {number(num_steps)} steps in {seconds}"
    else:
        answer = "Finished."
    good = losses[np.isfinite(losses[:, 1]), 1]
    few = max(1, min(len(good) // 10, FEW) if len(good) < 10 * FEW else len(good) // 10)
    if not len(good):
        return answer, f"{took}. {words}"
    told = f"{took}; loss {float(good[-few:].mean()):.3f}, from {float(good[: min(FEW, few)].mean()):.2f} at the start"
    if len(losses) < LEAST_LOSSES and found.rise is None:
        return answer, f"{told}."
    tail = {Kind.LEARNING: "Still learning at the end", Kind.FINISHED: "Learned out", Kind.DIVERGING: "Diverging",
            Kind.TOO_SHORT: "Too short to say more"}[found.kind]
    return answer, f"{told}. {tail}: {words[:1].lower()}{words[1:]}"
