"""The U-turn: noise a real picture to t, denoise it from there, and look whether it is still of its class.

No class is told on the way back: what is left of the picture in x_t must decide. (Told its own class and guided, a
model makes that class from noise alone; this is offered as the contrast.) A judge of clean pictures reads what came
back. Imports no torch by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.config import SamplingConfig
from engine.diffusion.forward import noise_like, to_float
from engine.diffusion.schedules import sampling_sigmas
from engine.errors import BadSetting
from engine.events import Command, Event, JobProgress
from engine.measure.judge_files import judge_for, judge_record, no_judge
from engine.measure.keeping import pack, save_and_tell, unpack
from engine.measure.recognition import without_class
from engine.measure.recognition_summary import STEPS, first_kept, places
from engine.measure.scorers import clip_mark
from engine.measure.statistics import (
    RankTest,
    friedman,
    mean_interval,
    median_interval,
    share_interval,
)
from engine.runs import Run, measurement_key

if TYPE_CHECKING:
    from engine.workspace import LoadedModel, Workspace

DEFAULT_PICTURES, FEWEST_PICTURES, MOST_PICTURES = 10, 2, 500
DEFAULT_LEVELS, FEWEST_LEVELS, MOST_LEVELS = 20, 2, 1000
METHOD = 1  # raised when the same settings would give other figures
BATCH = 100  # pictures at once


@dataclass(frozen=True, slots=True)
class UTurnRequest:
    """So many real test pictures of every class, those of seeds first_seed, first_seed + 1, ..., each noised with its
    seed's noise to each of `levels` noise levels, evenly chosen among those of the steps, and denoised by the rest of
    the steps.

    guided: the way back is told the picture's own class, with the guidance of `sampling`; else it is told none.
    snapshot None is the newest. again: measure even where the answer is there. Raises BadSetting.
    """

    run: Path
    sampling: SamplingConfig
    snapshot: int | None = None
    pictures: int = DEFAULT_PICTURES
    first_seed: int = 0
    levels: int = DEFAULT_LEVELS
    guided: bool = False
    average_percent: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        for what, value, least, most in (("pictures of a class", self.pictures, FEWEST_PICTURES, MOST_PICTURES),
                                         ("noise levels", self.levels, FEWEST_LEVELS, MOST_LEVELS)):
            if not least <= value <= most:
                raise BadSetting(f"A U-turn takes {least} to {most:,} {what}; {value:,} is not among them.")

    @property
    def drawn_with(self) -> SamplingConfig:
        """The sampling settings of the way back."""
        return self.sampling if self.guided else without_class(self.sampling)


@dataclass(frozen=True, eq=False)
class UTurn:
    """What came back: P pictures from L noise levels, most noise first.

    sigma, t (L,): where they turned, of num_timesteps. class_label, seed (P,). top (P, L): what the judge read in what
    came back, probability (P, L): of the picture's own class. real_top (P,): what it read in the real picture.
    real (K, H, W) or (K, H, W, 3): each class's first picture; examples (K, L, ...): what became of it.
    judge_accuracy: how often this judge is right about real test pictures.
    """

    snapshot: int
    average_percent: float | None
    sampling: SamplingConfig
    guided: bool
    pictures: int
    first_seed: int
    class_names: tuple[str, ...]
    num_timesteps: int
    sigma: tuple[float, ...]
    t: tuple[int, ...]
    judge: str
    judge_accuracy: float
    class_label: NDArray[np.uint8]
    seed: NDArray[np.int64]
    top: NDArray[np.uint8]
    probability: NDArray[np.float16]
    real_top: NDArray[np.uint8]
    real: NDArray[np.uint8]
    examples: NDArray[np.uint8]

    def values(self) -> dict[str, Any]:
        """As plain values; arrays packed."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        packed = {name: pack(value) for name, value in told.items() if isinstance(value, np.ndarray)}
        return {**told, **packed, "sampling": self.sampling.model_dump(), "shape": list(self.examples.shape)}

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> UTurn | None:
        """What `values` gave, read back; None where it is of another shape."""
        try:
            told = dict(values)
            shape = told.pop("shape")
            label, seed = unpack(told["class_label"], np.uint8), unpack(told["seed"], np.int64)
            table = (len(label), len(told["sigma"]))
            arrays = {"class_label": label, "seed": seed, "real_top": unpack(told["real_top"], np.uint8),
                      "top": unpack(told["top"], np.uint8).reshape(table),
                      "probability": unpack(told["probability"], np.float16).reshape(table),
                      "real": unpack(told["real"], np.uint8).reshape(shape[0], *shape[2:]),
                      "examples": unpack(told["examples"], np.uint8).reshape(shape)}
            lists = {name: tuple(told[name]) for name in ("class_names", "sigma", "t")}
            made = cls(**{**told, **arrays, **lists, "sampling": SamplingConfig.model_validate(told["sampling"])})
        except (KeyError, TypeError, ValueError, zlib.error):
            return None
        return made if len(label) == len(seed) == len(made.real_top) and len(made.t) == table[1] else None


@dataclass(frozen=True, eq=False)
class UTurnReady(Event):
    """The answer to a request. stored: it was there already."""

    request: UTurnRequest
    u_turn: UTurn
    stored: bool


def u_turn_key(run: Run, request: UTurnRequest) -> str:
    """Under what a measurement is saved. Raises BadRun for a snapshot that is not there."""
    sampling = request.drawn_with
    return measurement_key("u-turn", run.weights_hash(request.snapshot), {
        "sampling": sampling.model_dump(), "pictures": request.pictures, "first_seed": request.first_seed,
        "levels": request.levels, "guided": request.guided, "average_percent": request.average_percent,
        "guide": "" if sampling.autoguide_step is None else run.weights_hash(sampling.autoguide_step),
        "judge": judge_record(_judge_of(run)).get("sha256", ""), "method": METHOD, **clip_mark(sampling, run)})


def stored_u_turn(run: Run, request: UTurnRequest) -> UTurn | None:
    """The measurement if it was made before; None if not. Raises BadRun for a snapshot that is not there."""
    values = run.measurement(u_turn_key(run, request))
    return None if values is None else UTurn.from_values(values)


def turning_places(sampling: SamplingConfig, levels: int) -> list[int]:
    """The steps at which pictures turn, most noise first: as many as asked for, or all there are."""
    places = np.linspace(0, sampling.num_steps - 1, min(levels, sampling.num_steps))
    return [int(place) for place in np.unique(np.rint(places))]


def turning_cost(request: UTurnRequest, each: int, classes: int) -> int:
    """Network evaluations of the whole measurement; each: of a picture in one step."""
    steps = sum(request.sampling.num_steps - place for place in turning_places(request.sampling, request.levels))
    return steps * each * request.pictures * classes


def measure_u_turn(workspace: Workspace, request: UTurnRequest) -> Generator[Event, Command | None, None]:
    """Measure and save, as a long job: progress in pictures, then UTurnReady. Closing it saves nothing.

    Raises BadRun where no judge reads what the run draws, BadSetting for a run that cannot draw without a class or more
    pictures than there are, and SaveFailed after UTurnReady where it could not be saved.
    """
    run = Run.open(request.run)
    _judge_of(run)
    if not request.guided and run.info.config.diffusion.label_drop == 0:
        raise BadSetting(f"{run.name} was always told the class, so it cannot draw without one.",
                         "Turn towards the own class, or train with a share of labels dropped.")
    if not request.again and (known := stored_u_turn(run, request)) is not None:
        yield UTurnReady(request, known, True)
        return
    model = workspace.model(run.path, request.snapshot, request.average_percent)
    key = u_turn_key(run, replace(request, snapshot=model.snapshot))
    found = yield from _measured(workspace, model, request)
    yield from save_and_tell(run, key, found.values(), UTurnReady(request, found, False))


def _judge_of(run: Run) -> Path:
    file = judge_for(run)
    if file is None:
        raise no_judge(run)
    return file


def _measured(workspace: Workspace, model: LoadedModel, request: UTurnRequest) -> Generator[Event, None, UTurn]:
    from engine.data.catalogue import load_test_half
    from engine.measure.judge import Judge
    from engine.measure.many import Many
    from engine.measure.real_pictures import check_enough, real_pictures
    from engine.measure.u_turn_draw import turned

    run, sampling, schedule = model.run, request.drawn_with, model.denoiser.schedule
    dataset, classes = load_test_half(run.info.config.data.dataset), range(model.num_classes)
    check_enough(dataset, classes, request.pictures)
    file = _judge_of(run)
    judge = Judge.load(file, workspace.device)
    sigmas, turns = sampling_sigmas(sampling, schedule), turning_places(sampling, request.levels)
    total = request.pictures * model.num_classes
    count = np.arange(total)
    labels, seeds = count % model.num_classes, request.first_seed + count // model.num_classes
    top = np.empty((total, len(turns)), dtype=np.uint8)
    own = np.empty((total, len(turns)), dtype=np.float16)
    examples: list[NDArray[np.uint8]] = []
    done, steps = 0, sum(len(sigmas) - 1 - place for place in turns) * total
    yield JobProgress(0, total * len(turns), "pictures")
    with Many(workspace.device) as many:
        denoise = many.denoiser(model.denoiser)
        weaker = workspace.weaker(model, sampling)
        against = None if weaker is None else many.denoiser(weaker)
        for column, place in enumerate(turns):
            for begin in range(0, total, BATCH):
                part = slice(begin, min(begin + BATCH, total))
                drawing = turned(denoise, dataset, labels[part].tolist(), seeds[part].tolist(), sigmas[place:],
                                 sampling, device=workspace.device, weaker=against,
                                 scorer=workspace.scorer(model, sampling))
                back = None
                while back is None:
                    try:
                        next(drawing)
                    except StopIteration as stop:
                        back = stop.value
                    else:
                        done += part.stop - part.start
                        yield JobProgress(done * total * len(turns) // steps, total * len(turns), "pictures")
                read = many.read(judge.read, back)
                top[part, column] = read.argmax(axis=1)
                own[part, column] = read[np.arange(len(read)), labels[part]]
                if begin == 0:
                    examples.append(back[: model.num_classes])
        pictures = as_judged(real_pictures(dataset, labels.tolist(), seeds.tolist()))
        real = many.read(judge.read, pictures)
    order = np.lexsort((seeds, labels))
    at = np.array([sigmas[place] for place in turns])
    return UTurn(
        snapshot=model.snapshot, average_percent=request.average_percent, sampling=sampling, guided=request.guided,
        pictures=request.pictures, first_seed=request.first_seed, class_names=tuple(run.info.class_names),
        num_timesteps=schedule.num_timesteps, sigma=tuple(at.tolist()),
        t=tuple(int(schedule.t_of_sigma(s)) for s in at), judge=judge.sha256,
        judge_accuracy=round(float(judge_record(file).get("test_accuracy", float("nan"))), 6),
        class_label=labels[order].astype(np.uint8), seed=seeds[order], top=top[order], probability=own[order],
        real_top=real.argmax(axis=1)[order].astype(np.uint8), real=pictures[: model.num_classes],
        examples=np.stack(examples, axis=1))


def as_judged(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(B, C, H, W) as the judges of clean pictures take them: (B, H, W), or (B, H, W, 3) in colour."""
    return pictures[:, 0] if pictures.shape[1] == 1 else np.moveaxis(pictures, 1, -1)


# ---- what it says ----

@dataclass(frozen=True, slots=True)
class Share:
    """How many of n pictures came back as their class from a level, with Wilson's 95 % interval."""

    t: int
    sigma: float
    share: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Survival:
    """Up to which t pictures keep their class: from there and from every smaller t they came back as it; 0 where not
    even from the least noise. Half of them lose it at the median, whose interval lies between order statistics.
    """

    name: str
    n: int
    mean: float
    ci95: tuple[float, float] | None
    median: float
    median_ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class UTurnSummary:
    """shares: by level, most noise first; of all classes, and of each. test: whether survival differs by class, over
    seeds as blocks. chance: the share that comes back by chance where nothing is left. misread: of the real pictures.
    """

    shares: tuple[Share, ...]
    by_class: tuple[tuple[Share, ...], ...]
    overall: Survival
    classes: tuple[Survival, ...]
    test: RankTest | None
    chance: float
    misread: float
    n: int


def summarise_u_turn(found: UTurn) -> UTurnSummary:
    """All that is said, from what came back."""
    label = found.class_label
    kept = found.top == label[:, None]
    survival = np.append(np.array(found.t, dtype=np.float64), 0.0)[kept_from(found)]
    groups = [np.flatnonzero(label == c) for c in range(len(found.class_names))]
    # A seed gives its noise to every class: for all together it counts once.
    table = np.stack([survival[group] for group in groups], axis=1)
    return UTurnSummary(
        shares=_shares(found, kept), by_class=tuple(_shares(found, kept[group]) for group in groups),
        overall=replace(_survival("all", survival), ci95=mean_interval(table.mean(axis=1))),
        classes=tuple(_survival(found.class_names[c], survival[group]) for c, group in enumerate(groups)),
        test=friedman(-table), chance=1 / len(found.class_names), misread=float((found.real_top != label).mean()),
        n=len(label))


def _shares(found: UTurn, kept: NDArray[np.bool_]) -> tuple[Share, ...]:
    n = len(kept)
    return tuple(Share(t, sigma, float(column.mean()), *share_interval(int(column.sum()), n), n)
                 for t, sigma, column in zip(found.t, found.sigma, kept.T, strict=True))


def turning_scale(found: UTurn, name: str) -> NDArray[np.float64]:
    """(L + 1,): where the pictures turned, on one of SCALES, and after it infinity for a class never kept."""
    if name == STEPS:
        steps = found.sampling.num_steps
        return np.append(100 * np.array(turning_places(found.sampling, len(found.t))) / steps, np.inf)
    return places(found.sigma, found.t, found.num_timesteps, name)


def kept_from(found: UTurn) -> NDArray[np.int64]:
    """(P,): the level (most noise first) from which on, and from every lower one, the class came back; L for never."""
    return first_kept(found.top == found.class_label[:, None])


def noised_examples(found: UTurn, class_label: int) -> list[NDArray[np.float32]]:
    """The first picture of a class as it was where it turned: x_t (C, H, W) at each level."""
    x0 = to_float(channels_first(found.real[class_label]))
    eps = noise_like(x0.shape, found.first_seed)
    return [((x0 + sigma * eps) / np.sqrt(1 + sigma**2)).astype(np.float32) for sigma in found.sigma]


def channels_first(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) as (C, H, W)."""
    return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def _survival(name: str, values: NDArray[np.float64]) -> Survival:
    return Survival(name, len(values), float(values.mean()), mean_interval(values), float(np.median(values)),
                    median_interval(values))


def u_turn_report(found: UTurn, summary: UTurnSummary) -> dict[str, Any]:
    """Plain values for a program. Equal for equal measurements."""
    return {
        "snapshot": found.snapshot, "average_percent": found.average_percent, "guided": found.guided,
        "sampling": found.sampling.model_dump(), "pictures": found.pictures, "first_seed": found.first_seed,
        "num_timesteps": found.num_timesteps, "judge": found.judge, "judge_accuracy": found.judge_accuracy,
        **asdict(summary)}
