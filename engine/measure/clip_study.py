"""Whether CLIP guidance helps: its methods against controls, judged by a network that did not guide. Needs no torch.

Every method draws the same classes from the same seeds, once with as many steps as a number of network calls allows
(CLIP's work is free there) and once with as many as the same seconds allow (CLIP's work counts). The reader that guides
and the judge that judges have seen disjoint halves of the training pictures. The controls: the class alone, constant
guidance, guidance in an interval, and, to tell feedback from a mere course of w over the noise levels, CLIP's own
weights averaged over the pictures of a batch, and handed to another picture of it.

Pictures come in blocks of seeds. A figure is the mean over blocks with a 95 % interval by Student's t; methods are
compared block by block, which takes out what the seeds have in common.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from engine.config import SamplingConfig
from engine.diffusion.evaluations import network_evaluations
from engine.diffusion.schedules import Schedule, sampling_sigmas
from engine.errors import BadSetting
from engine.events import Event
from engine.measure.judge_files import judge_record
from engine.measure.scorers import IN_DOMAIN, scorer_mark
from engine.paths import RESOURCES
from engine.runs import Run, measurement_key

STUDY_JUDGE_FILE = RESOURCES / "models" / "mnist-judge-half-b.safetensors"
METHOD = 1  # raised when the same pictures would give other figures

CALLS, SECONDS = "calls", "seconds"
TABLES = (CALLS, SECONDS)
Mix = Literal["", "averaged", "shuffled"]
Kind = Literal["plain", "constant", "interval", "clip", "feedback"]

INTERVAL = (0.3, 5.0)  # sigma: where the run that ships guides, and where a predicted picture is neither blur nor done
LARGEST_W = 3.0  # w_max of the methods that set the scale


@dataclass(frozen=True, slots=True)
class Method:
    """One way to guide. changes: to the sampling settings. mix: what becomes of CLIP's weights within a batch."""

    name: str
    title: str
    kind: Kind
    changes: Mapping[str, Any]
    mix: Mix = ""


def methods(clip_model: str) -> tuple[Method, ...]:
    """All methods and controls of the study, in the order of its tables."""
    inside = {"guidance_sigma_low": INTERVAL[0], "guidance_sigma_high": INTERVAL[1]}
    clip = {**inside, "clip_model": clip_model, "clip_strength": 1.0, "guidance_scale": LARGEST_W}
    boost = {**clip, "clip_guidance": "scale", "clip_mode": "boost"}
    correct = {**clip, "clip_guidance": "scale", "clip_mode": "correct"}
    made = [Method("plain", "class alone, w = 1", "plain", {"guidance_scale": 1.0})]
    made += [Method(f"constant-{w:g}", f"constant w = {w:g}", "constant", {"guidance_scale": w})
             for w in (1.25, 1.5, 2.0, 3.0)]
    made += [Method(f"interval-{w:g}", f"interval w = {w:g}", "interval", {**inside, "guidance_scale": w})
             for w in (1.5, 2.0, 3.0)]
    made += [
        Method("blend", "CLIP blend", "clip", {**clip, "clip_guidance": "blend"}),
        Method("boost", "CLIP scale, boost", "clip", boost),
        Method("correct", "CLIP scale, correct", "clip", correct),
        Method("gradient", "CLIP gradient", "clip", {**clip, "clip_guidance": "gradient"}),
        Method("boost-averaged", "boost, w averaged", "feedback", boost, "averaged"),
        Method("boost-shuffled", "boost, w shuffled", "feedback", boost, "shuffled"),
        Method("correct-averaged", "correct, w averaged", "feedback", correct, "averaged"),
        Method("correct-shuffled", "correct, w shuffled", "feedback", correct, "shuffled"),
    ]
    return tuple(made)


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What is studied: `blocks` blocks of `pictures` pictures, picture i of class i % classes from seed + i.

    nfe: network evaluations for each picture that a method may spend. again: measure even where the answer is there;
    else a study that was broken off goes on with the methods that are missing.
    Raises BadSetting for what cannot be studied.
    """

    run: Path
    clip_model: str = IN_DOMAIN
    blocks: int = 6
    pictures: int = 100
    seed: int = 0
    nfe: int = 24
    snapshot: int | None = None
    again: bool = False

    def __post_init__(self) -> None:
        for name, value, low, high in (("blocks of seeds", self.blocks, 2, 50), ("pictures", self.pictures, 20, 5000),
                                       ("network calls", self.nfe, 4, 400)):
            if not low <= value <= high:
                raise BadSetting(f"A study takes {low} to {high} {name}; {value} is not among them.")


@dataclass(frozen=True, slots=True)
class Figures:
    """One block of pictures. Shares are 0 to 1.

    accuracy, log_probability: how often the judge reads the class asked for, and how sure it is of it in the mean.
    frechet, density, coverage: in the judge's features, against real test pictures. clip_accuracy and
    clip_log_probability: the first two as the reader says that guides. weight: mean weight of D_c at the guided levels,
    for a gradient the mean length of its step; None where no reader has a say.
    """

    accuracy: float
    log_probability: float
    frechet: float
    density: float
    coverage: float
    clip_accuracy: float
    clip_log_probability: float
    weight: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A method in one table. nfe and readings: network evaluations and looks of the reader, for each picture.

    cost: of a picture in network evaluations, the reader's work included as reading_cost and gradient_cost say.
    """

    method: str
    table: str
    num_steps: int
    nfe: int
    readings: int
    cost: float
    blocks: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """The answer. real: real training pictures that the judge has not seen, in blocks of the same size.

    reading_cost, gradient_cost: what one look of the reader takes, without and with its gradient, in network
    evaluations, as measured here. judge_accuracy, clip_accuracy: of real test pictures.
    """

    snapshot: int
    clip_model: str
    clip_mark: str
    clip_accuracy: float
    judge: str
    judge_accuracy: float
    blocks: int
    pictures: int
    seed: int
    nfe: int
    sampler: str
    reading_cost: float
    gradient_cost: float
    reference: int
    rows: tuple[Row, ...]
    real: tuple[Figures, ...]
    device: str

    def values(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Study | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            rows = tuple(Row(**{**row, "blocks": _figures(row["blocks"])}) for row in values["rows"])
            known = {field.name: values[field.name] for field in fields(cls)}
            return cls(**{**known, "rows": rows, "real": _figures(values["real"])})
        except (KeyError, TypeError, ValueError):
            return None

    def table(self, name: str) -> tuple[Row, ...]:
        """The rows of one table."""
        return tuple(row for row in self.rows if row.table == name)


def weight_words(row: Row) -> str:
    """The mean weight of a row over its blocks, or the mean length of its step; "" where nobody has a say."""
    weights = [block.weight for block in row.blocks if block.weight is not None]
    if not weights:
        return ""
    mean = sum(weights) / len(weights)
    return f"{mean:.2f}" if mean >= 0.1 else f"{mean:.4f}"


def _figures(blocks: list[dict[str, Any]]) -> tuple[Figures, ...]:
    return tuple(Figures(**block) for block in blocks)


@dataclass(frozen=True, slots=True)
class StudyReady(Event):
    """The answer to a request. stored: it was there already."""

    request: StudyRequest
    study: Study
    stored: bool


def _common(run: Run, request: StudyRequest) -> dict[str, Any]:
    """What decides the figures of every method."""
    return {"clip": scorer_mark(request.clip_model, run), "judge": judge_record(STUDY_JUDGE_FILE).get("sha256", ""),
            "blocks": request.blocks, "pictures": request.pictures, "seed": request.seed, "method": METHOD}


def study_key(run: Run, request: StudyRequest) -> str:
    """Under what a study is saved: equal for equal weights, settings, reader and judge. Raises BadRun."""
    settings = {**_common(run, request), "sampling": base_sampling(run).model_dump(), "nfe": request.nfe}
    return measurement_key("clip-study", run.weights_hash(request.snapshot), settings)


def row_key(run: Run, request: StudyRequest, method: Method, sampling: SamplingConfig) -> str:
    """Under what the figures of one method with its number of steps are saved."""
    settings = {**_common(run, request), "sampling": sampling.model_dump(), "mix": method.mix}
    return measurement_key("clip-study-row", run.weights_hash(request.snapshot), settings)


def cost_key(run: Run, request: StudyRequest) -> str:
    """Under what the cost of a look is saved: it is of this machine."""
    settings = {"clip": scorer_mark(request.clip_model, run), "machine": f"{platform.node()} {platform.machine()}"}
    return measurement_key("clip-study-cost", run.weights_hash(request.snapshot), settings)


def stored_study(run: Run, request: StudyRequest) -> Study | None:
    """The study if it was made before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(study_key(run, request))
    return None if values is None else Study.from_values(values)


def base_sampling(run: Run) -> SamplingConfig:
    """What all methods have in common: a solver for which so few steps are nearly enough, else as the run draws."""
    own = run.info.config.sampling
    return SamplingConfig(sampler="dpmpp-2m", num_steps=12, clip_x0=own.clip_x0)


# ---- how many steps ----------------------------------------------------------------------------------

def readings(sampling: SamplingConfig, schedule: Schedule) -> int:
    """How often the reader looks at a prediction, for each picture."""
    if not sampling.clips:
        return 0
    guided = sum(sampling.guides_at(level) for level in sampling_sigmas(sampling, schedule)[:-1])
    return -(-guided // sampling.clip_every) * (1 if sampling.clip_guidance == "gradient" else 2)


def cost(sampling: SamplingConfig, schedule: Schedule, reading_cost: float, gradient_cost: float) -> float:
    """What a picture takes, in network evaluations, the reader's work included."""
    look = gradient_cost if sampling.clip_guidance == "gradient" else reading_cost
    return network_evaluations(sampling, schedule) + look * readings(sampling, schedule)


def steps_within(budget: float, sampling: SamplingConfig, schedule: Schedule, reading_cost: float = 0.0,
                 gradient_cost: float = 0.0) -> SamplingConfig:
    """The settings with as many steps as cost no more than the budget; at least two."""
    best = sampling.model_copy(update={"num_steps": 2})
    for num_steps in range(3, int(budget) + 1):
        tried = sampling.model_copy(update={"num_steps": num_steps})
        if cost(tried, schedule, reading_cost, gradient_cost) <= budget:
            best = tried  # where levels fall into the interval by chance the cost need not rise at every step
    return best
