"""`animate`: denoising, noising or training as a picture that moves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from engine.cli.animate_options import WHAT
from engine.cli.sample import ignored, sampling_of
from engine.cli.usage import BadUsage, check_out, parse_classes
from engine.data.catalogue import load_dataset
from engine.diffusion.forward import noise_like, to_float
from engine.diffusion.forward_view import images_of_class
from engine.errors import BadSetting
from engine.events import JobProgress, Trajectory
from engine.export.animation import FORMATS, Animation, AnimationWritten, check_format, write_animation
from engine.export.frames import PARTS, Uint8, forward_frames, history_frames, reverse_frames
from engine.measure.sample_history import HistoryRequest, HistoryRows, draw_history
from engine.paths import resolve_run
from engine.runs import Run
from engine.settings import number

REVERSE, FORWARD, HISTORY = WHAT
FORWARD_FRAMES = 100  # steps of t
DEFAULT_FPS = {REVERSE: 12.0, FORWARD: 24.0, HISTORY: 6.0}
DRAWN = ("sampler", "steps", "guidance", "grid", "guidance_interval", "autoguide", "eta", "average")

Made = tuple[list[Uint8], list[str], dict[str, Any]]  # frames, captions, what made them


def run_animate(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    check_out(args.out, tuple(FORMATS))
    check_format(args.out)
    run = Run.open(resolve_run(args.run))
    classes = parse_classes(args.classes, run.info.class_names) if args.classes is not None else \
        list(range(len(run.info.class_names)))
    if args.what != HISTORY and len(classes) != 1:
        if args.classes is not None:
            raise BadUsage(f"--what {args.what} shows one class; --class names {len(classes)}.")
        classes = [0]
    make = {REVERSE: _reverse, FORWARD: _forward, HISTORY: _history}[args.what]
    frames, captions, facts = make(args, run, classes)
    facts = {"run": run.name, "run_id": run.info.id, "what": args.what, "classes": classes, "seed": args.seed, **facts}
    animation = Animation(frames, args.scale, args.fps or DEFAULT_FPS[args.what], not args.once,
                          () if args.no_caption else captions, {"diffuscope": json.dumps(facts)})
    size = 0
    with _bar("frame") as show:
        for event in write_animation(animation, args.out):
            if isinstance(event, JobProgress):
                show(event.n, event.total)
            elif isinstance(event, AnimationWritten):
                size = event.size
    print(f"{len(frames)} frames of {animation.width} x {animation.height} pixels, {animation.seconds:.1f} s, "
          f"{size / 1000:.0f} kB in {args.out}")
    return 0


def _reverse(args: argparse.Namespace, run: Run, classes: list[int]) -> Made:
    """The trajectory of one class and seed."""
    from engine.diffusion.evaluations import network_evaluations
    from engine.diffusion.sample import record

    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    with _workspace(args.device) as workspace, _bar("step") as show:
        model = workspace.model(run.path, args.snapshot, args.average)
        trajectory: Trajectory | None = None
        for trajectories in record(model.denoiser, classes, args.seed, sampling, snapshot=model.snapshot,
                                   shape=model.shape, num_classes=model.num_classes, device=workspace.device,
                                   weaker=workspace.weaker(model, sampling),
                                   scorer=workspace.scorer(model, sampling)):
            trajectory = trajectories[classes[0]]
            show(trajectory.filled, len(trajectory.t))
    assert trajectory is not None
    parts = [args.part] if args.part else list(PARTS)
    frames, captions = reverse_frames(trajectory, parts)
    return frames, captions, {"snapshot": trajectory.snapshot, "sampling": sampling.model_dump(), "parts": parts,
                              "nfe": network_evaluations(sampling, model.denoiser.schedule)}


def _forward(args: argparse.Namespace, run: Run, classes: list[int]) -> Made:
    """One test picture on its way into noise. Needs no model."""
    _not_drawn(args)
    dataset = load_dataset(run.info.config.data.dataset)
    of_class = images_of_class(dataset.test_labels, classes[0])
    if not 1 <= args.image <= len(of_class):
        raise BadSetting(f"There are {number(len(of_class))} test images of class "
                         f"{dataset.class_names[classes[0]]}; there is no number {number(args.image)}.")
    x0 = to_float(dataset.test_images[of_class[args.image - 1]])
    schedule = run.schedule()
    last = schedule.num_timesteps
    levels = [round(last * i / FORWARD_FRAMES) for i in range(FORWARD_FRAMES + 1)]
    frames, captions = forward_frames(x0, noise_like(x0.shape, args.seed), schedule, levels)
    return frames, captions, {"image": args.image, "schedule": schedule.name, "num_timesteps": last}


def _history(args: argparse.Namespace, run: Run, classes: list[int]) -> Made:
    """The same seed at every snapshot; what was drawn before is read."""
    _not_drawn(args)
    rows: dict[int, Uint8] = {}
    request = HistoryRequest(run.path, args.seed)
    with _workspace(args.device) as workspace, _bar("snapshot") as show:
        for event in draw_history(workspace, request):
            if isinstance(event, HistoryRows):
                rows.update(event.rows)
                show(len(rows), len(rows) + event.missing)
    if not rows:
        raise BadSetting(f"{run.name} has no snapshot yet.", "Train it for a moment first.")
    frames, captions = history_frames(rows, classes)
    return frames, captions, {"snapshots": sorted(rows), "sampling": request.sampling.model_dump()}


def _not_drawn(args: argparse.Namespace) -> None:
    """Say which options only change the drawing of one picture."""
    given = [f"--{name.replace('_', '-')}" for name in (*DRAWN, "snapshot", "part") if getattr(args, name) is not None]
    if given:
        print(f"{', '.join(given)} {'is' if len(given) == 1 else 'are'} ignored: only --what reverse draws that way.",
              file=sys.stderr)


@contextmanager
def _workspace(device: str) -> Iterator[Any]:
    from engine.workspace import Workspace

    made = Workspace(device)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def _bar(unit: str) -> Generator[Any, None, None]:
    """A function of (n, total) that moves a bar, on a terminal."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own
    with tqdm(unit=unit, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        def show(n: int, total: int) -> None:
            bar.total = total
            bar.update(n - bar.n)

        yield show
