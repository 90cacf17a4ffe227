"""A word in one hand: drawn characters brought to one pen and one baseline, as pixels and as outlines.

A character is drawn small and grey. Enlarged smoothly, the ink is what lies above a level of grey; a lower level makes
the stroke wider. Its width is measured as twice the inked area over the length of its outline, and the level of each
character is chosen so that all have the median width. numpy and contourpy, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import contourpy
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.use_config import HandwritingConfig

Float32 = NDArray[np.float32]
Outline = NDArray[np.float64]  # (N, 2) x, y of a closed line

SOFT = 0.7  # pixels of blur before enlarging
SCALE = 8  # points of the enlarged character for each of its pixels
LEVELS = np.linspace(0.15, 0.85, 29)  # of grey, 0..1, that an even pen may take
PLAIN_LEVEL = 0.5
DESCENDERS = frozenset("gjpqy,;Q")
SPACE = 0.45  # width of a space, as a share of the character's height


@dataclass(frozen=True, eq=False)
class Glyph:
    """One character: grey in 0..1 (H, W), enlarged; the level that is its outline; the width of its stroke in its own
    pixels; left, right, top and bottom of its ink in enlarged points. A space has no ink and no picture.
    """

    character: str
    grey: Float32
    level: float
    stroke: float
    box: tuple[float, float, float, float]

    @property
    def width(self) -> float:
        """Of the ink, in enlarged points."""
        return self.box[1] - self.box[0]


@dataclass(frozen=True, eq=False)
class Word:
    """Laid out: each glyph with the place of its picture's left top corner; all in enlarged points."""

    glyphs: tuple[tuple[Glyph, float, float], ...]
    width: float
    height: float
    stroke: float  # median width, in pixels of the characters

    def outlines(self) -> list[Outline]:
        """Closed lines around the ink, holes included, in enlarged points from the left top corner."""
        return [np.add(line, (left, top)) for glyph, left, top in self.glyphs
                for line in glyph_outlines(glyph.grey, glyph.level)]


def writable(text: str, class_names: Sequence[str]) -> tuple[list[int | None], list[str]]:
    """The class of each character (None for a space), and the characters that no class is called.

    A capital may stand for a small letter and the other way round where only one of them is a class. Characters that
    cannot be written are left out of the first list.
    """
    known = {name: i for i, name in enumerate(class_names) if len(name) == 1}
    labels: list[int | None] = []
    missing: list[str] = []
    for character in text:
        if character.isspace():
            labels.append(None)
            continue
        found = next((known[c] for c in (character, character.upper(), character.lower()) if c in known), None)
        if found is None:
            if character not in missing:
                missing.append(character)
        else:
            labels.append(found)
    return labels, missing


def make_word(images: Sequence[Float32 | None], characters: Sequence[str], config: HandwritingConfig) -> Word:
    """Lay characters out. images: -1..1 (C, H, W) of each, light on dark; None for a space.

    Colour pictures count by their brightness.
    """
    plain = [None if image is None else enlarged(_grey(image)) for image in images]
    drawn = [grey for grey in plain if grey is not None]
    widths = [stroke_width(grey, PLAIN_LEVEL) for grey in drawn]
    target = float(np.median([w for w in widths if w > 0])) if any(w > 0 for w in widths) else 0.0
    glyphs = []
    for grey, character in zip(plain, characters, strict=True):
        if grey is None:
            glyphs.append(Glyph(" ", np.zeros((0, 0), np.float32), PLAIN_LEVEL, 0.0, (0, 0, 0, 0)))
            continue
        level = even_level(grey, target) if config.even_weight and target > 0 else PLAIN_LEVEL
        glyphs.append(Glyph(character, grey, level, stroke_width(grey, level), ink_box(grey, level)))
    return _laid_out(glyphs, config)


def _laid_out(glyphs: Sequence[Glyph], config: HandwritingConfig) -> Word:
    """From left to right with even room between the inks, standing on one line; what hangs below it, hangs."""
    inked = [g for g in glyphs if g.grey.size]
    if not inked:
        return Word((), 0.0, 0.0, 0.0)
    tall = float(np.median([g.box[3] - g.box[2] for g in inked]))
    gap, margin = config.spacing * tall, 0.25 * tall
    x, placed = margin, []
    for i, glyph in enumerate(glyphs):
        if not glyph.grey.size:
            x += SPACE * tall
            continue
        hangs = 0.25 * tall if glyph.character in DESCENDERS else 0.0
        placed.append((glyph, x - glyph.box[0], hangs - glyph.box[3]))
        x += glyph.width + (gap if any(g.grey.size for g in glyphs[i + 1:]) else 0.0)
    top = min(y + g.box[2] for g, _, y in placed)
    bottom = max(y + g.box[3] for g, _, y in placed)
    moved = tuple((g, left, y - top + margin) for g, left, y in placed)
    return Word(moved, x + margin, bottom - top + 2 * margin, float(np.median([g.stroke for g in inked])))


# ---- one character ----

def _grey(image: Float32) -> Float32:
    """0..1 (H, W) of -1..1 (C, H, W)."""
    grey: Float32 = ((np.asarray(image, dtype=np.float32).mean(axis=0) + 1) / 2).clip(0, 1)
    return grey


def enlarged(grey: Float32) -> Float32:
    """SCALE times as large, smoothly (bicubic), 0..1."""
    height, width = grey.shape
    picture = Image.fromarray(softened(grey)).resize((width * SCALE, height * SCALE), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32).clip(0, 1)


def softened(grey: Float32) -> Float32:
    """Blurred by a Gaussian of SOFT pixels: outlines of single pixels would be wavy."""
    reach = np.arange(-3, 4)
    kernel = np.exp(-(reach**2) / (2 * SOFT**2))
    kernel /= kernel.sum()
    padded = np.pad(grey, 3)
    rows = np.apply_along_axis(np.convolve, 1, padded, kernel, "same")
    return np.asarray(np.apply_along_axis(np.convolve, 0, rows, kernel, "same")[3:-3, 3:-3], dtype=np.float32)


def stroke_width(grey: Float32, level: float) -> float:
    """Width of a stroke in pixels of the character: 2 area / outline, exact for a long stroke; 0 without ink."""
    area = float((grey > level).sum())
    around = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in glyph_outlines(grey, level))
    return 2 * area / around / SCALE if around > 0 else 0.0


def even_level(grey: Float32, target: float) -> float:
    """The level of grey whose stroke is nearest to the target width; the middle one where that is as good."""
    widths = np.array([stroke_width(grey, float(level)) for level in LEVELS])
    miss = np.where(widths > 0, np.abs(widths - target), np.inf) + 1e-3 * np.abs(LEVELS - PLAIN_LEVEL)
    return float(LEVELS[int(miss.argmin())]) if np.isfinite(miss).any() else PLAIN_LEVEL


def ink_box(grey: Float32, level: float) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the ink in enlarged points; the whole picture where there is none."""
    ink = grey > level
    if not ink.any():
        return 0.0, float(grey.shape[1]), 0.0, float(grey.shape[0])
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return float(columns[0]), float(columns[-1] + 1), float(rows[0]), float(rows[-1] + 1)


def glyph_outlines(grey: Float32, level: float) -> list[Outline]:
    """Closed lines at a level of grey, in enlarged points: marching squares with straight pieces."""
    padded = np.pad(grey, 1)  # a stroke that touches the border is closed along it
    generator = contourpy.contour_generator(z=padded)
    # A point of the picture is the middle of its square.
    return [np.asarray(line, dtype=np.float64) - 0.5 for line in generator.lines(level) if len(line) > 3]


# ---- files ----

def svg(word: Word, *, paper: bool, height: float = 160.0) -> str:
    """An SVG drawing `height` px tall: one path, even-odd, so that holes stay open."""
    if not word.glyphs:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>\n'
    scale = height / word.height
    parts = []
    for line in word.outlines():
        points = " ".join(f"{x * scale:.2f},{y * scale:.2f}" for x, y in line[:-1])
        parts.append(f"M{points}Z")
    ink, ground = ("#16191b", "#ffffff") if paper else ("#ffffff", "#000000")
    wide = word.width * scale
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.1f}" height="{height:.1f}" '
            f'viewBox="0 0 {wide:.1f} {height:.1f}">\n<rect width="100%" height="100%" fill="{ground}"/>\n'
            f'<path fill="{ink}" fill-rule="evenodd" d="{" ".join(parts)}"/>\n</svg>\n')


def pixels(word: Word, *, paper: bool, height: int = 160) -> NDArray[np.uint8]:
    """The word in grey, (H, W), `height` px tall, its edges smooth."""
    if not word.glyphs:
        return np.full((height, height), 255 if paper else 0, dtype=np.uint8)
    fine = 4  # drawn so much larger, then averaged
    scale = fine * height / word.height
    size = (max(1, math.ceil(word.width * scale / fine)) * fine, height * fine)
    sheet = np.zeros((size[1], size[0]), dtype=bool)
    for line in word.outlines():
        area = Image.new("1", size)
        ImageDraw.Draw(area).polygon([(float(x * scale), float(y * scale)) for x, y in line], fill=1)
        sheet ^= np.asarray(area)
    share = sheet.reshape(height, fine, size[0] // fine, fine).mean(axis=(1, 3))
    ink, ground = (22.0, 255.0) if paper else (255.0, 0.0)
    return np.asarray(np.rint(ground + (ink - ground) * share), dtype=np.uint8)
