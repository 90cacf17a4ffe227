"""Weights from a hub: a small one of our own serves them, cuts them short, promises another sum, or is not there."""

from __future__ import annotations

import errno
import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save

from engine.clip import hub as hub_module
from engine.clip import sources
from engine.clip.files import IN_DOMAIN_ARCHITECTURE
from engine.clip.hub import ClipDownloaded, ClipOffered, ask_hub, cached_file, download, offer_download
from engine.clip.loading import load_clip, new_in_domain
from engine.clip.sources import GeneralClip
from engine.errors import DiffuscopeError
from engine.events import JobProgress
from tests.engine.clip.small_hub import COMMIT, REPOSITORY, SmallHub

SMALL = GeneralClip(IN_DOMAIN_ARCHITECTURE, "random", REPOSITORY, 32, 3.8, 0.01, 10.0, 10.0)


@pytest.fixture(scope="module")
def weights() -> bytes:
    """A checkpoint of random weights, about 15 MB."""
    torch.manual_seed(3)
    return save({name: value.contiguous() for name, value in new_in_domain().network.state_dict().items()})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache in a folder of its own, the small model in the list."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(sources, "GENERAL", (SMALL,))
    return cache


@pytest.fixture
def served(weights: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    with SmallHub(weights) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


def run(work: Any) -> list[Any]:
    return list(work)


def parts(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.part"))


def test_the_offer_says_size_checksum_and_room(served: SmallHub, weights: bytes, elsewhere: Path) -> None:
    offered = [event for event in offer_download(SMALL) if isinstance(event, ClipOffered)]
    offer = offered[0].offer
    assert (offer.bytes, offer.sha256) == (len(weights), hashlib.sha256(weights).hexdigest())
    assert offer.have == 0
    assert offer.free > 0
    assert served.ranges == []  # nothing was fetched
    assert not elsewhere.exists()


def test_a_download_lands_where_huggingface_hub_looks_and_loads_as_open_clip_loads_it(
        served: SmallHub, weights: bytes, elsewhere: Path) -> None:
    events = run(download(ask_hub(SMALL)))
    done = events[-1]
    assert isinstance(done, ClipDownloaded)
    assert done.path == elsewhere / "models--someone--small-clip" / "snapshots" / COMMIT / "open_clip_model.safetensors"
    assert done.path.read_bytes() == weights
    assert cached_file(SMALL) == done.path
    assert parts(elsewhere) == []
    from huggingface_hub import hf_hub_download

    again = hf_hub_download(REPOSITORY, "open_clip_model.safetensors", cache_dir=elsewhere, endpoint=served.endpoint)
    assert Path(again) == done.path
    assert len(served.ranges) == 1  # huggingface_hub found it whole and fetched nothing

    mine = load_clip(SMALL.source)
    theirs = open_clip.create_model(IN_DOMAIN_ARCHITECTURE, pretrained=str(done.path)).eval()
    picture = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(mine.network.encode_image(picture), theirs.encode_image(picture))
    assert mine.sha256 == hashlib.sha256(weights).hexdigest()


def test_progress_counts_bytes(served: SmallHub, weights: bytes) -> None:
    served.wait = threading.Event()
    work = download(ask_hub(SMALL))
    first = next(work)
    assert isinstance(first, JobProgress)
    assert (first.total, first.unit) == (len(weights), "bytes")
    served.wait.set()
    counts = [event.n for event in work if isinstance(event, JobProgress)]
    assert counts == sorted(counts)


def test_a_cancelled_download_keeps_what_came_and_goes_on_there(served: SmallHub, elsewhere: Path,
                                                                weights: bytes) -> None:
    served.wait = threading.Event()
    work = download(ask_hub(SMALL))
    next(work)
    assert served.served.wait(5)
    while not (here := parts(elsewhere)) or not here[0].stat().st_size:
        next(work)
    served.wait.set()
    work.close()
    assert cached_file(SMALL) is None
    kept = parts(elsewhere)[0].stat().st_size
    assert 0 < kept < len(weights)
    served.wait = None
    offer = ask_hub(SMALL)
    assert offer.have == kept
    assert isinstance(run(download(offer))[-1], ClipDownloaded)
    assert served.ranges[-1] == f"bytes={kept}-"


def test_a_cut_connection_is_taken_up_again_by_itself(served: SmallHub) -> None:
    served.cuts = [1 << 20, 1 << 20]
    assert isinstance(run(download(ask_hub(SMALL)))[-1], ClipDownloaded)
    assert len(served.ranges) == 3
    assert served.ranges[0] is None
    assert served.ranges[1] is not None


def test_one_that_is_cut_too_often_says_how_far_it_came_and_resumes_later(served: SmallHub, elsewhere: Path) -> None:
    served.cuts = [1 << 20] * hub_module.ATTEMPTS
    with pytest.raises(DiffuscopeError, match=r"ended at 3\.1 of 15\.\d MB") as found:
        run(download(ask_hub(SMALL)))
    assert "goes on there" in found.value.advice
    assert parts(elsewhere)[0].stat().st_size == 3 << 20
    assert isinstance(run(download(ask_hub(SMALL)))[-1], ClipDownloaded)
    assert served.ranges[-1] == f"bytes={3 << 20}-"


def test_a_hub_without_ranges_sends_all_of_it_again(served: SmallHub) -> None:
    served.cuts, served.knows_ranges = [1 << 20], False
    assert isinstance(run(download(ask_hub(SMALL)))[-1], ClipDownloaded)


def test_a_wrong_checksum_is_told_and_nothing_is_kept(served: SmallHub, elsewhere: Path) -> None:
    served.promised = "ab" * 32
    with pytest.raises(DiffuscopeError, match="checksum differs"):
        run(download(ask_hub(SMALL)))
    assert parts(elsewhere) == []
    assert cached_file(SMALL) is None


def test_a_file_that_is_not_there(served: SmallHub) -> None:
    served.status = 404
    with pytest.raises(DiffuscopeError, match=r"has no open_clip_model\.safetensors"):
        run(offer_download(SMALL))


def test_a_hub_that_fails(served: SmallHub) -> None:
    served.status = 503
    with pytest.raises(DiffuscopeError, match="503"):
        ask_hub(SMALL)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(DiffuscopeError, match="cannot be reached") as found:
            ask_hub(SMALL)
    assert "file of weights" in found.value.advice
    from huggingface_hub import close_session

    close_session()


def test_no_room_is_told_before_a_byte_is_fetched(served: SmallHub, monkeypatch: pytest.MonkeyPatch,
                                                  elsewhere: Path) -> None:
    offer = ask_hub(SMALL)
    monkeypatch.setattr(hub_module, "free_bytes", lambda _: 1_000_000)
    with pytest.raises(DiffuscopeError, match="need 15 MB"):
        run(download(offer))
    assert served.ranges == []
    assert not elsewhere.exists()


def test_a_disk_that_fills_is_told_and_what_came_is_kept(served: SmallHub, monkeypatch: pytest.MonkeyPatch,
                                                         elsewhere: Path) -> None:
    real = hub_module._Fetch._write

    def write(self: Any, answer: Any, part: Path) -> None:
        real(self, answer, part)
        part.write_bytes(part.read_bytes()[: 1 << 20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hub_module._Fetch, "_write", write)
    with pytest.raises(DiffuscopeError, match="disk is full"):
        run(download(ask_hub(SMALL)))
    assert parts(elsewhere)[0].stat().st_size == 1 << 20
    monkeypatch.setattr(hub_module._Fetch, "_write", real)
    assert isinstance(run(download(ask_hub(SMALL)))[-1], ClipDownloaded)


def test_weights_that_are_not_here_are_told_with_their_size() -> None:
    with pytest.raises(DiffuscopeError, match="about 15 MB"):
        load_clip(SMALL.source)
