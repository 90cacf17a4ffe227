"""What a study of CLIP guidance says: means with intervals, comparisons block by block, red flags. numpy alone.

A red flag stands where, against the class alone, the reader that guides is surer of the class while the judge, who did
not guide, reads fewer pictures right or finds them farther from real ones: then the reader is pleased, not the picture
better. Both must be certain at 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.measure.clip_study import CALLS, SECONDS, Figures, Method, Row, Study, methods, weight_words
from engine.measure.statistics import mean_interval

SHOWN = ("accuracy", "frechet", "density", "coverage", "clip_log_probability")
TABLE_TITLES = {CALLS: "At equal network calls, the reader's work free", SECONDS: "At equal seconds, the reader's work "
                "included"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over blocks with its 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class RowSummary:
    """A row in words and numbers. against: differences from the row it is compared with, by figure; flag: why it is
    red, "" where it is not.
    """

    method: Method
    row: Row
    figures: dict[str, Estimate]
    flag: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method against a control of the same table: paired differences, method minus control."""

    table: str
    method: str
    control: str
    frechet: Estimate
    accuracy: Estimate

    @property
    def better(self) -> bool:
        """Whether its pictures are certainly nearer to real ones, and not certainly read wrong more often."""
        return self.frechet.high < 0 and self.accuracy.high >= 0

    @property
    def worse(self) -> bool:
        """Whether they are certainly farther, or certainly read wrong more often."""
        return self.frechet.low > 0 or self.accuracy.high < 0


@dataclass(frozen=True, slots=True)
class StudySummary:
    """Rows by table; the best control of each; every CLIP method against it, and against its own weights without
    feedback.
    """

    tables: dict[str, tuple[RowSummary, ...]]
    best_control: dict[str, str]
    against_best: tuple[Comparison, ...]
    feedback: tuple[Comparison, ...]
    real: dict[str, Estimate]

    @property
    def flags(self) -> list[tuple[str, str, str]]:
        """Table, method's title and reason of each red flag."""
        return [(table, row.method.title, row.flag) for table, rows in self.tables.items() for row in rows if row.flag]


def estimate(values: list[float]) -> Estimate:
    """Mean and interval of one value a block."""
    mean = float(np.mean(values))
    low, high = mean_interval(values) or (mean, mean)
    return Estimate(mean, low, high)


def values(blocks: tuple[Figures, ...], name: str) -> list[float]:
    """One figure of each block."""
    return [float(getattr(block, name)) for block in blocks]


def difference(one: Row, other: Row, name: str) -> Estimate:
    """one - other, block by block: both drew from the same seeds."""
    pairs = zip(values(one.blocks, name), values(other.blocks, name), strict=True)
    return estimate([a - b for a, b in pairs])


def red_flag(row: Row, plain: Row) -> str:
    """Why the reader's pleasure is not to be trusted; "" where there is no such reason."""
    if difference(row, plain, "clip_log_probability").low <= 0:
        return ""
    wrong = difference(row, plain, "accuracy").high < 0
    far = difference(row, plain, "frechet").low > 0
    if wrong and far:
        return "the reader is surer, yet the judge reads fewer right and finds them farther from real ones"
    if wrong:
        return "the reader is surer, yet the judge reads fewer right"
    return "the reader is surer, yet the judge finds them farther from real ones" if far else ""


def compare_rows(one: Row, other: Row) -> Comparison:
    """A method against a control."""
    return Comparison(one.table, one.method, other.method, difference(one, other, "frechet"),
                      difference(one, other, "accuracy"))


def summarise(study: Study) -> StudySummary:
    """All that is said of a study."""
    known = {method.name: method for method in methods(study.clip_model)}
    tables, best, against, feedback = {}, {}, [], []
    for table in (CALLS, SECONDS):
        rows = {row.method: row for row in study.table(table)}
        plain = rows["plain"]
        tables[table] = tuple(
            RowSummary(known[name], row, {field: estimate(values(row.blocks, field)) for field in SHOWN},
                       red_flag(row, plain)) for name, row in rows.items())
        controls = [row for name, row in rows.items() if known[name].kind in ("plain", "constant", "interval")]
        first = min(controls, key=lambda row: float(np.mean(values(row.blocks, "frechet"))))
        best[table] = first.method
        against += [compare_rows(row, first) for name, row in rows.items() if known[name].kind == "clip"]
        feedback += [compare_rows(rows[name.partition("-")[0]], row) for name, row in rows.items()
                     if known[name].kind == "feedback"]
    real = {field: estimate(values(study.real, field)) for field in SHOWN}
    return StudySummary(tables, best, tuple(against), tuple(feedback), real)


# ---- words -------------------------------------------------------------------------------------------

def verdict(study: Study, summary: StudySummary) -> str:
    """Whether it helped, in one or two sentences."""
    titles = {method.name: method.title for method in methods(study.clip_model)}
    parts = []
    for table, words in ((CALLS, "at equal network calls"), (SECONDS, "at equal seconds")):
        found = [one for one in summary.against_best if one.table == table]
        better = [titles[one.method] for one in found if one.better]
        worse = [titles[one.method] for one in found if one.worse]
        best = titles[summary.best_control[table]]
        if better:
            parts.append(f"{words}, {_listed(better)} {'is' if len(better) == 1 else 'are'} better than the best "
                         f"control ({best})")
        elif len(worse) == len(found):
            parts.append(f"{words}, every way to guide by CLIP is worse than the best control ({best})")
        else:
            parts.append(f"{words}, no way to guide by CLIP is certainly better than the best control ({best})")
    return "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + "."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def markdown(name: str, study: Study, summary: StudySummary) -> str:
    """The study as two Markdown tables with what is to be known of them."""
    lines = [
        f"Run {name}, step {study.snapshot}; {study.sampler}, {study.nfe} network evaluations a picture; "
        f"{study.blocks} blocks of {study.pictures} pictures from seed {study.seed}; mean ± half a 95 % interval over "
        f"blocks. Guided by {study.clip_model} (right about {100 * study.clip_accuracy:.1f} % of real test digits), "
        f"judged by a network that is right about {100 * study.judge_accuracy:.2f} %. One look of the reader takes "
        f"{study.reading_cost:.2f} network evaluations, with its gradient {study.gradient_cost:.2f}.",
        "", verdict(study, summary)]
    for table, rows in summary.tables.items():
        lines += ["", f"**{TABLE_TITLES[table]}**", "",
                  "| method | steps | calls | looks | cost | mean w | read right, % | Fréchet | density | coverage | "
                  "CLIP log p | flag |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]
        for one in rows:
            row = one.row
            lines.append(f"| {one.method.title} | {row.num_steps} | {row.nfe} | {row.readings} | "
                         f"{row.cost:.1f} | {weight_words(row)} | {_figures(one.figures)} | "
                         f"{'RED' if one.flag else ''} |")
        lines.append(f"| real digits | | | | | | {_figures(summary.real)} | |")
    for title, comparisons in (("Each way to guide by CLIP against the best control", summary.against_best),
                               ("With feedback against its own weights without it", summary.feedback)):
        lines += ["", f"**{title}**, method minus control", "",
                  "| table | method | control | Fréchet | read right, points |", "|---|---|---|---|---|"]
        titles = {method.name: method.title for method in methods(study.clip_model)}
        lines += [f"| {one.table} | {titles[one.method]} | {titles[one.control]} | {_signed(one.frechet, 2)} | "
                  f"{_signed(one.accuracy, 2, 100)} |" for one in comparisons]
    if summary.flags:
        lines += ["", "Red flags:", *(f"- {title} ({'equal calls' if table == CALLS else 'equal seconds'}): {why}"
                                      for table, title, why in summary.flags)]
    else:
        lines += ["", "No red flag."]
    return "\n".join(lines)


def _figures(figures: dict[str, Estimate]) -> str:
    shown = [(figures["accuracy"], 100, 2), (figures["frechet"], 1, 2), (figures["density"], 1, 3),
             (figures["coverage"], 1, 3), (figures["clip_log_probability"], 1, 3)]
    return " | ".join(f"{scale * one.mean:.{digits}f} ± {scale * one.half:.{digits}f}" for one, scale, digits in shown)


def _signed(one: Estimate, digits: int, scale: float = 1.0) -> str:
    return f"{scale * one.mean:+.{digits}f} ({scale * one.low:+.{digits}f} to {scale * one.high:+.{digits}f})"


def report(study: Study, summary: StudySummary) -> dict[str, object]:
    """For programs: the study, its verdict and its flags."""
    def told(one: Comparison) -> dict[str, object]:
        return {field.name: (value if not isinstance(value := getattr(one, field.name), Estimate) else
                             [value.mean, value.low, value.high]) for field in fields(one)} | {"better": one.better}

    return {**study.values(), "verdict": verdict(study, summary), "best_control": summary.best_control,
            "against_best": [told(one) for one in summary.against_best],
            "feedback": [told(one) for one in summary.feedback],
            "red_flags": [{"table": table, "method": title, "why": why} for table, title, why in summary.flags]}
