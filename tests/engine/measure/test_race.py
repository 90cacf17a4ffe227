"""The sampler race: fair turns, the pictures that sampling draws, counts that are paid, and an end."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import sample_images
from engine.errors import BadSetting
from engine.measure.race import Watch, deterministic, race, reference_of
from engine.page_config import RaceConfig

SHAPE = (1, 8, 8)
CPU = torch.device("cpu")
LANES = (SamplingConfig(sampler="ddpm", num_steps=6), SamplingConfig(sampler="ddim", num_steps=9),
         SamplingConfig(sampler="heun", num_steps=3, guidance_scale=1.0),
         SamplingConfig(sampler="dpmpp-2m", num_steps=3))


@pytest.fixture(scope="module")
def denoiser():
    config = RunConfig().changed(model={"widths": (8,), "embedding_width": 16})
    made = build_denoiser(config, shape=SHAPE, num_classes=10, sigma_data=0.6).eval()
    g = torch.Generator().manual_seed(0)
    for module in made.modules():  # layers that start at zero get weights, so that the class matters
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return made


class Reader:
    """A judge whose probability of a digit is the picture's mean brightness."""

    def read(self, images):
        return np.repeat(images.reshape(len(images), -1).mean(1, keepdims=True) / 255, 10, axis=1)


def run(denoiser, lanes=LANES, seed=7, judge=None):
    """All that the race says, as it was said: the lanes of each event, with `complete`."""
    found = race(denoiser, lambda _: None, lanes, 3, seed, shape=SHAPE, device=CPU, judge=judge)
    return [(lanes, complete) for lanes, complete in found]


def test_every_turn_is_the_lanes_that_asked_least_and_the_race_ends(denoiser) -> None:
    events = run(denoiser)
    totals = [network_evaluations(sampling, denoiser.schedule) for sampling in LANES]
    assert [lane.total for lane in events[-1][0]] == totals
    before = [0] * len(LANES)
    for lanes, complete in events:
        now = [lane.spent for lane in lanes]
        moved = [i for i, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
        if not moved:  # the reference is being found
            assert now == totals
            continue
        assert len(moved) == 1, "one lane a turn"
        waiting = [n for n, total in zip(before, totals, strict=True) if n < total]
        assert before[moved[0]] == min(waiting)
        before = now
    assert before == totals
    assert [complete for _, complete in events].count(True) == 1
    assert events[-1][1]


def test_places_go_by_network_calls_and_equal_ones_share(denoiser) -> None:
    lanes, _ = run(denoiser)[-1]
    assert [lane.total for lane in lanes] == [12, 18, 5, 6]
    assert [lane.place for lane in lanes] == [3, 4, 1, 2]
    same = (LANES[3], LANES[3].model_copy(update={"sampler": "unipc"}), LANES[1])
    lanes, _ = run(denoiser, same)[-1]
    assert [lane.place for lane in lanes] == [1, 1, 3]
    assert [lane.place for lane in run(denoiser)[0][0]] == [0, 0, 0, 0]


def test_a_lane_draws_what_sampling_draws(denoiser) -> None:
    lanes, _ = run(denoiser)[-1]
    for lane, sampling in zip(lanes, LANES, strict=True):
        picture = next(iter(sample_images(denoiser, [3], [7], sampling, shape=SHAPE, num_classes=10, device=CPU)))[0]
        shown = np.rint((lane.x[-1, 0].astype(np.float32) + 1) * 127.5).clip(0, 255)
        assert np.abs(shown - picture).max() <= 1  # frames are float16
        assert lane.arrived
        assert lane.frame_at(0) == sampling.num_steps
        assert lane.frame_at(1000) == 0
    # One x_T for all: the same noise at the first level of each, which is almost all there is.
    for lane in lanes[1:]:
        np.testing.assert_allclose(lane.x[0].astype(float), lanes[0].x[0].astype(float), atol=2e-3)


def test_the_same_race_twice_is_the_same_and_another_seed_is_not(denoiser) -> None:
    one, again, other = (run(denoiser, seed=seed) for seed in (7, 7, 8))
    assert len(one) == len(again)
    for a, b in zip(one[-1][0], again[-1][0], strict=True):
        for field in dataclasses.fields(a):
            if field.name != "seconds":
                np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))
    assert not np.array_equal(one[-1][0][0].x[-1], other[-1][0][0].x[-1])


def test_distances_are_to_the_reference_and_fresh_noise_has_none(denoiser) -> None:
    lanes, _ = run(denoiser)[-1]
    assert np.isnan(lanes[0].distance).all()
    for lane in lanes[1:]:
        picture = next(iter(sample_images(denoiser, [3], [7], reference_of(lane.sampling), shape=SHAPE,
                                          num_classes=10, device=CPU)))[0]
        reference = picture.astype(float) / 127.5 - 1
        wanted = ((lane.x0[-1, 0].astype(float).clip(-1, 1) - reference) ** 2).mean()
        assert lane.distance[-1] == pytest.approx(wanted, abs=2e-3)
    assert all(np.isnan(lane.distance).all() for lane in run(denoiser)[20][0]), "not while lanes run"
    finer = (LANES[1], LANES[1].model_copy(update={"num_steps": 300}))
    coarse, fine = run(denoiser, finer)[-1][0]
    assert fine.distance[-1] < coarse.distance[-1] / 4


def test_the_judge_reads_every_prediction_of_the_class_asked(denoiser) -> None:
    lanes, _ = run(denoiser, judge=Reader())[-1]
    for lane in lanes:
        seen = ((lane.x0.astype(np.float32).clip(-1, 1) + 1) / 2).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(lane.probability, seen, atol=3e-3)
    assert all(np.isnan(lane.probability).all() for lane in run(denoiser)[-1][0])


def test_counts_and_seconds_are_of_the_network_calls_alone(denoiser, monkeypatch) -> None:
    clock = iter(range(100_000))
    monkeypatch.setattr("engine.measure.race.time.perf_counter", lambda: float(next(clock)))
    lanes, _ = run(denoiser, judge=Reader())[-1]
    # Each call reads the clock before and after: one second each. Guided calls are of a doubled batch.
    for lane, calls in zip(lanes, (6, 9, 5, 3), strict=True):
        assert lane.seconds[-1] == calls
        assert (np.diff(lane.seconds) >= 0).all()


def test_a_watch_counts_batches_by_their_pictures() -> None:
    watch = Watch(lambda x, *_: x, CPU)
    watch.pictures = 3
    watch(torch.zeros(6, 1), *([torch.zeros(6)] * 3))
    watch(torch.zeros(3, 1), *([torch.zeros(3)] * 3))
    assert watch.nfe == 3


def test_what_has_a_reference() -> None:
    assert not deterministic(SamplingConfig(sampler="ddpm"))
    assert not deterministic(SamplingConfig(sampler="ddim", eta=0.1))
    assert deterministic(SamplingConfig(sampler="ddim"))
    assert deterministic(SamplingConfig(sampler="heun", eta=0.5)), "eta is a setting of DDIM"
    one = reference_of(SamplingConfig(sampler="ddim", guidance_scale=3.0))
    assert one == reference_of(SamplingConfig(sampler="unipc", guidance_scale=3.0, num_steps=5))
    assert one != reference_of(SamplingConfig(sampler="ddim", guidance_scale=2.0))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_race_has_two_to_six_lanes(denoiser, count) -> None:
    with pytest.raises(BadSetting, match=f"A race has 2 to 6 lanes; {count} are not"):
        run(denoiser, (LANES[3],) * count)
    assert 2 <= len(RaceConfig().lanes) <= 6
