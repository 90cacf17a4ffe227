"""The command that the window copies: read back it means the same, and it draws the same picture."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import main as entry
from engine.cli.command import run_argument, sample_arguments, sample_command
from engine.cli.parser import build_parser
from engine.cli.sample import sampling_of
from engine.config import GridName, SamplerName, SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.forward import to_uint8
from engine.diffusion.schedules import schedule
from engine.presets import load_preset
from engine.runs import Run, RunInfo, RunWriter

SNAPSHOTS = (3, 5)
CONFIG = load_preset("quick").changed(model={"widths": (4, 8), "embedding_width": 16}, training={"num_steps": 5},
                                      sampling={"num_steps": 6, "eta": 0.25})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose weights are random but not nothing."""
    from engine.build import build_denoiser

    path = tmp_path_factory.mktemp("my runs") / "it's a run"
    denoiser = build_denoiser(CONFIG, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    random = np.random.default_rng(4)
    own = {name: tensor.detach().numpy() for name, tensor in denoiser.network.state_dict().items()}
    writer = RunWriter.create(path, RunInfo(name=path.name, config=CONFIG, class_names=tuple("0123456789"),
                                            sigma_data=0.6, num_steps=5, step=5, state="finished"))
    for step in SNAPSHOTS:
        narrow, wide = ({name: (w + 0.05 * random.standard_normal(w.shape)).astype(np.float32)
                         for name, w in own.items()} for _ in range(2))
        writer.save_snapshot(step, narrow, wide=wide)
    writer.close()
    return Run.open(path)


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What main sets for the whole process is set back."""
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", "")
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sampler=st.sampled_from(get_args(SamplerName)), grid=st.sampled_from(get_args(GridName)),
       low=st.floats(0, 10), rescale=st.floats(0, 1), steps=st.integers(1, 1000), eta=st.floats(0, 1),
       scale=st.floats(0, 8), clip=st.booleans(), seed=st.integers(0, 2**63 - 1), label=st.integers(0, 9))
def test_the_command_read_back_means_the_same(run: Run, sampler: str, grid: str, low: float, rescale: float,
                                              steps: int, eta: float, scale: float,
                                              clip: bool, seed: int, label: int) -> None:
    wanted = SamplingConfig(sampler=sampler, num_steps=steps, eta=eta, guidance_scale=scale, clip_x0=clip,
                            grid=grid, guidance_sigma_low=low, guidance_sigma_high=low + 1, guidance_rescale=rescale)
    words = shlex.split(sample_command(run, 3, label, seed, wanted, "a b.png"))
    assert words[:3] == ["python", "main.py", "sample"]
    args = build_parser().parse_args(words[2:])
    read = sampling_of(args, run)
    unused = {} if sampler == "ddim" else {"eta": eta}  # no other sampler looks at it
    assert read.model_copy(update=unused) == wanted
    assert (args.classes, args.seed, args.snapshot, str(args.out)) == (str(label), seed, 3, "a b.png")
    assert args.run == str(run.path)
    assert args.count is None


@pytest.mark.parametrize("changes", [
    {"sampler": "ddim", "num_steps": 5, "guidance_scale": 2.0},
    {"sampler": "dpmpp-2m", "num_steps": 6, "guidance_scale": 3.0, "clip_guidance": "scale", "clip_model": "judge",
     "clip_mode": "correct", "clip_every": 2, "clip_change": 1.5},
    {"sampler": "ddim", "num_steps": 4, "clip_guidance": "gradient", "clip_model": "judge", "clip_strength": 0.5,
     "clip_longest": 0.25, "clip_crops": 2},
    {"sampler": "ddim", "num_steps": 4, "eta": 0.7, "guidance_scale": 1.0, "clip_x0": False},
    {"sampler": "ddpm", "num_steps": 9, "guidance_scale": 3.5},
    {"sampler": "dpmpp-2m", "num_steps": 6, "guidance_scale": 0.0},
    {"sampler": "unipc", "num_steps": 5, "grid": "log-snr", "guidance_sigma_low": 0.3, "guidance_sigma_high": 9.0},
])
def test_the_command_draws_the_last_frame_of_the_trajectory(run: Run, tmp_path: Path,
                                                            changes: dict[str, object]) -> None:
    import torch

    from engine.diffusion.sample import record
    from engine.workspace import Workspace

    sampling = SamplingConfig.model_validate(changes)
    out = tmp_path / "picture.npz"
    words = shlex.split(sample_command(run, SNAPSHOTS[0], 7, 123, sampling, str(out)))
    assert entry.main([*words[2:], "--device", "cpu"]) == 0
    with np.load(out) as file:
        images, labels, seeds = file["images"], file["labels"], file["seeds"]
    assert images.shape == (1, 28, 28)
    assert (labels.tolist(), seeds.tolist()) == ([7], [123])

    workspace = Workspace("cpu", threads=1)
    model = workspace.model(run.path, SNAPSHOTS[0])
    for found in record(model.denoiser, [2, 7, 9], 123, sampling, snapshot=SNAPSHOTS[0], shape=(1, 28, 28),
                        num_classes=10, device=torch.device("cpu"), scorer=workspace.scorer(model, sampling)):
        trajectory = found[7]
    picture = to_uint8(trajectory.x[-1])[0]
    assert np.ptp(picture.astype(int)) > 20, "an empty picture proves nothing"
    assert np.abs(images[0].astype(int) - picture.astype(int)).max() <= 1


def test_the_average_is_named_where_it_is_not_the_snapshots_own(run: Run, tmp_path: Path) -> None:
    from engine.diffusion.sample import sample_images
    from engine.workspace import Workspace

    assert "--average" not in sample_command(run, 5, 3, 11, CONFIG.sampling, "a.png")
    images = {}
    for percent in (None, 20.0, 25.0):
        out = tmp_path / "picture.npz"
        words = shlex.split(sample_command(run, 5, 3, 11, CONFIG.sampling, str(out), percent))
        assert ("--average" in words) == (percent is not None)
        assert entry.main([*words[2:], "--device", "cpu"]) == 0
        with np.load(out) as file:
            images[percent] = file["images"]
        workspace = Workspace("cpu", threads=1)
        denoiser = workspace.model(run.path, 5, percent).denoiser
        drawn = next(iter(sample_images(denoiser, [3], [11], CONFIG.sampling, shape=(1, 28, 28), num_classes=10,
                                        device=workspace.device)))
        assert np.abs(images[percent].astype(int) - drawn.astype(int)).max() <= 1
    assert not np.array_equal(images[None], images[20.0])
    assert not np.array_equal(images[25.0], images[20.0])


def test_an_average_that_cannot_be_made_is_refused(run: Run, capsys: pytest.CaptureFixture[str],
                                                   tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    command = ["sample", "--run", str(run.path), "--out", str(out), "--device", "cpu", "--average"]
    for percent, told in (("2", "over the last 8 to"), ("0", "from 1 to 100 %"), ("many", "needs a number")):
        assert entry.main([*command, percent]) == 2
        assert told in capsys.readouterr().err
    assert not out.exists()


def test_runs_are_named_as_shortly_as_the_command_line_finds_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_argument(run) == str(run.path)
    monkeypatch.setenv("DIFFUSCOPE_RUNS_DIR", str(run.path.parent))
    assert run_argument(run) == run.path.name
    monkeypatch.setattr("engine.paths.DEFAULT_BUNDLED_RUN", run.path)
    assert run_argument(run) == "bundled"


def test_only_what_differs_from_the_run_is_added(run: Run) -> None:
    usual = [word for line in sample_arguments(run, 5, 3, 11, CONFIG.sampling) for word in line]
    assert "--eta" not in usual
    assert "--set" not in usual
    other = CONFIG.sampling.model_copy(update={"eta": 0.0, "clip_x0": False})
    added = sample_arguments(run, 5, 3, 11, other)
    assert added[-2:] == [["--eta", "0.0"], ["--set", "sampling.clip_x0=false"]]


@pytest.mark.parametrize(("scale", "calls"), [(0.0, 50), (1.0, 50), (2.0, 100), (0.5, 100)])
def test_network_calls_are_counted(scale: float, calls: int) -> None:
    sampling = SamplingConfig(num_steps=50, guidance_scale=scale)
    assert network_evaluations(sampling, schedule("linear", 1000)) == calls
