"""The peer of the benchmark is the recipe it says, in a process that our own settings do not reach."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("peer_diffusers", ROOT / "benchmarks" / "peer_diffusers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("peer_diffusers", None)


def test_the_peer_trains_in_its_own_process(script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    args = argparse.Namespace(preset="quick", device="cpu", peer_batch=2)
    with script.child("_peer", args) as peer:
        about = peer.ask(do="begin", threads=1)
        window = peer.ask(do="window", seconds=0.0)
        environment = Path(f"/proc/{peer._process.pid}/environ")
        if environment.exists():
            assert b"OMP_WAIT_POLICY" not in environment.read_bytes()
    assert about["parameters"] == 1_708_201  # of the class embedding and the UNet2DModel
    assert about["batch_size"] == window["images"] == 2
    assert script.rate(window) > 0
    assert peer._process.returncode == 0
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_process_that_ends_is_told(script) -> None:
    args = argparse.Namespace(preset="no such preset", device="cpu", peer_batch=2)
    with script.child("_ours", args) as ours, pytest.raises(SystemExit, match="ended with code 1"):
        ours.ask(do="begin")
