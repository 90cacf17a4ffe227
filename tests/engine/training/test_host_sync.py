"""No training step reads a number from the device: on a GPU that would wait for all that was asked of it."""

import pytest
import torch
from helpers import tiny
from torch.utils._python_dispatch import TorchDispatchMode

from engine.training.graphed import WARM_UP
from engine.training.learner import Learner
from engine.training.muon import Muon
from engine.training.probe import Layout
from engine.workspace import Workspace

READS = ("_local_scalar_dense", "nonzero", "equal", "is_nonzero")  # what has a Python number or a size as its answer


class Watch(TorchDispatchMode):
    """Counts the operations that need a value on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.reads: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.seen.append(name)
        if name in READS:
            self.reads.append(name)
        return func(*args, **(kwargs or {}))


def test_the_watch_sees_a_read() -> None:
    with Watch() as watch:
        float(torch.ones(()))
    assert watch.reads == ["_local_scalar_dense"]


@pytest.mark.parametrize("noise_levels", ["uniform-t", "log-normal"])
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_training_step_reads_nothing_from_the_device(noise_levels, optimiser, monkeypatch) -> None:
    monkeypatch.setattr("engine.training.learner.muon_for", lambda named, device: Muon(named))  # as on a GPU
    workspace = Workspace("cpu", threads=1)  # what other threads compute the watch does not see
    config = tiny(optimiser=optimiser).changed(
        # one_hot checks the range of its labels on a CPU, and only there.
        model={"widths": (8, 16), "embedding_width": 16, "class_embedding": False},
        diffusion={"noise_levels": noise_levels})
    learner = Learner(config, workspace.data("mnist"), workspace.device, Layout("fp32", False))
    learner.train_step(1e-3)  # the optimiser makes its state in the first
    with Watch() as watch:
        learner.train_step(1e-3)
    learner.close()
    assert "convolution_backward" in watch.seen
    assert watch.reads == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch's own watch needs a CUDA device")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_training_step_on_a_gpu_waits_for_nothing(optimiser) -> None:
    workspace = Workspace("cuda")
    learner = Learner(tiny(optimiser=optimiser), workspace.data("mnist"), workspace.device, Layout("fp32", False))
    learner.train_step(1e-3)
    try:
        torch.cuda.set_sync_debug_mode("error")
        learner.train_step(1e-3)
        for _ in range(WARM_UP):
            torch.cuda.set_sync_debug_mode("default")  # recording waits, once
            learner.train_step(1e-3)
        torch.cuda.set_sync_debug_mode("error")
        learner.train_step(1e-3)
    finally:
        torch.cuda.set_sync_debug_mode("default")
        learner.close()
