"""Settings of what is done with a trained model: handwriting, sketch, labelled sets, augmentation. Part of no run."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from engine.settings import Group, number, setting

MOST_TEXT = 40  # characters written at once
MOST_PICTURES = 100_000  # of a labelled set
SetFormat = Literal["folder", "npz", "idx"]


class HandwritingConfig(Group):
    """A word in the model's own hand."""

    text: str = setting("2026", "Text", "What is written. Each character is drawn by the model as its class.",
                        max_length=MOST_TEXT)
    variation: float = setting(
        0.25, "Variation", "How much noise of its own each character gets beside the shared noise: 0 makes equal "
        "characters equal, 1 gives each a hand of its own.", ge=0, le=1, step=0.05)
    even_weight: bool = setting(
        True, "Even pen", "Bring all characters to one width of stroke, the median of what is measured.")
    spacing: float = setting(
        0.15, "Spacing", "Room between two characters, as a share of their height.", ge=-0.2, le=1, step=0.05)
    paper: bool = setting(True, "Ink on paper", "Dark ink on a light ground; off: light on dark, as the data are.")


class SketchConfig(Group):
    """A drawing that is noised and denoised again."""

    centre: bool = setting(
        True, "Centre it", "Scale and centre the drawing as the digits of MNIST were: 20 pixels, its centre of mass in "
        "the middle. Off: as it was drawn.")
    brush: float = setting(2.0, "Brush", "Width of the brush.", unit="pixels", ge=1, le=6, step=0.5)


class SyntheticConfig(Group):
    """A labelled set of drawn pictures."""

    per_class: int = setting(
        100, "A class", "How many pictures of each class.", unit="pictures", ge=1, le=MOST_PICTURES, step=50)
    first_seed: int = setting(0, "First seed", "Seed of the first picture; each picture has its own.", ge=0, le=10**12)
    min_confidence: float = setting(
        0.0, "Sure at least", "Keep only pictures that the judge reads as the class asked, at least so surely; 0 keeps "
        "all. A stricter filter gives cleaner labels and less variety.", ge=0, le=0.999, step=0.05)
    format: SetFormat = setting("folder", "Format", "A folder of PNG files for each class, one npz file, or IDX files.")


class AugmentationConfig(Group):
    """Whether drawn pictures help a classifier."""

    real: Annotated[tuple[int, ...], Field(min_length=1, max_length=6)] = setting(
        (100,), "Real", "Numbers of real training pictures, as many of each class.")
    synthetic: Annotated[tuple[int, ...], Field(min_length=1, max_length=6)] = setting(
        (500, 2000), "Synthetic", "Numbers of drawn pictures that are added.")
    seeds: int = setting(
        5, "Seeds", "How often it is repeated, each time with other real pictures, other drawn ones and another "
        "classifier. More take longer and make the intervals narrower.", ge=2, le=50)
    honest: bool = setting(
        False, "Honest", "Draw from models that were trained on the same real pictures alone, instead of this run, "
        "which saw the whole training set. One is trained for each seed.")

    @model_validator(mode="after")
    def _counts(self) -> Self:
        for count in (*self.real, *self.synthetic):
            if not 1 <= count <= MOST_PICTURES:
                raise ValueError(f"numbers of pictures are from 1 to {number(MOST_PICTURES)}; {number(count)} is not")
        return self


UsePart = Literal["handwriting", "sketch", "set", "augmentation"]


class UseConfig(Group):
    """Page Use: which part is looked at, and the settings of all."""

    part: UsePart = setting("handwriting", "Part", "What is done with the model.")
    handwriting: HandwritingConfig = HandwritingConfig()
    sketch: SketchConfig = SketchConfig()
    synthetic: SyntheticConfig = SyntheticConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
