"""Validation loss: in the units of training, over the levels as training draws them, the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.build import HELD_OUT, build_denoiser
from engine.config import DiffusionConfig, RunConfig
from engine.data.catalogue import load_dataset
from engine.diffusion.noise import stream
from engine.diffusion.schedules import schedule
from engine.events import Tick
from engine.measure import validation
from engine.measure.noise_error import error_levels, held_out
from engine.measure.validation import (
    GROUPS,
    SEED,
    ValidationLoss,
    level_shares,
    measure_validation,
    stored_validation,
    validation_key,
)
from engine.runs import Run, RunInfo, RunWriter
from engine.training.batches import Batches
from engine.workspace import Workspace

IMAGES = 20
LINEAR = schedule("linear", 1000, False)


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "NUM_IMAGES", IMAGES)


def small_run(path: Path, config: RunConfig, steps: tuple[int, ...] = (0, 10)) -> Run:
    """Untrained weights, other ones at each step."""
    info = RunInfo(name="small", config=config, class_names=tuple("0123456789"), image_shape=(1, 28, 28),
                   sigma_data=0.6, parameters=6, num_steps=10, images=640, state="finished", step=steps[-1])
    writer = RunWriter.create(path, info)
    for step in steps:
        denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
        g = torch.Generator().manual_seed(step)
        for module in denoiser.modules():
            if getattr(module, "starts_at_zero", False):
                torch.nn.init.normal_(module.weight, std=0.05, generator=g)
        writer.save_snapshot(step, {name: value.numpy() for name, value in denoiser.network.state_dict().items()})
    writer.close()
    return Run.open(path)


SMALL = RunConfig().changed(model={"widths": (8,), "embedding_width": 16})


def measured(workspace: Workspace, run: Run, step: int) -> ValidationLoss:
    job = measure_validation(workspace, run, step)
    while True:
        try:
            assert isinstance(next(job), Tick)
        except StopIteration as stop:
            return stop.value


@pytest.mark.parametrize("changes", [{}, {"noise_levels": "uniform-t"}, {"uniform_share": 0.5, "log_sigma_std": 0.7}])
def test_shares_are_how_often_training_draws_the_levels(changes: dict[str, object]) -> None:
    config = RunConfig().changed(diffusion=changes).diffusion
    levels = error_levels(LINEAR)
    shares = level_shares(config, LINEAR, levels)
    assert shares.sum() == pytest.approx(1)
    count = 200_000
    batches = Batches(torch.zeros(1, 1, 1, 1), torch.zeros(1), config, LINEAR, 0)
    drawn = batches.draw_sigma(count, torch.Generator().manual_seed(0)).log().numpy()
    nearest = np.abs(drawn[:, None] - np.log(levels)).argmin(axis=1)
    found = np.bincount(nearest, minlength=len(levels)) / count
    assert np.abs(found - shares).max() < 0.004  # more than three standard errors


@pytest.mark.parametrize(("parameterisation", "weighting"), [("edm", "simple"), ("noise", "simple"), ("v", "min-snr")])
def test_the_loss_is_what_training_lowers(tmp_path: Path, parameterisation: str, weighting: str) -> None:
    config = SMALL.changed(diffusion={"parameterisation": parameterisation, "weighting": weighting})
    run, workspace = small_run(tmp_path / "run", config), Workspace("cpu", 1)
    found = measured(workspace, run, 10)
    denoiser = workspace.model(run.path, 10).denoiser
    images, labels = held_out(load_dataset("mnist"), IMAGES)
    for i in (0, 9, 19):
        own = slice(i % GROUPS, None, GROUPS)
        x0 = torch.from_numpy(images[own].copy()).float() / 127.5 - 1
        eps = torch.randn(x0.shape, generator=stream(SEED + i % GROUPS, HELD_OUT))
        with torch.inference_mode():
            losses = denoiser.losses(x0, eps, torch.full((len(x0),), found.sigma[i]),
                                     torch.from_numpy(labels[own].copy()), torch.ones(len(x0)))
        # At the least noise F's target is a small difference of two large numbers in float32.
        assert found.loss[i] == pytest.approx(float(losses.loss), rel=2e-3)
        assert found.eps_mse[i] == pytest.approx(float(losses.eps_mse), rel=2e-3)
    assert found.mean == pytest.approx(np.dot(found.share, found.loss))
    workspace.close()


def test_same_weights_same_figures_and_read_back(tmp_path: Path) -> None:
    run, workspace = small_run(tmp_path / "run", SMALL), Workspace("cpu", 1)
    first, again, other = measured(workspace, run, 10), measured(workspace, run, 10), measured(workspace, run, 0)
    assert first.loss == again.loss
    assert first.eps_mse == again.eps_mse
    assert first.loss != other.loss
    assert stored_validation(run, 10) is None
    run.save_measurement(validation_key(run, 10), first.values())
    assert stored_validation(Run.open(run.path), 10) == first
    assert validation_key(run, 0) != validation_key(run, 10)
    assert ValidationLoss.from_values({**first.values(), "loss": [1.0]}) is None
    assert ValidationLoss.from_values({}) is None
    workspace.close()


def test_the_config_that_draws_uniform_t_counts_the_steps_of_the_schedule() -> None:
    shares = level_shares(DiffusionConfig(noise_levels="uniform-t"), LINEAR, error_levels(LINEAR))
    assert (shares * 1000).round(9).tolist() == (shares * 1000).round().tolist()
