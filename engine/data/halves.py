"""Two disjoint halves of a data set's training pictures, for networks of which one judges what another one led.

Half a is every picture with an even place in the order of the file, half b every one with an odd place: nearly the same
number of each class, and no picture in both. Writers of digits may well be in both.
"""

from __future__ import annotations

from typing import Literal

Half = Literal["a", "b"]
HALVES: tuple[Half, ...] = ("a", "b")


def half_of(half: Half) -> slice:
    """The places of a half: `images[half_of("a")]`. Raises ValueError for another name."""
    return slice(HALVES.index(half), None, 2)
