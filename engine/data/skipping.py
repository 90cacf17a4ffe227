"""Why a file is left out of an import, and names of files in a form that is safe to show."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

LINK = "a link, which is not followed"
NOT_A_FILE = "not a file"
EMPTY = "empty: it has no bytes"
TOO_LARGE = "larger than {limit} MB"
NOT_A_PICTURE = "not a picture that can be opened"
NO_PICTURE_NAME = "not a picture by its name"
DAMAGED = "damaged or cut short"
TOO_MANY_PIXELS = "{pixels} megapixels; the limit is {limit}"
TOO_SMALL = "only {width} x {height} pixels"
UNREADABLE = "may not be read"
NO_CLASS = "in no class's folder"
OUTSIDE = "outside the folder"
MISSING = "named in the list but not there"
NO_LABEL = "without a label"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, by its name within what was imported, and why."""

    name: str
    reason: str


def shown(name: str, most: int = 120) -> str:
    """A file's name as text that any screen and file can take: no control or direction marks, no broken bytes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    safe = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else c
                   for c in text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"
