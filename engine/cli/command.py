"""The command line that draws a picture again: what the window copies, and the command line reads."""

from __future__ import annotations

import os
import shlex
import subprocess

from engine import paths
from engine.config import SamplingConfig
from engine.runs import Run


def run_argument(run: Run) -> str:
    """How --run names it: `bundled`, the bare name of a run in the user's folder, or its whole path."""
    path = run.path.resolve()
    if path == paths.DEFAULT_BUNDLED_RUN.resolve():
        return "bundled"
    # A folder of that name in the working folder would be taken first; that is the user's own doing.
    return path.name if path.parent == paths.runs_dir().resolve() else str(path)


def sample_arguments(run: Run, snapshot: int, class_label: int, seed: int, sampling: SamplingConfig,
                     average_percent: float | None = None) -> list[list[str]]:
    """Options of `sample` for one picture, without --out, in groups that belong on a line.

    Named is everything that decides the picture and that a hand sets often; the rest only
    where it differs from the run's own, which never changes.
    """
    own = run.info.config.sampling
    lines = [["--run", run_argument(run)], ["--classes", str(class_label), "--seed", str(seed)],
             ["--sampler", sampling.sampler, "--steps", str(sampling.num_steps)],
             ["--guidance", repr(sampling.guidance_scale)], ["--snapshot", str(snapshot)]]
    if average_percent is not None:
        lines[-1] += ["--average", f"{average_percent:g}"]
    if sampling.sampler == "ddim" and sampling.eta != own.eta:
        lines.append(["--eta", repr(sampling.eta)])
    if sampling.grid != own.grid:
        lines.append(["--grid", sampling.grid])
    interval = [sampling.guidance_sigma_low, sampling.guidance_sigma_high]
    if interval != [own.guidance_sigma_low, own.guidance_sigma_high]:
        lines.append(["--guidance-interval", *map(repr, interval)])
    if sampling.autoguide_step != own.autoguide_step:
        lines.append(["--autoguide", "none" if sampling.autoguide_step is None else str(sampling.autoguide_step)])
    lines += _clip_arguments(sampling, own)
    if sampling.guidance_rescale != own.guidance_rescale:
        lines.append(["--set", f"sampling.guidance_rescale={sampling.guidance_rescale!r}"])
    if sampling.clip_x0 != own.clip_x0:
        lines.append(["--set", f"sampling.clip_x0={str(sampling.clip_x0).lower()}"])
    return lines


def _clip_arguments(sampling: SamplingConfig, own: SamplingConfig) -> list[list[str]]:
    """Options for CLIP guidance: all that decides the picture where there is any; that there is none, where the run's
    own settings have some.
    """
    if sampling.clip_guidance == "off":
        return [] if own.clip_guidance == "off" else [["--clip-guidance", "off"]]
    lines = [["--clip-guidance", sampling.clip_guidance, "--clip-strength", repr(sampling.clip_strength)],
             ["--clip-model", sampling.clip_model]]
    for name in ("clip_mode", "clip_every", "clip_change", "clip_longest", "clip_crops"):
        value = getattr(sampling, name)
        if value != getattr(own, name):
            lines.append(["--set", f"sampling.{name}={value}"])
    return lines


def sample_command(run: Run, snapshot: int, class_label: int, seed: int, sampling: SamplingConfig,
                   out: str, average_percent: float | None = None) -> str:
    """One line for a shell, from the program's folder, that writes the picture to `out` (.png or .npz)."""
    words = ["python", "main.py", "sample"]
    for line in sample_arguments(run, snapshot, class_label, seed, sampling, average_percent):
        words += line
    words += ["--out", out]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
