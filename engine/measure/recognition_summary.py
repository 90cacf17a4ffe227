"""What a recognition says: when each class can be read, whether classes differ, and what becomes of the common claim.

Of real pictures on their way into noise (direction "forward") the frames stand noise first too, and first recognition
is then the last level up to which a picture stays readable.

Three moments of each picture, as frames 0..num_steps:
  first recognition  the first frame i with p(class) at least 0.9 in every frame j >= i; without one it was never read;
  commit point       the frame from which on the class that is read changes no more;
  drift              p(class) was at least 0.9, and in a later frame another class was read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.measure.recognition import Recognition
from engine.measure.statistics import (
    RankTest,
    all_pairs,
    friedman,
    holm,
    kruskal_wallis,
    mean_interval,
    median_interval,
    rank_sum_p,
    signed_rank_p,
)
from engine.runs import Run

THRESHOLD = 0.9  # p(class) from which on a picture counts as read
TAKEN_FOR = 0.5  # p of another class from which on a picture is taken for it
SIGNIFICANT = 0.05
BAND = (10.0, 90.0)  # percentiles of the band: the middle 80 % of seeds
ABOUT_70 = (65.0, 75.0)  # what "about 70 %" is taken to mean
EARLY, LATE = ("1", "7"), ("8", "5")  # of the common claim

STEPS, DENOISED, SNR = "percent_steps", "percent_denoised", "snr_db"
SCALES = (DENOISED, STEPS, SNR)


@dataclass(frozen=True, slots=True)
class Spread:
    """One moment over the pictures of a class. Mean and interval (Student's t) are of those that have the moment at
    all; the median and its interval (order statistics) count never as last. None: there is no such number.
    """

    mean: float | None
    ci95: tuple[float, float] | None
    median: float | None
    median_ci95: tuple[float | None, float | None] | None
    n: int  # pictures that have it


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """Of one class. first and commit by scale. Rates are 0 to 1: never read, drifted, read as the class at the end."""

    class_label: int
    name: str
    n: int
    first: dict[str, Spread]
    commit: dict[str, Spread]
    never_rate: float
    drift_rate: float
    right_rate: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two classes by their first recognition; p corrected by Holm over all pairs. earlier: which, by mean rank."""

    first: int
    second: int
    earlier: int | None
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Share of a class's pictures that in some frame were taken for another class: its p was at least 0.5."""

    class_label: int
    taken_for: int
    share: float


@dataclass(frozen=True, slots=True)
class Claim:
    """One part of the common claim. verdict: "yes", "no" or "uncertain". pairs: those it rests on."""

    name: str  # "about-70", "1-earlier", "7-earlier"
    verdict: str
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is said of a recognition. overall: of all classes together, never_rate likewise.

    test: Friedman's where every class has the same seeds (they are blocks), else Kruskal and Wallis'; None where
    there are too few classes or pictures. blocks: seeds of Friedman's test, else 0. classes without a picture that
    ends as them (unconditional) are left out.
    """

    classes: tuple[ClassSummary, ...]
    overall: dict[str, Spread]
    n: int
    never_rate: float
    blocks: int
    test: RankTest | None
    pairs: tuple[Pair, ...]
    confusions: tuple[Confusion, ...]
    claims: tuple[Claim, ...]

    def ranking(self) -> list[ClassSummary]:
        """Classes, earliest mean first; those that were mostly never read at the end."""
        def place(found: ClassSummary) -> tuple[bool, float]:
            mean = found.first[DENOISED].mean
            return found.never_rate > 0.5 or mean is None, math.inf if mean is None else mean

        return sorted(self.classes, key=place)


# ---- moments ----

def first_recognition(probability: NDArray[np.floating]) -> NDArray[np.int64]:
    """(P, F) to (P,): the frame, F where never."""
    return first_kept(probability >= THRESHOLD)


def first_kept(holds: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(P, F) to (P,): the first frame from which on something holds to the end, F where it does not at the end."""
    kept = np.logical_and.accumulate(holds[:, ::-1], axis=1)
    return np.asarray(holds.shape[1] - kept.sum(axis=1), dtype=np.int64)


def commit_point(top: NDArray[np.integer]) -> NDArray[np.int64]:
    """(P, F) to (P,): the frame, 0 where one class is read throughout."""
    return first_kept(top == top[:, -1:])


def drifted(probability: NDArray[np.floating], top: NDArray[np.integer],
            class_label: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(P,): whether the class was read with p of at least 0.9, and later another class was."""
    before = np.logical_or.accumulate(probability >= THRESHOLD, axis=1)[:, :-1]
    other = (top != class_label[:, None])[:, 1:]
    return np.asarray((before & other).any(axis=1))


def scale(recognition: Recognition, name: str) -> NDArray[np.float64]:
    """`places` of the frames of a recognition."""
    return places(recognition.sigma, recognition.t, recognition.num_timesteps, name)


def places(sigma: Sequence[float], t: Sequence[int], num_timesteps: int, name: str) -> NDArray[np.float64]:
    """(F + 1,): where each frame is, and after them infinity for never. Where sigma is 0, snr_db is infinite too.

    percent_steps = 100 i / num_steps; percent_denoised = 100 (1 - t / T); snr_db = -20 log10 sigma.
    """
    if name == STEPS:
        at = 100 * np.arange(len(sigma)) / max(1, len(sigma) - 1)
    elif name == DENOISED:
        at = 100 * (num_timesteps - np.array(t)) / max(1, num_timesteps)
    else:
        with np.errstate(divide="ignore"):
            at = -20 * np.log10(np.array(sigma)) + 0.0  # no minus zero
    return np.append(at, np.inf)


def chosen(recognition: Recognition, class_label: int) -> NDArray[np.int64]:
    """Which of the pictures are of a class."""
    return np.flatnonzero(recognition.class_label == class_label)


# ---- all of it ----

def summarise(recognition: Recognition) -> Summary:
    """All that is said, from what the judge read."""
    probability, top = recognition.probability.astype(np.float32), recognition.top
    first, commit = first_recognition(probability), commit_point(top)
    drift = drifted(probability, top, recognition.class_label)
    groups = {c: chosen(recognition, c) for c in recognition.classes}
    groups = {c: group for c, group in groups.items() if len(group)}
    frames = probability.shape[1]
    scales = {name: scale(recognition, name) for name in SCALES}
    classes = tuple(ClassSummary(
        class_label=c, name=recognition.class_names[c], n=len(group),
        first={name: spread(at[first[group]]) for name, at in scales.items()},
        commit={name: spread(at[commit[group]]) for name, at in scales.items()},
        never_rate=float((first[group] == frames).mean()), drift_rate=float(drift[group].mean()),
        right_rate=float((top[group, -1] == c).mean())) for c, group in groups.items())
    blocks = 0 if recognition.unconditional else recognition.seeds
    test, pairs = _differ({c: first[group] for c, group in groups.items()}, blocks)
    overall = {name: _overall(at[first], blocks) for name, at in scales.items()}
    never = float((first == frames).mean()) if len(first) else 0.0
    return Summary(classes, overall, len(first), never, blocks if test is not None else 0, test, pairs,
                   _confusions(recognition, groups), _claims(recognition, overall[DENOISED], never, pairs))


def spread(values: NDArray[np.float64]) -> Spread:
    """Of places, infinite for never."""
    if not len(values):
        return Spread(None, None, None, None, 0)
    there = values[np.isfinite(values)]
    ends = median_interval(values)
    # The middle of two values of which one is infinite is infinite; numpy would warn of the middle of two.
    low, high = np.sort(values)[[(len(values) - 1) // 2, len(values) // 2]]
    return Spread(float(there.mean()) if len(there) else None, mean_interval(there), _finite((low + high) / 2),
                  None if ends is None else (_finite(ends[0]), _finite(ends[1])), len(there))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _overall(values: NDArray[np.float64], blocks: int) -> Spread:
    """Of all pictures. The interval of the mean takes seeds as one value each where classes share them."""
    of_all = spread(values)
    if not blocks or not len(values):
        return of_all
    table = np.where(np.isfinite(values), values, np.nan).reshape(-1, blocks)
    table = table[:, ~np.isnan(table).all(axis=0)]
    means = np.nanmean(table, axis=0) if table.size else np.empty(0)
    mean = float(means.mean()) if len(means) else None
    return Spread(mean, mean_interval(means), of_all.median, of_all.median_ci95, of_all.n)


def _differ(groups: dict[int, NDArray[np.int64]], blocks: int) -> tuple[RankTest | None, tuple[Pair, ...]]:
    """The test over all classes, and every pair. Frames are ranked; never is one frame after the last."""
    labels, values = list(groups), list(groups.values())
    test = friedman(np.stack(values, axis=1)) if blocks and values else kruskal_wallis(values)
    pairs = all_pairs(len(labels))
    p = [signed_rank_p(values[i], values[j]) if blocks else rank_sum_p(values[i], values[j]) for i, j in pairs]
    made = []
    for (i, j), single, corrected in zip(pairs, p, holm(p), strict=True):
        ahead = np.sign(values[j][None, :] - values[i][:, None]).sum() if not blocks else \
            np.sign(values[j] - values[i]).sum()
        earlier = None if ahead == 0 else labels[i] if ahead > 0 else labels[j]
        made.append(Pair(labels[i], labels[j], earlier, single, corrected))
    return test, tuple(made)


def _confusions(recognition: Recognition, groups: dict[int, NDArray[np.int64]]) -> tuple[Confusion, ...]:
    """Most frequent first."""
    sure = recognition.top_probability.astype(np.float32) >= TAKEN_FOR
    found = []
    for c, group in groups.items():
        for other in np.unique(recognition.top[group]):
            share = float((sure[group] & (recognition.top[group] == other)).any(axis=1).mean())
            if other != c and share > 0:
                found.append(Confusion(c, int(other), share))
    return tuple(sorted(found, key=lambda one: (-one.share, one.class_label, one.taken_for)))


def _claims(recognition: Recognition, overall: Spread, never: float, pairs: tuple[Pair, ...]) -> tuple[Claim, ...]:
    """"About 70 % of the way, simple digits such as 1 and 7 earlier than 8 and 5", part by part.

    About 70: yes when the whole interval of the mean lies within 65 to 75, no when it lies outside or most pictures
    were never read. Earlier: yes when both pairs are that way round with corrected p below 0.05, no when one is
    the other way round with such a p.
    """
    claims = []
    if never > 0.5:
        claims.append(Claim("about-70", "no"))
    elif overall.ci95 is not None:
        (low, high), (least, most) = overall.ci95, ABOUT_70
        inside, outside = least <= low and high <= most, high < least or low > most
        claims.append(Claim("about-70", "yes" if inside else "no" if outside else "uncertain"))
    names = recognition.class_names
    for early in EARLY:
        wanted = tuple(pair for pair in pairs for late in LATE
                       if {names[pair.first], names[pair.second]} == {early, late})
        if len(wanted) < len(LATE):
            continue
        sure = [pair for pair in wanted if pair.p_holm < SIGNIFICANT]
        right = [pair for pair in sure if pair.earlier is not None and names[pair.earlier] == early]
        verdict = "no" if len(right) < len(sure) else "yes" if len(right) == len(LATE) else "uncertain"
        claims.append(Claim(f"{early}-earlier", verdict, wanted))
    return tuple(claims)


# ---- beside others ----

@dataclass(frozen=True, slots=True)
class Beside:
    """Another recognition of the same weights, drawn in another way: the mean of all pictures on each scale."""

    sampling: SamplingConfig
    mean: dict[str, float]
    n: int


def drawn_otherwise(run: Run, recognition: Recognition) -> list[Beside]:
    """Other measurements of the same snapshot by the same reader, with other sampling: how much the percents depend on
    it. None for real pictures.
    """
    found = []
    for values in [] if recognition.forward else run.measurements("recognition"):
        other = Recognition.from_values(values)
        if other is None or other.sampling == recognition.sampling or any(
                getattr(other, name) != getattr(recognition, name)
                for name in ("snapshot", "average_percent", "reading", "unconditional", "classes", "direction")):
            continue
        first = first_recognition(other.probability.astype(np.float32))
        means = {name: spread(scale(other, name)[first]).mean for name in SCALES}
        if all(mean is not None for mean in means.values()):
            found.append(Beside(other.sampling, {n: m for n, m in means.items() if m is not None}, len(first)))
    return found


# ---- for files and programs ----

def report(recognition: Recognition, summary: Summary) -> dict[str, Any]:
    """Plain values for a program; numbers that do not exist are None. Equal for equal measurements."""
    return {
        "direction": recognition.direction, "snapshot": recognition.snapshot,
        "average_percent": recognition.average_percent,
        "sampling": recognition.sampling.model_dump(), "nfe": recognition.nfe, "reading": recognition.reading,
        "unconditional": recognition.unconditional, "seeds": recognition.seeds,
        "first_seed": recognition.first_seed, "threshold": THRESHOLD, "judge": recognition.judge,
        "steps": {**{name: [_finite(place) for place in scale(recognition, name)[:-1]] for name in SCALES},
                  "judge_accuracy": list(recognition.judge_accuracy)},
        "classes": [_class_report(recognition, found) for found in summary.classes],
        "overall": {"n": summary.n, "never_rate": summary.never_rate,
                    **{name: asdict(one) for name, one in summary.overall.items()}},
        "test": None if summary.test is None else {**asdict(summary.test), "blocks": summary.blocks},
        "pairs": [asdict(pair) for pair in summary.pairs],
        "confusions": [asdict(confusion) for confusion in summary.confusions],
        "claims": {claim.name: claim.verdict for claim in summary.claims},
    }


def _class_report(recognition: Recognition, found: ClassSummary) -> dict[str, Any]:
    first, commit = found.first[DENOISED], found.commit[DENOISED]
    mean, low, high = curve(recognition, found.class_label)
    return {
        "class": found.class_label, "name": found.name, "n": found.n,
        "first_recognition_percent": first.mean, "ci95": first.ci95,
        "median_percent": first.median, "median_ci95": first.median_ci95,
        "first_recognition_percent_steps": found.first[STEPS].mean,
        "snr_db": found.first[SNR].median,
        "never_rate": found.never_rate, "commit_percent": commit.mean, "commit_ci95": commit.ci95,
        "drift_rate": found.drift_rate, "right_rate": found.right_rate,
        "probability": {"mean": _rounded(mean), "low": _rounded(low), "high": _rounded(high)},
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in values]


def curve(recognition: Recognition, class_label: int) -> tuple[NDArray[np.float64], ...]:
    """p(class) of a class by frame: mean, and both ends of the band of the middle 80 % of seeds, each (F,)."""
    values = recognition.probability[chosen(recognition, class_label)].astype(np.float64)
    low, high = np.percentile(values, BAND, axis=0)
    return values.mean(axis=0), low, high
