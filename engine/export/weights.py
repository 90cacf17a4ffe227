"""A run's weights for use without this program: safetensors, config.json, a model card, and a script that draws.

The script needs PyTorch and safetensors alone. What it cannot do is left out of config.json and said in the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import LARGEST_SIGMA, SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import DiffuscopeError
from engine.measure.quality import DEFAULT_COUNT, QualityRequest, stored_quality
from engine.paths import RESOURCES
from engine.runs import Run, load_average, stored_percent
from engine.runs.atomic import Buffer, new_folder, saving, write_new
from engine.runs.jsontext import readable
from engine.runs.tensors import encode
from engine.settings import number

SCRIPT = RESOURCES / "export" / "sample.py"
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
SAMPLERS = ("ddpm", "ddim", "euler", "dpmpp-2m")  # that the script knows
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What was written. notes: a sentence for each setting that the script draws without."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def script_sampling(sampling: SamplingConfig) -> tuple[SamplingConfig, tuple[str, ...]]:
    """The settings as far as the script knows them, and a sentence for each change."""
    changes: dict[str, Any] = {}
    notes = []
    if sampling.sampler not in SAMPLERS:
        changes |= {"sampler": "dpmpp-2m", "grid": "auto"}
        notes.append(f"The script does not know the sampler {sampling.sampler}; it draws with dpmpp-2m.")
    if sampling.guidance_rescale:
        changes["guidance_rescale"] = 0.0
        notes.append("The script does not rescale guided pictures.")
    if sampling.autoguide_step is not None:
        changes["autoguide_step"] = None
        notes.append("The script guides against no class, not against an earlier snapshot.")
    if sampling.sampler == "ddpm":
        changes["eta"] = 1.0
    elif sampling.sampler != "ddim":
        changes["eta"] = 0.0
    return sampling.model_copy(update=changes), tuple(notes)


def export_weights(run: Run, out: Path, sampling: SamplingConfig, snapshot: int | None = None,
                   average_percent: float | None = None) -> Written:
    """Write a snapshot's averaged weights (None: the newest) to a new or empty folder, whole or not at all.

    Raises DiffuscopeError for a folder that is not empty, BadRun, BadSetting, SaveFailed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DiffuscopeError(f"{out.name} is there already.", "Give a new name, or an empty folder.")
    step, arrays = load_average(run, snapshot, average_percent)
    drawn, notes = script_sampling(sampling)
    values = config_values(run, step, drawn, average_percent)
    files: dict[str, Sequence[Buffer]] = {
        WEIGHTS: encode(arrays, {"format": "pt", "run": run.info.id, "snapshot": str(step)}),
        CONFIG: [readable(values)],
        CARD: [model_card(run, step, drawn, average_percent, notes).encode("utf-8")],
        SCRIPT.name: [SCRIPT.read_bytes()],
    }
    with saving(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(out) as folder:
        for name, buffers in files.items():
            write_new(folder / name, buffers)
    return Written(tuple(out / name for name in files), notes)


def config_values(run: Run, step: int, sampling: SamplingConfig, average_percent: float | None) -> dict[str, Any]:
    """What the script reads: network, denoiser, noise levels and how pictures are drawn."""
    info, schedule = run.info, run.schedule()
    eta = {"eta": sampling.eta, "sampler": "ddim" if sampling.sampler in ("ddpm", "euler") else sampling.sampler}
    return {
        "format": FORMAT,
        "made_by": "Diffuscope", "run": run.name, "run_id": info.id, "snapshot": step,
        "average_percent": average_percent if average_percent is not None else stored_percent(run),
        "dataset": info.config.data.dataset, "class_names": list(info.class_names),
        "image_shape": list(info.image_shape), "sigma_data": info.sigma_data,
        "model": info.config.model.model_dump(mode="json"),
        "parameterisation": info.config.diffusion.parameterisation,
        "schedule_sigmas": schedule.sigma[1:].tolist(),
        "sigmas": sampling_sigmas(sampling, schedule),
        "sampling": {**eta, "guidance_scale": sampling.guidance_scale, "clip_x0": sampling.clip_x0,
                     "guidance_sigma_low": sampling.guidance_sigma_low,
                     "guidance_sigma_high": min(sampling.guidance_sigma_high, LARGEST_SIGMA)},
    }


def model_card(run: Run, step: int, sampling: SamplingConfig, average_percent: float | None,
               notes: tuple[str, ...] = ()) -> str:
    """The card as Markdown: what it is, what it learned, how good it is as far as that was measured, its limits."""
    info, config = run.info, run.info.config
    shape = f"{info.image_shape[2]} x {info.image_shape[1]} pixels, {'grey' if info.image_shape[0] == 1 else 'RGB'}"
    average = average_percent if average_percent is not None else stored_percent(run)
    guided = f"guidance {sampling.guidance_scale:g}" + (
        "" if sampling.guided_everywhere else
        f" at noise levels from {sampling.guidance_sigma_low:g} to {sampling.guidance_sigma_high:g}")
    seen = info.step * config.training.batch_size
    lines = [
        f"# {run.name}: a diffusion model of {config.data.dataset}", "",
        f"Draws pictures of {shape}, of {len(info.class_names)} classes: {', '.join(info.class_names)}.", "",
        "## Use", "", "```", "pip install torch safetensors", "python sample.py --classes 0,1,2 --seed 0", "```", "",
        f"`{SCRIPT.name}` reads `{CONFIG}` and `{WEIGHTS}`; it needs nothing else of the program that trained them.",
        *(f"\n{note}" for note in notes), "",
        "## Model", "",
        f"- U-Net of {number(info.parameters)} weights, levels of {', '.join(map(str, config.model.widths))} channels, "
        f"told noise level and class; predicts {config.diffusion.parameterisation}.",
        f"- Weights of training step {number(step)}, averaged over the last {average:.3g} % of training, float32.",
        f"- Drawn by {sampling.sampler}, {sampling.num_steps} steps, {guided}: "
        f"{network_evaluations(sampling, run.schedule())} network evaluations a picture.", "",
        "## Training", "",
        f"- {number(info.images)} pictures of {config.data.dataset}; {number(seen)} pictures seen in "
        f"{number(info.step)} steps of {config.training.batch_size}, {config.training.optimiser}, learning rate "
        f"{config.training.learning_rate:g}.",
        f"- {info.seconds:.0f} s on {info.machine.get('gpu') or info.machine.get('cpu') or 'a machine not recorded'}.",
        "", "## How good", "", *_quality(run, step, sampling, average_percent), "",
        "## Limits", "",
        "- It knows the classes above and nothing else, and repeats what its training pictures have in common, their "
        "biases included.",
        f"- It may repeat training pictures. `python main.py nearest --run {run.name}` of Diffuscope looks for that.",
        "- The pictures are drawn, not recorded: say so where they are shown.", ""]
    return "\n".join(lines)


def _quality(run: Run, step: int, sampling: SamplingConfig, average_percent: float | None) -> list[str]:
    """What was measured of these weights with these settings, if it was."""
    try:
        found = stored_quality(run, QualityRequest(run.path, sampling, step, DEFAULT_COUNT,
                                                   average_percent=average_percent))
    except DiffuscopeError:
        found = None
    if found is None:
        return ["Not measured with these settings."]
    return [f"- The {judge.name} judge reads {100 * judge.accuracy:.2f} % of {number(found.count)} drawn pictures as "
            f"the class asked ({100 * judge.real_accuracy:.2f} % of real ones); Fréchet distance in its features "
            f"{judge.distances.frechet:.2f}, of real training pictures {judge.floor.frechet:.2f}."
            for judge in found.judges]
