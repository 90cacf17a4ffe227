"""`clip`: how well a run's pictures match their labels by CLIP, beside real ones; and the download of weights."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.sample import ignored, sampling_of
from engine.cli.usage import LARGEST_SEED, whole
from engine.clip.files import IN_DOMAIN
from engine.clip.prompts import parse_templates
from engine.clip.sources import DEFAULT_GENERAL, FILE_ARCHITECTURES, GENERAL, check_source, general
from engine.errors import BadSetting
from engine.measure.clip_course import COURSES, DEFAULT_EACH, Course, CourseReady, ScoreCourseRequest, measure_course
from engine.measure.clip_scores import (
    DEFAULT_COUNT,
    FEWEST,
    MOST,
    ClipReady,
    ClipRequest,
    ClipScores,
    ClipSettings,
    measure_clip,
)
from engine.measure.clip_summary import PROBABILITY, SCORE, ClipSummary, Mean, report, summarise
from engine.measure.clip_words import best_and_worst, caveat, picture_names
from engine.paths import resolve_run
from engine.runs import Run

UPSCALINGS = ("bicubic", "bilinear", "nearest")


def add_clip_command(commands: Any) -> None:
    """Add it to the subcommands."""
    from engine.cli.parser import drawing_options

    parser = commands.add_parser(
        "clip", help="score a run's pictures with CLIP",
        description="Draw pictures of all classes and score how well each matches its label, beside real test pictures "
        "and the judge. The answer is kept with the run: asked again, it is there at once.")
    parser.add_argument("--run", metavar="DIR", default="bundled", help="a run's folder, or `bundled` (default)")
    parser.add_argument("--model", metavar="WHICH", default=IN_DOMAIN,
                        help=f"`{IN_DOMAIN}` (default), an open_clip tag such as {DEFAULT_GENERAL.source}, or a file "
                        "of weights")
    parser.add_argument("--architecture", metavar="NAME", default="",
                        help=f"of a file of weights: {', '.join(FILE_ARCHITECTURES)}, or another of open_clip's")
    parser.add_argument("--count", type=whole(FEWEST, MOST), default=DEFAULT_COUNT, metavar="N",
                        help=f"how many pictures, as many of each class as can be (default {DEFAULT_COUNT})")
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="seed of the first picture (default 0)")
    parser.add_argument("--template", action="append", default=[], metavar="TEXT",
                        help="a prompt with {} for the class; may be repeated, the ensemble is scored")
    parser.add_argument("--templates", type=Path, metavar="FILE", help="templates in a text file, one a line")
    parser.add_argument("--upscaling", choices=UPSCALINGS, default=UPSCALINGS[0],
                        help=f"how pictures are made as large as CLIP takes them (default {UPSCALINGS[0]})")
    parser.add_argument("--batch", type=whole(0, 4096), default=0, metavar="N",
                        help="pictures scored at once (default 0: as many as the memory holds)")
    parser.add_argument("--over", choices=COURSES, help="follow the score over training or over denoising instead")
    parser.add_argument("--each", type=whole(2, 1000), default=DEFAULT_EACH, metavar="N",
                        help=f"with --over: pictures of each class at each point (default {DEFAULT_EACH})")
    parser.add_argument("--download", action="store_true", help="download the weights of --model first, after a yes")
    parser.add_argument("--yes", action="store_true", help="agree to the download at the size that the hub states")
    parser.add_argument("--list", action="store_true", help="list the published weights and end")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    drawing_options(parser)


def run_clip(args: argparse.Namespace) -> int:
    """Exit code 0; 1 where a download was not agreed to; DiffuscopeError for whatever cannot be done."""
    if args.list:
        print(listing())
        return 0
    source = args.model
    if args.architecture and source != IN_DOMAIN and general(source) is None:
        source = f"{args.architecture}@{source}"
    if args.download:
        return _download(source, args.yes)
    source = check_source(source)
    run = Run.open(resolve_run(args.run))
    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    settings = ClipSettings(source, _templates(args), (), args.upscaling, args.batch)
    from engine.cli.progress import answers

    if args.over:
        course_request = ScoreCourseRequest(run.path, sampling, settings, args.over, args.snapshot, args.each,
                                            args.seed, args.average, args.again)
        for followed in answers(lambda w: measure_course(w, course_request), CourseReady, args.device):
            if followed.complete:
                print(json.dumps({"run": run.name, "run_id": run.info.id, **followed.course.values()}, indent=2)
                      if args.json else course_text(run.name, followed.course))
        return 0
    request = ClipRequest(run.path, sampling, settings, args.snapshot, args.count, args.seed, args.average, args.again)
    for ready in answers(lambda w: measure_clip(w, request), ClipReady, args.device):
        if not ready.stored:
            print(f"{len(ready.scores.class_label)} pictures scored in {ready.scores.seconds:.1f} s.", file=sys.stderr)
        summary = summarise(ready.scores)
        print(json.dumps({"run": run.name, "run_id": run.info.id, **report(ready.scores, summary)}, indent=2)
              if args.json else text(run.name, ready.scores, summary))
    return 0


def _templates(args: argparse.Namespace) -> tuple[str, ...]:
    told = list(args.template)
    if args.templates is not None:
        try:
            told.append(args.templates.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"The templates in {args.templates} cannot be read: "
                             f"{getattr(error, 'strerror', None) or 'it is no text'}.") from None
    text = "\n".join(told)
    return parse_templates(text) if text.strip() else ()


def _download(source: str, agreed: bool) -> int:
    from tqdm import tqdm

    from engine.clip.hub import ask_hub, cached_file, download
    from engine.events import JobProgress

    known = general(source)
    if known is None:
        raise BadSetting(f"{source} is not among the weights that can be downloaded.",
                         f"They are {', '.join(one.source for one in GENERAL)}.")
    if (there := cached_file(known)) is not None:
        print(f"{known.source} is here already: {there}")
        return 0
    offer = ask_hub(known)
    left = f", {offer.have / 1e6:.1f} MB of which are here" if offer.have else ""
    print(f"{known.source} takes {offer.bytes / 1e6:.1f} MB{left}, kept in {offer.folder.parent}, where "
          f"{offer.free / 1e9:.1f} GB are free.", file=sys.stderr)
    if not agreed:
        if not sys.stdin.isatty():
            print("Nothing was downloaded; agree with --yes.", file=sys.stderr)
            return 1
        if input("Download it? [y/N] ").strip().lower() not in ("y", "yes"):
            return 1
    tqdm.monitor_interval = 0
    work = download(offer)
    try:
        with tqdm(total=offer.bytes, unit="B", unit_scale=True, file=sys.stderr,
                  disable=not sys.stderr.isatty()) as bar:
            for event in work:
                if isinstance(event, JobProgress):
                    bar.update(event.n - bar.n)
    finally:
        work.close()
    print(f"{known.source} is in {cached_file(known)}")
    return 0


def listing() -> str:
    """The published weights, as a table."""
    lines = [f"{'source':36}{'MB':>7}{'px':>5}{'GFLOPs':>8}{'1/s':>6}{'MNIST':>8}{'CIFAR-10':>10}"]
    for one in GENERAL:
        lines.append(f"{one.source:36}{one.about_bytes / 1e6:7.0f}{one.size:5}{one.gflops:8.1f}"
                     f"{one.about_per_second:6.1f}{one.mnist:8.1f}{one.cifar10:10.1f}")
    lines += ["", "1/s: pictures a second on two cores, measured for ViT-B-32, by GFLOPs for the others.",
              "MNIST, CIFAR-10: zero-shot accuracy in %, as open_clip published it."]
    return "\n".join(lines)


def text(name: str, scores: ClipScores, summary: ClipSummary) -> str:
    """The measurement for people."""
    things = picture_names(scores)
    lines = [f"{name}, step {scores.snapshot}: {len(scores.class_label)} pictures and {len(scores.real_label)} real "
             f"ones, scored by {scores.title}", f"Prompts: {', '.join(scores.clip.templates)}", "",
             f"{'':10}{'CLIPScore':>10}{'real':>8}{'difference':>12}{'interval':>19}{'p(class)':>10}{'real':>8}"
             f"{'first':>8}{'real':>8}"]
    for found in (*summary.classes, summary.overall):
        gap = found.difference[SCORE]
        ends = "-" if gap.ci95 is None else f"{gap.ci95[0]:+.3f} to {gap.ci95[1]:+.3f}"
        lines.append(f"{found.name[:9]:10}{_number(found.own[SCORE]):>10}{_number(found.real[SCORE]):>8}"
                     f"{'-' if gap.mean is None else f'{gap.mean:+.3f}':>12}{ends:>19}"
                     f"{_number(found.own[PROBABILITY]):>10}{_number(found.real[PROBABILITY]):>8}"
                     f"{100 * found.first:>7.1f}%{100 * found.real_first:>7.1f}%")
    lines += ["", best_and_worst(scores, summary), caveat(scores, summary)]
    if (agreement := summary.agreement) is not None:
        lines.append(f"CLIP and the judge name the same class in {100 * agreement.same:.1f} % of {agreement.n} "
                     f"{things}: both right {agreement.both}, CLIP alone {agreement.clip_only}, the judge alone "
                     f"{agreement.judge_only}, neither {agreement.neither}.")
    return "\n".join(lines)


def course_text(name: str, course: Course) -> str:
    """A course for people."""
    place = "step" if course.over == "training" else "% denoised"
    lines = [f"{name}: {course.each} pictures of each class at each point, scored by {course.title}", "",
             f"{place:>12}{'CLIPScore':>11}{'interval':>18}{'p(class)':>10}"]
    for point in course.points:
        lines.append(f"{point.place:>12.6g}{_row(point.overall)}")
    lines.append(f"{'real':>12}{_row(course.real)}")
    return "\n".join(lines)


def _row(means: dict[str, Mean]) -> str:
    ends = means[SCORE].ci95
    told = "-" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"
    return f"{_number(means[SCORE]):>11}{told:>18}{_number(means[PROBABILITY]):>10}"


def _number(mean: Mean) -> str:
    return "-" if mean.mean is None else f"{mean.mean:.3f}"


__all__: Sequence[str] = ("add_clip_command", "course_text", "listing", "run_clip", "text")
