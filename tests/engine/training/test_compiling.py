"""A compiled network trains as the other does; one that cannot be compiled trains all the same."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import last_event, tiny, train

from engine.events import StepDone, TrainingFailed, Warned
from engine.runs import Run
from engine.training import setup
from engine.training.compiling import compile_network
from engine.training.learner import Learner
from engine.training.probe import Layout


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def learner(workspace) -> Learner:
    return Learner(tiny(), workspace.data("mnist"), workspace.device, Layout("fp32", False))


def test_compiled_it_trains_the_same_weights_under_the_same_names(workspace) -> None:
    plain, compiled = learner(workspace), learner(workspace)
    before = [p.clone() for p in compiled.denoiser.network.parameters()]
    assert compile_network(compiled, "aot_eager") == ""
    assert compiled.denoiser.network._compiled_call_impl is not None
    after = list(compiled.denoiser.network.parameters())
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, after, strict=True))
    for _ in range(3):
        plain.train_step(1e-3)
        compiled.train_step(1e-3)
    (tensors, extra), (others, _) = plain.state(), compiled.state()
    assert tensors.keys() == others.keys()
    for name, values in tensors.items():
        np.testing.assert_allclose(others[name], values, atol=1e-5, rtol=1e-3, err_msg=name)
    plain.load_state(others, extra)
    plain.close()
    compiled.close()


def test_parts_of_a_batch_compile_one_after_the_other_and_once(workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two threads at a time torch's compiler waits for ever."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    inside: list[str] = []
    compiled: list[str] = []

    def backend(graph, inputs):
        assert not inside, "another part is being compiled"
        inside.append(threading.current_thread().name)
        time.sleep(0.2)
        compiled.append(inside.pop())
        return graph.forward

    made = learner(workspace)
    assert made.shards.count == 2
    assert compile_network(made, backend) == ""
    first = len(compiled)
    assert first >= 1
    # Where training calls it, since what is compiled holds only for the settings of its thread.
    assert all(name.startswith("side") for name in compiled)
    for _ in range(2):
        made.train_step(1e-3)
    assert len(compiled) == first
    made.close()


def test_what_cannot_be_compiled_trains_as_before_and_says_why(workspace, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph, inputs):
        raise RuntimeError("no compiler here\nand much else")

    monkeypatch.setattr(setup, "compile_network", lambda learner: compile_network(learner, broken))
    events = train(workspace, tmp_path / "broken", tiny(4, compiled=True))
    (warning,) = [e.report for e in events if isinstance(e, Warned)]
    assert warning.kind == "compile"
    assert "no compiler here" in warning.advice
    assert "\n" not in warning.advice
    assert not [e for e in events if isinstance(e, TrainingFailed)]
    assert last_event(events, StepDone).step == 4
    train(workspace, tmp_path / "plain", tiny(4))
    one, two = (Run.open(tmp_path / name).load_snapshot(4)[1] for name in ("broken", "plain"))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_run_that_asks_for_it_is_compiled_also_when_it_goes_on(workspace, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compile_eager(learner: Learner) -> str:
        asked.append(learner.step)
        return compile_network(learner, "aot_eager")

    monkeypatch.setattr(setup, "compile_network", compile_eager)
    train(workspace, tmp_path / "run", tiny(3, compiled=True))
    train(workspace, tmp_path / "run", continue_steps=2)
    train(workspace, tmp_path / "other", tiny(2))
    assert asked == [0, 3]
    assert Run.open(tmp_path / "run").info.step == 5
