"""What the benchmarks count is right; what they time is only theirs to say."""

import json
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.errors import DiffuscopeError
from engine.measure import bench
from engine.training.learner import Learner
from engine.training.trainer import Trainer
from engine.workspace import Workspace

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace("cpu", threads=1)


def tiny(**model) -> RunConfig:
    return RunConfig().changed(
        model={"widths": (8, 16), "embedding_width": 16, **model},
        training={"num_steps": 3, "batch_size": 8, "precision": "fp32", "memory_layout": "contiguous"},
        sampling={"sampler": "heun", "num_steps": 3, "guidance_scale": 2.0})


def layer_flops(config: RunConfig) -> dict[str, int]:
    """Operations of each convolution and linear layer for one image, from its shapes."""
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.5)
    found: dict[str, int] = {}

    def watch(name: str, layer: nn.Module) -> None:
        def seen(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            found[name] = 2 * layer.weight[0].numel() * output[0].numel()
        layer.register_forward_hook(seen)

    for name, layer in denoiser.network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            watch(name, layer)
    denoiser(torch.zeros(1, 1, 28, 28), torch.ones(1), torch.zeros(1, dtype=torch.long), torch.ones(1))
    return found


def test_operations_are_those_of_the_layers() -> None:
    config = tiny()
    layers = layer_flops(config)
    flops = bench.step_flops(config, (1, 28, 28), 10)
    assert flops.forward == sum(layers.values())
    # Backward costs twice the forward pass, but no gradient is wanted of the picture and of the embeddings' inputs.
    first = layers["stem"] + layers["time.hidden"] + layers["label.hidden"]
    assert flops.training == 3 * sum(layers.values()) - first


def test_operations_of_attention_are_counted() -> None:
    """Two products of (positions, width) matrices for each of the three blocks at 7 x 7, and as many twice backward."""
    config = tiny(attention_levels=(1,))
    layers, flops = layer_flops(config), bench.step_flops(config, (1, 28, 28), 10)
    products = 3 * 2 * 2 * 49 * 49 * 16
    assert flops.forward == sum(layers.values()) + products
    first = layers["stem"] + layers["time.hidden"] + layers["label.hidden"]
    assert flops.training == 3 * flops.forward - first


def test_the_peak_is_that_of_the_best_size_and_the_quickest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0, "calls": 0.0}
    rates = {256: 1e9, 512: 4e9, 1024: 2e9, 2048: 1e9}
    sizes = []

    def product(a: torch.Tensor, b: torch.Tensor, out: torch.Tensor) -> float:
        clock["calls"] += 1
        sizes.append(len(a))
        taken = 2 * len(a) ** 3 / rates[len(a)] * (1 if clock["calls"] % 2 else 1.5)  # every other one is disturbed
        clock["now"] += taken
        return taken

    monkeypatch.setattr(bench, "_timed_product", product)
    monkeypatch.setattr(time, "perf_counter", lambda: clock["now"])
    threads = torch.get_num_threads()
    assert bench.matmul_peak("fp32", CPU, seconds=12.0) == pytest.approx(4e9)
    assert torch.get_num_threads() == threads
    assert set(sizes) == {256, 512, 1024}  # two of the next would have taken it past its time


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_real_peak_is_a_number(precision: str) -> None:
    assert 1e6 < bench.matmul_peak(precision, CPU, seconds=0.01) < 1e15


def test_a_window_of_training_is_whole_steps(workspace: Workspace) -> None:
    with bench.Headless(workspace, tiny()) as run:
        first = run.window(0.0)
        second = run.window(0.05)
        folder = run.trainer.path
        assert folder.exists()
        assert first.images == 8
        assert second.images % 8 == 0
        assert second.seconds >= 0.05
        assert run.trainer.learner.images_seen == first.images + second.images
        assert run.memory_bytes > 10_000_000
    assert not folder.exists()


def test_training_that_fails_ends_the_measurement(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "train_step", lambda self, rate: 1 / 0)
    with bench.Headless(workspace, tiny()) as run, pytest.raises(DiffuscopeError):
        run.window(0.0)


def test_the_share_of_the_peak_is_operations_over_time_over_peak(workspace: Workspace) -> None:
    said: list[str] = []
    facts = bench.measure_training(workspace, tiny(), windows=3, window_seconds=0.02, warm_up_seconds=0.02,
                                   peak_seconds=0.02, say=said.append)
    rates = [w["images"] / w["seconds"] for w in facts["windows"]]
    assert facts["images_per_second"] == pytest.approx(sorted(rates)[1])
    gflops = facts["images_per_second"] * facts["mflop_per_image"]["training_step"] / 1e3
    assert facts["gflops"] == pytest.approx(gflops)
    assert facts["share_of_peak"] == pytest.approx(gflops / facts["matmul_peak_gflops"]["fp32"])
    assert (facts["precision"], facts["channels_last"], facts["batch_size"]) == ("fp32", False, 8)
    assert len(said) == 3
    json.dumps(facts)


def test_sampling_is_that_of_the_run(workspace: Workspace, tmp_path: Path) -> None:
    for _ in Trainer(workspace, tmp_path / "run", tiny()).run():
        pass
    facts = bench.measure_sampling(workspace, tmp_path / "run", repeats=3)
    assert facts["network_evaluations"] == 2 * 5  # Heun asks twice in all steps but the last, guidance twice each time
    assert facts["snapshot"] == 3
    assert sorted(facts["all_seconds"])[1] == facts["seconds"] > 0
    json.dumps(facts)
