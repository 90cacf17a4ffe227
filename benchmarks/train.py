"""How fast a preset trains here, and which share of the machine that is. Prints JSON.

    python benchmarks/train.py [--preset quick] [--windows 5] [--window-seconds 10] [--device auto] [--threads N]

Images/s are the median of several windows of a run without a window (its saves and strips of samples included),
after a warm-up. Operations are those of the network, forward and backward, counted by torch's counter. The peak
is the best square matrix product on all cores, in the number format that the run chose.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.cli.usage import parse_settings, seconds, whole
from engine.errors import DiffuscopeError
from engine.measure.bench import machine_facts, measure_training
from engine.presets import load_preset
from engine.workspace import Workspace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--windows", type=whole(1, 1000), default=5)
    parser.add_argument("--window-seconds", type=seconds, default=10.0)
    parser.add_argument("--warm-up-seconds", type=seconds, default=5.0)
    parser.add_argument("--peak-seconds", type=seconds, default=3.0, help="for each number format, before and after")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, help="default: every core")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    args = parser.parse_args()
    try:
        config = load_preset(args.preset).changed(**parse_settings(args.settings))
        workspace = Workspace(args.device, args.threads)
        machine = machine_facts(workspace.device)
        result = measure_training(workspace, config, windows=args.windows, window_seconds=args.window_seconds,
                                  warm_up_seconds=args.warm_up_seconds, peak_seconds=args.peak_seconds,
                                  say=lambda text: print(text, file=sys.stderr))
    except DiffuscopeError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"machine": machine, **result}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
