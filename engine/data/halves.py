"""Two halves of a training set that share no picture: what guides is trained on one, what judges it on the other."""

from __future__ import annotations

from engine.errors import BadSetting

HALVES = ("a", "b")


def half_of(count: int, half: str) -> slice:
    """Which of `count` training pictures belong to a half: "a" the first half in the file's order, "b" the second.

    In the file's order, for MNIST keeps the pictures of one writer together: a random split would put the same
    hands into both. Raises BadSetting for another name.
    """
    if half not in HALVES:
        raise BadSetting(f"A half is called {' or '.join(HALVES)}; {half} is not.")
    middle = count // 2
    return slice(0, middle) if half == "a" else slice(middle, count)
