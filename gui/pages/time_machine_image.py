"""The map as one picture: a canvas of cells with gaps of one pixel, painted anew column by column when one changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from engine.diffusion.forward import to_uint8
from engine.measure.time_machine import Column
from gui import tokens
from gui.theme import theme

Uint8 = NDArray[np.uint8]
Show = Literal["x0", "xt", "judge"]
ACCENT = QColor(tokens.tokens("dark")["accent"])  # pictures are dark in both themes
BETWEEN = 20  # canvas pixels between two runs
STANDS_IN = 0.4  # how much is seen of a column that stands in for one that is not there yet


@dataclass(frozen=True, slots=True)
class Place:
    """A column as it is shown: of map `number`, at training step `step`; minus: the step of map 1 it is taken from."""

    number: int
    step: int
    minus: int | None = None


def side_by_side(maps: list[list[int]]) -> list[Place]:
    """All columns of the first map, then all of the next."""
    return [Place(number, step) for number, steps in enumerate(maps) for step in steps]


def differences(own: list[int], other: list[int]) -> list[Place]:
    """For each column of the open run that of the other run nearest in training step."""
    return [Place(0, step, min(other, key=lambda s: abs(s - step))) for step in own] if other else []


class Canvas:
    """Pixels of the map, (H, W, 4) as QImage's RGB32 has them."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.rows = 0
        self.shape = (28, 28)
        self.lefts: list[int] = []  # of the columns, in canvas pixels
        self._pixels: Uint8 = np.zeros((1, 1, 4), np.uint8)
        self._image: QImage | None = None

    @property
    def width(self) -> int:
        """Canvas pixels."""
        return self.lefts[-1] + self.shape[1] if self.lefts else 0

    @property
    def height(self) -> int:
        """Canvas pixels."""
        return self.rows * (self.shape[0] + 1) - 1 if self.rows else 0

    def lay_out(self, places: list[Place], rows: int, shape: tuple[int, int]) -> None:
        """Other columns and rows; every cell is empty after that."""
        self.places, self.rows, self.shape = places, rows, shape
        self.lefts, x, number = [], 0, places[0].number if places else 0
        for place in places:
            if place.number != number:
                x, number = x + BETWEEN, place.number
            self.lefts.append(x)
            x += shape[1] + 1
        self._pixels = np.empty((max(1, self.height), max(1, self.width), 4), np.uint8)
        self._pixels[:] = _bgr(theme().color("surface"))
        self._image = None
        inside = np.arange(len(self._pixels)) % (shape[0] + 1) != shape[0]  # rows of pixels that are no gap
        for left in self.lefts:
            self._pixels[inside, left : left + shape[1]] = _bgr(theme().color("sunken"))

    def paint(self, index: int, column: Column | None, minus: Column | None, show: Show, tint: bool,
              faint: bool = False) -> None:
        """One column. minus: what is taken from it, where two runs are compared. faint: it stands in for another."""
        tall, wide = self.shape
        strip = self._pixels[:, self.lefts[index] : self.lefts[index] + wide]
        empty = _bgr(theme().color("sunken"))
        minused = self.places[index].minus is not None
        for row in range(self.rows):
            cell = strip[row * (tall + 1) : row * (tall + 1) + tall]
            frame = column.frame(row) if column is not None else -1
            below = minus.frame(row) if minus is not None else -1
            if column is None or frame < 0 or (minused and (minus is None or below < 0)):
                cell[:] = empty
                continue
            values = cell_values(column, frame, show)
            if values is not None and minused and minus is not None:
                taken = cell_values(minus, below, show)
                values = None if taken is None else _difference(values, taken, show)
            if values is None:
                cell[:] = empty
            elif show == "judge" and not minused:
                cell[:, :, :3] = theme().ramp()[int(values)][::-1]
            else:
                cell[:, :, :3] = values
                if tint and not minused and show != "judge" and column.probability is not None:
                    cell[:, :, :3] = _tinted(cell[:, :, :3], float(column.probability[frame]))
        if faint:
            inside = np.arange(len(strip)) % (tall + 1) != tall
            strip[inside] = (strip[inside] * STANDS_IN + np.array(empty) * (1 - STANDS_IN)).astype(np.uint8)

    def image(self) -> QImage:
        """The whole canvas; it shares the pixels, so it shows what is painted later too."""
        if self._image is None:
            height, width = self._pixels.shape[:2]
            self._image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return self._image


def cell_values(column: Column, frame: int, show: Show) -> Uint8 | int | None:
    """What a cell shows: (H, W, 3) blue first, or (judge) 0..255; None where it is not read."""
    if show == "judge":
        return None if column.probability is None else round(255 * float(column.probability[frame]))
    pixels = column.x0[frame] if show == "x0" else to_uint8(column.x[frame])
    return np.moveaxis(pixels, 0, 2)[:, :, ::-1]


def _difference(values: Uint8 | int, taken: Uint8 | int, show: Show) -> Uint8 | int:
    """The other minus this, half as large, around middle grey."""
    if show == "judge":
        return round((int(taken) - int(values)) / 2 + 127.5)
    return np.rint((np.asarray(taken, np.float32) - np.asarray(values, np.float32)) / 2 + 127.5).astype(np.uint8)


def _tinted(pixels: Uint8, probability: float) -> Uint8:
    """White becomes the accent as the judge grows sure; black stays."""
    accent = np.array(_bgr(ACCENT)[:3], np.float32) / 255
    colour = 1 - probability * (1 - accent)
    return np.asarray(pixels * colour, np.uint8)


def _bgr(colour: QColor) -> tuple[int, int, int, int]:
    return colour.blue(), colour.green(), colour.red(), 255
