"""Everything before the first step: a new run or one taken up again, its data, its layout, its lock."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from engine.build import build_denoiser
from engine.config import STRIP_SAMPLING, RunConfig
from engine.device import cores, cpu_name
from engine.errors import BadRun, BadSetting, ErrorReport
from engine.events import Command, Event, TrainingState, Warned
from engine.runs import RunInfo, RunWriter, Segment
from engine.training.batches import Batches
from engine.training.compiling import compile_network
from engine.training.learner import Learner
from engine.training.plan import continued
from engine.training.probe import Layout, candidates, probe
from engine.training.saver import Note, Saver
from engine.workspace import DeviceData, Workspace

SAMPLE_SETTINGS = STRIP_SAMPLING


@dataclass(slots=True)
class Prepared:
    """A learner and its run folder, locked for writing."""

    config: RunConfig
    learner: Learner
    saver: Saver
    seconds: float = 0.0
    inexact: str = ""
    warnings: list[Warned] = field(default_factory=list)


Preparing = Generator[Event, Command | None, Prepared]


def prepare(workspace: Workspace, path: Path, config: RunConfig | None, *, resume: bool, continue_steps: int,
            note: Note) -> Preparing:
    """Open or make the run at `path`; the lock is held by what is returned."""
    if resume:
        return (yield from _reopen(workspace, path, continue_steps, note))
    if config is None:
        raise BadSetting("A new run needs settings.")
    return (yield from _create(workspace, path, config, note))


def _create(workspace: Workspace, path: Path, config: RunConfig, note: Note) -> Preparing:
    data = workspace.data(config.data.dataset, config.data.num_images, config.data.subset_seed)
    layout = yield from _choose_layout(workspace, config, data, note)
    learner = Learner(config, data, workspace.device, layout)
    refused = _compile(config, learner)
    steps = config.training.num_steps
    info = RunInfo(
        id=uuid.uuid4().hex, name=path.name, created=datetime.now(UTC).isoformat(timespec="seconds"),
        config=config, class_names=data.class_names, image_shape=learner.shape, sigma_data=data.sigma_data,
        parameters=sum(p.numel() for p in learner.denoiser.network.parameters()), num_steps=steps,
        segments=(Segment(start=0, end=steps, learning_rate=config.training.learning_rate),),
        machine=machine(workspace, layout), images=len(data.images), state=str(TrainingState.TRAINING),
        step=0, seconds=0.0)
    writer = RunWriter.create(path, info)
    return Prepared(config, learner, Saver(writer, config, note, 0), warnings=[*refused, *_warnings(learner, writer)])


def _reopen(workspace: Workspace, path: Path, continue_steps: int, note: Note) -> Preparing:
    writer = RunWriter.reopen(path)
    try:
        info = writer.info
        config = info.config
        data = workspace.data(config.data.dataset, config.data.num_images, config.data.subset_seed)
        _check_data(info, data)
        recorded = info.machine
        layout = Layout(str(recorded.get("precision", "fp32")), bool(recorded.get("channels_last", False)))
        inexact = _reuse_threads(workspace, recorded)
        if layout.precision == "bf16" and workspace.device.type == "mps":
            layout = Layout("fp32", layout.channels_last)
            inexact = "this device does not train in bf16"
        learner = Learner(config, data, workspace.device, layout)
        step, tensors, extra = writer.load_state()
        learner.load_state(tensors, extra)
        if continue_steps:
            planned = continued(info.segments, continue_steps, config.training)
            config = config.changed(training={"num_steps": planned[-1].end})
            writer.update(segments=planned, num_steps=planned[-1].end, config=config)
        saver = Saver(writer, config, note, step)
        yield from ()
        return Prepared(config, learner, saver, float(extra.get("seconds", 0.0)), inexact,
                        [*_compile(config, learner), *_warnings(learner, writer)])
    except BaseException:
        writer.close()
        raise


def _check_data(info: RunInfo, data: DeviceData) -> None:
    """A run goes on with what it began with. Raises BadRun where a set of that name is another one now."""
    shape = tuple(data.images.shape[1:])
    if data.class_names != info.class_names or shape != info.image_shape:
        raise BadRun(f"{info.name} learned {len(info.class_names)} classes of {' x '.join(map(str, info.image_shape))}"
                     f", and the data set {info.config.data.dataset} is another one now: {len(data.class_names)} of "
                     f"{' x '.join(map(str, shape))}.", "It can be looked at, and not trained on.")


def _choose_layout(workspace: Workspace, config: RunConfig, data: DeviceData,
                   note: Note) -> Generator[Event, Command | None, Layout]:
    from engine.events import Tick

    shape = (data.images.shape[1], data.images.shape[2], data.images.shape[3])
    trial = build_denoiser(config, shape=shape, num_classes=len(data.class_names), sigma_data=data.sigma_data)
    trial = trial.to(workspace.device).train()
    batches = Batches(data.images, data.labels, config.diffusion, trial.schedule, config.training.seed)
    chosen: Layout | None = None
    t = config.training
    layouts = candidates(t.precision, t.memory_layout, workspace.device)
    for chosen in probe(trial, batches(0, t.batch_size), layouts):
        note((yield Tick()))
    assert chosen is not None
    return chosen


def machine(workspace: Workspace, layout: Layout) -> dict[str, Any]:
    """What a resume must find again to be exact."""
    gpu = torch.cuda.get_device_name(workspace.device) if workspace.device.type == "cuda" else ""
    return {"device": workspace.device.type, "gpu": gpu, "cpu": cpu_name(), "precision": layout.precision,
            "channels_last": layout.channels_last, "threads": torch.get_num_threads(), "torch": torch.__version__}


def _reuse_threads(workspace: Workspace, recorded: dict[str, Any]) -> str:
    """Take the recorded thread count where there are cores for it; why a resume is inexact, or empty."""
    threads = int(recorded.get("threads", 0)) or torch.get_num_threads()
    if workspace.device.type == "cpu" and threads != torch.get_num_threads() and threads <= max(cores(), 1):
        torch.set_num_threads(threads)
    now = {"device": workspace.device.type, "cpu": cpu_name(), "torch": torch.__version__,
           "threads": torch.get_num_threads()}
    for key, value in now.items():
        if key in recorded and recorded[key] != value:
            return f"{key} was {recorded[key]}, here it is {value}"
    return "" if workspace.device.type == "cpu" else "GPU sums are not repeatable bit for bit"


def _warnings(learner: Learner, writer: RunWriter) -> list[Warned]:
    found = []
    text = learner.denoiser.schedule.warning()
    if text:
        found.append(Warned(ErrorReport("schedule", "The schedule does not end in noise.", text)))
    if writer.notice:
        found.append(Warned(ErrorReport("notice", writer.notice, "")))
    return found


def _compile(config: RunConfig, learner: Learner) -> list[Warned]:
    """Compile the network where the run asks for it; a warning if that cannot be done."""
    why = compile_network(learner) if config.training.compiled else ""
    return [Warned(ErrorReport("compile", "The network could not be compiled.", f"It trains as it is. {why}"))] \
        if why else []


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and ("can't allocate memory" in str(error)
                                                or "out of memory" in str(error).lower())
