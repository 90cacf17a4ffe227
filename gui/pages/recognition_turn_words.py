"""What the page says of the U-turn."""

from __future__ import annotations

from engine.measure.u_turn import Survival
from engine.settings import number
from gui.pages.recognition_job import KnownTurn
from gui.pages.recognition_words import p_words, percent


def turn_finding(known: KnownTurn) -> tuple[str, str]:
    """The answer, and its numbers."""
    summary, found = known.summary, known.u_turn
    half, total = summary.overall.median, found.num_timesteps
    told = "Told their class, half" if found.guided else "Half"
    if half >= found.t[0]:
        return f"{told} of the pictures are of it even from pure noise.", ""
    answer = f"{told} of the pictures lose {'it' if found.guided else 'their class'} beyond t = {half:.0f}:"
    ranked = sorted(summary.classes, key=lambda one: -one.mean)
    last = f"{ranked[0].name} keeps it longest, to t = {ranked[0].mean:.0f} of {number(total)} on average, " \
           f"{ranked[-1].name} loses it first, at {ranked[-1].mean:.0f}."
    return answer, last


def turn_figures(known: KnownTurn, other: KnownTurn | None) -> str:
    """The interval, the test and the judge's own error; the contrast where it was measured."""
    summary, found = known.summary, known.u_turn
    parts = [digits_words(known)]
    overall = summary.overall
    if overall.ci95 is not None:
        parts.append(f"Mean t = {overall.mean:.0f} ± {(overall.ci95[1] - overall.ci95[0]) / 2:.0f}.")
    if summary.test is not None:
        test = summary.test
        parts.append(f"{test.name} χ² = {test.statistic:.0f}, {p_words(test.p)}, {test.effect_name} = "
                     f"{test.effect:.2f}, {found.pictures} seeds as blocks.")
    parts.append(f"By chance {percent(summary.chance)} come back; this judge misreads "
                 f"{percent(summary.misread)} of these pictures without noise.")
    if other is not None:
        top = other.summary.shares[0]
        parts.append(f"{'Told its class and guided' if other.u_turn.guided else 'Told no class'}, "
                     f"{percent(top.share)} are of their class even from t = {top.t}.")
    return " ".join(parts)


def digits_words(known: KnownTurn) -> str:
    """Which pictures, and what was told on the way back."""
    found = known.u_turn
    way = f"told their own class, guidance {found.sampling.guidance_scale:g}" if found.guided else "told no class"
    return f"{number(known.summary.n)} real pictures, {way} on the way back."


def kept_words(one: Survival, num_timesteps: int) -> str:
    """All about one class, for a tooltip and a screen reader."""
    ends = "" if one.ci95 is None else f", interval {max(0.0, one.ci95[0]):.0f} to " \
                                       f"{min(float(num_timesteps), one.ci95[1]):.0f}"
    return f"{one.name}: keeps its class up to t = {one.mean:.0f} on average{ends}; half lose it beyond " \
           f"t = {one.median:.0f}; n = {one.n}"

