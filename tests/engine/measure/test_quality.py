"""Measuring a run's quality: right figures, saved once, cancellable, refused where it cannot be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.compute import Priority
from engine.config import RunConfig, SamplingConfig
from engine.data.catalogue import load_dataset
from engine.diffusion.sample import sample_images
from engine.errors import BadRun, BadSetting
from engine.events import Event, JobProgress, Tick
from engine.jobs import quality_job
from engine.measure import quality, reference
from engine.measure.distances import SetDistances, frechet
from engine.measure.judge import Judge
from engine.measure.judge_files import JUDGE_FILES
from engine.measure.quality import Quality, QualityReady, QualityRequest, measure_quality, quality_key, stored_quality
from engine.measure.reference import choose
from engine.runs import Run, SaveFailed
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = SamplingConfig(sampler="dpmpp-2m", num_steps=2, guidance_scale=1.5)


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


def result(events: list[Event]) -> QualityReady:
    ready = events[-1]
    assert isinstance(ready, QualityReady)
    return ready


@pytest.fixture(scope="module")
def measured(workspace: Workspace, trained: Path) -> list[Event]:
    return list(measure_quality(workspace, QualityRequest(trained, FAST, count=200, seed=5)))


def test_it_says_how_far_it_is_and_pauses_at_every_network_call(measured: list[Event]) -> None:
    progress = [e for e in measured if isinstance(e, JobProgress)]
    assert [(e.n, e.total) for e in progress] == [(0, 200), (50, 200), (100, 200), (150, 200), (200, 200)]
    first, last = measured.index(progress[0]), measured.index(progress[-1])
    drawing = [e for e in measured[first:last] if isinstance(e, Tick)]
    assert len(drawing) == 4 * FAST.num_steps
    assert len([e for e in measured[last:] if isinstance(e, Tick)]) > 10
    assert not result(measured).stored


def test_figures_are_those_of_the_pictures_asked_for(measured: list[Event], workspace: Workspace,
                                                     trained: Path) -> None:
    found = result(measured).quality
    model = workspace.model(trained, None)
    labels, seeds = np.arange(200) % 10, 5 + np.arange(200)
    images = np.concatenate(list(sample_images(
        model.denoiser, labels.tolist(), seeds.tolist(), FAST, shape=model.shape, num_classes=10,
        device=workspace.device)))
    assert (found.snapshot, found.count, found.reference_count, found.nfe) == (3, 200, 200, 4)
    assert [judge.name for judge in found.judges] == ["first", "second"]
    assert found.judges[0].sha256 != found.judges[1].sha256
    readings = []
    for told, file in zip(found.judges, JUDGE_FILES.values(), strict=True):
        judge = Judge.load(file)
        read = judge.read(images).argmax(axis=1)
        readings.append(read)
        assert told.accuracy == (read == labels).mean()
        assert told.accuracy_by_class == tuple((read[labels == c] == c).mean() for c in range(10))
        assert told.wrong == tuple((5 + i, labels[i], read[i]) for i in np.flatnonzero(read != labels))[:100]
        data = load_dataset("mnist")
        real = judge.features(data.test_images[choose(data.test_labels, (20,) * 10), 0])
        assert told.distances.frechet == pytest.approx(frechet(real, judge.features(images)), rel=1e-3)
        assert told.real_accuracy > 0.97
        assert told.test_accuracy == judge.record["test_accuracy"]
    assert found.agreement == (readings[0] == readings[1]).mean()


def test_the_floor_is_what_training_pictures_score(measured: list[Event]) -> None:
    for told in result(measured).quality.judges:
        assert len(told.floors) == reference.FLOOR_DRAWS
        assert len({floor.frechet for floor in told.floors}) == reference.FLOOR_DRAWS
        assert told.floor.frechet == pytest.approx(np.mean([floor.frechet for floor in told.floors]))
        assert told.floor.coverage > 0.8 > told.distances.coverage
        assert told.frechet_over_floor == told.distances.frechet / told.floor.frechet > 2


def test_the_second_call_is_answered_from_the_run(measured: list[Event], trained: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a workspace: nothing is computed."""
    request = QualityRequest(trained, FAST, count=200, seed=5)
    events = list(measure_quality(None, request))  # type: ignore[arg-type]
    assert len(events) == 1
    assert result(events).stored
    assert result(events).quality == result(measured).quality
    assert stored_quality(Run.open(trained), request) == result(measured).quality
    monkeypatch.setattr(quality, "METHOD", quality.METHOD + 1)
    assert stored_quality(Run.open(trained), request) is None


def test_the_windows_job_is_background_work(measured: list[Event], trained: Path) -> None:
    job = quality_job(QualityRequest(trained, FAST, count=200, seed=5))
    assert job.priority is Priority.BACKGROUND
    assert result(list(job.make(None))).quality == result(measured).quality  # stored: nothing is computed


def test_again_measures_anew_and_finds_the_same(measured: list[Event], workspace: Workspace, trained: Path) -> None:
    events = list(measure_quality(workspace, QualityRequest(trained, FAST, count=200, seed=5, again=True)))
    assert not result(events).stored
    assert replace(result(events).quality, seconds=0) == replace(result(measured).quality, seconds=0)


def test_each_setting_has_its_own_measurement(trained: Path) -> None:
    run = Run.open(trained)
    request = QualityRequest(trained, FAST, count=200, seed=5)
    others = [replace(request, count=210), replace(request, seed=6), replace(request, snapshot=0),
              replace(request, sampling=FAST.model_copy(update={"guidance_scale": 2.0}))]
    keys = {quality_key(run, r) for r in [request, *others]}
    assert len(keys) == 5
    assert quality_key(run, replace(request, snapshot=3, again=True)) == quality_key(run, request)


def test_a_snapshot_saved_meanwhile_changes_nothing(workspace: Workspace, trained: Path, tmp_path: Path) -> None:
    """Asked for the newest, the answer is kept for the one that was newest when it began."""
    copy = tmp_path / "growing"
    shutil.copytree(trained, copy)
    newest = max((copy / "snapshots").iterdir())
    newest.rename(tmp_path / "later")
    request = QualityRequest(copy, FAST, count=100)
    job = measure_quality(workspace, request)
    next(job)
    (tmp_path / "later").rename(newest)
    found = result(list(job)).quality
    assert found.snapshot == 2
    assert stored_quality(Run.open(copy), replace(request, snapshot=2)) == found
    assert stored_quality(Run.open(copy), request) is None


def test_cancelled_it_saves_nothing(workspace: Workspace, trained: Path) -> None:
    request = QualityRequest(trained, FAST, count=300)
    job = measure_quality(workspace, request)
    for event in job:
        if isinstance(event, JobProgress) and event.n == 100:
            break
    job.close()
    assert stored_quality(Run.open(trained), request) is None


def test_what_is_stored_and_no_measurement_is_measured_anew(workspace: Workspace, trained: Path) -> None:
    run, request = Run.open(trained), QualityRequest(trained, FAST, count=100)
    run.save_measurement(quality_key(run, request), {"judges": [{"name": "first"}]})
    assert stored_quality(run, request) is None
    assert not result(list(measure_quality(workspace, request))).stored
    assert stored_quality(run, request) is not None


def test_a_result_that_cannot_be_saved_is_told_all_the_same(workspace: Workspace, trained: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def full(run: Run, key: str, values: object) -> Path:
        raise SaveFailed("The disk is full.")

    monkeypatch.setattr(Run, "save_measurement", full)
    job = measure_quality(workspace, QualityRequest(trained, FAST, count=110))
    events: list[Event] = []
    with pytest.raises(SaveFailed, match="The disk is full"):
        events.extend(iter_into(job, events))
    assert result(events).quality.count == 110


def iter_into(job: Iterator[Event], events: list[Event]) -> list[Event]:
    """Keeps what came before an error."""
    for event in job:
        events.append(event)
    return []


@pytest.mark.parametrize("count", [0, 99, 10_001])
def test_too_few_or_too_many_pictures_are_refused(trained: Path, count: int) -> None:
    with pytest.raises(BadSetting, match="measured on 100 to 10,000 pictures"):
        QualityRequest(trained, FAST, count=count)


def test_a_run_of_other_pictures_is_refused(workspace: Workspace, trained: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.measure.judge_files.judge_record", lambda file: {"data": "letters"})
    with pytest.raises(BadRun, match="There is no judge for mnist yet, so nothing can read what tiny draws"):
        next(measure_quality(workspace, QualityRequest(trained, FAST)))


def test_classes_that_the_test_set_lacks_are_noted(workspace: Workspace, trained: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_dataset("mnist")
    kept = np.concatenate([np.flatnonzero(data.test_labels == c)[: 8 if c == 5 else 10] for c in range(10)])
    small = replace(data, test_images=data.test_images[kept], test_labels=data.test_labels[kept], name="small")
    monkeypatch.setattr(quality, "load_test_half", lambda name: small)
    found = result(list(measure_quality(workspace, QualityRequest(trained, FAST, count=100, again=True)))).quality
    assert found.notes == ("The test set has 8 pictures of class 5; 10 were asked of the model.",)
    assert (found.count, found.reference_count) == (100, 98)


# ---- real pictures -----------------------------------------------------------------------------------

def test_draws_have_the_classes_asked_for_and_share_no_picture() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 90)
    draws = [choose(labels, (5, 7, 0), draw) for draw in range(3)]
    for drawn in draws:
        np.testing.assert_array_equal(np.bincount(labels[drawn], minlength=3), (5, 7, 0))
    assert len(np.unique(np.concatenate(draws))) == 36
    np.testing.assert_array_equal(choose(labels, (5, 7, 0), 1), draws[1])


def test_a_draw_takes_all_there_are_and_begins_again_at_the_end() -> None:
    labels = np.repeat([0, 1], [4, 20])
    np.testing.assert_array_equal(np.bincount(labels[choose(labels, (6, 6))]), (4, 6))
    np.testing.assert_array_equal(choose(labels, (0, 10), 2), choose(labels, (0, 10), 0))


def test_real_pictures_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, data = Judge.load(), load_dataset("mnist")

    def made(counts: tuple[int, ...]) -> reference.Reference:
        work = reference.reference(judge, data, counts)
        while True:
            try:
                next(work)
            except StopIteration as stop:
                return stop.value

    first = made((11,) * 10)
    assert made((11,) * 10) is first
    assert made((12,) * 10) is not first
    assert first.features.shape == (110, 128)
    assert first.floors[0] != first.floors[1]


def test_values_read_back_are_equal(measured: list[Event]) -> None:
    found = result(measured).quality
    assert Quality.from_values(found.values()) == found
    assert Quality.from_values({**found.values(), "judges": None}) is None
    assert found.values()["judges"][0]["floor"]["coverage"] == found.judges[0].floor.coverage
    assert SetDistances(**found.values()["judges"][1]["distances"]) == found.judges[1].distances


def test_a_stored_measurement_is_found_without_torch() -> None:
    code = "import sys, engine.measure.quality; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0
