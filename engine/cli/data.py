"""`data`: the data sets that are here, and getting, importing and removing them; judges for them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.data.catalogue import Listing, forget_loaded, listings, remove, use_local
from engine.data.importing import Imported, ImportRequest, Preview, import_pictures, preview
from engine.errors import BadSetting
from engine.events import Event, JobProgress
from engine.paths import datasets_dir
from engine.settings import number

SHOWN = 20  # skipped files that are named


def run_data(args: argparse.Namespace) -> int:
    """Exit code 0; DiffuscopeError for whatever cannot be done."""
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "download": _download, "use": _use, "import": _import, "remove": _remove, "judge": _judge}
    return actions[args.action](args)


def _list(args: argparse.Namespace) -> int:
    found = listings()
    if args.json:
        print(json.dumps([asdict(listing) for listing in found], indent=2))
        return 0
    for listing in found:
        print(f"{listing.name:<20}{_shape(listing):<12}{len(listing.class_names):>4} classes"
              f"{number(sum(listing.counts)):>10} pictures   {_state(listing)}")
    return 0


def _shape(listing: Listing) -> str:
    return f"{listing.size}x{listing.size} {'grey' if listing.channels == 1 else 'RGB'}"


def _state(listing: Listing) -> str:
    if listing.here:
        return {"ships": "here, ships with the program", "package": "here, from a package of the system",
                "yours": "here, imported" if listing.imported else "here, downloaded"}[listing.where]
    return f"not here; download {listing.download_bytes / 1e6:.0f} MB"


def _download(args: argparse.Namespace) -> int:
    from engine.data.download import download
    from engine.data.known import KNOWN

    known = KNOWN.get(args.name)
    if known is None or not known.remotes:
        raise BadSetting(f"There is nothing to download for {args.name}.",
                         f"These can be: {', '.join(name for name, k in KNOWN.items() if k.remotes)}.")
    if any(listing.name == args.name and listing.here for listing in listings()):
        print(f"{known.title} is here already.")
        return 0
    _watched(download(known, datasets_dir() / known.name), known.title)
    forget_loaded()
    print(f"{known.title} is here: {number(known.counts[0])} training and {number(known.counts[1])} test pictures.")
    return 0


def _use(args: argparse.Namespace) -> int:
    _watched(use_local(args.name, args.path.expanduser()), args.name)
    print(f"{args.name} is here.")
    return 0


def _import(args: argparse.Namespace) -> int:
    source = args.path.expanduser()
    if not source.exists():
        raise BadSetting(f"There is no file or folder {source}.")
    request = ImportRequest(source, args.title or "", args.size, args.channels, args.rule, args.mirror)
    if args.dry_run:
        found = _watched(preview(request), "Looking", Preview)
        print(json.dumps(_plain(found), indent=2) if args.json else _preview_text(found))
        return 1 if found.problem else 0
    done = _watched(import_pictures(request), "Importing", Imported)
    told = {**asdict(done.description), "left_out": [asdict(s) for s in done.skipped]}
    print(json.dumps(told, indent=2) if args.json else _imported_text(done))
    return 0


def _remove(args: argparse.Namespace) -> int:
    known = {listing.name: listing for listing in listings()}
    listing = known.get(args.name)
    if listing is None or listing.where != "yours":
        raise BadSetting(f"{args.name} is no data set that was downloaded or imported.")
    remove(args.name)
    print(f"{listing.title} was removed.")
    return 0


def _judge(args: argparse.Namespace) -> int:
    from engine.measure.judge_job import JudgeReady, JudgeRequest, train_judges
    from engine.workspace import Workspace

    workspace = Workspace(args.device)
    try:
        done = _watched(train_judges(workspace, JudgeRequest(args.name, again=args.again)), "Training", JudgeReady)
    finally:
        workspace.close()
    told = done.records
    if args.json:
        print(json.dumps(told, indent=2))
    else:
        print(f"The judge reads {100 * told['first']['test_accuracy']:.1f} % of the test pictures of {args.name} "
              f"right, the noise judge {100 * told['noise']['test_accuracy']:.1f} % where there is no noise.")
    return 0


def _watched(work: Generator[Event, Any, None], title: str, wanted: type[Any] | None = None) -> Any:
    """Run a job to its end with a bar on a terminal; the last event of the wanted type."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own
    last: Any = None
    try:
        with tqdm(desc=title, unit=" ", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for event in work:
                if isinstance(event, JobProgress):
                    bar.total = event.total
                    bar.unit = f" {event.unit}"
                    bar.update(event.n - bar.n)
                elif wanted is not None and isinstance(event, wanted):
                    last = event
    finally:
        work.close()
    return last


def _preview_text(found: Preview) -> str:
    colour = "grey" if found.channels == 1 else "RGB"
    lines = [f"{number(found.total)} pictures in {len(found.class_names)} classes, "
             f"as {found.size} x {found.size} {colour}"]
    lines += [f"  {name:<30}{number(a + b):>10}"
              for name, a, b in zip(found.class_names, found.counts, found.test_counts, strict=True)]
    if found.resized:
        lines.append(f"{number(found.resized)} are of another size and would be resized.")
    problem = [found.problem] if found.problem else []
    return "\n".join([*lines, *found.notes, *problem, *_skipped_lines(found.skipped)])


def _imported_text(done: Imported) -> str:
    d = done.description
    return "\n".join([
        f"{d.title} is here as {d.name}: {number(d.counts[0])} training and {number(d.counts[1])} test pictures, "
        f"{len(d.class_names)} classes, {d.size} x {d.size} {'grey' if d.channels == 1 else 'RGB'}.",
        *_skipped_lines(done.skipped)])


def _skipped_lines(skipped: tuple[Any, ...]) -> list[str]:
    if not skipped:
        return []
    lines = [f"{number(len(skipped))} files were left out:"]
    lines += [f"  {s.name}: {s.reason}" for s in skipped[:SHOWN]]
    return lines + ([f"  and {number(len(skipped) - SHOWN)} more (--json names all)"] if len(skipped) > SHOWN else [])


def _plain(found: Preview) -> dict[str, Any]:
    return {"classes": dict(zip(found.class_names, found.counts, strict=True)),
            "test": dict(zip(found.class_names, found.test_counts, strict=True)),
            "size": found.size, "channels": found.channels, "resized": found.resized, "problem": found.problem,
            "notes": list(found.notes), "left_out": [asdict(s) for s in found.skipped]}


def add_data_command(commands: Any, device: Callable[[argparse.ArgumentParser], None],
                     parser_class: type[argparse.ArgumentParser]) -> None:
    """The subcommand `data` and its own."""
    from engine.data.examine import RULES
    from engine.data.stored import SIZES

    data = commands.add_parser("data", help="data sets: list, download, import",
                               description="The data sets that are here, and getting, importing and removing them.")
    actions = data.add_subparsers(dest="action", metavar="action", required=True, parser_class=parser_class)
    listing = actions.add_parser("list", help="the data sets that are here or can be had")
    listing.add_argument("--json", action="store_true", help="all of it, for programs")
    download = actions.add_parser("download", help="download a set of the catalogue; goes on where it broke off")
    download.add_argument("name")
    use = actions.add_parser("use", help="take a set of the catalogue from a local file or folder")
    use.add_argument("name")
    use.add_argument("path", type=Path)
    importing = actions.add_parser(
        "import", help="import labelled pictures",
        description="Import a folder with one sub-folder a class, a .csv list with pictures beside it, or an .npz "
        "file.")
    importing.add_argument("path", type=Path)
    importing.add_argument("--title", help="what it is called (default: the folder's name)")
    importing.add_argument("--size", type=int, choices=SIZES,
                           help="height and width (default: as the pictures suggest)")
    importing.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 RGB (default: as they are)")
    importing.add_argument("--rule", choices=tuple(RULES), default="middle",
                           help="`middle`: the middle square; `whole`: all of the picture, the colour of its border "
                           "around it")
    importing.add_argument("--mirror", action="store_true", help="mirrored pictures are right too (no text, no digits)")
    importing.add_argument("--dry-run", action="store_true", help="say what would come of it, and import nothing")
    importing.add_argument("--json", action="store_true", help="all of it, for programs")
    removing = actions.add_parser("remove", help="remove what was downloaded or imported")
    removing.add_argument("name")
    judge = actions.add_parser("judge", help="train the judges of a data set")
    judge.add_argument("name")
    judge.add_argument("--again", action="store_true", help="train anew where there are some")
    judge.add_argument("--json", action="store_true", help="all of it, for programs")
    device(judge)
