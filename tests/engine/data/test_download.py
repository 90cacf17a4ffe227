"""Downloads against a server of our own: checked, resumed, from mirrors in turn, and stopped."""

import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset
from engine.data.download import DownloadFailed, download
from engine.data.known import Known, Remote
from engine.events import JobProgress, Tick

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()


@dataclass
class Served:
    """What the server does: answers by path, and what it was asked."""

    status: dict[str, int] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)  # bytes after which it breaks off, once
    slow: set[str] = field(default_factory=set)
    ranges: bool = True
    etag: str = '"one"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    base: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Served]:
    served = Served()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            served.asked.append((self.path, wanted))
            if (status := served.status.get(self.path, 200)) != 200:
                self.send_error(status)
                return
            data, begin = served.content.get(self.path, CONTENT), 0
            if wanted and served.ranges and self.headers.get("If-Range") == served.etag:
                begin = int(wanted.removeprefix("bytes=").split("-")[0])
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - begin))
            self.send_header("ETag", served.etag)
            self.end_headers()
            end = served.cut.pop(self.path, len(data))
            try:
                if self.path in served.slow:
                    self.wfile.write(data[begin : begin + 1000])
                    self.wfile.flush()
                    served.stop.wait(10)
                    return
                self.wfile.write(data[begin:end])
            except OSError:
                pass  # who asked has left

        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.base = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield served
    served.stop.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def known_of(*urls: str, content: bytes = CONTENT) -> Known:
    remote = Remote("data.bin", urls, len(content), hashlib.md5(content).hexdigest())
    return Known("set", "Set", ("a", "b"), 1, 28, (1, 1), "", "", ("data.bin",), lambda folder: Dataset, (remote,))


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_arrives_with_progress_in_bytes(server: Served, tmp_path: Path) -> None:
    events = list(download(known_of(f"{server.base}/a"), tmp_path / "set"))
    assert (tmp_path / "set" / "data.bin").read_bytes() == CONTENT
    assert left(tmp_path / "set") == ["data.bin"]
    progress = [e for e in events if isinstance(e, JobProgress)]
    assert {e.unit for e in progress} == {"bytes"}
    assert progress[0].n == 0
    assert progress[-1].n == progress[-1].total == len(CONTENT)
    assert [e.n for e in progress] == sorted(e.n for e in progress)
    assert all(isinstance(e, JobProgress | Tick) for e in events)
    # What is there and agrees is not downloaded again.
    list(download(known_of(f"{server.base}/a"), tmp_path / "set"))
    assert len(server.asked) == 1


def test_it_goes_on_where_it_broke_off(server: Served, tmp_path: Path) -> None:
    server.cut["/a"] = 200_000
    with pytest.raises(DownloadFailed, match=r"broke off|IncompleteRead"):
        list(download(known_of(f"{server.base}/a"), tmp_path))
    there = (tmp_path / "data.bin.part").stat().st_size
    assert there > 0
    list(download(known_of(f"{server.base}/a"), tmp_path))
    assert server.asked[-1] == ("/a", f"bytes={there}-")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert left(tmp_path) == ["data.bin"]


@pytest.mark.parametrize("change", ["another version", "no ranges"])
def test_where_it_cannot_go_on_it_begins_again(server: Served, tmp_path: Path, change: str) -> None:
    server.cut["/a"] = 200_000
    with pytest.raises(DownloadFailed):
        list(download(known_of(f"{server.base}/a"), tmp_path))
    if change == "no ranges":
        server.ranges = False
    else:
        server.etag = '"two"'
    list(download(known_of(f"{server.base}/a"), tmp_path))
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_mirrors_are_tried_in_turn(server: Served, tmp_path: Path) -> None:
    server.status |= {"/forbidden": 403, "/busy": 503}
    server.content["/wrong"] = CONTENT[:-1] + b"?"
    urls = [f"{server.base}/{name}" for name in ("forbidden", "busy", "wrong", "good")]
    list(download(known_of(*urls), tmp_path))
    assert [path for path, _ in server.asked] == ["/forbidden", "/busy", "/wrong", "/good"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_when_no_mirror_has_it_each_reason_is_told(server: Served, tmp_path: Path) -> None:
    server.status |= {"/forbidden": 403, "/busy": 503}
    server.content["/wrong"] = CONTENT[:-1] + b"?"
    urls = [f"{server.base}/{name}" for name in ("forbidden", "busy", "wrong")]
    with pytest.raises(DownloadFailed) as caught:
        list(download(known_of(*urls), tmp_path))
    assert [reason.split(" ")[:2] for _, reason in caught.value.reasons] == [
        ["HTTP", "403"], ["HTTP", "503"], ["the", "checksum"]]
    assert "choose a local file" in caught.value.advice
    assert left(tmp_path) == []  # what does not agree is not kept


def test_a_host_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1"):
        list(download(known_of("http://127.0.0.1:9/a"), tmp_path))


def test_closing_stops_it_and_keeps_what_arrived(server: Served, tmp_path: Path) -> None:
    server.slow.add("/a")
    work = download(known_of(f"{server.base}/a"), tmp_path)
    for event in work:
        if isinstance(event, JobProgress) and event.n:
            break
    work.close()
    server.stop.set()
    deadline = time.monotonic() + 5
    while any(t.name.startswith("download") for t in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(t.name.startswith("download") for t in threading.enumerate())
    assert "data.bin" not in left(tmp_path)
    server.slow.clear()
    list(download(known_of(f"{server.base}/a"), tmp_path))
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_sends_without_end_is_left(server: Served, tmp_path: Path) -> None:
    server.content["/a"] = bytes(2_000_000)
    known = known_of(f"{server.base}/a", content=CONTENT[:1000])
    with pytest.raises(DownloadFailed, match="more than the file can be"):
        list(download(known, tmp_path))
    assert (tmp_path / "data.bin.part").stat().st_size < 500_000


def test_what_was_downloaded_is_unpacked(server: Served, tmp_path: Path) -> None:
    def unpack(folder: Path) -> None:
        (folder / "data.bin").rename(folder / "unpacked")

    list(download(replace(known_of(f"{server.base}/a"), unpack=unpack), tmp_path))
    assert left(tmp_path) == ["unpacked"]
