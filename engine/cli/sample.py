"""`sample`: pictures from a run, into arrays or a grid."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from engine.cli.usage import LARGEST_SEED, NO_CLASS, check_out, parse_classes, parse_settings
from engine.config import SamplingConfig
from engine.diffusion.evaluations import idle_settings
from engine.diffusion.schedules import Schedule
from engine.errors import BadSetting, DiffuscopeError
from engine.export.picture_facts import PictureFacts, of_run, png_bytes
from engine.paths import resolve_run
from engine.runs import Run
from engine.settings import parse

GAP = 2  # pixels between the pictures of a grid
MOST_COLUMNS = 40


def run_sample(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    write = _writer(args.out)
    run = Run.open(resolve_run(args.run))
    classes = (
        parse_classes(args.classes, run.info.class_names)
        if args.classes is not None
        else list(range(len(run.info.class_names)))
    )
    count = args.count if args.count is not None else len(classes)
    if args.seed + count - 1 > LARGEST_SEED:
        raise BadSetting(f"Seeds end at {LARGEST_SEED}; {count} pictures from seed {args.seed} go beyond.")
    labels = np.array([classes[i % len(classes)] for i in range(count)], dtype=np.int64)
    seeds = args.seed + np.arange(count, dtype=np.int64)
    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    snapshot, images = _draw(args, run, labels, seeds, sampling)
    facts = PictureFacts(**of_run(run, snapshot, args.average), classes=tuple(classes), seed=args.seed, t=0,
                         sampling=sampling, view="grid")
    write(images, labels, seeds, len(classes), facts)
    print(f"{count} pictures of step {snapshot} in {args.out}")
    return 0


def sampling_of(args: argparse.Namespace, run: Run) -> SamplingConfig:
    """The run's own sampling, changed by --set and by the named options."""
    named = {
        "sampler": args.sampler,
        "num_steps": args.steps,
        "guidance_scale": args.guidance,
        "eta": args.eta,
        "grid": args.grid,
        "guidance_sigma_low": args.guidance_interval and args.guidance_interval[0],
        "guidance_sigma_high": args.guidance_interval and args.guidance_interval[1],
        "autoguide_step": args.autoguide,
        "clip_guidance": args.clip_guidance,
        "clip_strength": args.clip_strength,
        "clip_model": args.clip_model,
    }
    values = {
        **run.info.config.sampling.model_dump(),
        **parse_settings(args.settings, "sampling").get("sampling", {}),
        **{name: value for name, value in named.items() if value is not None},
    }
    if args.autoguide == NO_CLASS:
        values["autoguide_step"] = None
    if args.sampler == "ddpm" and args.steps is None:
        values["num_steps"] = run.info.config.diffusion.num_timesteps
    # Checked inside a whole configuration, so that the sentence names the setting.
    return parse(SamplingConfig, values)


def ignored(args: argparse.Namespace, sampling: SamplingConfig, schedule: Schedule) -> list[str]:
    """A sentence for each option that was given and changes nothing beside the others.

    Raises BadSetting where the settings do not fit the schedule.
    """
    given = {
        "eta": args.eta is not None and f"--eta {args.eta:g}",
        "guidance_scale": args.guidance is not None and f"--guidance {args.guidance:g}",
        "guidance_sigma_low": args.guidance_interval is not None and "--guidance-interval",
        "autoguide_step": args.autoguide not in (None, NO_CLASS) and f"--autoguide {args.autoguide}",
        "clip_strength": args.clip_strength is not None and f"--clip-strength {args.clip_strength:g}",
        "clip_model": args.clip_model is not None and f"--clip-model {args.clip_model}",
    }
    idle = idle_settings(sampling, schedule)
    return [f"{option} is ignored: {idle[name][:1].lower() if idle[name][1:2].islower() else idle[name][:1]}"
            f"{idle[name][1:]}" for name, option in given.items() if option and name in idle]


def _draw(
    args: argparse.Namespace,
    run: Run,
    labels: NDArray[np.int64],
    seeds: NDArray[np.int64],
    sampling: SamplingConfig,
) -> tuple[int, NDArray[np.uint8]]:
    from tqdm import tqdm

    from engine.diffusion.sample import sample_images
    from engine.workspace import Workspace

    workspace = Workspace(args.device)
    try:
        model = workspace.model(run.path, args.snapshot, args.average)
        tqdm.monitor_interval = 0  # no thread of its own
        parts = []
        with tqdm(total=len(labels), unit="picture", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for images in sample_images(
                model.denoiser,
                labels.tolist(),
                seeds.tolist(),
                sampling,
                shape=model.shape,
                num_classes=model.num_classes,
                device=workspace.device,
                weaker=workspace.weaker(model, sampling),
                scorer=workspace.scorer(model, sampling),
            ):
                parts.append(images)
                bar.update(len(images))
        return model.snapshot, np.concatenate(parts)
    finally:
        workspace.close()


# ---- files ----

Write = Callable[[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], int, PictureFacts], None]


def _writer(out: Path) -> Write:
    """What writes such a file; complains before the work, not after it."""
    check_out(out, (".npz", ".png"))

    def write(
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        seeds: NDArray[np.int64],
        columns: int,
        facts: PictureFacts,
    ) -> None:
        if out.suffix.lower() == ".npz":
            save_whole(out, lambda file: np.savez_compressed(file, images=images, labels=labels, seeds=seeds))
            return
        save_whole(out, lambda file: file.write(png_bytes(grid(images, columns), facts)))

    return write


def save_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file under another name and rename it: what is at `path` is always whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(beside, "wb") as file:
            write(file)
        os.replace(beside, path)
    except OSError as error:
        raise DiffuscopeError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        beside.unlink(missing_ok=True)


def grid(images: NDArray[np.uint8], num_classes: int) -> NDArray[np.uint8]:
    """Pictures (N, H, W) or (N, H, W, 3) in rows; a column for each class while there are not too many."""
    count = len(images)
    columns = (
        min(count, num_classes) if 1 < num_classes <= MOST_COLUMNS else min(MOST_COLUMNS, math.ceil(math.sqrt(count)))
    )
    rows = math.ceil(count / columns)
    height, width = images.shape[1] + GAP, images.shape[2] + GAP
    sheet = np.zeros((rows * height - GAP, columns * width - GAP, *images.shape[3:]), dtype=np.uint8)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        sheet[row * height : row * height + height - GAP, column * width : column * width + width - GAP] = image
    return sheet
