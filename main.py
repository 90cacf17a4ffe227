"""Diffuscope: the window by default, subcommands without a screen.

python main.py [--run DIR]        open the window
python main.py train --help       also sample, measure, recognise, learning, animate, screenshot, info, bench
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

NO_DISPLAY = (
    "There is no display for the window; the commands train, sample, measure, recognise, learning, animate, "
    "synthesise, augment, nearest, export, screenshot, info and bench need none (python main.py --help)."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. 2 with one sentence on stderr for bad usage or a bad file."""
    # A thread that wants the interpreter waits this long at most while training holds it: the window's
    # paint needs it dozens of times. Never set in a library: it is the whole process's.
    sys.setswitchinterval(0.001)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a C locale must not turn a thin space into a crash

    from engine.cli.usage import one_sentence
    from engine.errors import DiffuscopeError

    try:
        if not (sys.argv[1:] if argv is None else argv):
            return open_window(None)  # with nothing to parse, the commands' code is not loaded
        from engine.cli.parser import build_parser

        args = build_parser().parse_args(argv)
        if getattr(args, "runs_dir", None):
            os.environ["DIFFUSCOPE_RUNS_DIR"] = str(args.runs_dir.resolve())
        match args.command:
            case "train":
                from engine.cli.train import run_train as command
            case "sample":
                from engine.cli.sample import run_sample as command
            case "measure":
                from engine.cli.measure import run_measure as command
            case "recognise":
                from engine.cli.recognise import run_recognise as command
            case "learning":
                from engine.cli.learning import run_learning as command
            case "info":
                from engine.cli.info import run_info as command
            case "uturn":
                from engine.cli.u_turn import run_u_turn as command
            case "animate":
                from engine.cli.animate import run_animate as command
            case "bench":
                from engine.cli.bench import run_bench as command
            case "synthesise" | "augment" | "nearest" | "export":
                from engine.cli.use import run_use as command
            case "clip":
                from engine.cli.clip import run_clip as command
            case "clip-study":
                from engine.cli.clip_study import run_clip_study as command
            case "data":
                from engine.cli.data import run_data as command
            case "screenshot":
                command = take_screenshot
            case _:
                return open_window(args.run)
        return command(args)
    except DiffuscopeError as error:
        print(one_sentence(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        print(f"Unexpected {type(error).__name__}: {error}; details are in {_keep_details()}.", file=sys.stderr)
        return 1


def open_window(run: str | None) -> int:
    """The window, until it is closed."""
    if not has_display():
        print(NO_DISPLAY, file=sys.stderr)
        return 2
    if run is not None:
        from engine.paths import resolve_run
        from engine.runs import Run

        Run.open(resolve_run(run))  # a bad folder is told here, before a window opens on another one
    if sys.platform == "win32":
        import torch  # noqa: F401  # importing it after Qt fails there (pytorch issue 166628)
    gc.disable()  # until the first paint: there is nothing to collect while the window is being made
    from gui.app import run_window

    return run_window(run)


def take_screenshot(args: argparse.Namespace) -> int:
    """A page of the window as a picture; no display is needed or used."""
    from engine.cli.usage import check_out

    check_out(args.out, (".png",))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from gui.app import render_page

    render_page(args.page, args.size, args.theme, args.run, args.out)
    print(args.out)
    return 0


def has_display() -> bool:
    """Whether Qt will find a screen. Qt itself would abort the process where there is none."""
    if os.environ.get("QT_QPA_PLATFORM") or sys.platform in ("win32", "darwin"):
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    display = os.environ.get("DISPLAY", "")
    host, colon, number = display.rpartition(":")
    if not colon:
        return False
    if host not in ("", "unix"):
        return True  # another machine's: only trying would tell
    name = f"/tmp/.X11-unix/X{number.split('.')[0]}"
    for address in (name, f"\0{name}"):  # as a file, and Linux's nameless kind
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(address)
                return True
            except OSError:
                continue
    return False


def _keep_details() -> Path | str:
    from engine.paths import data_dir

    try:
        file = data_dir() / "command-error.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(traceback.format_exc(), encoding="utf-8")
        return file
    except OSError:
        return "no file, for none could be written"


if __name__ == "__main__":
    sys.exit(main())
