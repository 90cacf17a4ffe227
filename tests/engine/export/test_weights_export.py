"""Weights out: the script draws the same pictures with PyTorch and safetensors alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.build import build_denoiser
from engine.config import RunConfig, SamplingConfig
from engine.diffusion.sample import denoising_steps
from engine.errors import DiffuscopeError
from engine.export.weights import export_weights, script_sampling
from engine.paths import DEFAULT_BUNDLED_RUN
from engine.runs import Run, RunInfo, RunWriter
from engine.workspace import Workspace

# Nothing but torch, safetensors and what they import themselves; nothing of this program, wherever it is installed.
ALONE = """
import runpy, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"engine", "gui", "main", "PIL", "PySide6", "pydantic", "torchvision", "diffusers"}:
            raise ImportError("not to be had: " + name)

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def drawn_by_script(folder: Path, tmp_path: Path, classes: str, seed: int) -> np.ndarray:
    done = subprocess.run([sys.executable, "-c", ALONE, str(folder / "sample.py"), "--classes", classes, "--seed",
                           str(seed), "--out", "drawn.npy"], cwd=tmp_path, capture_output=True, text=True, timeout=150,
                          check=False)
    assert done.returncode == 0, done.stderr
    return np.load(tmp_path / "drawn.npy")


def drawn_by_app(workspace: Workspace, run: Path, sampling: SamplingConfig, classes: list[int],
                 seed: int) -> np.ndarray:
    model = workspace.model(run, None)
    last = None
    for last in denoising_steps(model.denoiser, classes, [seed + i for i in range(len(classes))], sampling,
                                shape=model.shape, num_classes=model.num_classes, device=workspace.device):
        pass
    assert last is not None
    return np.asarray(last)


def random_run(path: Path, shape: tuple[int, int, int], names: tuple[str, ...], **groups: Any) -> Path:
    """A run of weights drawn by lot, those that start at zero too, so that every layer counts."""
    config = RunConfig().changed(training={"num_steps": 1}, **groups)
    info = RunInfo(name=path.name, config=config, class_names=names, image_shape=shape, sigma_data=0.4, num_steps=1,
                   images=10, state="finished", step=1)
    denoiser = build_denoiser(config, shape=shape, num_classes=len(names), sigma_data=0.4)
    generator = torch.Generator().manual_seed(5)
    weights = {name: (torch.randn(value.shape, generator=generator) * 0.15).numpy()
               for name, value in denoiser.network.state_dict().items()}
    writer = RunWriter.create(path, info)
    writer.save_snapshot(1, weights)
    writer.close()
    return path


def test_the_shipped_run_draws_the_same_digits_to_1e_4(one_thread: Workspace, tmp_path: Path) -> None:
    run = Run.open(DEFAULT_BUNDLED_RUN)
    sampling = run.info.config.sampling.model_copy(update={"num_steps": 12})
    written = export_weights(run, tmp_path / "out", sampling)
    assert sorted(p.name for p in written.files) == ["README.md", "config.json", "model.safetensors", "sample.py"]
    assert all(p.is_file() for p in written.files)
    assert written.notes == ()
    theirs = drawn_by_script(tmp_path / "out", tmp_path, "0,3,8", 11)
    ours = drawn_by_app(one_thread, run.path, sampling, [0, 3, 8], 11)
    assert theirs.shape == (3, 1, 28, 28)
    assert np.abs(theirs - ours).max() < 1e-4
    assert (tmp_path / "drawn.pgm").read_bytes().startswith(b"P5\n84 28\n255\n")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "472\u202f548 weights" in card
    assert "60\u202f000 pictures of mnist" in card


@pytest.mark.parametrize(("groups", "sampling"), [
    ({"model": {"widths": (8, 16), "embedding_width": 16, "attention_levels": (1,), "blocks": 2},
      "diffusion": {"parameterisation": "v", "schedule": "cosine"}},
     {"sampler": "dpmpp-2m", "num_steps": 5, "guidance_scale": 2.0}),
    ({"model": {"widths": (8, 16, 16), "embedding_width": 32, "stem": 1, "conditioning": "add", "skips": False},
      "diffusion": {"parameterisation": "noise", "num_timesteps": 100}},
     {"sampler": "ddpm", "num_steps": 6, "guidance_scale": 0.0}),
    ({"model": {"widths": (8,), "embedding_width": 16, "time_embedding": False},
      "diffusion": {"parameterisation": "x0"}},
     {"sampler": "ddim", "num_steps": 4, "eta": 0.4, "guidance_scale": 1.0, "clip_x0": False}),
    ({"model": {"widths": (8, 16), "embedding_width": 16, "class_embedding": False}},
     {"sampler": "euler", "num_steps": 4, "guidance_scale": 3.0, "guidance_sigma_low": 0.2,
      "guidance_sigma_high": 3.0}),
])
def test_every_kind_of_network_and_sampler_is_drawn_alike(one_thread: Workspace, tmp_path: Path,
                                                          groups: dict[str, Any], sampling: dict[str, Any]) -> None:
    """Colour pictures, of weights drawn by lot."""
    path = random_run(tmp_path / "run", (3, 16, 16), ("cat", "dog", "frog"), **groups)
    settings = SamplingConfig(**sampling)
    export_weights(Run.open(path), tmp_path / "out", settings)
    theirs = drawn_by_script(tmp_path / "out", tmp_path, "2,0", 3)
    ours = drawn_by_app(one_thread, path, settings, [2, 0], 3)
    assert theirs.shape == (2, 3, 16, 16)
    assert np.abs(ours).max() > 0.1
    assert np.abs(theirs - ours).max() < 1e-4
    assert (tmp_path / "drawn.ppm").read_bytes().startswith(b"P6\n32 16\n255\n")


def test_the_weights_are_the_averaged_ones(tmp_path: Path) -> None:
    run = Run.open(DEFAULT_BUNDLED_RUN)
    step = run.snapshots()[3].step
    export_weights(run, tmp_path / "out", run.info.config.sampling, step)
    held, own = load_file(tmp_path / "out" / "model.safetensors"), run.load_snapshot(step)[1]
    assert held.keys() == own.keys()
    assert all(np.array_equal(held[name].numpy(), own[name]) for name in own)
    values = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert values["snapshot"] == step
    assert values["class_names"] == list("0123456789")


def test_what_the_script_cannot_do_is_said() -> None:
    changed, notes = script_sampling(SamplingConfig(sampler="unipc", guidance_rescale=0.5, autoguide_step=10))
    assert (changed.sampler, changed.guidance_rescale, changed.autoguide_step) == ("dpmpp-2m", 0.0, None)
    assert len(notes) == 3
    assert script_sampling(SamplingConfig())[1] == ()


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    run = Run.open(DEFAULT_BUNDLED_RUN)
    with pytest.raises(DiffuscopeError, match="there already"):
        export_weights(run, tmp_path / "out", run.info.config.sampling)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]
