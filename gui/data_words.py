"""Data sets in words: how the window names, sizes and describes them."""

from __future__ import annotations

from engine.data.catalogue import Listing
from engine.errors import DiffuscopeError
from engine.measure.judge_files import judge_file, judge_record
from engine.measure.judge_job import missing_judges
from engine.settings import number
from gui.words import NARROW

WHERE = {"ships": "Ships with the program", "yours": "Here", "package": "Here, from a package of the system"}


def megabytes(size: int) -> str:
    """A size in MB, one digit below ten."""
    value = size / 1e6
    return f"{value:.1f}{NARROW}MB" if value < 10 else f"{number(round(value))}{NARROW}MB"


def shape(listing: Listing) -> str:
    """"28 × 28, grey"."""
    return f"{listing.size} × {listing.size}, {'grey' if listing.channels == 1 else 'colour'}"


def state(listing: Listing) -> str:
    """Where a set is, or what it takes to get it."""
    if not listing.here:
        return f"Download, {megabytes(listing.download_bytes)}"
    return "Imported" if listing.imported else WHERE[listing.where]


def pictures(listing: Listing) -> str:
    """Training and test pictures."""
    return f"{number(listing.counts[0])} + {number(listing.counts[1])}"


def classes(listing: Listing, most: int = 10) -> str:
    """The classes' names, as many as there is room for."""
    names = listing.class_names
    rest = f" and {number(len(names) - most)} more" if len(names) > most else ""
    return f"{number(len(names))} classes: {', '.join(names[:most])}{rest}."


def mirrored(flips: tuple[bool, ...], names: tuple[str, ...]) -> str:
    """Which classes may be seen in a mirror."""
    allowed = [name for name, may in zip(names, flips, strict=False) if may]
    if not allowed:
        return "No picture may be mirrored."
    return "Pictures may be mirrored." if len(allowed) == len(names) else f"May be mirrored: {', '.join(allowed)}."


def lacking_judges(listing: Listing) -> list[str]:
    """Which of the two judges a set lacks."""
    try:
        return missing_judges(listing.name, {"num_classes": len(listing.class_names), "channels": listing.channels,
                                             "size": listing.size})
    except DiffuscopeError:
        return ["first", "noise"]


def judges(listing: Listing) -> str:
    """Whether something can read what a run of this set draws, and how well."""
    lacking = lacking_judges(listing)
    if "first" in lacking:
        return "No judge yet: nothing can read what a run of it draws, so it cannot be said how good its pictures are."
    share = judge_record(judge_file(listing.name)).get("test_accuracy")
    told = "Judge" if share is None else f"Judge: reads {100 * float(share):.1f}{NARROW}% of its test pictures right"
    return f"{told}." if "noise" not in lacking else \
        f"{told}; the one for noisy pictures is still to be trained, which Recognition needs."
