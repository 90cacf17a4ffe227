"""How fast pictures are imported, and what becomes of damaged and hostile files: as JSON.

    python benchmarks/import_pictures.py [--pictures 10000] [--size 64] [--hostile 1000]

Makes JPEG pictures of SIZE x SIZE in ten classes and imports them as the command line does: seconds of preview and
import, and the longest time between two events, which is how long a window would wait for Cancel. Then makes hostile
files of twelve kinds beside a few good ones: each must be left out with a reason, and nothing outside may be read.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.data.importing import Imported, ImportRequest, Preview, import_pictures, preview
from engine.device import cpu_name
from engine.events import Event

E = TypeVar("E", bound=Event)

GOOD = 50  # pictures beside the hostile ones, in each of two classes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--hostile", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="diffuscope-import-") as folder:
        os.environ["DIFFUSCOPE_HOME"] = str(Path(folder) / "home")
        result = {"cpu": cpu_name(), **timed(Path(folder) / "good", args.pictures, args.size),
                  **hostile(Path(folder), args.hostile)}
    print(json.dumps(result, indent=2))
    return 0 if result["hostile_left_out"] == args.hostile and not result["followed"] else 1


def timed(root: Path, count: int, size: int) -> dict[str, object]:
    """Preview and import of `count` pictures."""
    rng = np.random.default_rng(0)
    for label in range(10):
        (root / f"class {label}").mkdir(parents=True)
    for i in range(count):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC).save(
            root / f"class {i % 10}" / f"{i:06}.jpg", quality=90)
    began = time.perf_counter()
    _, looked = run(preview(ImportRequest(root)), Preview)
    previewed = time.perf_counter() - began
    began = time.perf_counter()
    done, pause = run(import_pictures(ImportRequest(root, size=32, channels=3)), Imported)
    imported = time.perf_counter() - began
    return {"pictures": sum(done.description.counts), "picture_size": size,
            "preview_seconds": round(previewed, 2), "import_seconds": round(imported, 2),
            "longest_between_events": round(max(looked, pause), 3)}


def hostile(folder: Path, count: int) -> dict[str, object]:
    """A class of hostile files beside good pictures, looked at."""
    root = folder / "mixed"
    secret = folder / "secret"
    secret.mkdir()
    (secret / "private.png").write_bytes(picture("PNG"))
    for name in ("good", "bad"):
        (root / name).mkdir(parents=True)
        for i in range(GOOD):
            (root / name / f"good {i}.png").write_bytes(picture("PNG"))
    kinds = makers(secret / "private.png")
    rng = np.random.default_rng(1)
    for i in range(count):
        kinds[i % len(kinds)](root / "bad", i, rng)
    began = time.perf_counter()
    found, pause = run(preview(ImportRequest(root)), Preview)
    seconds = time.perf_counter() - began
    reasons = Counter(skipped.reason.split(":")[0] for skipped in found.skipped)
    return {"hostile_files": count, "hostile_left_out": len(found.skipped), "good_counted": found.total,
            "followed": found.total != 2 * GOOD, "every_reason_told": all(s.reason for s in found.skipped),
            "hostile_seconds": round(seconds, 2), "hostile_longest_between_events": round(pause, 3),
            "reasons": dict(reasons.most_common())}


def run(work: Iterable[Event], wanted: type[E]) -> tuple[E, float]:
    """The last event of a type, and the longest time between two events."""
    last: E | None = None
    longest, before = 0.0, time.perf_counter()
    for event in work:
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
        if isinstance(event, wanted):
            last = event
    assert last is not None, f"no {wanted.__name__} came"
    return last, longest


def picture(kind: str, size: int = 48) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def png_of(width: int, height: int, data: bytes) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


Maker = Callable[[Path, int, np.random.Generator], object]


def makers(private: Path) -> list[Maker]:
    """Twelve kinds of files that no import may take."""
    whole = {kind: picture(kind) for kind in ("PNG", "JPEG", "BMP")}
    pixels = zlib.compress(bytes(4_000_000), 9)

    def cut(folder: Path, i: int, rng: np.random.Generator) -> None:
        kind = ("PNG", "JPEG", "BMP")[i % 3]
        data = whole[kind]
        (folder / f"cut {i}.{kind.lower()}").write_bytes(data[: int(rng.integers(10, len(data) // 2))])

    def named(pattern: str, content: Callable[[int, np.random.Generator], bytes]) -> Maker:
        def make(folder: Path, i: int, rng: np.random.Generator) -> None:
            (folder / pattern.format(i=i)).write_bytes(content(i, rng))
        return make

    def link(folder: Path, i: int, _: np.random.Generator) -> None:
        targets = (private, private.parent, Path("/dev/zero"), Path("nowhere"))
        (folder / f"link {i}.png").symlink_to(targets[i // 12 % 4])

    def pipe(folder: Path, i: int, _: np.random.Generator) -> None:
        os.mkfifo(folder / f"pipe {i}.png")

    return [
        cut, named("empty {i}.png", lambda *_: b""), named("zeros {i}.jpg", lambda *_: bytes(3000)),
        named("noise {i}.webp", lambda i, rng: rng.bytes(2000)),
        named("program {i}.gif", lambda *_: b"\x7fELF" + bytes(500)),
        named("picture {i}.exe", lambda *_: whole["PNG"]),
        named("huge {i}.png", lambda i, _: png_of(60_000, 60_000, b"")),
        named("bomb {i}.png", lambda i, _: png_of(4800, 4800, pixels)),
        named("\N{RIGHT-TO-LEFT OVERRIDE}gnp.{i}.png", lambda *_: b"?"),
        named("снег \N{SNOWMAN} {i}.jpeg", lambda *_: b"\xff\xd8\xff"),
        link, pipe]


if __name__ == "__main__":
    sys.exit(main())
