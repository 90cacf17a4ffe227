"""What CLIP scores say: by class, beside real pictures, which class is best and worst and whose fault that is.

CLIPScore is 2.5 max(cos, 0) (Hessel et al. 2021, arXiv 2104.08718) with the prompt of a picture's own class. Cosines
of different prompts have different levels, so classes are ranked by what is comparable: each class's distance from
real pictures of it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.clip.prompts import prompt, unknown_words
from engine.measure.clip_scores import ClipScores
from engine.measure.statistics import mean_interval, share_interval, student_quantile

SCORE, PROBABILITY = "score", "probability"
METRICS = (SCORE, PROBABILITY)
CLIPSCORE_WEIGHT = 2.5
MODEL, CLIP, UNCERTAIN, NONE = "model", "clip", "uncertain", "none"  # whose fault the worst class is
Interval = tuple[float, float] | None
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PictureScores:
    """Of each picture: cosine with its own class, CLIPScore, probability of its class, rank of its class (1 is best),
    and the class CLIP puts first."""

    cosine: Floats
    score: Floats
    probability: Floats
    rank: NDArray[np.int64]
    top: NDArray[np.int64]

    def of(self, metric: str) -> Floats:
        """The figures of a metric of METRICS."""
        return self.score if metric == SCORE else self.probability


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of n values with its 95 % interval by Student's t; mean None for n = 0."""

    mean: float | None
    ci95: Interval
    n: int


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class, or all. own and real by metric; difference: own minus real, interval by Welch's t. first: share whose
    class CLIP puts first."""

    name: str
    prompt: str
    own: dict[str, Mean]
    real: dict[str, Mean]
    difference: dict[str, Mean]
    first: float
    real_first: float
    mean_rank: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of pictures: rows whether CLIP puts the asked class first, columns whether the judge reads it.

    same: share in which both name the same class, right or wrong.
    """

    both: int
    clip_only: int
    judge_only: int
    neither: int
    same: float
    same_ci95: tuple[float, float]

    @property
    def n(self) -> int:
        """All pictures."""
        return self.both + self.clip_only + self.judge_only + self.neither


@dataclass(frozen=True, slots=True)
class ClipSummary:
    """What there is to say. best, worst: index of the class by `difference` of CLIPScore. fault: of the worst."""

    classes: tuple[ClassScores, ...]
    overall: ClassScores
    agreement: Agreement | None
    real_agreement: Agreement | None
    best: int
    worst: int
    fault: str
    zero_shot: float
    zero_shot_ci95: tuple[float, float]
    unknown: tuple[str, ...]  # words of the prompts that the in-domain CLIP never saw


def picture_scores(cosine: NDArray[np.float32], labels: NDArray[Any], logit_scale: float) -> PictureScores:
    """From cosines (N, K) and the classes (N,) of the pictures."""
    values = cosine.astype(np.float64)
    own = np.take_along_axis(values, labels.astype(np.int64)[:, None], axis=1)[:, 0] if len(values) else np.empty(0)
    logits = logit_scale * values
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(values) else logits
    probability = np.exp(logit_scale * own - logits.max(axis=1)) / shifted.sum(axis=1) if len(values) else own
    return PictureScores(own, CLIPSCORE_WEIGHT * np.maximum(own, 0), probability,
                         1 + (values > own[:, None]).sum(axis=1), values.argmax(axis=1) if len(values) else
                         np.empty(0, np.int64))


def mean_of(values: ArrayLike) -> Mean:
    """Mean and interval of some values."""
    x = np.asarray(values, dtype=np.float64)
    return Mean(float(x.mean()) if len(x) else None, mean_interval(x), len(x))


def difference_of(first: ArrayLike, second: ArrayLike) -> Mean:
    """Mean of the first less mean of the second, 95 % interval by Welch's t with its degrees rounded down."""
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if not len(a) or not len(b):
        return Mean(None, None, 0)
    difference = float(a.mean() - b.mean())
    if len(a) < 2 or len(b) < 2:
        return Mean(difference, None, min(len(a), len(b)))
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if va + vb == 0:
        return Mean(difference, (difference, difference), min(len(a), len(b)))
    degrees = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    half = student_quantile(max(1, int(degrees))) * math.sqrt(va + vb)
    return Mean(difference, (difference - half, difference + half), min(len(a), len(b)))


def summarise(scores: ClipScores) -> ClipSummary:
    """All that is said of a measurement."""
    own = picture_scores(scores.cosine, scores.class_label, scores.logit_scale)
    real = picture_scores(scores.real_cosine, scores.real_label, scores.logit_scale)
    template = scores.clip.templates[0]
    classes = tuple(_compared(name, prompt(template, scores.clip.names[c]), own, real, scores.class_label == c,
                              scores.real_label == c) for c, name in enumerate(scores.class_names))
    everything = _compared("all", "", own, real, np.full(len(own.top), True), np.full(len(real.top), True))
    gaps = [found.difference[SCORE].mean for found in classes]
    known = [c for c, gap in enumerate(gaps) if gap is not None]
    best = max(known, key=lambda c: gaps[c] or 0.0, default=0)
    worst = min(known, key=lambda c: gaps[c] or 0.0, default=0)
    right = int((real.top == scores.real_label).sum())
    prompts = [prompt(one, name) for one in scores.clip.templates for name in scores.clip.names]
    return ClipSummary(
        classes, everything, _agreement(own, scores.read, scores.class_label),
        _agreement(real, scores.real_read, scores.real_label), best, worst, _fault(classes, worst),
        right / max(1, len(real.top)), share_interval(right, len(real.top)),
        tuple(unknown_words(prompts, scores.words)) if scores.words else ())


def _compared(name: str, text: str, own: PictureScores, real: PictureScores, mine: NDArray[np.bool_],
              theirs: NDArray[np.bool_]) -> ClassScores:
    def share(scores: PictureScores, chosen: NDArray[np.bool_]) -> float:
        return float((scores.rank[chosen] == 1).mean()) if chosen.any() else float("nan")

    return ClassScores(
        name, text, {m: mean_of(own.of(m)[mine]) for m in METRICS}, {m: mean_of(real.of(m)[theirs]) for m in METRICS},
        {m: difference_of(own.of(m)[mine], real.of(m)[theirs]) for m in METRICS}, share(own, mine),
        share(real, theirs), float(own.rank[mine].mean()) if mine.any() else float("nan"))


def _agreement(scores: PictureScores, read: NDArray[Any], labels: NDArray[Any]) -> Agreement | None:
    if not len(read) or (read < 0).any():
        return None
    clip, judge = scores.top == labels, read == labels
    same = int((scores.top == read).sum())
    return Agreement(int((clip & judge).sum()), int((clip & ~judge).sum()), int((~clip & judge).sum()),
                     int((~clip & ~judge).sum()), same / len(read), share_interval(same, len(read)))


def _fault(classes: tuple[ClassScores, ...], worst: int) -> str:
    """Whose fault the worst class's score is.

    The model's where its pictures score surely below real ones of the class. CLIP's where they do not, though CLIP
    gives even the real ones their place less often than it does for half of the classes. Else nobody's: it cannot be
    told apart from the others.
    """
    found = classes[worst]
    interval = found.difference[SCORE].ci95
    if interval is None:
        return UNCERTAIN
    if interval[1] < 0:
        return MODEL
    middle = float(np.nanmedian([one.real_first for one in classes]))
    return CLIP if found.real_first < middle else NONE


def report(scores: ClipScores, summary: ClipSummary) -> dict[str, Any]:
    """All of it as plain values, for programs and files."""
    own = picture_scores(scores.cosine, scores.class_label, scores.logit_scale)
    pictures = [{"class": scores.class_names[scores.class_label[i]], "seed": int(scores.seed[i]),
                 "cosine": round(float(own.cosine[i]), 6), "clip_score": round(float(own.score[i]), 6),
                 "probability": round(float(own.probability[i]), 6), "rank": int(own.rank[i]),
                 "clip_reads": scores.class_names[own.top[i]],
                 "judge_reads": scores.class_names[scores.read[i]] if scores.read[i] >= 0 else None}
                for i in range(len(own.top))]
    return {
        "snapshot": scores.snapshot, "average_percent": scores.average_percent, "count": len(own.top),
        "first_seed": scores.first_seed, "sampling": scores.sampling.model_dump(), "nfe": scores.nfe,
        "model": scores.clip.source, "title": scores.title, "in_domain": scores.in_domain, "sha256": scores.sha256,
        "logit_scale": scores.logit_scale, "templates": list(scores.clip.templates), "names": list(scores.clip.names),
        "upscaling": scores.clip.upscaling, "unknown_words": list(summary.unknown),
        "judge": scores.judge, "judge_test_accuracy": scores.judge_accuracy,
        "zero_shot_real": summary.zero_shot, "zero_shot_real_ci95": summary.zero_shot_ci95,
        "best": summary.classes[summary.best].name, "worst": summary.classes[summary.worst].name,
        "fault": summary.fault, "agreement": None if summary.agreement is None else asdict(summary.agreement),
        "real_agreement": None if summary.real_agreement is None else asdict(summary.real_agreement),
        "overall": asdict(summary.overall), "classes": [asdict(found) for found in summary.classes],
        "pictures": pictures}
