"""The probe chooses by measuring, and leaves what it measured alone."""

import torch

from engine.build import build_denoiser
from engine.config import RunConfig
from engine.training.batches import Batch
from engine.training.probe import Layout, candidates, probe

CPU = torch.device("cpu")


def batch() -> Batch:
    g = torch.Generator().manual_seed(0)
    return Batch(torch.randn(4, 1, 28, 28, generator=g), torch.randn(4, 1, 28, 28, generator=g), torch.ones(4),
                 torch.zeros(4, dtype=torch.long), torch.ones(4))


def test_the_faster_one_wins_and_the_weights_stay(monkeypatch) -> None:
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    before = {k: v.clone() for k, v in denoiser.state_dict().items()}
    import time

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    clock = {"now": 0.0}
    monkeypatch.setattr(time, "perf_counter", lambda: clock["now"])
    real = type(denoiser).losses

    def losses(self, *args):
        clock["now"] += 0.5 if self.precision is torch.bfloat16 else 0.1
        return real(self, *args)

    monkeypatch.setattr(type(denoiser), "losses", losses)
    chosen = None
    for chosen in probe(denoiser, batch(), [Layout("bf16", False), Layout("fp32", False)]):
        pass
    assert chosen == Layout("fp32", False)
    assert all(torch.equal(before[k], v) for k, v in denoiser.state_dict().items())
    assert all(p.grad is None for p in denoiser.parameters())


def test_a_hopeless_format_is_given_up_after_one_step(monkeypatch) -> None:
    config = RunConfig().changed(model={"widths": (8, 16), "embedding_width": 16})
    denoiser = build_denoiser(config, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    import time

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    clock = {"now": 0.0, "slow": 0}
    monkeypatch.setattr(time, "perf_counter", lambda: clock["now"])
    real = type(denoiser).losses

    def losses(self, *args):
        slow = self.precision is torch.bfloat16
        clock["now"] += 2.0 if slow else 0.1
        clock["slow"] += slow
        return real(self, *args)

    monkeypatch.setattr(type(denoiser), "losses", losses)
    list(probe(denoiser, batch(), [Layout("fp32", False), Layout("bf16", False)]))
    assert clock["slow"] == 1


def test_a_setting_leaves_nothing_to_measure() -> None:
    assert candidates("fp32", "contiguous", CPU) == [Layout("fp32", False)]
    assert len(candidates("auto", "auto", CPU)) == 4
