"""Settings of what is looked at and measured; part of no run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.config import SamplingConfig
from engine.settings import Group, describe, setting


class WeightsConfig(Group):
    """Which average of the weights is looked at; part of no run."""

    average_percent: float = setting(
        10.0, "Average", "Draw from the weights averaged over the last so many percent of training: the average is as "
        "old, in the mean, as a plain average over that part.", unit="%", step=1, ge=1, le=100)


class RaceConfig(Group):
    """The lanes of a race between samplers; part of no run."""

    lanes: Annotated[tuple[SamplingConfig, ...], Field(min_length=2, max_length=6)] = setting(
        (SamplingConfig(sampler="ddpm", num_steps=50), SamplingConfig(sampler="ddim", num_steps=20),
         SamplingConfig(sampler="heun", num_steps=8), SamplingConfig(sampler="dpmpp-2m", num_steps=8)),
        "Lanes", "The sampling settings that race, each from the same noise.")
    pictures: int = setting(
        100, "Pictures", "Over how many pictures the lanes are measured: every class equally often. More take longer "
        "and make the intervals narrower.", ge=10, le=2000, step=10)
    show_x: bool = setting(False, "Show xₜ too", "Above each prediction, what the sampler is holding at that moment.")


class RecognitionConfig(Group):
    """When a picture can first be read: how that is measured; part of no run."""

    seeds: int = setting(
        100, "Seeds", "From how many seeds each class is drawn. More take longer and make the intervals narrower.",
        unit="a class", ge=2, le=1000, step=10)
    direction: Literal["denoise", "forward", "u-turn"] = setting(
        "denoise", "Direction", "The model's pictures on their way out of noise; real pictures on their way into it; "
        "or both: real pictures into noise and back.")
    reading: Literal["noisy", "x0", "person"] = setting(
        "noisy", "Reader", "Who reads each step: a judge that was trained on noisy pictures reads xₜ, the judge of "
        "clean pictures reads the predicted x₀, or you in the blind test. Told the class, a model predicts a readable "
        "picture from the first step on, so only xₜ says what can be seen.")
    unconditional: bool = setting(
        False, "Tell no class", "Draw without a class and without guidance; the class of a picture is then what is "
        "read at its end. The predicted x₀ says only so when the model decides.")
    turned: int = setting(
        10, "Pictures", "How many real pictures of each class are noised and denoised. More take longer and make the "
        "intervals narrower.", unit="a class", ge=2, le=500, step=10)
    towards: bool = setting(
        False, "Towards its class", "Tell the picture's own class on the way back, and guide towards it: the contrast. "
        "Then the class returns even from noise alone.")
    blind_seconds: float = setting(
        15.0, "Slowness", "How long a picture of the blind test takes from noise to picture. The slower, the more "
        "exact.",
        unit="s", ge=3, le=120, step=1)


class TimeMachineConfig(Group):
    """The map of the time machine and how it is looked at; part of no run."""

    show: Literal["x0", "xt", "judge"] = setting(
        "x0", "Show", "What a cell shows: the predicted x₀, the noisy xₜ that it is predicted from, or how sure the "
        "judge is of the class in that xₜ.")
    columns: Literal[0, 10, 20, 40] = setting(
        0, "Columns", "How many snapshots have a column, spread evenly from the first to the last.")
    levels: Literal[13, 25, 41] = setting(
        25, "Rows", "How many noise levels have a row, even in t from pure noise to the picture. Each row is a step of "
        "the sampler, so more are drawn more finely too.")
    size: Literal[1, 2, 3] = setting(1, "Size", "How large a picture is, in whole pixels of the screen.")
    line: bool = setting(
        True, "Line of first recognition", "Where a judge of noisy pictures first reads the class and reads it to the "
        "end.")
    line_seeds: Literal[1, 24, 100] = setting(
        24, "Line over", "Over how many seeds the line is the mean. More take longer and make it surer.")
    tint: bool = setting(
        False, "Tint by the judge's confidence", "Colour each picture by how sure the judge is of the class in xₜ.")
    path: bool = setting(True, "Path of the last drag", "Show the way that was last drawn over the map.")
    other: str = setting("", "With", "A second run beside the open one: the same class, seed and settings.")
    compare: Literal["side", "difference"] = setting(
        "side", "As", "Two runs side by side, or the other run minus this one: middle grey where they are equal.")


AVERAGE = next(describe(WeightsConfig))
