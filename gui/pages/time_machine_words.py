"""What the time machine says above its map."""

from __future__ import annotations

from dataclasses import dataclass

from engine.measure.time_machine_line import Comparison, Decides, LinePoint
from engine.settings import number

THIN = "\u202f"


@dataclass(frozen=True, slots=True)
class Said:
    """The answer in a few words, and what it rests on."""

    answer: str
    numbers: str = ""


def finding(found: Comparison, name: str) -> Said:
    """Of the line over seeds."""
    first, last = found.first, found.last
    if found.decides is Decides.UNREAD:
        if last is None:
            return Said("Not measured.")
        return Said("Not readable yet.", f"After step {number(last.snapshot)} the judge reads {last.read} of "
                    f"{last.seeds} seeds as {name} to the end.")
    assert first is not None
    assert last is not None
    if first is last:
        return Said("Only the last snapshot is readable.", f"{_of(name)} is first readable at {_at(last)}.")
    both = f"{_of(name)} is first readable at {_at(first)} denoised after step {number(first.snapshot)}, at " \
        f"{_at(last)} after {number(last.snapshot)}"
    if found.ci95 is None or found.change is None:
        return Said("Too few seeds for a verdict.", f"{both}.")
    low, high = found.ci95
    answer = {Decides.EARLIER: "It learns to decide earlier.", Decides.LATER: "It comes to decide later."}.get(
        found.decides, "No certain change.")
    return Said(answer, f"{both}; {_signed(found.change)} points, {_signed(low)} to {_signed(high)}, {found.n} seeds.")


def own_finding(points: list[LinePoint], name: str, seed: int) -> Said:
    """Of one seed: what is seen, and no verdict."""
    read = [point for point in points if point.percent is not None]
    if not points:
        return Said("Filling the map.")
    if not read:
        return Said("Not readable with this seed.", f"No snapshot draws {name} from seed {number(seed)} so that the "
                    "judge reads it to the end.")
    first, last = read[0], read[-1]
    words = f"{_of(name)} from seed {number(seed)} is first readable at {_at(first)} denoised after step " \
        f"{number(first.snapshot)}"
    if last is not first:
        words += f", at {_at(last)} after {number(last.snapshot)}"
    return Said("One seed.", words + ".")


def _of(name: str) -> str:
    return f"An {name}" if name[:1] in "8AEIOUaeiou" else f"A {name}"


def _at(point: LinePoint) -> str:
    return f"{point.percent:.0f}{THIN}%"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\u2212")
