"""What is fixed for a run, in words."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import RunConfig, TrainingConfig, find_setting
from engine.data.catalogue import dataset_title
from engine.errors import DiffuscopeError
from engine.presets import load_preset, preset_names
from engine.runs import RunInfo
from engine.settings import number
from gui.widgets.fields import choice_label
from gui.words import preset_title

NARROW = "\u202f"
OWN = ("num_steps", "snapshots", "sample_seconds", "autosave_seconds")


@dataclass(frozen=True, slots=True)
class FixedFact:
    """One row: label, value, its tooltip and its topic of the Explain dock."""

    label: str
    value: str
    help: str
    topic: str


def changed_from_preset(config: RunConfig) -> bool:
    """Whether what a run learns with differs from its preset."""
    if config.preset not in preset_names():
        return False
    try:
        preset = load_preset(config.preset)
    except DiffuscopeError:
        return False
    # How long a run is planned and how often it is looked at are its own matter.
    own = config.training.model_copy(update={name: getattr(preset.training, name) for name in OWN})
    return (config.model, config.diffusion, own) != (preset.model, preset.diffusion, preset.training)


def parameters(count: int) -> str:
    """0.41 M, 12.3 M; thousands below 10 000."""
    if count < 10_000:
        return number(count)
    return f"{count / 1e6:.2f} M" if count < 10e6 else f"{count / 1e6:.1f} M"


def noise(config: RunConfig) -> str:
    """How training draws its noise levels."""
    diffusion = config.diffusion
    if diffusion.noise_levels == "uniform-t":
        return f"uniform t, {diffusion.schedule}"
    return f"ln σ ~ N({number(diffusion.log_sigma_mean)}, {number(diffusion.log_sigma_std)})"


def conditioning(config: RunConfig) -> str:
    """Whether the network is told the class, and how often not."""
    if not config.model.class_embedding:
        return "none"
    drop = config.diffusion.label_drop
    return f"class, {number(round(100 * drop, 1))}{NARROW}% drop" if drop else "class, never dropped"


def optimiser(training: TrainingConfig) -> str:
    """What the optimiser is set to, in a sentence."""
    muon = f"Muon at {number(training.muon_factor)} times the learning rate, AdamW " if training.optimiser == "muon" \
        else ""
    return (f"{muon}beta 1 {training.beta1:g}, beta 2 {training.beta2:g}, weight decay "
            f"{training.weight_decay:g}, gradient clipped at {training.gradient_clip:g}.")


def fixed_facts(info: RunInfo) -> list[FixedFact]:
    """All rows of "Fixed for this run"."""
    config = info.config
    model, diffusion, training = config.model, config.diffusion, config.training
    channels, height, width = info.image_shape

    def help_of(*names: str) -> str:
        return "\n".join(find_setting(name).tooltip() for name in names)

    left_out = [word for word, there in (("skips", model.skips), ("time", model.time_embedding)) if not there]
    network = "U-Net " + ", ".join(map(str, model.widths)) + "".join(f", no {word}" for word in left_out)
    detail = (f"{model.blocks} {'block' if model.blocks == 1 else 'blocks'} a level, conditioning by "
              f"{choice_label(model.conditioning).lower()}, embeddings {model.embedding_width} wide")
    dataset = dataset_title(config.data.dataset)
    precision = str(info.machine.get("precision") or training.precision)
    preset = preset_title(config.preset) + (", changed" if changed_from_preset(config) else "")
    share = f"{100 * diffusion.uniform_share:g}{NARROW}% of each batch has uniform t." \
        if diffusion.noise_levels == "log-normal" else ""
    return [
        FixedFact("Preset", preset, find_setting("preset").help, "presets"),
        FixedFact("Data", f"{dataset}, {number(info.images)}", "The data set and its number of training pictures.",
                  "training-data"),
        FixedFact("Image", f"{height} × {width}, {'grey' if channels == 1 else 'colour'}",
                  "Height, width and colour of the pictures.", "training-data"),
        FixedFact("Network", network, f"{find_setting('widths').help}\n{detail}", "network"),
        FixedFact("Stem", "2 × 2 to depth" if model.stem == 2 else "single pixels", help_of("stem"), "network"),
        FixedFact("Parameters", parameters(info.parameters), f"{number(info.parameters)} numbers are learned.",
                  "network"),
        FixedFact("Conditioning", conditioning(config), help_of("label_drop"), "conditioning"),
        FixedFact("Predicts", choice_label(diffusion.parameterisation), help_of("parameterisation"), "predicts"),
        FixedFact("Noise", noise(config), "\n".join(filter(None, (help_of("noise_levels"), share))),
                  "training-noise"),
        FixedFact("Batch", f"{number(training.batch_size)} images", help_of("batch_size"), "batch"),
        FixedFact("Optimiser", choice_label(training.optimiser), optimiser(training), "optimiser"),
        FixedFact("Average", f"EMA, power {number(training.ema_power)}", help_of("ema_power"), "ema"),
        FixedFact("Precision", precision, "The number format inside the network, chosen when the run began.",
                  "precision"),
        FixedFact("Seed", number(training.seed), find_setting("seed", "training").help, "training-seed"),
    ]
