"""`recognise`: at what point of denoising each class can first be read, and whether classes differ."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from engine.cli.sample import ignored, sampling_of
from engine.cli.usage import LARGEST_SEED, parse_classes
from engine.errors import BadSetting
from engine.events import JobProgress
from engine.measure.recognition import (
    PREDICTED,
    Recognition,
    RecognitionReady,
    RecognitionRequest,
    measure_recognition,
)
from engine.measure.recognition_summary import DENOISED, SNR, Summary, report, summarise
from engine.measure.scorers import guidance_words
from engine.paths import resolve_run
from engine.runs import Run

MOST_CONFUSIONS = 5
CLAIMS = {"about-70": "readable at about 70 %", "1-earlier": "1 before 8 and 5", "7-earlier": "7 before 8 and 5"}
VERDICTS = {"yes": "yes", "no": "no", "uncertain": "not certain"}


def run_recognise(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    run = Run.open(resolve_run(args.run))
    classes = tuple(parse_classes(args.classes, run.info.class_names)) if args.classes is not None else \
        tuple(range(len(run.info.class_names)))
    count = args.seeds * (len(classes) if args.unconditional else 1)
    if args.seed + count - 1 > LARGEST_SEED:
        raise BadSetting(f"Seeds end at {LARGEST_SEED}; {count} from seed {args.seed} go beyond.")
    sampling = sampling_of(args, run)
    for sentence in ignored(args, sampling, run.schedule()):
        print(sentence, file=sys.stderr)
    request = RecognitionRequest(run.path, sampling, args.snapshot, classes, args.seeds, args.seed, args.reading,
                                 args.unconditional, args.average, args.direction, args.again)
    for ready in _measured(request, args.device):
        summary = summarise(ready.recognition)
        # Nothing that differs from one call to the next: not the seconds, and not whether it was there already.
        print(json.dumps({"run": run.name, "run_id": run.info.id, **report(ready.recognition, summary)}, indent=2)
              if args.json else text(run.name, ready.recognition, summary))
    return 0


def _measured(request: RecognitionRequest, device: str) -> Iterator[RecognitionReady]:
    """The answer, after a bar on a terminal; what follows it (saving) may fail."""
    from tqdm import tqdm

    from engine.workspace import Workspace

    workspace = Workspace(device)
    tqdm.monitor_interval = 0  # no thread of its own
    began = time.perf_counter()
    try:
        with tqdm(unit="picture", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for event in measure_recognition(workspace, request):
                if isinstance(event, JobProgress):
                    bar.total = event.total
                    bar.update(event.n - bar.n)
                elif isinstance(event, RecognitionReady):
                    bar.close()
                    if not event.stored:
                        print(f"Measured in {time.perf_counter() - began:.1f} s.", file=sys.stderr)
                    yield event
    finally:
        workspace.close()


def text(name: str, recognition: Recognition, summary: Summary) -> str:
    """The measurement for people."""
    sampling = recognition.sampling
    average = f", average over the last {recognition.average_percent:g} %" \
        if recognition.average_percent is not None else ""
    told = "no class told" if recognition.unconditional else guidance_words(sampling)
    reader = "the judge of clean pictures reads the predicted x0" if recognition.reading == PREDICTED else \
        "the noise judge reads x_t"
    if recognition.forward:
        head = [f"{summary.n} real test pictures of what {name} learned, {recognition.seeds} a class from number "
                f"{recognition.first_seed}, noised more and more; {reader}",
                f"the levels of {sampling.num_steps} steps of {sampling.sampler}", "",
                "Readable until, % denoised: the last level up to which it stays readable; mean and 95 % interval of "
                "those ever read"]
    else:
        head = [f"{name}, step {recognition.snapshot}{average}: {summary.n} pictures, {recognition.seeds} seeds a "
                f"class from {recognition.first_seed}; {reader}",
                f"{sampling.sampler}, {sampling.num_steps} steps, {told}, {recognition.nfe} network evaluations each",
                "", "First readable, % denoised; mean and 95 % interval of those ever read"]
    lines = [
        *head,
        f"{'':8}{'mean':>7}{'interval':>16}{'median':>8}{'SNR, dB':>9}{'commit':>8}{'never':>8}{'drift':>8}{'n':>6}",
    ]
    for found in summary.ranking():
        first = found.first[DENOISED]
        ends = "-" if first.ci95 is None else f"{first.ci95[0]:.1f} to {first.ci95[1]:.1f}"
        lines.append(f"{found.name:8}{_number(first.mean):>7}{ends:>16}{_number(first.median):>8}"
                     f"{_number(found.first[SNR].median):>9}{_number(found.commit[DENOISED].mean):>8}"
                     f"{_percent(found.never_rate):>8}{_percent(found.drift_rate):>8}{found.n:>6}")
    overall = summary.overall[DENOISED]
    if overall.mean is not None:
        ends = "" if overall.ci95 is None else f", interval {overall.ci95[0]:.1f} to {overall.ci95[1]:.1f}"
        lines += ["", f"All: {overall.mean:.1f} %{ends}; {_percent(summary.never_rate)} never read."]
    else:
        lines += ["", "No picture was ever read."]
    if summary.test is not None:
        test = summary.test
        blocks = f", {summary.blocks} seeds as blocks" if summary.blocks else ""
        lines.append(f"Does it differ by class? {test.name} chi-squared = {test.statistic:.1f}, {test.degrees} degrees "
                     f"of freedom, p = {test.p:.2g}, {test.effect_name} = {test.effect:.2f}, n = {test.n}{blocks}.")
        sure = sum(pair.p_holm < 0.05 for pair in summary.pairs)
        lines.append(f"{sure} of {len(summary.pairs)} pairs differ (p < 0.05, Holm-corrected).")
    lines += [f"Claim \"{CLAIMS[claim.name]}\": {VERDICTS[claim.verdict]}." for claim in summary.claims]
    names = recognition.class_names
    lines += [f"{names[one.class_label]} was taken for {names[one.taken_for]} on the way in {_percent(one.share)}."
              for one in summary.confusions[:MOST_CONFUSIONS]]
    lines.append(f"This judge is right about real test pictures in {100 * recognition.judge_accuracy[-1]:.2f} % where "
                 f"nothing is hidden{_worst(recognition, summary)}.")
    return "\n".join(lines)


def _worst(recognition: Recognition, summary: Summary) -> str:
    """The judge's accuracy where half of all pictures are read, if noise hides something there."""
    median = summary.overall["percent_steps"].median
    if median is None or recognition.reading == PREDICTED:
        return ""
    frame = round(median / 100 * (len(recognition.sigma) - 1))
    return f", and in {100 * recognition.judge_accuracy[frame]:.1f} % at the noise where half of all are read"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
