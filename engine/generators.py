"""What a generator returns, for those who want nothing of what it yields on its way."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def result_of(work: Generator[object, None, T]) -> T:
    """Run it to its end; what it returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
