"""The race over many pictures: counted as drawn, kept with the run, and judged as it says."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.sample import sample_images
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.race import reference_of
from engine.measure.race_quality import (
    LaneQuality,
    RaceQualityReady,
    RaceQualityRequest,
    interval,
    lane_key,
    measure_race,
    stored_lanes,
)
from engine.runs import Run, RunInfo, RunWriter
from engine.workspace import Workspace

SHAPE = (1, 8, 8)
CONFIG = RunConfig().changed(model={"widths": (8,), "embedding_width": 16})
LANES = (SamplingConfig(sampler="ddpm"), SamplingConfig(sampler="dpmpp-2m", guidance_scale=1.0),
         SamplingConfig(sampler="dpmpp-2m", guidance_scale=1.0, num_steps=7))
COUNTS = (2, 4)


@pytest.fixture
def denoiser():
    made = build_denoiser(CONFIG, shape=SHAPE, num_classes=10, sigma_data=0.5).eval()
    g = torch.Generator().manual_seed(0)
    for module in made.modules():
        if getattr(module, "starts_at_zero", False):
            torch.nn.init.normal_(module.weight, std=0.05, generator=g)
    return made


@pytest.fixture
def request_of(tmp_path: Path, denoiser) -> RaceQualityRequest:
    info = RunInfo(name="small", config=CONFIG, class_names=tuple("0123456789"), image_shape=SHAPE, sigma_data=0.5,
                   parameters=6, num_steps=10, images=640, state="finished", step=10)
    writer = RunWriter.create(tmp_path / "run", info)
    writer.save_snapshot(10, {name: value.numpy() for name, value in denoiser.network.state_dict().items()})
    writer.close()
    return RaceQualityRequest(tmp_path / "run", 10, LANES, pictures=25, step_counts=COUNTS)


class Reader:
    """A judge that takes the tenth of the grey scale for the digit."""

    def read(self, images):
        digit = (images.reshape(len(images), -1).mean(1) / 25.6).astype(int).clip(0, 9)
        return np.eye(10, dtype=np.float32)[digit]


@pytest.fixture
def judged(monkeypatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr("engine.measure.race_quality.load_judge", lambda model, workspace: reader)
    return reader


def measured(request: RaceQualityRequest) -> list:
    workspace = Workspace("cpu", threads=1)
    try:
        return list(measure_race(workspace, request))
    finally:
        workspace.close()


def drawn(denoiser, sampling: SamplingConfig, n: int) -> np.ndarray:
    labels, seeds = [i % 10 for i in range(n)], [i // 10 for i in range(n)]
    return np.concatenate(list(sample_images(denoiser, labels, seeds, sampling, shape=SHAPE, num_classes=10,
                                             device=torch.device("cpu"))))


def test_figures_are_those_of_the_pictures_that_sampling_draws(denoiser, request_of, judged) -> None:
    events = measured(request_of)
    ready = [event for event in events if isinstance(event, RaceQualityReady)]
    assert [event.lanes[0].pictures for event in ready] == [20, 25]
    assert [event.complete for event in ready] == [False, True]
    labels = np.arange(25) % 10
    for lane, quality in zip(LANES, ready[-1].lanes, strict=True):
        for k, count in enumerate(COUNTS):
            sampling = lane.model_copy(update={"num_steps": count})
            pictures = drawn(denoiser, sampling, 25)
            assert quality.nfe[k] == network_evaluations(sampling, denoiser.schedule)
            assert quality.right is not None
            assert quality.right[k] == (judged.read(pictures).argmax(1) == labels).sum()
            if quality.distance is not None:
                reference = drawn(denoiser, reference_of(lane), 25)
                off = ((pictures.astype(float) - reference.astype(float)) / 127.5) ** 2
                assert quality.distance[k] == pytest.approx(off.mean(), abs=2e-3)
        reference = drawn(denoiser, reference_of(lane), 25)
        assert quality.reference_right == (judged.read(reference).argmax(1) == labels).sum()
    assert [quality.distance is None for quality in ready[-1].lanes] == [True, False, False]
    assert ready[-1].lanes[1] == ready[-1].lanes[2], "lanes that differ in their own number of steps alone"
    assert all(seconds > 0 for quality in ready[-1].lanes for seconds in quality.seconds)


def test_progress_counts_network_calls_to_their_end(request_of, judged) -> None:
    progress = [event for event in measured(request_of) if isinstance(event, JobProgress)]
    assert progress[0].n == 0
    assert progress[-1].n == progress[-1].total
    assert [event.n for event in progress] == sorted(event.n for event in progress)


def test_a_result_is_kept_with_the_run_for_each_lane(request_of, judged) -> None:
    run = Run.open(request_of.run)
    assert stored_lanes(run, request_of) == [None, None, None]
    told = next(event for event in measured(request_of) if isinstance(event, RaceQualityReady) and event.complete)
    assert stored_lanes(run, request_of) == list(told.lanes)
    one = RaceQualityRequest(request_of.run, 10, (LANES[1], SamplingConfig(sampler="heun")), 25, COUNTS)
    assert stored_lanes(run, one) == [told.lanes[1], None]
    assert lane_key(run, one, LANES[1]) == lane_key(run, one, LANES[2])
    others = (RaceQualityRequest(request_of.run, 10, LANES, 30, COUNTS),
              RaceQualityRequest(request_of.run, 10, LANES, 25, (2, 5)))
    assert len({lane_key(run, request, LANES[0]) for request in (request_of, *others)}) == 3


def test_a_measurement_that_is_closed_keeps_nothing(request_of, judged) -> None:
    workspace = Workspace("cpu", threads=1)
    work = measure_race(workspace, request_of)
    while not isinstance(next(work), RaceQualityReady):
        pass
    work.close()
    workspace.close()
    assert stored_lanes(Run.open(request_of.run), request_of) == [None, None, None]


def test_without_a_judge_there_is_the_distance_alone(request_of) -> None:
    told = measured(request_of)[-1]
    assert isinstance(told, RaceQualityReady)
    assert [quality.right for quality in told.lanes] == [None, None, None]
    assert told.lanes[0].distance is None
    assert told.lanes[0].first_there() is None


def quality(right=None, distance=None, reference=100) -> LaneQuality:
    return LaneQuality((3, 5, 8), (6, 10, 16), (0.1, 0.2, 0.3), right, distance, reference if right else None, 100,
                       "CPU, fp32", False)


def test_there_is_where_a_lane_stays_as_good_as_the_reference() -> None:
    assert quality((98, 99, 100)).first_there() == 1
    assert quality((99, 98, 100)).first_there() == 0, "one picture fewer is chance"
    assert quality((99, 90, 100)).first_there() == 2, "ten are not"
    assert quality((97, 98, 98)).first_there() is None
    assert quality((60, 79, 80), reference=80).first_there() == 2
    assert quality(distance=(0.02, 0.01, 0.001)).first_there() == 1
    assert quality(distance=(0.001, 0.02, 0.001)).first_there() == 2
    assert quality((100, 100, 100), (0.02, 0.01, 0.001)).first_near() == 1
    assert quality((100, 100, 100)).first_near() is None


def test_what_is_read_back_is_what_was_written_or_nothing() -> None:
    made = quality((98, 99, 100), (0.1, 0.2, 0.3))
    assert LaneQuality.from_values(made.values()) == made
    assert LaneQuality.from_values({**made.values(), "right": [1]}) is None
    assert LaneQuality.from_values({"pictures": 3}) is None
    assert LaneQuality.from_values({**made.values(), "more": 1}) is None


def test_the_interval_is_wilsons() -> None:
    # Values of the closed form, as tables give them.
    assert interval(99, 100) == pytest.approx((0.9455, 0.9982), abs=1e-4)
    assert interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_nothing_to_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="at least one picture, one lane"):
        RaceQualityRequest(tmp_path, 0, ())
