"""Measuring recognition: what is read is what was drawn, saved once, equal each time, refused where it cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.compute import Priority
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.sample import record
from engine.errors import BadRun, BadSetting
from engine.events import Event, JobProgress, Tick
from engine.jobs import recognition_job
from engine.measure import recognition as module
from engine.measure import recognition_read as reading
from engine.measure.judge import Judge
from engine.measure.judge_files import NOISE_JUDGE_FILE, accuracy_at
from engine.measure.noise_judge import NoiseJudge, NoiseJudgeNetwork
from engine.measure.recognition import (
    Recognition,
    RecognitionReady,
    RecognitionRequest,
    measure_recognition,
    recognition_key,
    stored_recognition,
)
from engine.measure.recognition_summary import drawn_otherwise
from engine.runs import Run, SaveFailed
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = SamplingConfig(sampler="ddim", num_steps=4, guidance_scale=1.5, clip_x0=False)
RECORD = {"levels": [{"sigma": 0.0, "accuracy": 0.99}, {"sigma": 0.02, "accuracy": 0.98},
                     {"sigma": 100.0, "accuracy": 0.1}], "sha256": "stub", "data": "mnist"}


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trained(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps, whose pictures nobody can read."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(workspace, path, config).run():
        pass
    return path


@pytest.fixture(scope="module")
def noise_judge() -> NoiseJudge:
    """Untrained, but with an opinion that depends on the picture and on the level."""
    torch.manual_seed(0)
    network = NoiseJudgeNetwork()
    with torch.no_grad():
        network.out.weight.mul_(30)
    return NoiseJudge(network, "stub", RECORD)


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch, noise_judge: NoiseJudge) -> None:
    known = module.judge_record
    monkeypatch.setattr(NoiseJudge, "load", classmethod(lambda cls, path=None, device="cpu": noise_judge))
    monkeypatch.setattr(module, "judge_record",
                        lambda path: RECORD if path == NOISE_JUDGE_FILE else known(path))


def ready(events: list[Event]) -> RecognitionReady:
    last = events[-1]
    assert isinstance(last, RecognitionReady)
    return last


def measured(workspace: Workspace, request: RecognitionRequest) -> Recognition:
    return ready(list(measure_recognition(workspace, request))).recognition


def trajectories(workspace: Workspace, run: Path, sampling: SamplingConfig, seed: int) -> dict[int, np.ndarray]:
    """x_t and x0 of all classes as the Reverse page records them."""
    model = workspace.model(run, None)
    *_, last = record(model.denoiser, range(10), seed, sampling, snapshot=model.snapshot, shape=model.shape,
                      num_classes=10, device=workspace.device)
    return last


def test_the_noise_judge_reads_the_trajectories_that_are_recorded(workspace: Workspace, trained: Path,
                                                                  noise_judge: NoiseJudge) -> None:
    found = measured(workspace, RecognitionRequest(trained, FAST, classes=(3, 0), seeds=2, first_seed=7))
    assert found.class_label.tolist() == [3, 3, 0, 0]
    assert found.seed.tolist() == [7, 8, 7, 8]
    assert (found.snapshot, found.nfe, found.num_timesteps, found.judge) == (3, 8, 1000, "stub")
    assert found.probability.shape == found.top.shape == (4, 5)
    for i, (label, seed) in enumerate(zip(found.class_label, found.seed, strict=True)):
        trajectory = trajectories(workspace, trained, FAST, int(seed))[int(label)]
        assert found.sigma == tuple(trajectory.sigma)
        assert found.t == tuple(trajectory.t)
        read = noise_judge.read(trajectory.x, trajectory.sigma)
        np.testing.assert_allclose(found.probability[i], read[:, label], atol=5e-3)
        np.testing.assert_allclose(found.top_probability[i], read.max(axis=1), atol=5e-3)
        np.testing.assert_array_equal(found.top[i], read.argmax(axis=1))
    assert found.judge_accuracy == tuple(np.round(accuracy_at(RECORD, np.array(found.sigma)), 6))


def test_the_clean_judge_reads_predicted_x0_and_at_last_the_picture(workspace: Workspace, trained: Path) -> None:
    found = measured(workspace, RecognitionRequest(trained, FAST, classes=(5,), seeds=2, reading="x0"))
    judge = Judge.load()
    assert found.judge == judge.sha256
    assert set(found.judge_accuracy) == {judge.record["test_accuracy"]}
    for i, seed in enumerate(found.seed):
        trajectory = trajectories(workspace, trained, FAST, int(seed))[5]
        pictures = np.concatenate([trajectory.x0[:-1], trajectory.x[-1:]])[:, 0].astype(np.float32)
        read = judge.read(((pictures + 1) * 127.5).round().clip(0, 255).astype(np.uint8))
        np.testing.assert_allclose(found.probability[i], read[:, 5], atol=0.02)


def test_without_a_class_each_picture_has_its_own_seed_and_the_class_read_at_the_end(workspace: Workspace,
                                                                                     trained: Path) -> None:
    request = RecognitionRequest(trained, FAST, seeds=3, first_seed=5, unconditional=True)
    found = measured(workspace, request)
    assert (found.nfe, found.sampling.guidance_scale, found.unconditional) == (4, 0, True)
    assert sorted(found.seed) == list(range(5, 35))
    np.testing.assert_array_equal(found.class_label, found.top[:, -1])
    assert (np.diff(found.class_label.astype(int)) >= 0).all()
    few = measured(workspace, replace(request, classes=tuple({int(found.class_label[0]), 0})))
    assert set(few.class_label.tolist()) <= set(few.classes)
    other = replace(request, sampling=FAST.model_copy(update={"guidance_scale": 3.0}))
    assert recognition_key(Run.open(trained), other) == recognition_key(Run.open(trained), request)


def test_a_picture_does_not_depend_on_its_batch(workspace: Workspace, trained: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    request = RecognitionRequest(trained, FAST, classes=(1, 2), seeds=3, again=True)
    whole = measured(workspace, request)
    monkeypatch.setattr(reading, "BATCH", 4)
    parts = measured(workspace, request)
    np.testing.assert_allclose(whole.probability, parts.probability, atol=2e-3)
    np.testing.assert_array_equal(whole.seed, parts.seed)


def test_it_says_how_far_it_is_and_pauses_at_every_network_call(workspace: Workspace, trained: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 10)
    monkeypatch.setattr(reading, "_JUDGED", 25)
    events = list(measure_recognition(workspace, RecognitionRequest(trained, FAST, seeds=2, first_seed=50)))
    progress = [(e.n, e.total, e.unit) for e in events if isinstance(e, JobProgress)]
    assert progress[0] == (0, 20, "pictures")
    assert [n for n, _, _ in progress] == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert sum(isinstance(e, Tick) for e in events) == 4
    assert not ready(events).stored


def test_the_same_request_gives_the_same_bits_and_is_answered_from_the_run(workspace: Workspace,
                                                                           trained: Path) -> None:
    request = RecognitionRequest(trained, FAST, classes=(4, 6), seeds=4)
    first = measured(workspace, request)
    again = ready(list(measure_recognition(workspace, replace(request, again=True))))
    assert not again.stored
    assert json.dumps(again.recognition.values()) == json.dumps(first.values())
    stored = list(measure_recognition(None, request))  # type: ignore[arg-type]  # nothing is computed
    assert len(stored) == 1
    assert ready(stored).stored
    assert ready(stored).recognition.values() == first.values()
    named = stored_recognition(Run.open(trained), replace(request, snapshot=3))
    assert named is not None
    job = recognition_job(request)
    assert job.priority is Priority.BACKGROUND
    assert ready(list(job.make(None))).stored


def test_each_setting_has_its_own_measurement(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, request = Run.open(trained), RecognitionRequest(trained, FAST, seeds=4)
    others = [replace(request, seeds=5), replace(request, first_seed=1), replace(request, snapshot=0),
              replace(request, reading="x0"), replace(request, unconditional=True), replace(request, classes=(1,)),
              replace(request, average_percent=20.0),
              replace(request, sampling=FAST.model_copy(update={"guidance_scale": 2.0}))]
    assert len({recognition_key(run, one) for one in [request, *others]}) == 9
    before = recognition_key(run, request)
    assert recognition_key(run, replace(request, classes=tuple(range(10)), again=True)) == before
    monkeypatch.setattr(module, "METHOD", module.METHOD + 1)
    assert recognition_key(run, request) != before


def test_cancelled_it_saves_nothing(workspace: Workspace, trained: Path) -> None:
    request = RecognitionRequest(trained, FAST, classes=(8,), seeds=9)
    job = measure_recognition(workspace, request)
    for event in job:
        if isinstance(event, JobProgress) and event.n:
            break
    job.close()
    assert stored_recognition(Run.open(trained), request) is None


def test_a_result_that_cannot_be_saved_is_told_all_the_same(workspace: Workspace, trained: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def full(run: Run, key: str, values: object) -> Path:
        raise SaveFailed("The disk is full.")

    monkeypatch.setattr(Run, "save_measurement", full)
    job = measure_recognition(workspace, RecognitionRequest(trained, FAST, classes=(9,), seeds=2))
    events: list[Event] = []
    with pytest.raises(SaveFailed, match="The disk is full"):
        events.extend(iter_into(job, events))
    assert ready(events).recognition.classes == (9,)


def iter_into(job: Iterator[Event], events: list[Event]) -> list[Event]:
    """Keeps what came before an error."""
    for event in job:
        events.append(event)
    return []


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"seeds": 1}, "over 2 to 1,000 seeds a class; 1 is not"), ({"seeds": 1001}, "1,001 is not among them"),
    ({"reading": "mind"}, "A reading is one of noisy, x0; mind is not"), ({"classes": (3, 3)}, "one is named twice")])
def test_what_cannot_be_measured_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        RecognitionRequest(Path("a"), FAST, **changes)


def test_other_classes_and_other_runs_are_refused(workspace: Workspace, trained: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="There is no class 10; classes are 0 to 9"):
        next(measure_recognition(workspace, RecognitionRequest(trained, FAST, classes=(10,))))
    monkeypatch.setattr(module, "measurable", lambda run: False)
    with pytest.raises(BadRun, match="There is no judge for mnist yet, so nothing can read what tiny draws"):
        next(measure_recognition(workspace, RecognitionRequest(trained, FAST)))


def test_a_run_that_always_knew_the_class_is_not_measured_without(workspace: Workspace, tmp_path: Path) -> None:
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16}, diffusion={"label_drop": 0.0},
        training={"num_steps": 1, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(workspace, tmp_path / "told", config).run():
        pass
    with pytest.raises(BadSetting, match="told was always told the class"):
        next(measure_recognition(workspace, RecognitionRequest(tmp_path / "told", FAST, unconditional=True)))


def test_what_was_drawn_otherwise_is_told_beside(workspace: Workspace, trained: Path) -> None:
    run = Run.open(trained)
    request = RecognitionRequest(trained, FAST, classes=(2, 3), seeds=4, first_seed=300)
    found = measured(workspace, request)
    fewer = replace(request, sampling=FAST.model_copy(update={"num_steps": 3}))
    measured(workspace, fewer)
    measured(workspace, replace(fewer, classes=(2,)))
    measured(workspace, replace(fewer, snapshot=0))
    for name, kept in (("probability", 1.0), ("probability", 0.0)):  # read from the first frame on, or never
        other = measured(workspace, replace(fewer, again=True))
        run.save_measurement(recognition_key(run, replace(fewer, snapshot=3)), replace(
            other, **{name: np.full_like(other.probability, kept)}).values())
        beside = drawn_otherwise(run, found)
        if kept:
            assert [(one.sampling.num_steps, one.n) for one in beside] == [(3, 8)]
            assert beside[0].mean["percent_denoised"] == 0
        else:
            assert beside == []


def test_a_stored_measurement_is_found_without_torch() -> None:
    code = "import sys, engine.measure.recognition_summary; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0
