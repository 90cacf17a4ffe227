"""Downloads of data sets: on request only, with progress, resumed where they broke off, from mirrors in turn.

The network is read in a thread of its own, so that a server that does not answer keeps nobody waiting; the generator
only looks what has arrived. A file takes its name once its checksum agrees; until then it is NAME.part, which the next
try goes on with.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.data.known import Known, Remote
from engine.errors import DiffuscopeError
from engine.events import Event, JobProgress, Tick
from engine.runs.atomic import check_free_space, saving

CHUNK = 1 << 16
TIMEOUT = 20.0  # seconds that a server may be silent
WAIT = 0.02  # seconds between two looks
AGENT = "Diffuscope"


class DownloadFailed(DiffuscopeError):
    """No mirror gave the file. reasons: what each said."""

    def __init__(self, remote: Remote, reasons: list[tuple[str, str]]) -> None:
        told = "; ".join(f"{host}: {reason}" for host, reason in reasons)
        super().__init__(f"{remote.name} could not be downloaded ({told}).",
                         "Try again later, or choose a local file. What arrived is kept.")
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class _Arrived:
    """From the thread: bytes on the disk so far, or how it ended."""

    size: int = 0
    total: int = 0
    done: bool = False
    problem: str = ""


def download(known: Known, folder: Path) -> Generator[Event, Any, None]:
    """Download what a set needs into `folder` and unpack it: JobProgress in bytes, a Tick while nothing arrives.

    Closing it stops the download; the next one goes on where it was. Raises DownloadFailed, or SaveFailed where the
    disk is full.
    """
    with saving(folder):
        folder.mkdir(parents=True, exist_ok=True)
    check_free_space(folder, known.download_bytes)
    total = known.download_bytes
    done = 0
    yield JobProgress(0, total, "bytes")
    for remote in known.remotes:
        if not _whole(folder / remote.name, remote):
            yield from _fetch(remote, folder, done, total)
        done += remote.size
        yield JobProgress(done, total, "bytes")
    if known.unpack is not None:
        known.unpack(folder)


def _fetch(remote: Remote, folder: Path, before: int, total: int) -> Generator[Event, Any, None]:
    reasons: list[tuple[str, str]] = []
    for url in remote.urls:
        stop = threading.Event()
        arrived: queue.SimpleQueue[_Arrived] = queue.SimpleQueue()
        thread = threading.Thread(target=_receive, args=(url, remote, folder, stop, arrived), daemon=True,
                                  name=f"download {remote.name}")
        thread.start()
        try:
            while True:
                try:
                    news = arrived.get(timeout=WAIT)
                except queue.Empty:
                    yield Tick()
                    continue
                if news.done:
                    break
                yield JobProgress(min(before + news.size, total), total, "bytes")
        finally:
            stop.set()
            thread.join(timeout=0.5)  # a silent server ends by its own timeout
        if not news.problem:
            return
        reasons.append((urlsplit(url).hostname or url, news.problem))
    raise DownloadFailed(remote, reasons)


def _receive(url: str, remote: Remote, folder: Path, stop: threading.Event,
             arrived: queue.SimpleQueue[_Arrived]) -> None:
    """The thread: write NAME.part, check it, and give it its name."""
    problem = ""
    try:
        problem = _try(url, remote, folder, stop, arrived)
    except urllib.error.HTTPError as error:
        problem = f"HTTP {error.code} {error.reason}".strip()
        error.close()
    except urllib.error.URLError as error:
        problem = str(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        problem = str(error) or type(error).__name__
    arrived.put(_Arrived(done=True, problem=problem))


def _try(url: str, remote: Remote, folder: Path, stop: threading.Event,
         arrived: queue.SimpleQueue[_Arrived]) -> str:
    part, note = folder / f"{remote.name}.part", folder / f"{remote.name}.part.json"
    there = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    mark = _mark(note, url) if there else ""
    if mark:
        headers |= {"Range": f"bytes={there}-", "If-Range": mark}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as response:
        resumed = bool(mark) and response.status == 206 and \
            response.headers.get("Content-Range", "").startswith(f"bytes {there}-")
        size = there if resumed else 0
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        note.write_text(json.dumps({"url": url, "mark": "" if validator.startswith("W/") else validator}),
                        encoding="utf-8")
        length = response.headers.get("Content-Length")
        expected = size + int(length) if length is not None else None
        with open(part, "r+b" if resumed else "wb") as file:
            file.seek(size)
            file.truncate()
            while not stop.is_set():
                data = response.read1(CHUNK)
                if not data or stop.is_set():
                    break
                file.write(data)
                size += len(data)
                if size > 2 * remote.size + CHUNK:
                    return "it sends more than the file can be"
                arrived.put(_Arrived(size, remote.size))
            file.flush()
            os.fsync(file.fileno())
    if stop.is_set():
        return "stopped"
    if expected is not None and size < expected:
        return f"it broke off after {size} of {expected} bytes"
    if not _agrees(part, remote):
        with suppress(OSError):
            part.unlink()
            note.unlink()
        return "the checksum differs from the published one"
    os.replace(part, folder / remote.name)
    with suppress(OSError):
        note.unlink()
    return ""


def _mark(note: Path, url: str) -> str:
    """By what the server knows the version of the file that NAME.part began with; empty for another server's."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        return str(told["mark"]) if told["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _whole(path: Path, remote: Remote) -> bool:
    """Whether the file is there and is the published one."""
    return path.is_file() and _agrees(path, remote)


def _agrees(path: Path, remote: Remote) -> bool:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest() == remote.md5
