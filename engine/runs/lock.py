"""One writer for a run: `run.lock` says which process, on which computer, since when.

Reading needs no lock. A lock whose process is gone is stale: it is taken over, with a sentence that says so.
Whether a process is still the same one is told by its start time too, since process ids come again.
"""

from __future__ import annotations

import json
import os
import socket
import weakref
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import BadRun, RunLocked
from engine.runs.atomic import SaveFailed, write_file
from engine.runs.jsontext import readable

LOCK_FILE = "run.lock"
GUARD_FILE = ".run.lock.guard"  # held by the system's own lock while run.lock is looked at and replaced
GUARD_SECONDS = 10.0

_held: weakref.WeakValueDictionary[str, RunLock] = weakref.WeakValueDictionary()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wrote a run.lock."""

    pid: int
    host: str
    since: str
    process: str  # tells one process from a later one with the same id; empty where the system cannot say

    @property
    def here(self) -> bool:
        """Whether it is this very process."""
        return self.pid == os.getpid() and self.host == socket.gethostname()

    def alive(self, folder: Path) -> bool:
        """Whether the lock must be respected; a process on another computer is taken to live."""
        if self.host != socket.gethostname():
            return True
        if self.pid == os.getpid():
            same = not self.process or self.process == process_mark(self.pid)
            return same and str(_key(folder)) in _held
        return process_alive(self.pid) and self.process in ("", process_mark(self.pid))

    def words(self) -> str:
        """For a sentence: "process 4711 on anvil, since 2026-01-02 10:00"."""
        since = f", since {self.since[:16].replace('T', ' ')}" if self.since else ""
        return f"{'this program, ' if self.here else ''}process {self.pid} on {self.host}{since}"

    def ended(self) -> str:
        """Of a process that is gone: "Process 4711 on anvil, which wrote this run, ended without closing it"."""
        who = f"Process {self.pid} on {self.host}, which wrote this run," if self.pid else \
            "The program that wrote this run"
        return f"{who} ended without closing it"


def _key(folder: Path) -> Path:
    return Path(folder).resolve()


def process_alive(pid: int) -> bool:
    """Whether a process of that id runs on this computer (a zombie does not)."""
    if pid <= 0:
        return False
    if os.name == "nt":
        return _alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process
        return True
    fields = _proc_stat(pid)
    return not fields or fields[0] != "Z"


def _alive_on_windows(pid: int) -> bool:
    import ctypes

    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return bool(kernel.GetLastError() == 5)  # access denied: it is there
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE


def _proc_stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    except OSError:
        return []


@lru_cache(maxsize=1)
def _boot_mark() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def process_mark(pid: int) -> str:
    """What a later process with the same id cannot have: boot and start time. Empty where unknown."""
    fields = _proc_stat(pid)
    return f"{_boot_mark()}:{fields[19]}" if len(fields) > 19 else ""


def read_holder(folder: Path) -> Holder | None:
    """Who wrote the run.lock of a folder, alive or not; None without one. An unreadable one is nobody's."""
    try:
        values = json.loads((folder / LOCK_FILE).read_bytes())
        return Holder(int(values["pid"]), str(values["host"]), str(values.get("since", "")),
                      str(values.get("process", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(0, socket.gethostname(), "", "")


def locked_by(folder: Path) -> Holder | None:
    """The living writer of a run, else None."""
    holder = read_holder(folder)
    return holder if holder is not None and holder.alive(folder) else None


def left_by(folder: Path) -> Holder | None:
    """Who left a run's lock behind and is gone, else None."""
    holder = read_holder(folder)
    return holder if holder is not None and not holder.alive(folder) else None


class RunLock:
    """The right to write one run folder, held from `acquire` to `release`.

    notice: one sentence when a stale lock was taken over, else empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.notice = ""

    def acquire(self) -> None:
        """Take the lock. Raises RunLocked (names process and computer), BadRun (nothing can be written)."""
        from filelock import FileLock, Timeout  # only who writes a run waits for it to load

        guard = FileLock(self.folder / GUARD_FILE, timeout=GUARD_SECONDS)
        try:
            with guard:
                self._take()
        except Timeout:
            raise RunLocked(f"{self.folder.name} is just being opened by another process.",
                            "Try again in a moment.") from None
        except SaveFailed as error:
            raise BadRun(f"{self.folder.name} cannot be written: {error.headline}", error.advice) from None
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BadRun(f"{self.folder.name} cannot be written: {reason}.",
                         "It can still be looked at.") from None

    def _take(self) -> None:
        holder = read_holder(self.folder)
        if holder is not None:
            if holder.alive(self.folder):
                elsewhere = holder.host != socket.gethostname()
                raise RunLocked(
                    f"{self.folder.name} is being written by {holder.words()}.",
                    f"If nothing on {holder.host} trains it any more, delete {self.folder / LOCK_FILE}."
                    if elsewhere else "Stop it there first, or open the run only to look.")
            self.notice = f"{holder.ended()}; the run continues from its last save."
        write_file(self.folder / LOCK_FILE, [readable({
            "pid": os.getpid(), "host": socket.gethostname(),
            "since": datetime.now().astimezone().isoformat(timespec="seconds"),
            "process": process_mark(os.getpid()), "app": "diffuscope",
        })])
        _held[str(_key(self.folder))] = self

    def moved(self, folder: Path) -> None:
        """The folder was renamed while the lock was held."""
        _held.pop(str(_key(self.folder)), None)
        self.folder = Path(folder)
        _held[str(_key(self.folder))] = self

    def release(self) -> None:
        """Give the lock back; twice does no harm, and another's lock stays."""
        key = str(_key(self.folder))
        if _held.get(key) is not self:
            return
        holder = read_holder(self.folder)
        if holder is not None and holder.here:
            with suppress(OSError):
                (self.folder / LOCK_FILE).unlink()
        del _held[key]
