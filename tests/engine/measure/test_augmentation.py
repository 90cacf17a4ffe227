"""Do drawn pictures help: what is compared with what, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import paths
from engine.config import SamplingConfig
from engine.data.catalogue import Dataset
from engine.data.subset import subset
from engine.errors import BadRun, BadSetting
from engine.events import Event, JobProgress
from engine.measure import augmentation as module
from engine.measure import augmentation_honest as honest
from engine.measure import classification_score as score_module
from engine.measure.augmentation import (
    Augmentation,
    AugmentationReady,
    AugmentationRequest,
    Cell,
    Gain,
    augmentation_key,
    measure_augmentation,
    stored_augmentation,
    total_steps,
)
from engine.measure.classification_score import Score, ScoreReady, ScoreRequest, measure_score, stored_score
from engine.measure.recipe import Recipe
from engine.runs import Run
from engine.settings import parse
from engine.use_config import AugmentationConfig
from engine.workspace import Workspace

pytestmark = pytest.mark.usefixtures("own_data")
FAST = SamplingConfig(sampler="ddim", num_steps=1, guidance_scale=1.0)
SHORT = Recipe(num_steps=12, batch_size=16)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, small_mnist: Dataset) -> None:
    monkeypatch.setattr(module, "load_dataset", lambda name: small_mnist)
    monkeypatch.setattr(module, "QUICK", SHORT)
    monkeypatch.setattr(score_module, "THOROUGH", SHORT)


def asked(run: Path, **config: object) -> AugmentationRequest:
    values = {"real": (20,), "synthetic": (10, 30), "seeds": 2, **config}
    return AugmentationRequest(run, FAST, parse(AugmentationConfig, values))


def answer(workspace: Workspace, request: AugmentationRequest) -> tuple[Augmentation, list[Event]]:
    events = list(measure_augmentation(workspace, request))
    last = events[-1]
    assert isinstance(last, AugmentationReady)
    assert last.request == request
    return last.result, events


def test_every_number_is_measured_for_every_seed(one_thread: Workspace, tiny_run: Path) -> None:
    result, events = answer(one_thread, asked(tiny_run, real=(20, 10)))
    assert {(c.real, c.synthetic) for c in result.cells} == {(k, m) for k in (10, 20) for m in (0, 10, 30)}
    assert all(len(c.accuracy) == 2 and 0 <= min(c.accuracy) <= max(c.accuracy) <= 1 for c in result.cells)
    assert result.complete
    assert result.learned == 60_000
    assert result.test == 100
    ready = [e for e in events if isinstance(e, AugmentationReady)]
    assert [e.result.seeds for e in ready] == [1, 2, 2]
    progress = [e for e in events if isinstance(e, JobProgress)]
    assert max(e.n for e in progress) <= progress[0].total == total_steps(asked(tiny_run, real=(20, 10)).config, SHORT)


def test_gains_are_paired_and_judged_by_their_interval() -> None:
    cells = (Cell(100, 0, (0.70, 0.80, 0.75)), Cell(100, 50, (0.80, 0.90, 0.86)), Cell(100, 90, (0.75, 0.70, 0.80)))
    made = Augmentation(1, None, FAST, AugmentationConfig(seeds=3), 0, 100, {}, cells)
    help_, maybe = made.gains()
    assert help_.difference == pytest.approx((0.10, 0.10, 0.11))
    assert help_.verdict == "helps"
    assert help_.interval is not None
    assert help_.interval[0] > 0.08
    assert maybe.verdict == "uncertain"
    assert Gain(1, 1, (-0.1, -0.11, -0.1)).verdict == "harms"
    assert Gain(1, 1, (0.1,)).verdict == "uncertain"  # one seed says nothing
    with pytest.raises(KeyError):
        made.cell(1, 1)


def test_a_result_is_kept_with_the_run_and_read_back(one_thread: Workspace, tiny_run: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(tiny_run, synthetic=(20,))
    first, _ = answer(one_thread, request)
    run = Run.open(tiny_run)
    known = stored_augmentation(run, replace(request, snapshot=3))
    assert known == first
    monkeypatch.setattr(module, "draw", None)  # nothing is drawn again
    events = list(measure_augmentation(one_thread, request))
    assert isinstance(events[0], AugmentationReady)
    assert events[0].stored
    assert Augmentation.from_values({"cells": 3}) is None
    other = {augmentation_key(run, r) for r in (
        request, asked(tiny_run, synthetic=(21,)), asked(tiny_run, synthetic=(20,), honest=True),
        replace(request, sampling=FAST.model_copy(update={"guidance_scale": 2.0})))}
    assert len(other) == 4


def test_arms_of_a_seed_differ_in_their_drawn_pictures_alone(one_thread: Workspace, tiny_run: Path,
                                                             monkeypatch: pytest.MonkeyPatch,
                                                             small_mnist: Dataset) -> None:
    seen: list[tuple[int, list[tuple[np.ndarray, np.ndarray]]]] = []

    def watch(workspace: Workspace, dataset: Dataset, sets: list[tuple[np.ndarray, np.ndarray]], seed: int,
              *rest: object) -> object:
        seen.append((seed, sets))
        return [np.ones(100, dtype=bool) for _ in sets]
        yield

    monkeypatch.setattr(module, "read_right", watch)
    answer(one_thread, replace(asked(tiny_run), again=True))
    drawn = []
    for seed, (alone, few, many) in seen:
        own = subset(small_mnist.train_labels, 20, seed)
        assert np.array_equal(alone[0], small_mnist.train_images[own])
        assert np.array_equal(few[0][:20], alone[0])
        assert np.array_equal(many[0][:30], few[0])
        assert np.bincount(many[1][20:]).tolist() == [3] * 10
        drawn.append(many[0][20:])
    assert not np.array_equal(drawn[0], drawn[1])  # each seed has pictures of its own


def test_the_honest_generator_sees_the_same_pictures_and_no_others(one_thread: Workspace, tiny_run: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    config = honest.honest_config

    def tiny(run: Run, count: int, seed: int, num_steps: int) -> object:
        return config(run, count, seed, num_steps).changed(
            model={"widths": (8, 16), "embedding_width": 16},
            training={"batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})

    monkeypatch.setattr(honest, "honest_config", tiny)
    request = replace(asked(tiny_run, synthetic=(10,), honest=True), honest_steps=2)
    result, _ = answer(one_thread, request)
    assert result.learned == 0
    assert len(result.generators) == 2
    for seed, name in enumerate(result.generators):
        run = Run.open(paths.runs_dir() / name)
        assert run.info.images == 20
        data = run.info.config.data
        assert (data.dataset, data.num_images, data.subset_seed) == ("mnist", 20, seed)
        held = one_thread.data("mnist", 20, seed)
        assert len(held.images) == 20
    again, _ = answer(one_thread, replace(request, again=True))  # they are taken again
    assert again.generators == result.generators
    broken = paths.runs_dir() / result.generators[0] / "run.json"
    broken.write_text(broken.read_text().replace('"finished"', '"paused"'))
    with pytest.raises(BadRun, match="not finished"):
        answer(one_thread, replace(request, again=True))


def test_a_score_is_of_drawn_pictures_alone_beside_all_real_ones(one_thread: Workspace, tiny_run: Path,
                                                                 monkeypatch: pytest.MonkeyPatch,
                                                                 small_mnist: Dataset) -> None:
    sizes: list[list[int]] = []
    real = score_module.read_right

    def watch(workspace: Workspace, dataset: Dataset, sets: list[tuple[np.ndarray, np.ndarray]],
              *rest: object) -> object:
        sizes.append([len(images) for images, _ in sets])
        return real(workspace, dataset, sets, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(score_module, "read_right", watch)
    request = ScoreRequest(tiny_run, FAST, 40)
    *_, first = measure_score(one_thread, request)
    assert isinstance(first, ScoreReady)
    score = first.score
    assert (score.count, score.real, score.test) == (40, 400, 100)
    assert len(score.accuracy_by_class) == 10
    assert stored_score(Run.open(tiny_run), replace(request, snapshot=3)) == score
    (known,) = measure_score(one_thread, request)
    assert isinstance(known, ScoreReady)
    assert known.stored
    *_, other = measure_score(one_thread, ScoreRequest(tiny_run, FAST, 50))
    assert isinstance(other, ScoreReady)
    assert other.score.real_accuracy == score.real_accuracy
    assert sizes == [[40, 400], [50]]  # real pictures are learned once
    assert Score.from_values({"count": 1}) is None
    with pytest.raises(BadSetting, match="too few"):
        ScoreRequest(tiny_run, FAST, 3)


def test_more_real_pictures_than_there_are_is_refused(one_thread: Workspace, tiny_run: Path) -> None:
    with pytest.raises(BadSetting, match="400 training pictures"):
        answer(one_thread, asked(tiny_run, real=(500,)))
