"""Training keeps two averages: in snapshots, in resume points, and not in runs that were begun with one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny, train

from engine.errors import BadSetting
from engine.events import Stop, TrainingFailed
from engine.runs import Run, RunWriter, percent_range
from engine.runs.state import write_state
from engine.workspace import Workspace


def resume_point(path: Path) -> tuple[int, dict[str, np.ndarray], dict]:
    with RunWriter.reopen(path) as writer:
        return writer.load_state()


def test_snapshots_and_resume_points_hold_both(workspace: Workspace, tmp_path: Path) -> None:
    train(workspace, tmp_path / "run", tiny(12))
    run = Run.open(tmp_path / "run")
    assert [(s.step > 0, s.wide) for s in run.snapshots()] == \
        [(False, False), *[(True, True)] * (len(run.snapshots()) - 1)]
    _, state, _ = resume_point(run.path)
    narrow, wide = run.load_snapshot(12)[1], run.load_snapshot(12, wide=True)[1]
    assert narrow.keys() == wide.keys()
    moved = [name for name in narrow if not np.array_equal(narrow[name], wide[name])]
    assert len(moved) > len(narrow) / 2
    for name, value in narrow.items():  # stored in half precision
        np.testing.assert_allclose(value, state[f"ema.{name}"], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(wide[name], state.get(f"ema-wide.{name}", state[f"ema.{name}"]), rtol=1e-3,
                                   atol=1e-6)
    assert run.verify() == []


def test_the_second_average_is_a_model_to_draw_from(workspace: Workspace, tmp_path: Path) -> None:
    train(workspace, tmp_path / "run", tiny(12))
    path = tmp_path / "run"
    own, wide = workspace.model(path, 12), workspace.model(path, 12, 25.0)
    assert workspace.model(path, 12) is own
    assert workspace.model(path, 12, 25.0) is wide
    assert (own.average_percent, wide.average_percent) == (None, 25.0)
    stored = Run.open(path).load_snapshot(12, wide=True)[1]
    for name, value in wide.denoiser.network.state_dict().items():
        np.testing.assert_allclose(value.numpy(), stored[name], rtol=1e-5, atol=1e-7)
    assert not torch.equal(next(own.denoiser.network.parameters()), next(wide.denoiser.network.parameters()))
    with pytest.raises(BadSetting, match="the average may be over"):
        workspace.model(path, 12, 99.0)


def test_a_run_with_one_average_opens_samples_and_goes_on_with_one(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "old"
    train(workspace, path, tiny(12), commands={6: [Stop()]})
    with RunWriter.reopen(path) as writer:
        writer.keep_wide(0)
    step, state, extra = resume_point(path)
    assert step == 6
    one = {name: value for name, value in state.items() if not name.startswith("ema-wide.")}
    assert len(one) < len(state)
    write_state(path, step, one, extra)
    assert percent_range(Run.open(path), 6) is None
    assert workspace.model(path, None).snapshot == 6
    train(workspace, path, resume=True)
    run = Run.open(path)
    assert run.info.step == 12
    assert not any(s.wide for s in run.snapshots())
    assert not any(name.startswith("ema-wide.") for name in resume_point(path)[1])
    assert run.verify() == []


def test_a_state_of_another_network_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "run"
    train(workspace, path, tiny(12), commands={6: [Stop()]})
    step, state, extra = resume_point(path)
    lost = next(name for name in state if name.startswith("ema-wide."))
    write_state(path, step, {name: value for name, value in state.items() if name != lost}, extra)
    failed = [event for event in train(workspace, path, resume=True) if isinstance(event, TrainingFailed)]
    assert "second average does not fit" in failed[0].report.headline
