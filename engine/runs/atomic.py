"""Saves that are there whole or not at all.

Everything is written under a temporary name in the folder where it will live, fsynced, and then renamed;
the folder is fsynced after that. What was there before is untouched until the new is complete, so a full
disk, a crash or a power cut costs at most the newest save. What a killed process left under such a name goes
with a later save beside it.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from engine.errors import DiffuscopeError

TEMPORARY = ".tmp-"
_ADVICE_FULL = "Free some space and try again; what was saved before is untouched."
CHUNK = 8 << 20  # bytes handed to the system at a time
# A save needs its own size free and some more, for the folders and for what others write meanwhile.
FREE_SPACE_FACTOR = 1.2
FREE_SPACE_CHECKED_ABOVE = 64 << 10  # bytes; below, the write itself tells soon enough
OLD_ENOUGH = 3600.0  # seconds after which a temporary of an unknown process counts as left over

_counter = itertools.count()
_TEMPORARY = re.compile(re.escape(TEMPORARY) + r"\d+-\d+-.+", re.DOTALL)
_WINDOWS_DISK_FULL = (39, 112)

Buffer = bytes | memoryview


class SaveFailed(DiffuscopeError):
    """A save that did not happen; what was saved before is untouched.

    disk_full: whether the disk (or the quota) had no room, which time may mend.
    """

    def __init__(self, headline: str, advice: str = "", *, disk_full: bool = False) -> None:
        super().__init__(headline, advice)
        self.disk_full = disk_full


def save_error(path: Path, error: BaseException) -> SaveFailed:
    """The failure of a save in words."""
    if isinstance(error, SaveFailed):
        return error
    full = isinstance(error, OSError) and (
        error.errno in (errno.ENOSPC, errno.EDQUOT) or getattr(error, "winerror", None) in _WINDOWS_DISK_FULL)
    full = full or (isinstance(error, SafetensorError) and "No space left" in str(error))
    if full:
        return SaveFailed(
            f"The disk is full: {path.name} was not saved in {path.parent}.",
            _ADVICE_FULL, disk_full=True)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SaveFailed(f"{path.name} could not be saved in {path.parent}: {reason}.",
                      "What was saved before is untouched.")


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn what a save may raise into one SaveFailed."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise save_error(path, error) from error


def temporary_beside(path: Path) -> Path:
    """A name beside `path` that no reader looks at, with the process id. What killed processes left there goes."""
    remove_leftovers(path.parent, all_of_them=False)
    return path.parent / f"{TEMPORARY}{os.getpid()}-{next(_counter)}-{path.name}"


def is_temporary(name: str) -> bool:
    """Whether a name was made by `temporary_beside`; one that merely begins so may be somebody's own."""
    return _TEMPORARY.fullmatch(name) is not None


def check_free_space(folder: Path, size: int) -> None:
    """Raise SaveFailed when `size` bytes would not fit; a file system that cannot say is believed."""
    if size < FREE_SPACE_CHECKED_ABOVE:
        return
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < FREE_SPACE_FACTOR * size:
        raise SaveFailed(
            f"The disk is nearly full: a save needs {size / 1e6:.1f} MB and {free / 1e6:.1f} MB are free in "
            f"{folder}.",
            _ADVICE_FULL, disk_full=True)


def write_all(descriptor: int, data: Buffer) -> None:
    """Write every byte; the system may take fewer than asked."""
    view = memoryview(data).cast("B")
    while len(view) > 0:
        view = view[os.write(descriptor, view[:CHUNK]):]


def write_new(path: Path, buffers: Iterable[Buffer]) -> tuple[int, str]:
    """Write a file that is not there yet and fsync it; returns its size and sha256.

    Raises OSError; the partial file is then left to the caller.
    """
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        for buffer in buffers:
            write_all(descriptor, buffer)
            digest.update(buffer)
            size += len(memoryview(buffer).cast("B"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size, digest.hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder last; where folders cannot be synced (Windows, some mounts) do nothing."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_file(path: Path, buffers: Sequence[Buffer]) -> None:
    """Write or replace one file. Raises SaveFailed; the old file is then as it was."""
    temporary = temporary_beside(path)
    check_free_space(path.parent, sum(len(memoryview(b).cast("B")) for b in buffers))
    with saving(path):
        try:
            write_new(temporary, buffers)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to fill with `write_new`; it takes the name `path` when the block ends well.

    `path` must not exist (or be empty). Raises SaveFailed; nothing is left then.
    """
    temporary = temporary_beside(path)
    with saving(path):
        try:
            temporary.mkdir(parents=False)
            yield temporary
            fsync_folder(temporary)
            os.rename(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        fsync_folder(path.parent)


def remove(path: Path) -> bool:
    """Take a file or folder away so that no reader sees half of it; whether it is gone."""
    away = temporary_beside(path)
    try:
        os.rename(path, away)
    except FileNotFoundError:
        return True
    except OSError:  # e.g. open in another program on Windows: the next thinning tries again
        return False
    if away.is_dir():
        shutil.rmtree(away, ignore_errors=True)
    else:
        with suppress(OSError):
            away.unlink()
    return True


def remove_leftovers(folder: Path, *, all_of_them: bool) -> int:
    """Remove what dead processes left half-written directly in a folder; returns how many.

    all_of_them: nobody else can be writing here (the caller holds the run's lock). Otherwise only those
    untouched for an hour go.
    """
    removed = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        if not is_temporary(entry.name):
            continue
        with suppress(OSError):
            if all_of_them or time.time() - _touched(entry) > OLD_ENOUGH:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
                removed += 1
    return removed


def _touched(entry: os.DirEntry[str]) -> float:
    """When a file was last written, or a folder or one of those in it last got a file."""
    times = [entry.stat(follow_symlinks=False).st_mtime]
    if entry.is_dir(follow_symlinks=False):
        with os.scandir(entry.path) as inside:
            times += [inner.stat(follow_symlinks=False).st_mtime for inner in inside]
    return max(times)
