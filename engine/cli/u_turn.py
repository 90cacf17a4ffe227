"""`uturn`: from which noise level on a real picture comes back as another class."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.cli.parser import drawing_options
from engine.cli.progress import answers
from engine.cli.sample import ignored, sampling_of
from engine.cli.usage import LARGEST_SEED, whole
from engine.measure.u_turn import (
    DEFAULT_LEVELS,
    DEFAULT_PICTURES,
    FEWEST_LEVELS,
    FEWEST_PICTURES,
    MOST_LEVELS,
    MOST_PICTURES,
    UTurn,
    UTurnReady,
    UTurnRequest,
    UTurnSummary,
    measure_u_turn,
    summarise_u_turn,
    u_turn_report,
)
from engine.paths import resolve_run
from engine.runs import Run


def add_u_turn(commands: Any) -> None:
    """Add it to the subcommands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "uturn", help="noise real pictures and denoise them: from which t on is the class lost?",
        description="Noise real test pictures to each of some noise levels, denoise them from there without telling "
        "the class, and read what comes back. The answer is kept with the run: asked again, it is there at once.")
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--pictures", type=whole(FEWEST_PICTURES, MOST_PICTURES), default=DEFAULT_PICTURES,
                        metavar="N", help=f"how many of each class (default {DEFAULT_PICTURES})")
    parser.add_argument("--levels", type=whole(FEWEST_LEVELS, MOST_LEVELS), default=DEFAULT_LEVELS, metavar="N",
                        help=f"how many noise levels (default {DEFAULT_LEVELS}, as far as there are steps)")
    parser.add_argument("--seed", type=whole(0, LARGEST_SEED), default=0, help="the first seed (default 0)")
    parser.add_argument("--guided", action="store_true",
                        help="tell the picture's own class on the way back, and guide towards it: the contrast")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    drawing_options(parser)


def run_u_turn(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    run = Run.open(resolve_run(args.run))
    sampling = sampling_of(args, run)
    if args.guided:
        for sentence in ignored(args, sampling, run.schedule()):
            print(sentence)
    request = UTurnRequest(run.path, sampling, args.snapshot, args.pictures, args.seed, args.levels, args.guided,
                           args.average, args.again)
    for ready in answers(lambda workspace: measure_u_turn(workspace, request), UTurnReady, args.device):
        summary = summarise_u_turn(ready.u_turn)
        print(json.dumps({"run": run.name, "run_id": run.info.id, **u_turn_report(ready.u_turn, summary)}, indent=2)
              if args.json else text(run.name, ready.u_turn, summary))
    return 0


def text(name: str, found: UTurn, summary: UTurnSummary) -> str:
    """The measurement for people."""
    way = f"told its own class, guidance {found.sampling.guidance_scale:g}" if found.guided else "told no class"
    lines = [f"{name}, step {found.snapshot}: {summary.n} real test pictures, {found.pictures} of each class; on the "
             f"way back {way}",
             f"{found.sampling.sampler}, the rest of {found.sampling.num_steps} steps", "",
             f"{'t':>6}{'sigma':>9}{'still its class':>18}{'95 % interval':>18}"]
    lines += [f"{share.t:>6}{share.sigma:>9.3g}{100 * share.share:>16.0f} %{100 * share.low:>12.0f} to "
              f"{100 * share.high:.0f} %" for share in reversed(summary.shares)]
    lines += ["", "Class kept up to t; mean with 95 % interval, and the t at which half have lost it"]
    for one in (*summary.classes, summary.overall):
        ends = "-" if one.ci95 is None else f"{one.ci95[0]:.0f} to {one.ci95[1]:.0f}"
        lines.append(f"{one.name:8}{one.mean:>7.0f}{ends:>16}{one.median:>8.0f}  n = {one.n}")
    if summary.test is not None:
        test = summary.test
        lines.append(f"Does it differ by class? {test.name} chi-squared = {test.statistic:.1f}, {test.degrees} degrees "
                     f"of freedom, p = {test.p:.2g}, {test.effect_name} = {test.effect:.2f}, {found.pictures} seeds "
                     "as blocks.")
    lines.append(f"Where nothing is left, {100 * summary.chance:.0f} % come back by chance. The judge misreads "
                 f"{100 * summary.misread:.1f} % of these real pictures.")
    return "\n".join(lines)
