"""Published weights from the hub into the usual cache of Hugging Face: asked about, downloaded, checked. No torch.

huggingface_hub finds the file and says its size and checksum. Its own download knows neither cancelling nor going on
where an earlier one ended, and does not check the sum; so the bytes are fetched here, into a part file beside the
cache's blobs. A thread of its own does nothing but this, for a network may keep anybody waiting: the generator only
looks how far it is.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.clip.sources import WEIGHTS_NAME, GeneralClip
from engine.errors import DiffuscopeError
from engine.events import Event, JobProgress
from engine.settings import number

TIMEOUT = 10.0  # seconds without a byte
ATTEMPTS = 3  # in one download, each going on where the last ended
SPARE_BYTES = 200_000_000  # that stay free on the disk
POLL = 0.02  # seconds between two looks at the thread
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Offer:
    """What the hub says of a file. have: bytes of it that an earlier download left. free: on the cache's disk."""

    known: GeneralClip
    url: str
    bytes: int
    sha256: str
    commit: str
    have: int
    free: int
    folder: Path  # of the repository in the cache


@dataclass(frozen=True, slots=True)
class ClipOffered(Event):
    """The answer to the question what a download takes."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class ClipDownloaded(Event):
    """The weights are in the cache and their checksum is right."""

    source: str
    path: Path


def cache_dir() -> Path:
    """The cache of Hugging Face, as its own variables place it."""
    if (told := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")) is not None and told:
        return Path(told).expanduser()
    home = os.environ.get("HF_HOME")
    base = Path(home).expanduser() if home else \
        Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface"
    return base / "hub"


def _folder(known: GeneralClip) -> Path:
    return cache_dir() / f"models--{known.repository.replace('/', '--')}"


def cached_file(known: GeneralClip) -> Path | None:
    """The weights in the cache, whoever put them there; None where they are not."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(known.repository, WEIGHTS_NAME, cache_dir=cache_dir())
    return Path(found) if isinstance(found, str) else None


def _part(folder: Path, sha256: str) -> Path:
    return folder / "blobs" / f"{sha256}.part"


def free_bytes(folder: Path) -> int:
    """What is free on the disk of a folder that may not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def ask_hub(known: GeneralClip) -> Offer:
    """Size and checksum of the weights. Raises DiffuscopeError where the hub is not reached or has no such file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT") or None
    url = hf_hub_url(known.repository, WEIGHTS_NAME, endpoint=endpoint)
    try:
        told = get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=endpoint)
    except (EntryNotFoundError, RepositoryNotFoundError):
        raise DiffuscopeError(f"The hub has no {WEIGHTS_NAME} in {known.repository}.",
                              "Choose other weights, or a file of them.") from None
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "with an error")
        raise DiffuscopeError(f"The hub refuses {known.repository}: it answers {status}.", "Try again later.") from None
    except Exception as error:  # the session's own types for no name, no route, no answer
        raise _unreachable(error) from None
    sha256 = (told.etag or "").lower()
    if len(sha256) != 64 or told.size is None or not told.commit_hash:
        raise DiffuscopeError(f"The hub states no size and checksum for {known.repository}, so it is not downloaded.")
    folder = _folder(known)
    part = _part(folder, sha256)
    return Offer(known, told.location, told.size, sha256, told.commit_hash,
                 min(part.stat().st_size, told.size) if part.exists() else 0, free_bytes(folder), folder)


def _unreachable(error: Exception) -> DiffuscopeError:
    return DiffuscopeError(f"The hub cannot be reached ({type(error).__name__}).",
                           "What is here still works. Try again with a network, or choose a file of weights.")


@dataclass
class _Fetch:
    """What the thread and the generator know of each other."""

    offer: Offer
    done: int = 0
    failure: DiffuscopeError | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """In the thread."""
        try:
            self._get()
        except DiffuscopeError as error:
            self.failure = error
        except OSError as error:
            full = error.errno == errno.ENOSPC
            self.failure = DiffuscopeError(
                "The disk is full." if full else f"The weights cannot be written: {error.strerror or error}.",
                f"What came is kept in {self.offer.folder}; make room and download again, it goes on there."
                if full else f"They belong in {self.offer.folder}.")
        except Exception as error:  # nothing may end this thread without a word
            self.failure = DiffuscopeError(f"The download failed ({type(error).__name__}).", "Download again.")
        finally:
            self.ended.set()

    def _get(self) -> None:
        offer, part = self.offer, _part(self.offer.folder, self.offer.sha256)
        part.parent.mkdir(parents=True, exist_ok=True)
        last: Exception | None = None
        for _ in range(ATTEMPTS):
            self.done = part.stat().st_size if part.exists() else 0
            if self.done > offer.bytes:  # not of this file
                part.unlink()
                self.done = 0
            if self.done == offer.bytes or self.stop.is_set():
                break
            last = self._attempt(part)
        if self.stop.is_set():
            return
        if self.done < offer.bytes:
            raise DiffuscopeError(
                f"The connection ended at {_mb(self.done)} of {_mb(offer.bytes)} MB"
                f"{f' ({type(last).__name__})' if last is not None else ''}.",
                "What came is kept: download again, it goes on there.")
        self._check(part)

    def _attempt(self, part: Path) -> Exception | None:
        """Go on where the part file ends; what ended it early, if anything did."""
        from huggingface_hub import get_session

        headers = {"Range": f"bytes={self.done}-"} if self.done else {}
        headers["Accept-Encoding"] = "identity"
        try:
            with get_session().stream("GET", self.offer.url, headers=headers, timeout=TIMEOUT,
                                      follow_redirects=True) as answer:
                if answer.status_code not in (200, 206):
                    raise DiffuscopeError(f"The hub answers {answer.status_code} instead of the weights.",
                                          "Try again later, or choose a file of weights.")
                if answer.status_code == 200:  # it knows no ranges: from the beginning
                    self.done = 0
                self._write(answer, part)
        except (DiffuscopeError, OSError):
            raise
        except Exception as error:  # the session's own types for what a network does
            return error
        return None

    def _write(self, answer: Any, part: Path) -> None:
        with part.open("ab" if self.done else "wb") as file:
            for chunk in answer.iter_bytes(CHUNK):
                if self.stop.is_set():
                    return
                file.write(chunk)
                self.done += len(chunk)
                if self.done > self.offer.bytes:
                    break

    def _check(self, part: Path) -> None:
        digest = hashlib.sha256()
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                if self.stop.is_set():
                    return
        if digest.hexdigest() != self.offer.sha256:
            part.unlink()
            raise DiffuscopeError("What was downloaded is not what the hub promised: its checksum differs.",
                                  "It was deleted; download again.")
        _place(self.offer, part)


def _place(offer: Offer, part: Path) -> Path:
    """Move the checked file to where huggingface_hub looks for it."""
    blob = offer.folder / "blobs" / offer.sha256
    pointer = offer.folder / "snapshots" / offer.commit / WEIGHTS_NAME
    reference = offer.folder / "refs" / "main"
    for folder in (pointer.parent, reference.parent):
        folder.mkdir(parents=True, exist_ok=True)
    os.replace(part, blob)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:  # no links here: the file itself, as huggingface_hub does
        os.replace(blob, pointer)
    reference.write_text(offer.commit, encoding="utf-8")
    return pointer


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f}"


def offer_download(known: GeneralClip) -> Generator[Event, Any, None]:
    """What a download takes, as a job: ClipOffered. Raises what `ask_hub` raises."""
    answer: list[Offer | Exception] = []

    def ask() -> None:
        try:
            answer.append(ask_hub(known))
        except Exception as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="clip-offer", daemon=True)
    thread.start()
    yield JobProgress(0, 0, "bytes")
    while thread.is_alive():
        thread.join(POLL)
        yield JobProgress(0, 0, "bytes")
    found = answer[0]
    if isinstance(found, Exception):
        raise found
    yield ClipOffered(found)


def download(offer: Offer) -> Generator[Event, Any, None]:
    """Download what was offered, as a job: progress in bytes, then ClipDownloaded. Closing it keeps what came.

    Raises DiffuscopeError for a disk without room (before a byte is fetched, or when it fills), a connection that
    ends, an answer that is none, or a wrong checksum, after which nothing is kept.
    """
    need = offer.bytes - offer.have + SPARE_BYTES
    if (free := free_bytes(offer.folder)) < need:
        raise DiffuscopeError(f"The weights need {number(round((offer.bytes - offer.have) / 1e6))} MB in "
                              f"{offer.folder.parent}; {number(round(free / 1e6))} MB are free there.",
                              "Make room; nothing was downloaded.")
    fetch = _Fetch(offer, offer.have)
    thread = threading.Thread(target=fetch.run, name="clip-download", daemon=True)
    thread.start()
    try:
        while not fetch.ended.wait(POLL):
            yield JobProgress(min(fetch.done, offer.bytes), offer.bytes, "bytes")
    finally:
        fetch.stop.set()
        thread.join(TIMEOUT if fetch.ended.is_set() else 1.0)
    if fetch.failure is not None:
        raise fetch.failure
    path = cached_file(offer.known)
    if path is None:
        raise DiffuscopeError(f"The weights were downloaded but are not in {offer.folder}.", "Download again.")
    yield ClipDownloaded(offer.known.source, path)
