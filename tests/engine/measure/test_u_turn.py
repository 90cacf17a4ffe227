"""The U-turn: where it turns, what comes back, what is counted, and that it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import main as entry
from engine.compute import Priority
from engine.config import RunConfig, SamplingConfig
from engine.data.catalogue import load_dataset
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.jobs import u_turn_job
from engine.measure.judge import Judge
from engine.measure.real_pictures import noised_to, real_and_noise
from engine.measure.statistics import share_interval
from engine.measure.u_turn import (
    UTurn,
    UTurnReady,
    UTurnRequest,
    measure_u_turn,
    noised_examples,
    stored_u_turn,
    summarise_u_turn,
    turning_cost,
    turning_places,
    turning_scale,
    u_turn_key,
)
from engine.measure.u_turn_draw import turned
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace

FAST = SamplingConfig(sampler="ddim", num_steps=4, guidance_scale=2.0)


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trained(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(workspace, path, config).run():
        pass
    return path


def measured(workspace: Workspace, request: UTurnRequest) -> UTurn:
    *_, last = measure_u_turn(workspace, request)
    assert isinstance(last, UTurnReady)
    return last.u_turn


def perfect(x: torch.Tensor, sigma: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Knows the one picture there is; without noise on it nothing is left to do."""
    dataset = load_dataset("mnist")
    x0, _ = real_and_noise(dataset, labels.tolist(), [0] * len(labels))
    return torch.from_numpy(x0)


def test_it_turns_at_levels_of_the_steps_spread_evenly() -> None:
    assert turning_places(SamplingConfig(num_steps=50), 6) == [0, 10, 20, 29, 39, 49]
    assert turning_places(SamplingConfig(num_steps=4), 20) == [0, 1, 2, 3]
    request = UTurnRequest(Path("a"), FAST, pictures=3)
    assert turning_cost(request, 2, 10) == (4 + 3 + 2 + 1) * 2 * 3 * 10


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "heun", "dpmpp-2m", "unipc"])
def test_a_model_that_knows_the_picture_brings_it_back(sampler: str) -> None:
    dataset = load_dataset("mnist")
    sampling = SamplingConfig(sampler=sampler, num_steps=8, guidance_scale=0.0)
    from engine.diffusion.schedules import schedule

    sigmas = sampling_sigmas(sampling, schedule("linear", 1000))[3:]
    back = turned(perfect, dataset, (4, 9), (0, 0), sigmas, sampling, device=torch.device("cpu"))
    pictures = None
    while pictures is None:
        try:
            next(back)
        except StopIteration as stop:
            pictures = stop.value
    expected = [dataset.test_images[dataset.test_labels == c][0, 0] for c in (4, 9)]
    np.testing.assert_allclose(pictures.astype(int), np.array(expected).astype(int), atol=1)


def test_what_came_back_is_read_and_kept(workspace: Workspace, trained: Path) -> None:
    request = UTurnRequest(trained, FAST, pictures=2, first_seed=5)
    found = measured(workspace, request)
    assert found.class_label.tolist() == [c for c in range(10) for _ in range(2)]
    assert found.seed.tolist() == [5, 6] * 10
    assert found.sampling.guidance_scale == 0
    assert (found.top.shape, found.t[0], len(found.sigma)) == ((20, 4), 1000, 4)
    assert found.examples.shape == (10, 4, 28, 28)
    read = Judge.load().read(found.examples[3])
    np.testing.assert_array_equal(found.top[6], read.argmax(axis=1))
    np.testing.assert_allclose(found.probability[6], read[:, 3], atol=2e-3)
    dataset = load_dataset("mnist")
    np.testing.assert_array_equal(found.real[3], dataset.test_images[dataset.test_labels == 3][5, 0])
    x0, eps = real_and_noise(dataset, (3,), (5,))
    np.testing.assert_allclose(noised_examples(found, 3)[1], noised_to(x0, eps, found.sigma[1])[0], atol=1e-6)
    assert turning_scale(found, "percent_steps").tolist() == [0, 25, 50, 75, np.inf]
    assert turning_scale(found, "percent_denoised").tolist() == [0, 25, 50, 75, np.inf]
    stored = stored_u_turn(Run.open(trained), request)
    assert stored is not None
    assert json.dumps(stored.values()) == json.dumps(found.values())
    again = measured(workspace, replace(request, again=True))
    assert json.dumps(again.values()) == json.dumps(found.values())
    assert UTurn.from_values({**found.values(), "top": "?"}) is None
    assert UTurn.from_values({}) is None


def test_the_contrast_is_told_the_class_and_guided(workspace: Workspace, trained: Path) -> None:
    request = UTurnRequest(trained, FAST, pictures=2, guided=True)
    found = measured(workspace, request)
    assert found.guided
    assert found.sampling == FAST
    run = Run.open(trained)
    others = [replace(request, guided=False), replace(request, pictures=3), replace(request, first_seed=1),
              replace(request, levels=3), replace(request, snapshot=0)]
    assert len({u_turn_key(run, one) for one in [request, *others]}) == 6


def test_it_says_how_far_it_is_and_cancelled_saves_nothing(workspace: Workspace, trained: Path) -> None:
    request = UTurnRequest(trained, FAST, pictures=2, first_seed=40)
    events = list(measure_u_turn(workspace, request))
    steps = [event.n for event in events if isinstance(event, JobProgress)]
    assert steps[0] == 0
    assert steps[-1] == 80
    assert len(steps) == 1 + 4 + 3 + 2 + 1
    assert (np.diff(steps) > 0).all()
    other = replace(request, first_seed=60)
    job = measure_u_turn(workspace, other)
    next(job)
    next(job)
    job.close()
    assert stored_u_turn(Run.open(trained), other) is None
    assert u_turn_job(request).priority is Priority.BACKGROUND


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"pictures": 1}, "2 to 500 pictures of a class; 1 is not"), ({"levels": 1}, "2 to 1,000 noise levels; 1 is not")])
def test_what_cannot_be_measured_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        UTurnRequest(Path("a"), FAST, **changes)


def made(top: np.ndarray) -> UTurn:
    """Two seeds of each of three classes, over four levels."""
    label = np.array([0, 0, 1, 1, 2, 2], dtype=np.uint8)
    return UTurn(
        snapshot=1, average_percent=None, sampling=FAST, guided=False, pictures=2, first_seed=0,
        class_names=("a", "b", "c"), num_timesteps=1000, sigma=(150.0, 10.0, 3.0, 0.3), t=(1000, 700, 450, 100),
        judge="", judge_accuracy=0.99, class_label=label, seed=np.array([0, 1] * 3), top=top.astype(np.uint8),
        probability=np.ones((6, 4), dtype=np.float16), real_top=np.array([0, 0, 1, 1, 2, 0], dtype=np.uint8),
        real=np.zeros((3, 28, 28), dtype=np.uint8), examples=np.zeros((3, 4, 28, 28), dtype=np.uint8))


def test_shares_and_where_the_class_is_lost() -> None:
    summary = summarise_u_turn(made(np.array([
        [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 2], [0, 0, 0, 0]])))
    assert [share.share for share in summary.shares] == pytest.approx([1 / 6, 3 / 6, 3 / 6, 5 / 6])
    assert [(share.low, share.high) for share in summary.shares] == \
        [share_interval(k, 6) for k in (1, 3, 3, 5)]
    # From there and from every smaller t: 1's second picture came back at 700, but not from 450.
    assert [one.mean for one in summary.classes] == [(700 + 450) / 2, (1000 + 100) / 2, (100 + 0) / 2]
    assert summary.overall.mean == pytest.approx((700 + 450 + 1000 + 100 + 100 + 0) / 6)
    assert summary.overall.median == 275
    assert (summary.chance, summary.misread, summary.n) == (1 / 3, 1 / 6, 6)
    assert [share.share for share in summary.by_class[1]] == [0.5, 1.0, 0.5, 1.0]
    assert summary.test is not None


def test_the_command_line_says_it(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["uturn", "--run", str(trained), "--pictures", "2", "--levels", "2", "--steps", "2", "--device", "cpu"]
    assert entry.main(arguments) == 0
    text = capsys.readouterr().out
    assert "20 real test pictures, 2 of each class; on the way back told no class" in text
    assert "10 % come back by chance" in text
    assert entry.main([*arguments, "--json"]) == 0
    first = capsys.readouterr().out
    assert entry.main([*arguments, "--json", "--again"]) == 0
    assert capsys.readouterr().out == first
    values = json.loads(first)
    assert (values["n"], values["guided"], [share["n"] for share in values["shares"]]) == (20, False, [20, 20])
    assert entry.main([*arguments, "--guided", "--guidance", "3"]) == 0
    assert "told its own class, guidance 3" in capsys.readouterr().out
