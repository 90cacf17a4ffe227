"""What the Recognition page says, made from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.measure.recognition import PREDICTED, Recognition
from engine.measure.recognition_summary import (
    DENOISED,
    LATE,
    SIGNIFICANT,
    SNR,
    STEPS,
    Beside,
    Claim,
    ClassSummary,
    Spread,
    Summary,
)
from engine.settings import number
from gui.widgets.setting_words import choice_label
from gui.words import NARROW

MOST_OTHERS = 2
MINUS, NO_BREAK = "\u2212", "\u00a0"
SCALE_UNITS = {DENOISED: f"{NARROW}%", STEPS: f"{NARROW}%", SNR: f"{NARROW}dB"}
SCALE_NAMES = {DENOISED: "% denoised", STEPS: "share of steps, %", SNR: "SNR, dB"}


@dataclass(frozen=True, slots=True)
class Said:
    """A finding: the answer, and what it rests on; then the figures behind it, in a line of their own."""

    answer: str
    numbers: str
    figures: str


def on_scale(value: float, scale: str, decimals: int = 0) -> str:
    """59 %, −6.6 dB."""
    return f"{value:.{decimals}f}".replace("-", MINUS) + SCALE_UNITS[scale]


def p_words(p: float) -> str:
    """p = 0.17, p < 0.001."""
    return f"p{NO_BREAK}<{NO_BREAK}0.001" if p < 0.001 else f"p{NO_BREAK}={NO_BREAK}{p:.2g}"


def percent(share: float) -> str:
    """12 %, 0.4 %."""
    value = 100 * share
    return f"{value:.0f}{NARROW}%" if value == 0 or value >= 1 else f"{value:.1f}{NARROW}%"


def finding(recognition: Recognition, summary: Summary) -> Said:
    """The verdict of the page."""
    overall = summary.overall[DENOISED]
    if recognition.forward:
        return _forward_finding(recognition, summary)
    subject = "Predicted x₀ is readable" if recognition.reading == PREDICTED else "Readable"
    if overall.mean is None or summary.never_rate > 0.5:
        answer = f"{'Predicted x₀ is mostly' if recognition.reading == PREDICTED else 'Mostly'} never readable:"
        numbers = f"{percent(summary.never_rate)} of the pictures never read as their class for sure."
        return Said(answer, numbers, figures(recognition, summary))
    average = f"{subject} at {on_scale(overall.mean, DENOISED)} on average"
    ranked = [found for found in summary.ranking() if found.first[DENOISED].mean is not None]
    if summary.test is None or len(ranked) < 2:
        return Said(f"{average}.", "", figures(recognition, summary))
    ends = f"{_mean(ranked[0])[0]} comes first at {_mean(ranked[0])[1]}, {_mean(ranked[-1])[0]} last at " \
           f"{_mean(ranked[-1])[1]}."
    if summary.test.p < SIGNIFICANT:
        return Said(f"{average}, and it differs by class:", ends, figures(recognition, summary))
    return Said(f"{average}; that it differs by class is not certain:", ends, figures(recognition, summary))


def _forward_finding(recognition: Recognition, summary: Summary) -> Said:
    """Of real pictures on their way into noise; the percents are those of the way back, so that both compare."""
    overall, rest = summary.overall[DENOISED], figures(recognition, summary)
    if overall.mean is None:
        return Said("No real picture is read for sure.", "", rest)
    answer = f"Real pictures stop being readable at {on_scale(overall.mean, DENOISED)}"
    ranked = [found for found in summary.ranking() if found.first[DENOISED].mean is not None]
    if summary.test is None or len(ranked) < 2:
        return Said(f"{answer}.", "", rest)
    ends = f"{_mean(ranked[0])[0]} bears most noise, down to {_mean(ranked[0])[1]}, {_mean(ranked[-1])[0]} least, " \
           f"{_mean(ranked[-1])[1]}."
    if summary.test.p < SIGNIFICANT:
        return Said(f"{answer}, and it differs by class:", ends, rest)
    return Said(f"{answer}; that it differs by class is not certain:", ends, rest)


def _mean(found: ClassSummary) -> tuple[str, str]:
    mean = found.first[DENOISED].mean
    assert mean is not None
    return found.name, on_scale(mean, DENOISED)


def figures(recognition: Recognition, summary: Summary) -> str:
    """The test with its effect and n, the mean with its interval, and the judge's own error there."""
    parts = []
    if summary.test is not None:
        test = summary.test
        blocks = f" ({number(summary.blocks)} seeds as blocks)" if summary.blocks else ""
        parts.append(f"{test.name.replace('-', '–')} χ² = {test.statistic:.0f}, {p_words(test.p)}, "
                     f"{test.effect_name.replace('epsilon squared', 'ε²')} = {test.effect:.2f}, n = "
                     f"{number(summary.n)}{blocks}, {number(round(summary.never_rate * summary.n))} never read.")
    overall = summary.overall[DENOISED]
    if overall.mean is not None:
        snr = summary.overall[SNR].median
        there = f", SNR {on_scale(snr, SNR, 1)}" if snr is not None else ""
        parts.append(f"Mean {plus_minus(overall)}{NARROW}% denoised{there}.")
    parts.append(judge_words(recognition, summary))
    return " ".join(parts)


def otherwise_words(others: Sequence[Beside]) -> str:
    """How much the percents depend on how pictures are drawn: the nearest of what else was measured."""
    if not others:
        return ""
    told = [f"{choice_label(one.sampling.sampler)}, {one.sampling.num_steps} steps, guidance "
            f"{one.sampling.guidance_scale:g}: {on_scale(one.mean[DENOISED], DENOISED, 1)} denoised, "
            f"{on_scale(one.mean[STEPS], STEPS, 1)} of the steps, {on_scale(one.mean[SNR], SNR, 1)}"
            for one in others[:MOST_OTHERS]]
    return f"Drawn otherwise: {'; '.join(told)}."


def plus_minus(spread: Spread, decimals: int = 1) -> str:
    """59.3 ± 0.7: the mean and half its 95 % interval."""
    if spread.mean is None:
        return "never"
    mean = f"{spread.mean:.{decimals}f}".replace("-", MINUS)
    if spread.ci95 is None:
        return mean
    return f"{mean} ± {(spread.ci95[1] - spread.ci95[0]) / 2:.{decimals}f}"


def judge_words(recognition: Recognition, summary: Summary) -> str:
    """How often the judge itself errs about real pictures, where half of the pictures are read."""
    if recognition.reading == PREDICTED:
        return f"This judge misreads {percent(1 - recognition.judge_accuracy[-1])} of real pictures."
    clean = percent(1 - recognition.judge_accuracy[-1])
    middle = summary.overall[STEPS].median
    if middle is None:
        return f"This judge misreads {clean} of real pictures without noise."
    frame = round(middle / 100 * (len(recognition.sigma) - 1))
    return f"This judge misreads {percent(1 - recognition.judge_accuracy[frame])} of real pictures at the noise " \
           f"where half are read, {clean} without noise."


# ---- the common claim ----

def claim_title(claim: Claim) -> str:
    """The claim's own words."""
    return "“Readable at about 70 %”" if claim.name == "about-70" else \
        f"“{claim.name.partition('-')[0]} before {' and '.join(LATE)}”"


def claim_words(claim: Claim, summary: Summary) -> str:
    """The verdict on it, with its numbers."""
    overall = summary.overall[DENOISED]
    if claim.name == "about-70":
        if overall.mean is None or summary.never_rate > 0.5:
            return f"No: {percent(summary.never_rate)} are never read for sure."
        low, high = overall.ci95 or (overall.mean, overall.mean)
        word = {"yes": "Yes", "uncertain": "Not certain"}.get(
            claim.verdict, "Earlier" if overall.mean < 70 else "Later")
        return f"{word}: {on_scale(overall.mean, DENOISED)}, interval {low:.0f} to {on_scale(high, DENOISED)}."
    means = {found.name: found.first[DENOISED].mean for found in summary.classes}
    early = claim.name.partition("-")[0]
    there = " and ".join(_place(means.get(late)) for late in LATE)
    worst = max(pair.p_holm for pair in claim.pairs)
    verdict = {"yes": "Yes", "no": "No"}.get(claim.verdict, "Not certain")
    at_most = " at most" if claim.verdict == "yes" and worst >= 0.001 else ""
    p = min(pair.p_holm for pair in claim.pairs) if claim.verdict == "no" else worst
    return f"{verdict}: {_place(means.get(early))} against {there}, {p_words(p)}{at_most}."


def _place(value: float | None) -> str:
    return "never" if value is None else on_scale(value, DENOISED)


def class_words(found: ClassSummary, forward: bool = False) -> str:
    """All about one class, for a tooltip and a screen reader."""
    first, commit = found.first[DENOISED], found.commit[DENOISED]
    median = "never" if first.median is None else on_scale(first.median, DENOISED)
    where = "stays readable down to" if forward else "first readable at"
    read = "never readable" if first.mean is None else \
        f"{where} {plus_minus(first)}{NARROW}% denoised, median {median}"
    settled = "" if commit.mean is None else f"; the digit that is read changes no more from {commit.mean:.1f}{NARROW}%"
    return f"{found.name}: {read}{settled}; never read {percent(found.never_rate)}, read and then lost again " \
           f"{percent(found.drift_rate)}; n = {number(found.n)}"
