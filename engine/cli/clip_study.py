"""`clip-study`: whether guidance by CLIP helps, against its controls."""

from __future__ import annotations

import argparse
import json
import sys
import time

from engine.cli.usage import LARGEST_SEED, Parser, whole
from engine.errors import DiffuscopeError
from engine.measure.clip_study import StudyReady, StudyRequest
from engine.paths import resolve_run
from engine.runs import Run

DEFAULTS = {name: StudyRequest.__dataclass_fields__[name].default
            for name in ("clip_model", "blocks", "pictures", "seed", "nfe")}


def add_clip_study(commands: argparse._SubParsersAction[Parser]) -> None:
    """The subcommand and its options."""
    from engine.cli.parser import _device, _runs_dir

    parser = commands.add_parser(
        "clip-study", help="measure whether guidance by CLIP helps",
        description="Every way to guide by CLIP against its controls (the class alone, constant w, an interval, CLIP's "
        "weights averaged and shuffled), at equal network calls and at equal seconds, judged by a network that did not "
        "guide. Some minutes on two cores; the answer is kept with the run: asked again, it is there at once.")
    parser.add_argument("--run", metavar="DIR", required=True, help="a run's folder, or `bundled`")
    parser.add_argument("--model", default=DEFAULTS["clip_model"], metavar="WHICH",
                        help="who guides: `in-domain` (default), `judge`, an open_clip tag or a file of weights")
    for name, low, high, what in (("blocks", 2, 50, "blocks of seeds"), ("pictures", 20, 5000, "pictures of a block"),
                                  ("nfe", 4, 400, "network calls for each picture"),
                                  ("seed", 0, LARGEST_SEED, "seed of the first picture")):
        parser.add_argument(f"--{name}", type=whole(low, high), default=DEFAULTS[name], metavar="N",
                            help=f"{what} (default {DEFAULTS[name]})")
    parser.add_argument("--snapshot", type=whole(0, 10**12), metavar="STEP", help="training step (default the newest)")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    _device(parser)
    _runs_dir(parser)


def run_clip_study(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    from engine.cli.progress import answers
    from engine.measure.clip_study_run import measure_study
    from engine.measure.clip_study_summary import markdown, report, summarise

    run = Run.open(resolve_run(args.run))
    request = StudyRequest(run.path, args.model, args.blocks, args.pictures, args.seed, args.nfe, args.snapshot,
                           args.again)
    if args.seed + args.blocks * args.pictures - 1 > LARGEST_SEED:
        raise DiffuscopeError(f"Seeds end at {LARGEST_SEED}; the blocks from seed {args.seed} go beyond.")
    began = time.perf_counter()
    for event in answers(lambda workspace: measure_study(workspace, request), StudyReady, args.device):
        if not event.stored:
            print(f"Measured in {time.perf_counter() - began:.0f} s.", file=sys.stderr)
        summary = summarise(event.study)
        print(json.dumps({"run": run.name, "run_id": run.info.id, **report(event.study, summary)}, indent=2)
              if args.json else markdown(run.name, event.study, summary))
    return 0
