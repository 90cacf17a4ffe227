"""Damaged and hostile files: each is left out with a reason; none crashes, hangs, or is read outside the folder."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.examine import examine
from engine.data.importing import ImportRequest, Preview, preview
from engine.data.skipping import shown


def encoded(kind: str, size: tuple[int, int] = (40, 40)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def png(width: int, height: int, data: bytes = b"", *, extra: bytes = b"") -> bytes:
    """A PNG with whatever its header claims."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    packed = b"Comment\0\0" + zlib.compress(b" " * 80_000_000, 9)
    chunk = struct.pack(">I", len(packed)) + b"zTXt" + packed + struct.pack(">I", zlib.crc32(b"zTXt" + packed))
    return png(40, 40, zlib.compress(bytes(40 * 121)), extra=chunk)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty.png": (b"", "empty"),
    "zeros.jpg": (bytes(5000), "not a picture that can be opened"),
    "text.png": (b"this is no picture", "not a picture that can be opened"),
    "program.gif": (b"\x7fELF" + bytes(4000), "not a picture that can be opened"),
    "page.jpeg": (b"<html><script>", "not a picture that can be opened"),
    "archive.webp": (b"PK\x03\x04" + bytes(400), "not a picture that can be opened"),
    "script.bmp": (b"%!PS-Adobe-3.0 EPSF\n(x) run", "not a picture that can be opened"),
    "cut.png": (encoded("PNG")[:1500], "damaged"),
    "cut.jpg": (encoded("JPEG")[:900], "damaged"),
    "cut.webp": (encoded("WEBP")[:500], ""),
    "cut.bmp": (encoded("BMP")[:2000], "damaged"),
    "header only.png": (encoded("PNG")[:8], ""),
    "huge.png": (png(60_000, 60_000, zlib.compress(b"")), "megapixels; the limit is 24"),
    "large.png": (png(9000, 9000, zlib.compress(b"")), "megapixels; the limit is 24"),
    "no pixels.png": (png(0, 0), ""),
    "bomb.png": (png(4000, 4000, zlib.compress(bytes(1_000_000), 9)), "damaged"),
    "text bomb.png": (text_bomb(), ""),
    "tiny.png": (encoded("PNG", (3, 3)), "only 3 x 3 pixels"),
    "picture.tiff": (encoded("TIFF"), "not a picture by its name"),
    "tiff by another name.png": (encoded("TIFF"), "not a picture that can be opened"),
    "picture.txt": (encoded("PNG"), "not a picture by its name"),
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe": (b"MZ", "not a picture by its name"),
    "雪 и снег \N{SNOWMAN}.png": (b"\x89PNG\r\n\x1a\n", ""),
    "new\nline.png": (b"x", "not a picture that can be opened"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for name in ("good", "bad"):
        (root / name).mkdir(parents=True)
        for i in range(6):
            (root / name / f"{i}.png").write_bytes(encoded("PNG"))
    for name, (data, _) in HOSTILE.items():
        (root / "bad" / name).write_bytes(data)
    return root


def looked(folder: Path) -> Preview:
    found = list(preview(ImportRequest(folder)))[-1]
    assert isinstance(found, Preview)
    return found


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file names with line ends")
def test_each_is_left_out_with_a_reason(folder: Path) -> None:
    found = looked(folder)
    assert found.counts == (6, 6)
    reasons = {skipped.name.removeprefix("bad/"): skipped.reason for skipped in found.skipped}
    assert set(reasons) == {shown(name) for name in HOSTILE}
    assert all(reasons.values())
    for name, (_, reason) in HOSTILE.items():
        assert reason in reasons[shown(name)], name
    for skipped in found.skipped:
        assert skipped.name.isprintable(), skipped


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_links_and_pipes_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "private.png").write_bytes(encoded("PNG"))
    (folder / "bad" / "file link.png").symlink_to(secret / "private.png")
    (folder / "bad" / "folder link").symlink_to(secret)
    (folder / "bad" / "loop").symlink_to(folder)
    (folder / "class link").symlink_to(secret)
    (folder / "bad" / "dangling.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "bad" / "pipe.png")
    found = looked(folder)
    assert found.class_names == ("bad", "good")
    assert found.counts == (6, 6)
    reasons = {s.name: s.reason for s in found.skipped}
    for name in ("bad/file link.png", "bad/folder link", "bad/loop", "class link", "bad/dangling.png"):
        assert reasons[name] == "a link, which is not followed"
    assert reasons["bad/pipe.png"] == "not a file"


def test_a_file_that_became_a_link_or_a_pipe_meanwhile_is_not_opened(tmp_path: Path) -> None:
    """Between the listing and the opening: the opening itself refuses."""
    (tmp_path / "real.png").write_bytes(encoded("PNG"))
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    assert examine(str(tmp_path / "link.png"), 32, "middle") == "a link, which is not followed"
    assert examine(str(tmp_path / "gone.png"), 32, "middle") == "named in the list but not there"
    assert examine(str(tmp_path), 32, "middle") == "not a file"
    assert examine("a\0b.png", 32, "middle") == "may not be read"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_a_name_that_is_no_text_can_be_shown(folder: Path) -> None:
    with open(os.fsencode(folder / "bad") + b"/\xff\xfe broken.png", "wb") as file:
        file.write(b"x")
    found = looked(folder)
    names = [s.name for s in found.skipped if "broken" in s.name]
    assert len(names) == 1
    names[0].encode("utf-8")


def test_folders_are_not_searched_without_end(folder: Path) -> None:
    deep = folder / "good"
    for _ in range(12):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.png").write_bytes(encoded("PNG"))
    found = looked(folder)
    assert found.counts == (6, 6)
    assert any("folders down" in s.reason for s in found.skipped)


def test_a_picture_under_another_picture_ending_is_read_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "jpeg.png").write_bytes(encoded("JPEG"))
    result = examine(str(tmp_path / "jpeg.png"), 32, "middle")
    assert not isinstance(result, str)
    assert result.thumbnail.shape == (32, 32, 3)
