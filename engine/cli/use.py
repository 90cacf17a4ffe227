"""`synthesise`, `augment`, `nearest` and `export`: things to do with a trained model."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.cli.sample import ignored, sampling_of
from engine.config import SamplingConfig
from engine.errors import BadSetting
from engine.paths import resolve_run
from engine.runs import Run
from engine.settings import number, parse
from engine.use_config import AugmentationConfig, SyntheticConfig


def run_use(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    run = Run.open(resolve_run(args.run))
    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    commands: dict[str, Callable[[argparse.Namespace, Run, SamplingConfig], int]] = {
        "synthesise": _synthesise, "augment": _augment, "nearest": _nearest, "export": _export}
    return commands[args.command](args, run, sampling)


# ---- a labelled set ----

def _synthesise(args: argparse.Namespace, run: Run, sampling: SamplingConfig) -> int:
    from engine.cli.progress import answers
    from engine.export.synthetic_set import SyntheticReady, SyntheticRequest, make_synthetic_set

    config = parse(SyntheticConfig, {"per_class": args.count, "first_seed": args.seed, "format": args.format,
                                     "min_confidence": args.min_confidence})
    request = SyntheticRequest(run.path, sampling, args.out, config, args.snapshot, args.average)
    for ready in answers(lambda workspace: make_synthetic_set(workspace, request), SyntheticReady, args.device):
        facts = ready.made.facts
        if args.json:
            print(json.dumps({"out": str(args.out), "files": ready.files, **facts.values()}, indent=2))
        else:
            print(f"{number(sum(facts.counts))} of {number(sum(facts.drawn))} drawn pictures in {args.out}, "
                  f"{ready.files} files; DATA_CARD.md says what they are")
    return 0


# ---- does it help ----

def _augment(args: argparse.Namespace, run: Run, sampling: SamplingConfig) -> int:
    from engine.cli.progress import answers
    from engine.measure.augmentation import AugmentationReady, AugmentationRequest, measure_augmentation
    from engine.measure.classification_score import ScoreReady, ScoreRequest, measure_score

    values: dict[str, Any] = {"run": run.name, "run_id": run.info.id}
    told: list[str] = []
    if args.synthetic:
        config = parse(AugmentationConfig, {"real": args.real, "synthetic": args.synthetic, "seeds": args.seeds,
                                            "honest": args.honest})
        asked = AugmentationRequest(run.path, sampling, config, args.snapshot, args.average, again=args.again)
        *_, last = answers(lambda workspace: measure_augmentation(workspace, asked), AugmentationReady, args.device)
        values["augmentation"] = {**last.result.values(), "caveat": caveat(run, config)}
        told += augmentation_text(run, last.result)
    if args.score:
        request = ScoreRequest(run.path, sampling, args.score, args.snapshot, args.average, args.again)
        for ready in answers(lambda workspace: measure_score(workspace, request), ScoreReady, args.device):
            score = ready.score
            values["score"] = score.values()
            told.append(
                f"Trained on {number(score.count)} drawn pictures alone: {100 * score.accuracy:.2f} % of "
                f"{number(score.test)} real test pictures right (classification accuracy score); on all "
                f"{number(score.real)} real ones: {100 * score.real_accuracy:.2f} %.")
    if not told:
        raise BadSetting("There is nothing to measure.", "Give --synthetic, --score, or both.")
    print(json.dumps(values, indent=2) if args.json else "\n".join(told))
    return 0


def caveat(run: Run, config: AugmentationConfig) -> str:
    """What the generator knew, in a sentence that belongs beside every figure."""
    if config.honest:
        return "Each generator was trained on the same real pictures as the classifier, and on no others."
    return (f"The generator learned {number(run.info.images)} real pictures: what it adds is what it learned of those "
            "that the classifier was not given.")


def augmentation_text(run: Run, result: Any) -> list[str]:
    """The result for people."""
    lines = [f"{run.name}, step {result.snapshot}: accuracy on {number(result.test)} real test pictures, "
             f"{result.seeds} seeds; mean and 95 % interval", "",
             f"{'real':>8}{'drawn':>8}{'accuracy':>11}{'interval':>18}{'gain':>10}{'interval':>18}"]
    gains = {(gain.real, gain.synthetic): gain for gain in result.gains()}
    for cell in result.cells:
        line = f"{cell.real:>8}{cell.synthetic:>8}{100 * cell.mean:>9.2f} %{_ends(cell.interval):>18}"
        gain = gains.get((cell.real, cell.synthetic))
        if gain is not None:
            line += f"{100 * gain.mean:>+10.2f}{_ends(gain.interval):>18}  {gain.verdict}"
        lines.append(line)
    return [*lines, "", caveat(run, result.config)]


def _ends(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"


# ---- is it copying ----

def _nearest(args: argparse.Namespace, run: Run, sampling: SamplingConfig) -> int:
    from engine.cli.progress import answers
    from engine.cli.usage import parse_classes
    from engine.measure.nearest_drawn import NearestDrawn, nearest_drawn

    classes = parse_classes(args.classes, run.info.class_names) if args.classes is not None else \
        list(range(len(run.info.class_names)))
    count = args.count if args.count is not None else len(classes)
    labels = [classes[i % len(classes)] for i in range(count)]
    seeds = [args.seed + i for i in range(count)]
    for ready in answers(lambda workspace: nearest_drawn(workspace, run, labels, seeds, sampling, args.snapshot,
                                                         args.average), NearestDrawn, args.device):
        if args.json:
            print(json.dumps({"run": run.name, "run_id": run.info.id, **ready.values()}, indent=2))
        else:
            print("\n".join(ready.lines(run.info.class_names)))
    return 0


# ---- weights ----

def _export(args: argparse.Namespace, run: Run, sampling: SamplingConfig) -> int:
    from engine.export.weights import export_weights

    written = export_weights(run, args.out, sampling, args.snapshot, args.average)
    for sentence in written.notes:
        print(sentence, file=sys.stderr)
    names = ", ".join(path.name for path in written.files)
    print(f"{names} in {args.out}; draw with: python {_quoted([str(Path(args.out) / 'sample.py')])}")
    return 0


def _quoted(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(words)
