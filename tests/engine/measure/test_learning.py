"""How a run learned: newest snapshot first, validation before samples, nothing measured twice, new snapshots seen."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.errors import BadRun
from engine.events import JobProgress, Tick
from engine.measure import learning, sample_check
from engine.measure.learning import LearningKnown, LearningPoint, LearningRequest, measure_learning, next_place
from engine.measure.sample_check import SampleCheck, stored_check
from engine.measure.validation import ValidationLoss, stored_validation
from engine.runs import Run, RunInfo, RunWriter
from engine.workspace import Workspace

CONFIG = RunConfig().changed(model={"widths": (8,), "embedding_width": 16})
STEPS = (0, 10, 40, 90)


def weights(step: int) -> dict[str, np.ndarray]:
    denoiser = build_denoiser(CONFIG.changed(training={"seed": step}), shape=(1, 28, 28), num_classes=10,
                              sigma_data=0.6)
    return {name: value.numpy() for name, value in denoiser.network.state_dict().items()}


@pytest.fixture
def writer(tmp_path: Path) -> RunWriter:
    info = RunInfo(name="small", config=CONFIG, class_names=tuple("0123456789"), image_shape=(1, 28, 28),
                   sigma_data=0.6, parameters=6, num_steps=100, images=640, state="training", step=90)
    made = RunWriter.create(tmp_path / "run", info)
    for step in STEPS:
        made.save_snapshot(step, weights(step))
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Measurements that say at once what step they are of."""
    order = []

    def measure_validation(workspace, run, step):
        run.load_snapshot(step)  # BadRun where it is damaged or gone
        order.append(("validation", step))
        yield Tick()
        return ValidationLoss((0.1, 1.0), (1.0, 1.0), (1.0, step + 1.0), (0.5, 0.5), 8)

    def measure_check(workspace, run, step, judge):
        order.append(("samples", step))
        yield Tick()
        return SampleCheck(100, step, 0.5, (0.9, 0.8), 99)

    monkeypatch.setattr(learning, "measure_validation", measure_validation)
    monkeypatch.setattr(learning, "measure_check", measure_check)
    return order


@pytest.fixture
def workspace():
    made = Workspace("cpu", 1)
    yield made
    made.close()


def test_the_order_shows_the_whole_course_early() -> None:
    done, order = [False] * 9, []
    while (place := next_place(done)) is not None:
        order.append(place)
        done[place] = True
    assert order == [8, 0, 4, 6, 2, 7, 5, 3, 1]
    assert next_place([]) is None
    assert next_place([True]) is None
    assert next_place([True, False]) == 1, "the newest first"


def test_all_is_measured_once_and_kept(writer: RunWriter, workspace: Workspace, asked: list[tuple[str, int]]) -> None:
    request = LearningRequest(writer.path)
    events = list(measure_learning(workspace, request))
    assert asked == [("validation", s) for s in (90, 0, 10, 40)] + [("samples", s) for s in (90, 0, 10, 40)]
    known = [event for event in events if isinstance(event, LearningKnown)]
    assert [event.missing for event in known] == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert known[0].points == tuple(LearningPoint(step) for step in STEPS)
    last = known[-1].points[-1]
    assert last.validation is not None
    assert last.validation.mean == 46.0
    assert last.samples is not None
    assert (last.samples.accuracy, last.samples.floor) == (0.9, pytest.approx(0.85))
    assert [(e.n, e.total) for e in events if isinstance(e, JobProgress)][-1] == (8, 8)

    del asked[:]
    again = [event for event in measure_learning(workspace, request) if isinstance(event, LearningKnown)]
    assert not asked
    assert [event.points for event in again] == [known[-1].points]


def test_so_many_at_a_time_and_no_samples(writer: RunWriter, workspace: Workspace,
                                          asked: list[tuple[str, int]]) -> None:
    list(measure_learning(workspace, LearningRequest(writer.path, most=1)))
    assert asked == [("validation", 90)]
    list(measure_learning(workspace, LearningRequest(writer.path, samples=False)))
    assert asked == [("validation", s) for s in (90, 0, 10, 40)]
    assert next(measure_learning(workspace, LearningRequest(writer.path, most=0))).missing == 4


def test_of_some_at_a_time_samples_have_their_turn(writer: RunWriter, workspace: Workspace,
                                                   asked: list[tuple[str, int]]) -> None:
    for _ in range(6):
        list(measure_learning(workspace, LearningRequest(writer.path, most=1)))
    assert asked == [("validation", 90), ("samples", 90), ("validation", 0), ("validation", 10), ("validation", 40),
                     ("samples", 0)]


def test_a_snapshot_saved_meanwhile_comes_next(
        writer: RunWriter, workspace: Workspace, asked: list[tuple[str, int]]) -> None:
    job = measure_learning(workspace, LearningRequest(writer.path, samples=False))
    next(event for event in job if isinstance(event, LearningKnown) and event.missing == 3)
    writer.save_snapshot(100, weights(100))
    known = [event for event in job if isinstance(event, LearningKnown)]
    assert asked == [("validation", s) for s in (90, 100, 0, 10, 40)]
    assert [p.step for p in known[-1].points] == [0, 10, 40, 90, 100]


def test_a_damaged_snapshot_is_left_out(writer: RunWriter, workspace: Workspace,
                                       asked: list[tuple[str, int]]) -> None:
    (next((writer.path / "snapshots").glob("*40")) / "ema.safetensors").write_bytes(b"broken")
    job = measure_learning(workspace, LearningRequest(writer.path, samples=False))
    known = [event for event in job if isinstance(event, LearningKnown)]
    assert [p.step for p in known[0].points] == list(STEPS)
    assert [p.step for p in known[-1].points] == [0, 10, 90]
    assert known[-1].missing == 0


def test_what_is_no_run_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(BadRun):
        next(measure_learning(workspace, LearningRequest(tmp_path)))


def test_a_check_counts_what_the_judge_reads(writer: RunWriter, workspace: Workspace,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real judge, with few pictures: the same again, read back, and real pictures beside it."""
    from engine.measure.judge import Judge

    monkeypatch.setattr(sample_check, "NUM_SAMPLES", 60)
    monkeypatch.setattr(sample_check, "STRIP_SAMPLING", sample_check.STRIP_SAMPLING.model_copy(
        update={"num_steps": 2, "guidance_scale": 1.0}))
    judge, run = Judge.load(), Run.open(writer.path)

    def check() -> SampleCheck:
        job = sample_check.measure_check(workspace, run, 90, judge)
        while True:
            try:
                assert isinstance(next(job), Tick)
            except StopIteration as stop:
                return stop.value

    found = check()
    assert check() == found
    assert found.n == 60
    assert found.right < 30, "an untrained network draws no digits"
    assert found.real_right >= 57
    assert found.coverage < 0.2 < min(found.real_coverage)
    assert stored_check(run, 90) is None
    run.save_measurement(sample_check.check_key(run, 90), found.values())
    assert stored_check(run, 90) == found
    assert stored_validation(run, 90) is None
    assert SampleCheck.from_values({**found.values(), "n": 0}) is None
    assert torch.is_grad_enabled(), "a generator leaves no mode on"
