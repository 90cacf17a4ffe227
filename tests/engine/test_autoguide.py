"""Guidance against an early snapshot of the same run: in the compute thread's job, on the command line, copied."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import main as entry
from engine.build import build_denoiser
from engine.cli.command import sample_command
from engine.config import SamplingConfig
from engine.diffusion.forward import to_uint8
from engine.diffusion.sample import sample_images
from engine.errors import BadSetting
from engine.events import TrajectoriesReady, TrajectoryRequest
from engine.jobs import trajectory_job
from engine.presets import load_preset
from engine.runs import Run, RunInfo, RunWriter
from engine.workspace import Workspace

CONFIG = load_preset("quick").changed(
    model={"widths": (4, 8), "embedding_width": 16}, training={"num_steps": 9},
    sampling={"num_steps": 4, "sampler": "dpmpp-2m", "guidance_scale": 3.0})
AGAINST = CONFIG.sampling.model_copy(update={"autoguide_step": 3})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Snapshots at 0, 3 and 9, each with weights of its own."""
    path = tmp_path_factory.mktemp("runs") / "small"
    denoiser = build_denoiser(CONFIG, shape=(1, 28, 28), num_classes=10, sigma_data=0.6)
    random = np.random.default_rng(4)
    own = {name: tensor.detach().numpy() for name, tensor in denoiser.network.state_dict().items()}
    writer = RunWriter.create(path, RunInfo(name=path.name, config=CONFIG, class_names=tuple("0123456789"),
                                            sigma_data=0.6, num_steps=9, step=9, state="finished"))
    for step in (0, 3, 9):
        writer.save_snapshot(step, {name: (w + 0.05 * random.standard_normal(w.shape)).astype(np.float32)
                                    for name, w in own.items()})
    writer.close()
    return Run.open(path)


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    made = Workspace("cpu", threads=1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What main sets for the whole process is set back."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


def picture(workspace: Workspace, run: Run, sampling: SamplingConfig, snapshot: int = 9) -> np.ndarray:
    model = workspace.model(run.path, snapshot)
    return next(iter(sample_images(model.denoiser, [7], [5], sampling, shape=(1, 28, 28), num_classes=10,
                                   device=torch.device("cpu"), weaker=workspace.weaker(model, sampling))))[0]


def test_the_weaker_model_is_that_snapshot(workspace: Workspace, run: Run) -> None:
    model = workspace.model(run.path, 9)
    assert workspace.weaker(model, CONFIG.sampling) is None
    weaker = workspace.weaker(model, AGAINST)
    assert weaker is workspace.model(run.path, 3).denoiser
    x, sigma = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.ones(1)
    label, mask = torch.tensor([7]), torch.ones(1)
    from engine.diffusion.run_sampler import guide

    strong, weak = model.denoiser(x, sigma, label, mask), weaker(x, sigma, label, mask)
    guided = guide(model.denoiser, AGAINST, weaker=weaker)(x, sigma, label, mask)
    torch.testing.assert_close(guided, weak + 3 * (strong - weak))


@pytest.mark.parametrize(("snapshot", "against", "sentence"), [
    (9, 4, "Guidance needs an earlier snapshot to lead away from; step 4 is no snapshot of small."),
    (9, 9, "Guidance needs an earlier snapshot to lead away from; step 9 is not before step 9, which draws."),
    (3, 9, "Guidance needs an earlier snapshot to lead away from; step 9 is not before step 3, which draws."),
    (0, 3, "Step 0 is the earliest snapshot of small, so there is none to guide against."),
])
def test_a_step_that_cannot_be_guided_against_is_answered_with_those_that_can(
        workspace: Workspace, run: Run, snapshot: int, against: int, sentence: str) -> None:
    sampling = CONFIG.sampling.model_copy(update={"autoguide_step": against})
    with pytest.raises(BadSetting) as error:
        workspace.weaker(workspace.model(run.path, snapshot), sampling)
    assert error.value.headline == sentence
    if snapshot == 9:
        assert error.value.advice == "There are 2, the nearest at step 0 and 3."


def test_the_job_records_what_is_drawn_and_counts_both_models(workspace: Workspace, run: Run) -> None:
    request = TrajectoryRequest(run.path, 9, (7,), 5, AGAINST)
    ready = [e for e in trajectory_job(request).make(workspace) if isinstance(e, TrajectoriesReady)][-1]
    assert ready.complete
    assert ready.nfe == 8
    shown = to_uint8(ready.trajectories[7].x[-1])[0]
    drawn = picture(workspace, run, AGAINST)
    assert np.ptp(drawn.astype(int)) > 20, "an empty picture proves nothing"
    assert np.abs(shown.astype(int) - drawn.astype(int)).max() <= 1
    assert not np.array_equal(drawn, picture(workspace, run, CONFIG.sampling))
    assert np.abs(ready.trajectories[7].guidance).max() > 0, "what the two models disagree on is kept"


def test_the_command_line_draws_the_same(workspace: Workspace, run: Run, tmp_path: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.npz"
    words = shlex.split(sample_command(run, 9, 7, 5, AGAINST, str(out)))
    assert words[words.index("--autoguide") + 1] == "3"
    assert entry.main([*words[2:], "--device", "cpu"]) == 0
    with np.load(out) as file:
        assert np.abs(file["images"][0].astype(int) - picture(workspace, run, AGAINST).astype(int)).max() <= 1
    assert capsys.readouterr().err == ""


def test_none_puts_the_class_back_where_the_run_guides_against_a_snapshot(run: Run, tmp_path: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli.parser import build_parser
    from engine.cli.sample import sampling_of

    own = Run.open(run.path)
    monkeypatch.setattr(own, "info", own.info.model_copy(update={
        "config": CONFIG.changed(sampling={"autoguide_step": 3})}))
    words = shlex.split(sample_command(own, 9, 7, 5, CONFIG.sampling, "x.npz"))
    assert words[words.index("--autoguide") + 1] == "none"
    assert sampling_of(build_parser().parse_args(words[2:]), own).autoguide_step is None
    bare = build_parser().parse_args(["sample", "--run", "x", "--out", "x.npz"])
    assert sampling_of(bare, own).autoguide_step == 3


@pytest.mark.parametrize(("options", "sentence"), [
    (["--autoguide", "4"], "Guidance needs an earlier snapshot to lead away from; step 4 is no snapshot of small; "
     "there are 2, the nearest at step 0 and 3."),
    (["--autoguide", "soon"],
     "--autoguide needs a whole number; 'soon' is not one; 'none' is guidance against no class."),
    (["--guidance-interval", "3", "2"], "The guidance interval must rise; from 3 to 2 it does not."),
    (["--guidance-interval", "3"], "--guidance-interval needs 2 values."),
    (["--sampler", "ddim", "--steps", "1000", "--grid", "magic"],
     "--grid must be one of auto, timesteps, karras, log-snr; magic is not."),
    (["--set", "sampling.guidance_rescale=2"], "Rescale must be from 0 to 1; 2 is not."),
])
def test_wrong_combinations_are_refused_in_one_sentence(run: Run, tmp_path: Path, options: list[str], sentence: str,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.npz"
    assert entry.main(["sample", "--run", str(run.path), "--out", str(out), *options]) != 0
    assert capsys.readouterr().err.strip().removeprefix("diffuscope: ") == sentence
    assert not out.exists()


def test_more_steps_than_timesteps_are_refused_where_timesteps_are_walked(tmp_path: Path, run: Run,
                                                                         capsys: pytest.CaptureFixture[str],
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    short = CONFIG.changed(diffusion={"num_timesteps": 50})
    path = tmp_path / "short"
    writer = RunWriter.create(path, RunInfo(name="short", config=short, class_names=tuple("0123456789"),
                                            sigma_data=0.6, num_steps=9, step=9, state="finished"))
    writer.save_snapshot(9, run.load_snapshot(9)[1])
    writer.close()
    out = str(tmp_path / "x.npz")
    for options in (["--sampler", "ddim"], ["--sampler", "unipc", "--grid", "timesteps"]):
        assert entry.main(["sample", "--run", str(path), "--steps", "51", "--out", out, *options]) != 0
        assert "Steps must be from 1 to T = 50 on this schedule; 51 is not." in capsys.readouterr().err
    assert entry.main(["sample", "--run", str(path), "--steps", "51", "--count", "1", "--out", out,
                       "--sampler", "unipc"]) == 0


PLAIN = "at w = 1 the picture is plainly that of its class: there is no guidance to change."


@pytest.mark.parametrize(("options", "sentences"), [
    (["--sampler", "heun", "--eta", "0.5"],
     ["--eta 0.5 is ignored: this sampler adds no fresh noise; η is a setting of DDIM."]),
    (["--sampler", "ddpm", "--steps", "3", "--eta", "0.5"],
     ["--eta 0.5 is ignored: DDPM always adds all of its fresh noise, as DDIM does at η = 1."]),
    (["--guidance", "1", "--autoguide", "3", "--guidance-interval", "1", "2"],
     [f"--guidance-interval is ignored: {PLAIN}", f"--autoguide 3 is ignored: {PLAIN}"]),
    (["--guidance-interval", "0.03", "0.04"], []),
    (["--guidance", "4", "--guidance-interval", "0.03", "0.04"],
     ["--guidance 4 is ignored: none of the steps lies at a noise level above σ = 0.03 and up to 0.04: "
      "nothing is guided."]),
    (["--eta", "0.5", "--sampler", "ddim"], []),
])
def test_what_is_ignored_is_said(run: Run, tmp_path: Path, options: list[str], sentences: list[str],
                                 capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sample", "--run", str(run.path), "--count", "1", "--out", str(tmp_path / "x.npz"), *options]
    assert entry.main(arguments) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "ignored" in line] == sentences
