"""Whatever the family, training logs the noise-prediction error of each batch beside the loss."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny, train

from engine.diffusion.denoiser import Denoiser
from engine.events import LossPoints
from engine.runs import Run
from engine.workspace import Workspace


@pytest.mark.parametrize("parameterisation", ["noise", "v", "x0", "edm"])
def test_the_noise_error_is_told_and_logged(parameterisation: str, workspace: Workspace, tmp_path: Path) -> None:
    config = tiny(6).changed(diffusion={"parameterisation": parameterisation})
    events = train(workspace, tmp_path / "run", config)
    told = [e for e in events if isinstance(e, LossPoints)]
    assert all(len(e.eps_mse) == len(e.losses) == len(e.steps) for e in told)
    metrics = Run.open(tmp_path / "run").metrics()
    np.testing.assert_array_equal(metrics.eps_mse, np.concatenate([e.eps_mse for e in told]))
    assert np.isfinite(metrics.eps_mse).all()
    assert metrics.eps_mse.dtype == np.float32
    if parameterisation == "noise":
        np.testing.assert_allclose(metrics.eps_mse, metrics.losses, rtol=1e-5)
    else:
        assert not np.allclose(metrics.eps_mse, metrics.losses, rtol=1e-2)


def test_the_error_does_not_depend_on_the_weighting_at_the_first_step(workspace: Workspace, tmp_path: Path) -> None:
    logged = {}
    for weighting in ("simple", "min-snr", "soft-min-snr", "edm"):
        train(workspace, tmp_path / weighting, tiny(1).changed(diffusion={"weighting": weighting}))
        logged[weighting] = Run.open(tmp_path / weighting).metrics()
    errors = {float(m.eps_mse[0]) for m in logged.values()}
    assert len(errors) == 1
    losses = {name: float(m.losses[0]) for name, m in logged.items()}
    assert losses["simple"] == losses["edm"]  # edm predicts by default
    assert len(set(losses.values())) == 3


def test_one_pass_and_no_wait_a_step(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = Denoiser.raw

    def raw(self, *args):
        calls.append(self.training)
        return real(self, *args)

    monkeypatch.setattr(Denoiser, "raw", raw)
    train(workspace, tmp_path / "run", tiny(5))
    assert sum(calls) == 5


def test_a_log_without_it_still_opens_and_goes_on(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "run"
    train(workspace, path, tiny(4))
    log = path / "metrics.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    for row in rows:
        row.pop("eps_mse", None)
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train(workspace, path, continue_steps=3)
    metrics = Run.open(path).metrics()
    assert metrics.steps.tolist() == list(range(1, 8))
    assert np.isfinite(metrics.losses).all()
    assert np.isfinite(metrics.eps_mse).tolist() == [False] * 4 + [True] * 3
    assert metrics.skipped == 0
