"""The second world that ships: a small run of Fashion-MNIST, its judge, and test pictures to measure it with."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.catalogue import load_test_half
from engine.diffusion.sample import sample_images
from engine.measure.judge import Judge
from engine.measure.judge_files import accuracy_at, judge_for, judge_record, judges_for
from engine.measure.noise_judge import NoiseJudge
from engine.paths import BUNDLED_RUNS, DEFAULT_BUNDLED_RUN, bundled_runs, resolve_run
from engine.runs import Run
from engine.workspace import Workspace

FASHION = BUNDLED_RUNS / "fashion-mnist"


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.open(FASHION)


def test_two_runs_ship_and_the_first_is_of_digits(run: Run) -> None:
    assert bundled_runs() == [DEFAULT_BUNDLED_RUN, FASHION]
    assert resolve_run("bundled-fashion-mnist") == FASHION
    assert sum(file.stat().st_size for file in FASHION.rglob("*") if file.is_file()) <= 6 * 2**20
    assert run.info.class_names[:3] == ("T-shirt", "Trouser", "Pullover")
    assert run.info.config.preset == "standard"
    assert run.read_only
    assert not run.verify()


def test_its_judge_reads_real_clothes(run: Run) -> None:
    file = judge_for(run)
    assert file is not None
    assert file.stat().st_size <= 2_000_000
    judge = Judge.load(file)
    assert judge.record["data"] == "fashion-mnist"
    data = load_test_half("fashion-mnist")
    read = judge.read(data.test_images[::5]).argmax(axis=1)
    assert (read == data.test_labels[::5]).mean() == pytest.approx(judge.record["test_accuracy"], abs=0.02)
    assert judge.record["test_accuracy"] >= 0.93


def test_it_has_a_second_judge_and_one_that_reads_noise(run: Run) -> None:
    judges = judges_for(run)
    assert set(judges) == {"first", "second"}
    second = judge_record(judges["second"])
    assert second["first_judge_sha256"] == judge_record(judges["first"])["sha256"]
    assert second["test_accuracy"] >= 0.93
    file = judge_for(run, "noise")
    assert file is not None
    assert file.stat().st_size <= 2_000_000
    judge = NoiseJudge.load(file)
    images = load_test_half("fashion-mnist").test_images[::10]
    labels = load_test_half("fashion-mnist").test_labels[::10]
    clean = images / 127.5 - 1
    eps = np.random.default_rng(0).standard_normal(clean.shape)
    for sigma in (0.0, 1.0):
        read = judge.read((clean + sigma * eps) / np.sqrt(1 + sigma**2), sigma).argmax(axis=1)
        assert (read == labels).mean() == pytest.approx(float(accuracy_at(judge.record, sigma)), abs=0.04)


def test_what_it_draws_is_read_as_what_was_asked(run: Run) -> None:
    workspace = Workspace("cpu")
    model = workspace.model(FASHION, None)
    labels = np.arange(50) % 10
    images = np.concatenate(list(sample_images(
        model.denoiser, labels.tolist(), list(range(50)), run.info.config.sampling.model_copy(update={"num_steps": 8}),
        shape=model.shape, num_classes=10, device=workspace.device)))
    judge = Judge.load(judge_for(run))
    assert (judge.read(images).argmax(axis=1) == labels).mean() >= 0.8
    workspace.close()
