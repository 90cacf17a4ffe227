"""One pen, one line: what is measured of a stroke, how a word is laid out, what a file of it holds."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageSequence

from engine.errors import BadSetting
from engine.export.animation import AnimationWritten
from engine.export.handwriting import (
    SCALE,
    enlarged,
    even_level,
    glyph_outlines,
    make_word,
    pixels,
    stroke_width,
    svg,
    writable,
)
from engine.export.word_animation import MOST_FRAMES, WordAnimation, write_word_animation
from engine.use_config import HandwritingConfig

SVG = "{http://www.w3.org/2000/svg}"


def bar(width: float, top: int = 4, bottom: int = 24, channels: int = 1) -> np.ndarray:
    """-1..1 (C, 28, 28): an upright bar, its edges half covered where they fall inside a pixel."""
    x = np.arange(28)
    cover = np.clip(np.minimum(x + 1, 14 + width / 2) - np.maximum(x, 14 - width / 2), 0, 1)
    grey = np.zeros((28, 28))
    grey[top:bottom] = cover
    return np.repeat((2 * grey - 1)[None].astype(np.float32), channels, axis=0)


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 6.0])
def test_the_width_of_a_stroke_is_measured(width: float) -> None:
    grey = enlarged((bar(width)[0] + 1) / 2)
    assert stroke_width(grey, 0.5) == pytest.approx(2 * width * 20 / (2 * (width + 20)), rel=0.12)


def test_an_even_pen_brings_strokes_to_one_width() -> None:
    images = [bar(2.0), bar(4.0), bar(3.0)]
    uneven = make_word(images, "111", HandwritingConfig(even_weight=False))
    even = make_word(images, "111", HandwritingConfig())
    spread = [np.ptp([g.stroke for g, _, _ in word.glyphs]) for word in (uneven, even)]
    assert spread[1] < spread[0] / 2
    assert even_level(enlarged(np.zeros((28, 28), np.float32)), 3.0) == 0.5


def test_characters_stand_on_one_line_with_even_room() -> None:
    word = make_word([bar(3, 2, 20), bar(5, 8, 26), None, bar(3, 4, 24)], ["1", "2", " ", "3"],
                     HandwritingConfig(spacing=0.2, even_weight=False))
    feet = [top + g.box[3] for g, _, top in word.glyphs]
    assert np.ptp(feet) < 1e-6
    ends = [(left + g.box[0], left + g.box[1]) for g, left, _ in word.glyphs]
    tall = np.median([g.box[3] - g.box[2] for g, _, _ in word.glyphs])
    assert ends[1][0] - ends[0][1] == pytest.approx(0.2 * tall)
    assert ends[2][0] - ends[1][1] > 0.6 * tall  # a space
    assert ends[0][0] == pytest.approx(0.25 * tall)
    hangs = make_word([bar(3), bar(3)], ["1", "g"], HandwritingConfig())
    assert hangs.glyphs[1][2] > hangs.glyphs[0][2]


def test_colour_pictures_count_by_their_brightness() -> None:
    one, three = (make_word([bar(3, channels=c)], "1", HandwritingConfig()) for c in (1, 3))
    assert one.width == pytest.approx(three.width)


def test_only_what_a_class_is_called_can_be_written() -> None:
    assert writable("20a 2b", tuple("0123456789")) == ([2, 0, None, 2], ["a", "b"])
    assert writable("aB", ("A", "b", "T-shirt")) == ([0, 1], [])
    assert writable("10", ("10", "cat")) == ([], ["1", "0"])


def test_a_ring_keeps_its_hole_in_every_file() -> None:
    y, x = np.mgrid[:28, :28]
    ring = (np.abs(np.hypot(x - 13.5, y - 13.5) - 8) < 2).astype(np.float32) * 2 - 1
    assert len(glyph_outlines(enlarged((ring + 1) / 2), 0.5)) == 2
    word = make_word([ring[None]], "0", HandwritingConfig())
    sheet = pixels(word, paper=True, height=120)
    assert sheet.shape[0] == 120
    middle = sheet[60, sheet.shape[1] // 2]
    assert middle == 255
    assert sheet.min() == 22
    assert pixels(word, paper=False, height=120).max() == 255
    tree = ElementTree.fromstring(svg(word, paper=True))
    (path,) = tree.iter(f"{SVG}path")
    assert path.get("fill-rule") == "evenodd"
    assert (path.get("d") or "").count("M") == 2


def test_outlines_follow_the_ink_to_a_tenth_of_a_pixel() -> None:
    (line,) = glyph_outlines(enlarged((bar(4)[0] + 1) / 2), 0.5)
    assert line[:, 0].min() / SCALE == pytest.approx(12, abs=0.12)
    assert line[:, 0].max() / SCALE == pytest.approx(16, abs=0.12)


def word_animation(path: Path, frames: int = 3) -> WordAnimation:
    growing = np.stack([bar(2 + i % 3)[None] for i in range(frames)]).astype(np.float16)
    return WordAnimation(growing, (1,), ("1",), HandwritingConfig(), path)


def test_an_animation_shows_every_state_on_one_sheet(tmp_path: Path) -> None:
    *progress, written = write_word_animation(word_animation(tmp_path / "one.gif"))
    assert isinstance(written, AnimationWritten)
    assert [p.n for p in progress if p.unit == "frames laid out"] == [0, 1, 2, 3]
    with Image.open(tmp_path / "one.gif") as picture:
        shapes = {frame.size for frame in ImageSequence.Iterator(picture)}
        assert len(shapes) == 1
        assert picture.n_frames >= 3  # the last one stays: equal frames may be written as one
        assert picture.info["loop"] == 0


def test_a_long_drawing_leaves_frames_out_and_keeps_the_last(tmp_path: Path) -> None:
    *progress, _ = write_word_animation(word_animation(tmp_path / "one.webp", 100))
    assert max(p.total for p in progress if p.unit == "frames laid out") <= MOST_FRAMES + 1


def test_left_off_it_leaves_no_file_and_the_old_one_stays(tmp_path: Path) -> None:
    old = tmp_path / "one.gif"
    old.write_bytes(b"old")
    job = write_word_animation(word_animation(old))
    for event in job:
        if event.unit == "frames" and event.n == 1:
            break
    job.close()
    assert old.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["one.gif"]


def test_an_unknown_ending_is_refused_before_anything_is_laid_out(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="An animation ends in"):
        next(write_word_animation(word_animation(tmp_path / "one.bmp")))


def test_nothing_written_is_an_empty_sheet() -> None:
    word = make_word([None], [" "], HandwritingConfig())
    assert word.glyphs == ()
    assert pixels(word, paper=True, height=10).min() == 255
    assert "<path" not in svg(word, paper=True)
