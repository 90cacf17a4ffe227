"""A user's picture file: fitted, turned light on dark, and refused with a sentence when it is none."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.picture import MAX_PIXELS, load_picture
from engine.errors import DiffuscopeError


def save(tmp_path: Path, pixels: np.ndarray, name: str = "picture.png", **options: object) -> Path:
    path = tmp_path / name
    Image.fromarray(pixels).save(path, **options)
    return path


def ink(height: int, width: int, *, paper: int, pen: int) -> np.ndarray:
    """A bar of ink in the middle of paper."""
    pixels = np.full((height, width), paper, dtype=np.uint8)
    pixels[height // 4 : 3 * height // 4, 2 * width // 5 : 3 * width // 5] = pen
    return pixels


def test_pixels_of_the_right_size_come_back_unchanged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 0
    assert np.array_equal(load_picture(save(tmp_path, pixels), 28, 1), pixels[None])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif"])
def test_ink_on_paper_becomes_light_on_dark_in_every_format(tmp_path: Path, name: str) -> None:
    pixels = load_picture(save(tmp_path, ink(200, 200, paper=250, pen=10), name), 28, 1)
    assert pixels.shape == (1, 28, 28)
    assert pixels.dtype == np.uint8
    assert pixels[0, 0, 0] < 20
    assert pixels[0, 14, 14] > 230


def test_light_on_dark_stays(tmp_path: Path) -> None:
    pixels = load_picture(save(tmp_path, ink(100, 100, paper=0, pen=255)), 28, 1)
    assert pixels[0, 0, 0] == 0
    assert pixels[0, 14, 14] > 245


def test_a_wide_picture_is_shown_whole_on_its_own_background(tmp_path: Path) -> None:
    pixels = load_picture(save(tmp_path, ink(50, 200, paper=40, pen=240)), 28, 1)[0]
    assert set(pixels[:9].ravel()) == {40}  # bands above and below
    assert pixels[14, 14] > 200
    assert pixels[14, 0] == 40


def test_transparent_paper_counts_as_background(tmp_path: Path) -> None:
    rgba = np.zeros((60, 60, 4), dtype=np.uint8)
    rgba[20:40, 25:35] = (0, 0, 0, 255)  # black ink on nothing
    pixels = load_picture(save(tmp_path, rgba), 28, 1)[0]
    assert pixels[0, 0] == 0
    assert pixels[14, 14] > 245


def test_colour_keeps_its_channels(tmp_path: Path) -> None:
    rgb = np.zeros((32, 32, 3), dtype=np.uint8)
    rgb[..., 0], rgb[..., 2] = 200, 30
    pixels = load_picture(save(tmp_path, rgb), 32, 3)
    assert pixels.shape == (3, 32, 32)
    assert pixels[:, 5, 5].tolist() == [200, 0, 30]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(ink(28, 28, paper=0, pen=128).astype(np.uint16) * 257).save(path)
    assert load_picture(path, 28, 1)[0, 14, 14] == 128


def test_a_photo_taken_sideways_is_set_upright(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40), dtype=np.uint8)
    pixels[:10] = 255  # light at the top of the stored pixels
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    upright = load_picture(save(tmp_path, pixels, "side.jpg", exif=exif), 28, 1)[0]
    assert upright[-3:].mean() > 200
    assert upright[:3].mean() < 50


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x80\x04\x95pickle", b"GIF89a", b"BM"])
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(content)
    with pytest.raises(DiffuscopeError, match=r"file\.png is (not a picture|damaged)"):
        load_picture(path, 28, 1)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match="There is no file"):
        load_picture(tmp_path / "none.png", 28, 1)
    with pytest.raises(DiffuscopeError, match="is a folder"):
        load_picture(tmp_path, 28, 1)


def test_other_formats_of_pillow_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DiffuscopeError, match="is not a picture"):
        load_picture(save(tmp_path, ink(28, 28, paper=0, pen=9), "picture.tiff"), 28, 1)


def test_truncated_pictures_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.webp", "a.bmp", "a.gif"):
        noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
        path = save(tmp_path, noise, name)
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(DiffuscopeError, match=r"a\.\w+ is (damaged|not a picture)"):
            load_picture(path, 28, 1)


def test_a_huge_picture_is_refused_from_its_header_alone(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = int(MAX_PIXELS**0.5) + 1
    path = tmp_path / "huge.png"
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(DiffuscopeError, match="64 megapixels; the limit is 64"):
        load_picture(path, 28, 1)
