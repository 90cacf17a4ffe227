"""Make a run that ships with Diffuscope: train, record a few trajectories, keep what a reader needs.

    python scripts/make_bundled_run.py --steps 7000 [--out resources/runs/mnist]

Trains the Standard preset for more steps with 20 snapshots, in a temporary folder, then replaces the shipped
run. The second average stays on five of them, evenly over training. Settings, machine and training time stand
in its run.json.

--trained takes a run that the command line made instead, so that its sampling can be chosen by measurement first:

    python main.py train --run DIR --preset standard --steps 7000 \
        --set training.snapshots=20 --set training.sample_seconds=20
    python scripts/make_bundled_run.py --trained DIR --set sampling.guidance_scale=1.5

--measure makes only the measurements of the shipped run anew; those that are there for its weights and settings are
kept.

The run of Fashion-MNIST is a small one: few snapshots, one recorded seed, no second average.

    python main.py train --run DIR --preset standard --dataset fashion-mnist \
        --set training.snapshots=20 --set training.sample_seconds=20
    python scripts/make_bundled_run.py --trained DIR --out resources/runs/fashion-mnist --snapshots 3 --wide 0 \
        --seeds 11 --limit 6 --no-clip-score --set sampling.sampler=dpmpp-2m --set sampling.num_steps=18
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tqdm import tqdm

from engine.cli.usage import parse_settings
from engine.diffusion.sample import record
from engine.events import Progress, TrainingFailed
from engine.measure.clip_course import COURSES, ScoreCourseRequest, measure_course
from engine.measure.clip_scores import ClipRequest, measure_clip
from engine.measure.learning import LearningRequest, measure_learning
from engine.measure.recognition import FORWARD, RecognitionRequest, measurable, measure_recognition
from engine.measure.u_turn import UTurnRequest, measure_u_turn
from engine.paths import DEFAULT_BUNDLED_RUN
from engine.presets import load_preset
from engine.runs import Run, RunWriter
from engine.training.trainer import Trainer
from engine.workspace import Workspace

RECORDED_SEEDS = (11, 0, 3)
WIDE_KEPT = 5  # snapshots that keep the second average too
LARGEST = 45  # MB


def main() -> int:
    """Train, record, move into place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--trained", type=Path, help="a finished run to take instead of training one")
    parser.add_argument("--measure", action="store_true", help="only measure the shipped run anew")
    parser.add_argument("--no-clip-score", action="store_false", dest="clip_score",
                        help="leave out the scores by CLIP, whose pictures take about half a MB")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="sampling.NAME=VALUE",
                        help="how the shipped run draws its pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--snapshots", type=int, help="keep so many of them (default all)")
    parser.add_argument("--wide", type=int, default=WIDE_KEPT, help="keep the second average on so many")
    parser.add_argument("--seeds", type=int, nargs="+", default=RECORDED_SEEDS, help="record trajectories of these")
    parser.add_argument("--limit", type=float, default=LARGEST, help="largest size in MB")
    parser.add_argument("--out", type=Path, default=DEFAULT_BUNDLED_RUN)
    options = parser.parse_args()

    config = load_preset(options.preset).changed(
        data={"dataset": options.dataset},
        training={"num_steps": options.steps, "snapshots": 20, "seed": options.seed, "sample_seconds": 20.0})
    workspace = Workspace("cpu")
    with tempfile.TemporaryDirectory(prefix="diffuscope-") as folder:
        path = Path(folder) / options.out.name
        if options.measure:
            shutil.copytree(options.out, path)  # what ships is not written into while it is measured
        elif options.trained is not None:
            shutil.copytree(options.trained, path, ignore=shutil.ignore_patterns("run.lock", "measurements"))
        else:
            train(workspace, path, config)
        if not options.measure:
            finish(workspace, path, parse_settings(options.settings, "sampling").get("sampling", {}), options)
        measure(workspace, path, clip_score=options.clip_score)
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        print(f"{size / 2**20:.1f} MB")
        if size > options.limit * 2**20:
            print("too large to ship", file=sys.stderr)
            return 1
        if options.out.exists():
            shutil.rmtree(options.out)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(path, options.out)
    return 0


def train(workspace: Workspace, path: Path, config) -> None:
    """Train to the end with a progress bar."""
    with tqdm(total=config.training.num_steps, unit="step") as bar:
        for event in Trainer(workspace, path, config).run():
            if isinstance(event, Progress):
                bar.update(event.step - bar.n)
                bar.set_postfix_str(f"{event.images_per_second:.0f} images/s")
            elif isinstance(event, TrainingFailed):
                raise SystemExit(event.report.headline)


def measure(workspace: Workspace, path: Path, *, clip_score: bool) -> None:
    """What pages Train, Recognition and CLIP show at once."""
    run = Run.open(path)
    sampling = run.info.config.sampling
    jobs = [measure_learning(workspace, LearningRequest(path))]
    if measurable(run):
        recognition = RecognitionRequest(path, sampling)
        jobs += [measure_recognition(workspace, recognition),
                 measure_recognition(workspace, replace(recognition, direction=FORWARD)),
                 measure_u_turn(workspace, UTurnRequest(path, sampling)),
                 measure_u_turn(workspace, UTurnRequest(path, sampling, guided=True))]
    jobs += [measure_course(workspace, ScoreCourseRequest(path, sampling, over=over)) for over in COURSES]
    if clip_score:
        jobs.append(measure_clip(workspace, ClipRequest(path, sampling)))
    for job in jobs:
        for _ in job:
            pass


def finish(workspace: Workspace, path: Path, sampling: dict[str, Any], options: argparse.Namespace) -> None:
    """Record trajectories at the run's own sampling settings, changed by `sampling`; drop resume points and most
    second averages, and the snapshots that are not kept."""
    writer = RunWriter.reopen(path)
    writer.update(name=path.name, config=writer.info.config.changed(sampling=sampling))
    model = workspace.model(path, None)
    if options.snapshots is not None:
        writer.thin(options.snapshots)
    for seed in options.seeds:
        trajectories = {}
        for trajectories in record(model.denoiser, range(model.num_classes), seed, writer.info.config.sampling,
                                   snapshot=model.snapshot, shape=model.shape, num_classes=model.num_classes,
                                   device=workspace.device):
            pass
        writer.save_recorded(trajectories)
    writer.keep_wide(options.wide)
    writer.close()
    shutil.rmtree(path / "state")
    for lock in (".run.lock.guard", "run.lock"):
        (path / lock).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
