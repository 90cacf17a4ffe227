"""A hub of our own on 127.0.0.1: one repository with one file, and the faults that a real one may have."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "someone/small-clip"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 1 << 16


@dataclass
class SmallHub:
    """content: the file. promised: the checksum told, None for the right one. cuts: after how many bytes of the answer
    each of the next downloads ends; empty: never. ranges: what was asked for. wait: is waited for before each piece."""

    content: bytes
    promised: str | None = None
    cuts: list[int] = field(default_factory=list)
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)
    knows_ranges: bool = True
    wait: threading.Event | None = None
    served: threading.Event = field(default_factory=threading.Event)  # a first piece has gone

    def __enter__(self) -> SmallHub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _missing(self) -> bool:
                wanted = f"/{REPOSITORY}/resolve/main/open_clip_model.safetensors"
                if self.path == wanted and hub.status == 200:
                    return False
                self.send_response(404 if hub.status == 200 else hub.status)
                if hub.status in (200, 404):
                    self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return True

            def _told(self, status: int, length: int) -> None:
                self.send_response(status)
                self.send_header("ETag", f'"{hub.promised or hashlib.sha256(hub.content).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(length))
                self.send_header("Accept-Ranges", "bytes")

            def do_HEAD(self) -> None:
                if not self._missing():
                    self._told(200, len(hub.content))
                    self.end_headers()

            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                hub.ranges.append(asked)
                if self._missing():
                    return
                found = re.fullmatch(r"bytes=(\d+)-", asked or "")
                begin = int(found[1]) if found and hub.knows_ranges else 0
                rest = hub.content[begin:]
                self._told(206 if begin else 200, len(rest))
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(hub.content) - 1}/{len(hub.content)}")
                self.end_headers()
                end = hub.cuts.pop(0) if hub.cuts else len(rest)
                try:
                    for place in range(0, min(end, len(rest)), PIECE):
                        if place and hub.wait is not None:
                            hub.wait.wait(10)
                        self.wfile.write(rest[place : min(place + PIECE, end)])
                        hub.served.set()
                except OSError:  # whoever asked has gone
                    pass
                if end < len(rest):
                    self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    @property
    def endpoint(self) -> str:
        """Its address, for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        if self.wait is not None:
            self.wait.set()
        from huggingface_hub import close_session

        close_session()  # lets go of the connections, whose threads then end
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
