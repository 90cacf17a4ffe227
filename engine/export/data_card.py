"""The data card of a drawn set: where it comes from, how it was made, and what is known of its worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.config import SamplingConfig
from engine.measure.nearest import SUSPECT, Nearest, Neighbours
from engine.measure.scorers import guidance_words
from engine.runs import Run, stored_percent
from engine.settings import number
from engine.use_config import SyntheticConfig


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a drawn set. drawn: pictures drawn of each class, kept or not; counts: kept.

    read_right: of all drawn ones, by the judge; None without a judge. nearest: of the first pictures of each class.
    """

    run: Run
    snapshot: int
    average_percent: float | None
    sampling: SamplingConfig
    config: SyntheticConfig
    counts: tuple[int, ...]
    drawn: tuple[int, ...]
    read_right: int | None
    judge: dict[str, Any] | None
    nearest: tuple[Nearest, ...]

    @property
    def average(self) -> float:
        """Over how many percent of training the weights are averaged."""
        return self.average_percent if self.average_percent is not None else stored_percent(self.run)

    def values(self) -> dict[str, Any]:
        """As plain values."""
        info = self.run.info
        return {
            "origin": {"run": self.run.name, "run_id": info.id, "snapshot": self.snapshot,
                       "weights": self.run.weights_hash(self.snapshot), "average_percent": self.average,
                       "learned": info.config.data.dataset, "training_pictures": info.images},
            "settings": {"sampling": self.sampling.model_dump(), **self.config.model_dump()},
            "class_names": list(info.class_names), "counts": list(self.counts), "drawn": list(self.drawn),
            "judge": None if self.judge is None else {
                "sha256": self.judge.get("sha256", ""), "test_accuracy": self.judge.get("test_accuracy"),
                "read_right": self.read_right, "of": sum(self.drawn)},
            "nearest": [_nearest_values(n) for n in self.nearest],
        }


def _nearest_values(nearest: Nearest) -> dict[str, Any]:
    spaces = {"pixels": nearest.pixels, "features": nearest.features}
    return {"class_label": nearest.class_label, **{
        name: None if part is None else {"index": part.index[0], "distance": part.distance[0],
                                         "nearer_than": part.nearer_than}
        for name, part in spaces.items()}}


def data_card(facts: Facts) -> str:
    """The card as Markdown."""
    info, sampling, config = facts.run.info, facts.sampling, facts.config
    kept, drawn = sum(facts.counts), sum(facts.drawn)
    lines = [
        f"# {number(kept)} drawn pictures of {info.config.data.dataset}", "",
        "Every picture here was drawn by a diffusion model. None is a photograph, a scan or anybody's writing.", "",
        "## Origin", "",
        f"- Model: run {facts.run.name} ({info.id}), training step {number(facts.snapshot)}, weights averaged over the "
        f"last {facts.average:.3g} % of training.",
        f"- It learned {number(info.images)} training pictures of {info.config.data.dataset}. Whoever tests a "
        "classifier with this set: the model has seen those pictures, and so, through it, has the classifier.",
        f"- Pictures of {info.image_shape[2]} x {info.image_shape[1]} pixels, "
        f"{'grey' if info.image_shape[0] == 1 else 'RGB'}.", "",
        "## Settings", "",
        f"- Sampler {sampling.sampler}, {sampling.num_steps} steps, {guidance_words(sampling)}"
        + ("" if sampling.guided_everywhere else
           f" at noise levels from {sampling.guidance_sigma_low:g} to {sampling.guidance_sigma_high:g}")
        + "; set.json has them all.",
        f"- Seeds from {config.first_seed}, one a picture.",
        f"- Kept: {number(kept)} of {number(drawn)}. "
        + (f"Only what the judge read as the class asked with a probability of at least {config.min_confidence:g}."
           if config.min_confidence > 0 else "No filter."), "",
        "## Classes", "", "| class | pictures | drawn |", "| --- | --- | --- |",
        *(f"| {name} | {number(count)} | {number(tried)} |"
          for name, count, tried in zip(info.class_names, facts.counts, facts.drawn, strict=True)), "",
        "## Are the labels right", "", *_judged(facts, drawn), "",
        "## Is it copying", "", *_copying(facts.nearest), ""]
    return "\n".join(lines)


def _judged(facts: Facts, drawn: int) -> list[str]:
    if facts.judge is None or facts.read_right is None:
        return ["No judge knows these pictures; nobody has checked the labels."]
    accuracy = facts.judge.get("test_accuracy")
    return [f"A judge that was trained on real pictures alone read {100 * facts.read_right / drawn:.2f} % of all drawn "
            "pictures as the class asked for"
            + (f". It reads {100 * float(accuracy):.2f} % of real test pictures right." if accuracy else ".")]


def _copying(found: tuple[Nearest, ...]) -> list[str]:
    if not found:
        return ["The training pictures are not here; nothing could be looked up."]
    lines = [f"The training picture nearest to each of {number(len(found))} of these pictures was looked up, as it was "
             "for real test pictures of the same class."]
    for name, parts in (("pixels", [n.pixels for n in found]), ("judge's features", [n.features for n in found])):
        known = [part for part in parts if part is not None]
        if known:
            lines.append(f"- By {name}: {copies(known)}")
    return lines


def copies(known: list[Neighbours]) -> str:
    """How many are suspect, and how near the rest is, in a sentence."""
    suspect = sum(part.suspect for part in known)
    middle = float(np.median([part.nearer_than for part in known]))
    return (f"{number(suspect)} of {number(len(known))} lie nearer to a training picture than "
            f"{100 * (1 - SUSPECT):.0f} % of real test pictures do (by chance: {SUSPECT * len(known):.1f}); the median "
            f"one has {100 * middle:.0f} % of test pictures nearer than itself.")
