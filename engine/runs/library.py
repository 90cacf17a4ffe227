"""The folder of runs: list, name, rename, trash."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from engine import paths
from engine.errors import BadRun, BadSetting
from engine.runs.atomic import fsync_folder, saving
from engine.runs.foreign import refuse_foreign
from engine.runs.info import read_info, write_info
from engine.runs.lock import RunLock
from engine.runs.reader import Run

TRASH = ".trash"
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f/\\:*?"<>|]')


def scan_runs(folder: str | Path) -> tuple[list[Run], list[tuple[Path, BadRun]]]:
    """Runs in a folder, newest first; and folders with a run.json that cannot be opened, with the reason."""
    runs: list[Run] = []
    problems: list[tuple[Path, BadRun]] = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return [], []
    for entry in entries:
        if entry.name.startswith(".") or not os.path.exists(os.path.join(entry.path, "run.json")):
            continue
        try:
            runs.append(Run.open(entry.path))
        except BadRun as error:
            problems.append((Path(entry.path), error))
    runs.sort(key=lambda run: run.info.created, reverse=True)
    return runs, problems


def list_runs(folder: str | Path) -> list[Run]:
    """Runs in a folder that can be opened, newest first."""
    return scan_runs(folder)[0]


def new_run_path(folder: str | Path, dataset: str, preset: str = "") -> Path:
    """A free name for a new run: `mnist-quick-01`, then `-02`, ..."""
    stem = "-".join(_NOT_IN_NAMES.sub("", part) for part in (dataset, preset) if part) or "run"
    for i in itertools.count(1):
        path = Path(folder) / f"{stem}-{i:02d}"
        if not path.exists():
            return path
    raise AssertionError("unreachable")


def rename_run(path: str | Path, new_name: str) -> Path:
    """Give a run and its folder a new name; returns the new path.

    Raises BadSetting for a name that cannot be, BadRun (read-only), RunLocked, SaveFailed.
    """
    folder = Path(path)
    name = new_name.strip()
    if not 1 <= len(name) <= 100 or name.startswith(".") or name.endswith(".") or _NOT_IN_NAMES.search(name):
        raise BadSetting("A run's name has 1 to 100 characters, does not begin or end with a dot, and has "
                         "none of / \\ : * ? \" < > |.")
    target = folder.parent / name
    if target != folder and target.exists() and not _same_file(target, folder):
        raise BadSetting(f"There is already a run called {name}.", "Choose another name.")
    lock = _lock_for_change(folder)
    try:
        write_info(folder, read_info(folder).changed(name=name))
        if target != folder:
            with saving(target):
                os.rename(folder, target)
                lock.moved(target)
                fsync_folder(target.parent)
    finally:
        lock.release()
    return target


def trash_run(path: str | Path) -> Path:
    """Move a run into the trash beside it, from where it can be taken back by hand; returns the new path.

    Raises BadRun (read-only), RunLocked, SaveFailed.
    """
    folder = Path(path)
    lock = _lock_for_change(folder)
    try:
        with saving(folder):
            trash = folder.parent / TRASH
            trash.mkdir(exist_ok=True)
            target = trash / folder.name
            for i in itertools.count(2):
                if not target.exists():
                    break
                target = trash / f"{folder.name} ({i})"
            os.rename(folder, target)
            lock.moved(target)
            fsync_folder(folder.parent)
    finally:
        lock.release()
    return target


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)  # a change of case only, where names do not tell it
    except OSError:
        return False


def _lock_for_change(folder: Path) -> RunLock:
    refuse_foreign(folder)  # a run whose run.json is damaged may still go to the trash
    if paths.is_bundled(folder):
        raise BadRun(f"{folder.name} ships with Diffuscope and is read-only.",
                     "Copy its folder to your runs first.")
    lock = RunLock(folder)
    lock.acquire()
    return lock
