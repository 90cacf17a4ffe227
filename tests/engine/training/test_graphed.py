"""A recorded step trains the same weights as one done kernel by kernel; what cannot be recorded trains all the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny, train

from engine.diffusion.denoiser import Losses
from engine.events import StepDone
from engine.runs import Run
from engine.training.graphed import WARM_UP, GraphedStep
from engine.training.learner import Learner
from engine.training.muon import Muon
from engine.training.probe import Layout
from engine.workspace import Workspace

ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="recording needs a CUDA device")


PLAIN = Layout("fp32", True)


@pytest.fixture(autouse=True)
def optimiser_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.learner.muon_for", lambda named, device: Muon(named))


def learner(workspace: Workspace, layout: Layout = PLAIN, **settings: object) -> Learner:
    return Learner(tiny(**settings), workspace.data("mnist"), workspace.device, layout)


class Tape:
    """Stands in for a GPU's recording: work runs once while it is recorded, which a GPU does not do, and its effects
    on `kept` are undone; each replay is the same work on the same memory."""

    def __init__(self, kept: Callable[[], list[torch.Tensor]]) -> None:
        self.kept = kept
        self.replays = 0

    def __call__(self, work: Callable[[], Losses]) -> tuple[Losses, Callable[[], None]]:
        before = [value.clone() for value in self.kept()]
        where = work()
        for value, old in zip(self.kept(), before, strict=True):
            value.copy_(old)

        def replay() -> None:
            self.replays += 1
            for mine, value in zip(where, work(), strict=True):
                mine.copy_(value)

        return where, replay


def changing(it: Learner) -> list[torch.Tensor]:
    states = [value for p in it._adamw.values() for value in it.optimizer.state[p].values()]
    momentum = list(it.muon.state().values()) if it.muon is not None else []
    return [p.data for p in it._parameters] + states + momentum + [it._bad]


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_recorded_it_trains_the_same_weights(workspace, optimiser) -> None:
    plain, graphed = learner(workspace, optimiser=optimiser), learner(workspace, optimiser=optimiser)
    tape = Tape(lambda: changing(graphed))
    graphed.graphed = GraphedStep(graphed._move, tape)
    kept = []
    for step in range(WARM_UP + 4):
        rate = 1e-3 * (1 + step)  # a rate that the recording must read anew each time
        a, b = plain.train_step(rate), graphed.train_step(rate)
        torch.testing.assert_close(b.loss, a.loss, rtol=1e-5, atol=1e-6)
        kept.append(b.loss)
    assert tape.replays == 4
    assert len({float(loss) for loss in kept}) == WARM_UP + 4  # a later step does not write over an earlier loss
    (tensors, _), (others, _) = plain.state(), graphed.state()
    for name, values in tensors.items():
        np.testing.assert_allclose(others[name], values, atol=2e-5, rtol=1e-3, err_msg=name)
    plain.close()
    graphed.close()


def test_a_recorded_step_that_is_not_finite_changes_no_weight(workspace) -> None:
    it = learner(workspace)
    it.graphed = GraphedStep(it._move, Tape(lambda: changing(it)))
    for _ in range(WARM_UP + 1):
        it.train_step(1e-3)
    it.batches.images = it.batches.images.float() * torch.inf
    it.train_step(1e-3)  # its batch was made before
    before = [p.detach().clone() for p in it._parameters]
    assert bool(it.train_step(1e-3).loss.isnan())
    assert all(torch.equal(a, b) for a, b in zip(before, it._parameters, strict=True))
    it.close()


def test_what_cannot_be_recorded_is_done_step_by_step_and_says_why(workspace) -> None:
    asked = []

    def refuse(work: Callable[[], Losses]) -> tuple[Losses, Callable[[], None]]:
        asked.append(1)
        raise RuntimeError("operation not permitted when stream is capturing\nand much else")

    plain, it = learner(workspace), learner(workspace)
    it.graphed = GraphedStep(it._move, refuse)
    for _ in range(WARM_UP + 3):
        a, b = plain.train_step(1e-3), it.train_step(1e-3)
        torch.testing.assert_close(b.loss, a.loss, rtol=1e-5, atol=1e-6)
    assert len(asked) == 1
    assert it.graphed.refused == "RuntimeError: operation not permitted when stream is capturing"
    plain.close()
    it.close()


def test_out_of_memory_while_recording_is_told_as_such(workspace) -> None:
    def full(work: Callable[[], Losses]) -> tuple[Losses, Callable[[], None]]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    it = learner(workspace)
    it.graphed = GraphedStep(it._move, full)
    for _ in range(WARM_UP):
        it.train_step(1e-3)
    with pytest.raises(torch.OutOfMemoryError):
        it.train_step(1e-3)
    it.close()


@ON_GPU
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("layout", [Layout("fp32", False), Layout("fp32", True), Layout("bf16", True)])
def test_on_a_gpu_recorded_and_plain_steps_agree(optimiser, layout) -> None:
    workspace = Workspace("cuda")
    torch.set_float32_matmul_precision("highest")
    plain, graphed = (learner(workspace, layout, optimiser=optimiser) for _ in range(2))
    plain.graphed = None
    for _ in range(WARM_UP + 5):
        a, b = plain.train_step(1e-3), graphed.train_step(1e-3)
        torch.testing.assert_close(b.loss, a.loss, rtol=0.03 if layout.precision == "bf16" else 1e-3, atol=1e-3)
    assert graphed.graphed is not None
    assert graphed.graphed.refused == ""
    assert graphed.graphed._recorded is not None
    plain.close()
    graphed.close()


@ON_GPU
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_on_a_gpu_a_run_stops_and_goes_on(tmp_path: Path, optimiser) -> None:
    workspace = Workspace("cuda")
    events = train(workspace, tmp_path / "run", tiny(12, optimiser=optimiser))
    assert [e.step for e in events if isinstance(e, StepDone)] == list(range(1, 13))
    train(workspace, tmp_path / "run", continue_steps=12)
    info = Run.open(tmp_path / "run").info
    assert (info.step, info.state) == (24, "finished")


@ON_GPU
def test_on_a_gpu_what_is_not_finite_stops_a_recorded_run() -> None:
    workspace = Workspace("cuda")
    it = learner(workspace)
    for _ in range(WARM_UP + 2):
        it.train_step(1e-3)
    before = [p.detach().clone() for p in it._parameters]
    it.batches.images = it.batches.images.float() * torch.inf
    assert bool(it.train_step(1e-3).loss.isnan())
    assert all(torch.equal(a, b) for a, b in zip(before, it._parameters, strict=True))
    it.close()
