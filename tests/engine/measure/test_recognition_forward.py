"""Real pictures on their way into noise: which pictures, at which levels, and what depends on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import paths
from engine.config import RunConfig, SamplingConfig
from engine.data.catalogue import load_dataset
from engine.diffusion.forward import noise_like, noised, to_float
from engine.errors import BadSetting
from engine.measure.noise_judge import NoiseJudge
from engine.measure.real_pictures import check_enough, noised_to, real_and_noise, real_pictures
from engine.measure.recognition import (
    Recognition,
    RecognitionReady,
    RecognitionRequest,
    measure_recognition,
    recognition_key,
    stored_recognition,
)
from engine.measure.recognition_summary import DENOISED, report, summarise
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace

SAMPLING = SamplingConfig(sampler="ddim", num_steps=20)


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trained(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step: the forward direction does not ask it."""
    path = tmp_path_factory.mktemp("runs") / "tiny"
    config = RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 1, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"})
    for _ in Trainer(workspace, path, config).run():
        pass
    return path


@pytest.fixture(scope="module")
def measured(workspace: Workspace, trained: Path) -> Recognition:
    """Twelve pictures of each of three classes, read by the judge that ships."""
    *_, last = measure_recognition(
        workspace, RecognitionRequest(trained, SAMPLING, classes=(1, 5, 0), seeds=12, direction="forward"))
    assert isinstance(last, RecognitionReady)
    return last.recognition


def test_a_picture_is_the_classs_of_that_number_with_the_noise_of_that_seed() -> None:
    dataset = load_dataset("mnist")
    fives = dataset.test_images[dataset.test_labels == 5]
    np.testing.assert_array_equal(real_pictures(dataset, (5, 5), (3, len(fives) + 2)), fives[[3, 2]])
    x0, eps = real_and_noise(dataset, (5,), (3,))
    np.testing.assert_array_equal(eps[0], noise_like((1, 28, 28), 3))
    run = RunConfig().diffusion
    from engine.diffusion.schedules import schedule

    levels = schedule(run.schedule, run.num_timesteps)
    np.testing.assert_allclose(noised_to(x0, eps, float(levels.sigma[400]))[0],
                               noised(to_float(fives[3]), noise_like((1, 28, 28), 3), levels, 400), atol=1e-5)


def test_no_picture_is_there_twice() -> None:
    dataset = load_dataset("mnist")
    check_enough(dataset, (0, 5), 892)
    with pytest.raises(BadSetting, match="MNIST has 892 test pictures of 5; 893 are asked for"):
        check_enough(dataset, (0, 5), 893)


def test_the_judge_reads_them_noise_first(measured: Recognition) -> None:
    assert (measured.direction, measured.snapshot, measured.nfe) == ("forward", None, 0)
    assert measured.class_label.tolist() == [1] * 12 + [5] * 12 + [0] * 12
    assert measured.sigma[0] > 100
    assert measured.sigma[-1] == 0
    x0, eps = real_and_noise(load_dataset("mnist"), (5,), (7,))
    pictures = np.concatenate([noised_to(x0, eps, sigma) for sigma in measured.sigma])
    read = NoiseJudge.load().read(pictures, measured.sigma)
    np.testing.assert_allclose(measured.probability[12 + 7], read[:, 5], atol=2e-3)


def test_real_digits_are_read_without_noise_and_not_in_noise_alone(measured: Recognition) -> None:
    summary = summarise(measured)
    assert (measured.probability[:, -1] > 0.9).mean() > 0.9
    assert measured.probability[:, 0].max() < 0.5
    assert 30 < (summary.overall[DENOISED].mean or 0) < 90
    assert summary.test is not None
    assert summary.blocks == 12
    assert report(measured, summary)["direction"] == "forward"


def test_it_is_kept_apart_from_the_weights(workspace: Workspace, trained: Path, measured: Recognition) -> None:
    run = Run.open(trained)
    request = RecognitionRequest(trained, SAMPLING, classes=(1, 5, 0), seeds=12, direction="forward")
    key = recognition_key(run, request)
    guided = SAMPLING.model_copy(update={"guidance_scale": 4.0})
    assert recognition_key(run, replace(request, snapshot=0, average_percent=20.0, sampling=guided)) == key
    others = [replace(request, direction="denoise"), replace(request, seeds=13), replace(request, first_seed=1),
              replace(request, sampling=SamplingConfig(num_steps=10))]
    assert key not in {recognition_key(run, one) for one in others}
    found = stored_recognition(run, request)
    assert found is not None
    assert found.values() == measured.values()


@pytest.mark.parametrize("changes", [{"reading": "x0"}, {"unconditional": True}])
def test_what_concerns_the_models_pictures_is_refused(changes: dict) -> None:
    with pytest.raises(BadSetting, match="Real pictures on their way into noise are read by the noise judge"):
        RecognitionRequest(Path("a"), SAMPLING, direction="forward", **changes)
    with pytest.raises(BadSetting, match="A direction is one of denoise, forward; sideways is not"):
        RecognitionRequest(Path("a"), SAMPLING, direction="sideways")


def test_the_run_that_ships_is_measured() -> None:
    """Else: python scripts/make_bundled_run.py --measure."""
    run = Run.open(paths.DEFAULT_BUNDLED_RUN)
    request = RecognitionRequest(run.path, run.info.config.sampling)
    for one in (request, replace(request, direction="forward")):
        assert stored_recognition(run, one) is not None
