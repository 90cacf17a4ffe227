"""All that decides a run, every setting once (engine/settings.py says what a setting is)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from engine.settings import Group, Setting, describe, number, parse, setting


class DataConfig(Group):
    """Which pictures are learned."""

    dataset: str = setting("mnist", "Data", "The data set that is learned.")
    num_images: int = setting(
        0, "Only so many", "Learn no more than so many of the training pictures, as many of each class; 0 learns all.",
        unit="images", ge=0, le=10_000_000, step=100)
    subset_seed: int = setting(
        0, "Which of them", "Decides which of the training pictures these are, where not all are learned.", ge=0,
        le=2**63 - 1)
    mirror: bool = setting(
        False, "Mirror at random", "Show every other picture in a mirror, of the classes for which the data set allows "
        "it: more variety where pictures are few. A digit is never mirrored.")


class ModelConfig(Group):
    """The U-Net. Skips, time and class can each be left out, to retrain without them."""

    widths: Annotated[tuple[int, ...], Field(min_length=1, max_length=5)] = setting(
        (32, 64), "Widths", "Channels at each level of the U-Net. Wider learns more and is slower.")
    blocks: int = setting(1, "Blocks a level", "Residual blocks at each level, each half.", ge=1, le=4)
    stem: Literal[1, 2] = setting(
        2, "Stem", "2 folds each 2x2 patch of pixels into channels first: four times fewer positions, "
        "about four times faster. 1 works on single pixels, as textbooks do.")
    attention_levels: tuple[int, ...] = setting(
        (), "Attention", "Levels (0 is the finest) with self-attention after each block.")
    embedding_width: int = setting(
        128, "Embedding", "Width of the time and class embeddings.", unit="channels", ge=16, le=1024, step=2,
        multiple_of=2)
    conditioning: Literal["scale-shift", "add"] = setting(
        "scale-shift", "Conditioning", "How embeddings enter a block: as scale and shift after the "
        "normalisation, or added to the channels.")
    skips: bool = setting(True, "Skips", "Hand each down block's result to its up block.")
    time_embedding: bool = setting(True, "Time embedding", "Tell the network the noise level.")
    class_embedding: bool = setting(True, "Class embedding", "Tell the network the class.")


Parameterisation = Literal["noise", "v", "x0", "edm"]
ScheduleName = Literal["linear", "cosine"]
Weighting = Literal["simple", "min-snr", "soft-min-snr", "edm"]


class DiffusionConfig(Group):
    """What the network predicts, and at which noise levels it learns."""

    parameterisation: Parameterisation = setting(
        "edm", "Predicts", "What the network's output means: the noise, v, the picture, or EDM's mix of both.")
    schedule: ScheduleName = setting(
        "linear", "Schedule", "How the noise grows with t. It also labels the t axis of this run.")
    num_timesteps: int = setting(
        1000, "Steps T", "Number of noise levels t of the schedule.", unit="steps", ge=50, le=1000, step=50)
    zero_terminal_snr: bool = setting(
        False, "Zero terminal SNR", "Stretch the schedule so that nothing of the picture is left at T. Not with noise "
        "prediction, which could not say anything there.")
    weighting: Weighting = setting(
        "simple", "Weighting", "How much an error counts at each noise level. Simple counts the network's own output "
        "evenly; the others weigh the error of the picture, alike for everything the network may predict.")
    noise_levels: Literal["uniform-t", "log-normal"] = setting(
        "log-normal", "Noise levels", "How training draws noise levels: t uniform, or ln sigma normal.")
    stratified: bool = setting(
        False, "Stratified", "Draw a batch's noise levels one from each of equal shares of their distribution, so "
        "that batches differ less and the loss is steadier.")
    log_sigma_mean: float = setting(-0.2, "Mean ln sigma", "Centre of the drawn noise levels.", ge=-5, le=5)
    log_sigma_std: float = setting(1.0, "Spread ln sigma", "Spread of the drawn noise levels.", gt=0, le=5)
    uniform_share: float = setting(
        0.1, "Uniform share", "Share of each batch whose t is uniform all the same, so that every t of "
        "the schedule is trained.", ge=0, le=1)
    label_drop: float = setting(
        0.1, "Class dropped", "Share of samples trained without their class, so that guidance has an "
        "unconditional prediction to compare with.", ge=0, le=1)

    @model_validator(mode="after")
    def _terminal(self) -> Self:
        if not self.zero_terminal_snr:
            return self
        if self.parameterisation == "noise":
            raise ValueError("zero terminal SNR leaves only noise at T, from which predicted noise gives no picture; "
                             "predict v, x0 or edm with it")
        if self.noise_levels == "log-normal" and self.uniform_share == 0:
            raise ValueError("zero terminal SNR needs a uniform share above 0, or noise levels uniform-t, so that "
                             "T itself is trained")
        return self


class TrainingConfig(Group):
    """How long, how fast, how kept."""

    num_steps: int = setting(
        1100, "Stop at", "Planned number of training steps. The learning rate falls over the last of them.",
        unit="steps", ge=1, le=10_000_000, step=100, live=True)
    batch_size: int = setting(64, "Batch", "Pictures in a training step.", unit="images", ge=1, le=8192)
    learning_rate: float = setting(
        3e-3, "Learning rate", "Size of a step. Too large diverges, too small learns slowly.",
        gt=0, le=1, step=1e-4, live=True)
    optimiser: Literal["adamw", "muon"] = setting(
        "adamw", "Optimiser", "How a gradient becomes a change. Muon moves the matrices inside the network equally far "
        "in every direction, and learns in about half the steps; the rest is AdamW's.")
    muon_factor: float = setting(
        10.0, "Muon factor", "How many times the learning rate Muon moves its matrices.", gt=0, le=1000, step=1)
    warmup_steps: int = setting(
        50, "Warm-up", "Steps over which the learning rate rises from zero.", unit="steps", ge=0, le=100_000)
    decay_share: float = setting(
        0.4, "Decay", "Share of the steps, at the end, over which the learning rate falls to zero.",
        ge=0, le=1)
    beta1: float = setting(0.9, "AdamW beta 1", "Memory of the gradient's mean.", ge=0, lt=1)
    beta2: float = setting(0.99, "AdamW beta 2", "Memory of the gradient's square.", ge=0, lt=1)
    weight_decay: float = setting(0.0, "Weight decay", "Pull of the weights towards zero.", ge=0, le=1)
    gradient_clip: float = setting(1.0, "Gradient clip", "Largest norm of the gradient in a step.", gt=0, le=1000)
    ema_power: float = setting(
        18.0, "Average", "Power gamma of the EMA of the weights, beta = (1 - 1/step)^(gamma + 1). Larger "
        "averages over a shorter, later part of training: the last 200 / (gamma + 2) %.", ge=0, le=200)
    ema_power_wide: float = setting(
        6.0, "Wide average", "Power of the second EMA that is kept. From the two, averages of other widths can be made "
        "after training.", ge=0, le=200)
    seed: int = setting(0, "Seed", "Decides initial weights, data order and noise.", ge=0, le=2**63 - 1)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "Precision", "Number format inside the network. Auto measures which is faster here.")
    memory_layout: Literal["auto", "contiguous", "channels-last"] = setting(
        "auto", "Memory layout", "Order of pictures in memory. Auto measures which is faster here; the same "
        "seed gives the same weights bit for bit only in the same layout.")
    compiled: bool = setting(
        False, "Compiled", "Compile the network before training. That takes up to minutes; after it a large network "
        "trained 1.6 times as fast on a GPU, a small one on a CPU no faster.")
    snapshots: int = setting(
        40, "Snapshots", "Averaged weights kept over a run, close together early.", unit="kept",
        ge=2, le=200, live=True)
    sample_seconds: float = setting(
        2.0, "Samples", "Least time between two strips of sample pictures; they take at most 3 % of training.",
        unit="s apart", ge=0.5, le=3600, step=0.5, live=True)
    autosave_seconds: float = setting(
        60.0, "Autosave", "Longest time between two saves; every 10 s while a save costs under 1 %.",
        unit="s", ge=1, le=3600, live=True)


SamplerName = Literal["ddpm", "ddim", "euler", "heun", "dpmpp-2m", "dpmpp-3m", "unipc", "ipndm"]
GridName = Literal["auto", "timesteps", "karras", "log-snr"]
LARGEST_SIGMA = 100_000.0  # above every schedule's own
ClipMethod = Literal["off", "blend", "scale", "gradient"]


class SamplingConfig(Group):
    """How a picture is drawn from a model."""

    sampler: SamplerName = setting(
        "ddim", "Sampler", "The rule for one step from noise to picture. DDPM adds fresh noise at each step, "
        "DDIM none (at eta 0); Heun and the solvers after it need fewer steps.")
    num_steps: int = setting(
        50, "Steps", "Steps from pure noise to the picture. More are slower and usually finer.", ge=1, le=1000)
    eta: float = setting(
        0.0, "η", "Fresh noise in DDIM: 0 none, 1 as much as DDPM.", ge=0, le=1, step=0.05)
    guidance_scale: float = setting(
        2.0, "Guidance", "How hard the class pulls: D = Du + w (Dc - Du). 0 ignores the class, 1 is plain "
        "conditional, above 3 pictures get bolder and more alike.", ge=0, le=8, step=0.1)
    grid: GridName = setting(
        "auto", "Noise levels", "Which noise levels the steps visit: timesteps of the schedule, Karras levels, or "
        "even steps in log SNR. Auto takes timesteps for DDPM and DDIM, even log SNR for UniPC, Karras for the others.")
    guidance_sigma_low: float = setting(
        0.0, "Guide above σ", "Guidance acts only at noise levels above this one.", ge=0, le=LARGEST_SIGMA)
    guidance_sigma_high: float = setting(
        LARGEST_SIGMA, "Guide up to σ", "Guidance acts only up to this noise level; early on it costs variety.",
        ge=0, le=LARGEST_SIGMA)
    guidance_rescale: float = setting(
        0.0, "Rescale", "How far guided pictures are brought back to the contrast of unguided ones: 0 not, 1 wholly.",
        ge=0, le=1, step=0.05)
    autoguide_step: int | None = setting(
        None, "Guide against", "What guidance leads away from: the answer without the class (none), or that of an "
        "early snapshot of the same run, named by its training step.", ge=0, le=10**12)
    clip_x0: bool = setting(
        True, "Clip predicted x₀ to −1…1", "Keep each predicted picture in the range of real ones; the "
        "noise is derived again from what is left.")

    clip_guidance: ClipMethod = setting(
        "off", "CLIP guides", "A reader of pictures, such as CLIP, has a say in each step. Blend: it chooses between "
        "the predictions with and without the class. Scale: it sets the guidance between 1 and w. Gradient: it pushes "
        "the prediction with the class towards what it reads as that class.")
    clip_model: str = setting(
        "in-domain", "Reader", "Who reads the predicted pictures: in-domain (the CLIP that ships), judge (the "
        "judge of the data set), an open_clip tag, or a file of weights.", min_length=1, max_length=1000)
    clip_strength: float = setting(
        1.0, "Strength", "How much its say counts: 0 not at all, which is plain conditional; 1 as the formula has it.",
        ge=0, le=5, step=0.05)
    clip_mode: Literal["boost", "correct"] = setting(
        "boost", "Mode", "With scale: boost guides where the class makes a difference to the reader, correct where the "
        "class cannot be read more clearly with it than without.")
    clip_every: int = setting(
        1, "Ask every", "The reader is asked at every so many steps; what it said holds in between.", unit="steps",
        ge=1, le=50)
    clip_change: float = setting(
        8.0, "Change at most", "By how much the weight may change from one step to the next; at 8 it may jump.",
        gt=0, le=8, step=0.1)
    clip_longest: float = setting(
        0.1, "Longest step", "With gradient: the longest step, as root mean square over the pixels of −1…1.",
        gt=0, le=1, step=0.01)
    clip_crops: int = setting(
        0, "Crops", "With gradient: the mean over so many random crops of the picture; 0 takes it whole.", ge=0, le=16)

    @model_serializer(mode="wrap")
    def _without_idle(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without CLIP, settings of CLIP guidance that nobody touched are left out: a run, and the key of what was
        measured of it, is what it was before there was CLIP guidance.
        """
        values: dict[str, Any] = handler(self)
        if self.clip_guidance != "off":
            return values
        fields = type(self).model_fields
        return {name: value for name, value in values.items()
                if not (name.startswith("clip_") and name != "clip_x0" and value == fields[name].default)}

    @model_validator(mode="after")
    def _interval(self) -> Self:
        if self.guidance_sigma_low >= self.guidance_sigma_high:
            raise ValueError(f"the guidance interval must rise; from {number(self.guidance_sigma_low)} to "
                             f"{number(self.guidance_sigma_high)} it does not")
        return self

    @property
    def chosen_grid(self) -> GridName:
        """The grid, and what auto means: timesteps for DDPM and DDIM as their papers have it, for UniPC even log SNR,
        on which the same few steps end nearer to those of many (docs/benchmarks.md), else Karras.
        """
        if self.grid != "auto":
            return self.grid
        return "timesteps" if self.sampler in ("ddpm", "ddim") else "log-snr" if self.sampler == "unipc" else "karras"

    @property
    def timesteps(self) -> bool:
        """Whether the steps visit timesteps of the schedule, so that there can be no more of them than T."""
        return self.chosen_grid == "timesteps"

    @property
    def guided(self) -> bool:
        """Whether two predictions are compared at all: at w = 0 and w = 1 only one of them counts."""
        if self.clip_guidance != "off":
            return self.clips and self.clip_guidance != "gradient"
        return self.guidance_scale not in (0, 1)

    @property
    def clips(self) -> bool:
        """Whether a reader has any say: not at strength 0, nor where it would set the scale between 1 and 1."""
        return self.clip_guidance != "off" and self.clip_strength > 0 and \
            not (self.clip_guidance == "scale" and self.guidance_scale == 1)

    def guides_at(self, sigma: float) -> bool:
        """Whether guidance acts at this noise level."""
        return self.guidance_sigma_low < sigma <= self.guidance_sigma_high

    @property
    def guided_everywhere(self) -> bool:
        """Whether guidance acts at all noise levels."""
        return self.guidance_sigma_low == 0 and self.guidance_sigma_high == LARGEST_SIGMA


# The strip of sample pictures drawn while training: few steps, so that it takes a twentieth of a second.
STRIP_SAMPLING = SamplingConfig(sampler="dpmpp-2m", num_steps=9, guidance_scale=2.0)


class RunConfig(Group):
    """All that decides a run; its JSON is the run's file."""

    preset: str = setting("quick", "Preset", "The named settings this run started from.")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    training: TrainingConfig = TrainingConfig()
    sampling: SamplingConfig = SamplingConfig()

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.diffusion.noise_levels == "log-normal" and self.diffusion.parameterisation == "noise" \
                and self.diffusion.uniform_share == 0:
            # Predicting noise never sees the levels that sampling starts from otherwise.
            raise ValueError("noise prediction needs a uniform share above 0, or noise levels uniform-t")
        if self.sampling.timesteps and self.sampling.num_steps > self.diffusion.num_timesteps:
            raise ValueError(f"sampling steps must be from 1 to T = {number(self.diffusion.num_timesteps)} where they "
                             f"are timesteps of the schedule; {number(self.sampling.num_steps)} is not")
        if any(level >= len(self.model.widths) or level < 0 for level in self.model.attention_levels):
            raise ValueError(f"attention levels must be from 0 to {len(self.model.widths) - 1}")
        return self

    def changed(self, **groups: Any) -> RunConfig:
        """A copy with some settings replaced, checked like a new one: `changed(training={"seed": 1})`."""
        values = self.model_dump()
        for group, changes in groups.items():
            if isinstance(changes, dict):
                values[group] = {**values[group], **changes}
            else:
                values[group] = changes
        return parse(RunConfig, values)


def find_setting(name: str, group: str = "") -> Setting:
    """The setting of that name, e.g. `find_setting("num_steps", "sampling")`."""
    for found in describe(RunConfig):
        if found.name == name and group in ("", found.group):
            return found
    raise KeyError(name)
