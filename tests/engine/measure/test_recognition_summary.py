"""What a recognition says, on trajectories that were written by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.config import SamplingConfig
from engine.measure.recognition import Recognition
from engine.measure.recognition_summary import (
    DENOISED,
    SNR,
    STEPS,
    Confusion,
    commit_point,
    curve,
    drifted,
    first_recognition,
    report,
    scale,
    summarise,
)

FRAMES = 51
SIGMA = tuple(np.append(np.geomspace(100, 0.1, FRAMES - 1), 0.0).tolist())


def recognition(first: np.ndarray, *, unconditional: bool = False, class_label: np.ndarray | None = None,
                taken_for: int | None = None) -> Recognition:
    """Pictures (classes, seeds) that are read from a frame on, FRAMES for never; before that as `taken_for`."""
    classes, seeds = first.shape
    label = np.repeat(np.arange(classes), seeds) if class_label is None else class_label
    read = np.arange(FRAMES) >= first.reshape(-1, 1)
    probability = np.where(read, 0.95, 0.2).astype(np.float16)
    before = (label[:, None] + 1) % 10 if taken_for is None else np.full((len(label), 1), taken_for)
    top = np.where(read, label[:, None], before).astype(np.uint8)
    sure = np.where(read, 0.95, 0.4 if taken_for is None else 0.6).astype(np.float16)
    return Recognition(
        snapshot=5, average_percent=None, sampling=SamplingConfig(), reading="noisy", unconditional=unconditional,
        classes=tuple(range(classes)), class_names=tuple("0123456789"), seeds=seeds, first_seed=0, nfe=100,
        num_timesteps=1000, sigma=SIGMA, t=tuple(range(1000, -1, -20)), judge="abc",
        judge_accuracy=(0.1,) * (FRAMES - 1) + (0.99,), class_label=label.astype(np.uint8),
        seed=np.tile(np.arange(seeds), classes), probability=probability, top=top, top_probability=sure)


def spread_out(seeds: int = 40, centres: tuple[int, ...] = (20, 30, 24, 26, 28, 40, 27, 29, 42, 25)) -> np.ndarray:
    """First frames (classes, seeds) around a centre for each class."""
    noise = np.random.default_rng(1).integers(-4, 5, (len(centres), seeds))
    return np.array(centres)[:, None] + noise


# ---- moments of one picture ----

@pytest.mark.parametrize(("probability", "frame"), [
    ([0.1, 0.5, 0.9, 0.95, 0.99], 2), ([0.95, 0.95, 0.95, 0.95, 0.95], 0), ([0.95, 0.95, 0.5, 0.95, 0.95], 3),
    ([0.1, 0.1, 0.1, 0.1, 0.95], 4), ([0.95, 0.95, 0.95, 0.95, 0.89], 5), ([0.1] * 5, 5)])
def test_first_recognition_holds_to_the_end(probability: list[float], frame: int) -> None:
    assert first_recognition(np.array([probability], dtype=np.float32)).tolist() == [frame]


@pytest.mark.parametrize(("top", "frame"), [
    ([3, 3, 3, 3], 0), ([1, 3, 3, 3], 1), ([3, 1, 3, 3], 2), ([3, 3, 3, 1], 3), ([1, 2, 1, 2], 3)])
def test_the_commit_point_is_the_last_change(top: list[int], frame: int) -> None:
    assert commit_point(np.array([top], dtype=np.uint8)).tolist() == [frame]


@pytest.mark.parametrize(("probability", "top", "drift"), [
    ([0.2, 0.95, 0.99], [8, 3, 3], False), ([0.95, 0.2, 0.99], [3, 8, 3], True), ([0.2, 0.95, 0.3], [8, 3, 8], True),
    ([0.6, 0.2, 0.99], [3, 8, 3], False), ([0.95, 0.6, 0.95], [3, 3, 3], False)])
def test_drift_is_to_leave_what_was_read_for_sure(probability: list[float], top: list[int], drift: bool) -> None:
    found = drifted(np.array([probability], dtype=np.float32), np.array([top], dtype=np.uint8),
                    np.array([3], dtype=np.uint8))
    assert found.tolist() == [drift]


def test_a_frame_is_told_on_three_scales() -> None:
    made = recognition(spread_out())
    assert scale(made, STEPS).tolist() == [*np.arange(0, 101, 2.0), np.inf]
    assert scale(made, DENOISED)[[0, 25, 50, 51]].tolist() == [0, 50, 100, np.inf]
    assert scale(made, SNR)[[0, 49]] == pytest.approx([-40, 20])
    assert np.isinf(scale(made, SNR)[50:]).all()


# ---- classes and tests ----

def test_each_class_has_its_mean_interval_and_rates() -> None:
    first = np.array([[10, 20, 30, 40, 51, 51], [30, 30, 30, 30, 30, 30], [0, 0, 2, 2, 4, 4]])
    found = summarise(recognition(first))
    a, b, c = found.classes
    assert (a.n, a.never_rate, a.right_rate, a.drift_rate) == (6, 2 / 6, 4 / 6, 0)
    assert (a.first[DENOISED].mean, a.first[STEPS].mean, a.first[DENOISED].n) == (50, 50, 4)
    assert a.first[DENOISED].median == 70, "never counts as last"
    assert a.first[DENOISED].median_ci95 == (20, None)
    assert a.first[DENOISED].ci95[0] < 50 < a.first[DENOISED].ci95[1]
    assert (b.first[DENOISED].mean, b.first[DENOISED].ci95) == (60, (60, 60))
    assert b.first[SNR].median == pytest.approx(-20 * np.log10(SIGMA[30]))
    assert c.first[DENOISED].mean == 4
    assert a.commit[DENOISED].mean == pytest.approx(100 * (10 + 20 + 30 + 40 + 0 + 0) / 50 / 6)
    assert [one.class_label for one in found.ranking()] == [2, 0, 1]
    assert found.never_rate == 2 / 18


def test_a_class_that_is_mostly_never_read_comes_last() -> None:
    first = np.array([[2, FRAMES, FRAMES], [30, 30, 30], [FRAMES] * 3])
    found = summarise(recognition(first))
    assert [one.class_label for one in found.ranking()] == [1, 0, 2]
    assert found.classes[2].first[DENOISED].mean is None
    assert found.classes[2].first[DENOISED].median is None


def test_same_seeds_are_blocks_of_friedmans_test() -> None:
    found = summarise(recognition(spread_out()))
    assert found.test is not None
    assert (found.test.name, found.blocks, found.n, found.test.n) == ("Friedman", 40, 400, 400)
    assert found.test.p < 1e-20
    assert 0.5 < found.test.effect < 1
    assert len(found.pairs) == 45
    pair = next(p for p in found.pairs if (p.first, p.second) == (5, 7))
    assert pair.earlier == 7
    assert pair.p < pair.p_holm < 1e-6


def test_what_differs_only_from_seed_to_seed_differs_not_by_class() -> None:
    """Seeds that are easy for every class are no difference between classes, nor do they hide one."""
    easy = np.random.default_rng(0).integers(0, 40, 40)
    same = easy + np.random.default_rng(1).integers(0, 3, (10, 40))
    assert summarise(recognition(same)).test.p > 0.01
    later = same.copy()
    later[4] += 3
    assert summarise(recognition(later)).test.p < 1e-10


def test_the_interval_of_all_takes_a_seed_as_one_value() -> None:
    """Ten classes that repeat what one seed does are no ten pictures."""
    easy = np.random.default_rng(0).integers(10, 40, 40)
    found = summarise(recognition(np.tile(easy, (10, 1))))
    low, high = found.overall[DENOISED].ci95
    one_low, one_high = found.classes[0].first[DENOISED].ci95
    assert (low, high) == pytest.approx((one_low, one_high))


def test_without_a_class_groups_are_what_is_read_at_the_end() -> None:
    label = np.array([0] * 5 + [1] * 12 + [3] * 13)
    first = np.concatenate([np.full(5, 10), np.full(12, 20), np.arange(13) + 15]).reshape(10, 3)
    found = summarise(recognition(first, unconditional=True, class_label=label))
    assert [(one.class_label, one.n) for one in found.classes] == [(0, 5), (1, 12), (3, 13)]
    assert found.test is not None
    assert (found.test.name, found.test.n, found.blocks) == ("Kruskal-Wallis", 30, 0)
    assert [(p.first, p.second, p.earlier) for p in found.pairs] == [(0, 1, 0), (0, 3, 0), (1, 3, 1)]


def test_confusions_are_the_share_of_pictures_taken_for_another() -> None:
    first = np.array([[0, 0, 10, 10], [0, 0, 0, 10], [0, 0, 0, 0]])
    assert summarise(recognition(first, taken_for=7)).confusions == (Confusion(0, 7, 0.5), Confusion(1, 7, 0.25))
    assert summarise(recognition(first)).confusions == (), "less than even is not taken for"


def claims(centres: tuple[int, ...]) -> dict[str, str]:
    return {claim.name: claim.verdict for claim in summarise(recognition(spread_out(centres=centres))).claims}


@pytest.mark.parametrize(("centres", "verdicts"), [
    ((35, 30, 35, 35, 35, 40, 35, 30, 40, 35), ("yes", "yes", "yes")),
    ((25, 20, 25, 25, 25, 30, 25, 35, 30, 25), ("no", "yes", "no")),
    ((35, 35, 35, 35, 35, 35, 35, 35, 40, 35), ("yes", "uncertain", "uncertain")),
    ((32, 29, 33, 32, 32, 35, 32, 29, 36, 33), ("uncertain", "yes", "yes"))])
def test_the_common_claim_is_judged_part_by_part(centres: tuple[int, ...], verdicts: tuple[str, ...]) -> None:
    assert claims(centres) == dict(zip(("about-70", "1-earlier", "7-earlier"), verdicts, strict=True))


def test_the_claim_fails_where_most_is_never_read() -> None:
    first = np.full((10, 20), FRAMES)
    first[:, :5] = 35 + np.arange(5)
    assert summarise(recognition(first)).claims[0].verdict == "no"


def test_the_claim_is_only_judged_where_its_digits_were_measured() -> None:
    assert [claim.name for claim in summarise(recognition(spread_out()[:4])).claims] == ["about-70"]


def test_the_curve_is_the_mean_and_the_middle_80_percent() -> None:
    made = recognition(np.arange(50)[None, :])
    mean, low, high = curve(made, 0)
    assert mean[25] == pytest.approx((26 * 0.95 + 24 * 0.2) / 50, abs=1e-3)
    assert (low[2], high[2]) == pytest.approx((0.2, 0.2), abs=1e-3)
    assert (low[25], high[25]) == pytest.approx((0.2, 0.95), abs=1e-3)


def test_the_report_is_json_without_infinity() -> None:
    first = spread_out()
    first[3] = FRAMES
    first[4] = FRAMES - 1
    made = recognition(first)
    found = report(made, summarise(made))
    again = json.loads(json.dumps(found, allow_nan=False))
    assert found["steps"]["snr_db"][-1] is None
    told = again["classes"][1]
    assert (told["class"], told["n"], told["drift_rate"], told["never_rate"]) == (1, 40, 0, 0)
    assert told["ci95"][0] < told["first_recognition_percent"] < told["ci95"][1]
    assert told["commit_percent"] == told["first_recognition_percent"]
    assert again["classes"][3]["first_recognition_percent"] is None
    assert (again["classes"][4]["first_recognition_percent"], again["classes"][4]["snr_db"]) == (100, None)
    assert (again["test"]["name"], again["test"]["blocks"]) == ("Friedman", 40)
    assert set(again["claims"]) == {"about-70", "1-earlier", "7-earlier"}


def test_a_measurement_packed_and_read_back_says_the_same() -> None:
    made = recognition(spread_out())
    values = json.loads(json.dumps(made.values()))
    again = Recognition.from_values(values)
    assert again is not None
    assert report(again, summarise(again)) == report(made, summarise(made))
    assert again.values() == made.values()
    assert Recognition.from_values({**values, "top": "x"}) is None
    assert Recognition.from_values({**values, "sigma": values["sigma"][1:]}) is None
    assert Recognition.from_values({}) is None
    assert len(json.dumps(values)) < 200_000


def test_two_classes_have_pairs_and_no_test() -> None:
    found = summarise(replace(recognition(spread_out()[:2]), classes=(0, 1)))
    assert found.test is None
    assert [(pair.first, pair.second, pair.earlier) for pair in found.pairs] == [(0, 1, 0)]
