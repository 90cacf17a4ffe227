"""Numbers as words for bars and menus: times, sizes, ages."""

from __future__ import annotations

import re

NARROW = "\u202f"
_PERCENT = re.compile(r"(?<=\d) (?=%)")


def bound(text: str) -> str:
    """With a space in 95 % at which no line breaks; terminals and files, which share these sentences, need none."""
    return _PERCENT.sub(NARROW, text)


def clock(seconds: float) -> str:
    """0:07, 12:30, 1:02:05."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def memory(num_bytes: int) -> str:
    """412 MB, 1.5 GB; empty for 0."""
    if num_bytes <= 0:
        return ""
    if num_bytes < 1000 * 2**20:
        return f"{num_bytes / 2**20:.0f} MB"
    return f"{num_bytes / 2**30:.1f} GB"


def ago(seconds: float) -> str:
    """just now, 12 s ago, 3 min ago, 2 h ago."""
    if seconds < 1.5:
        return "just now"
    if seconds < 90:
        return f"{round(seconds)} s ago"
    if seconds < 5400:
        return f"{round(seconds / 60)} min ago"
    return f"{round(seconds / 3600)} h ago"


def capital(word: str) -> str:
    """First letter upper case, the rest as it is."""
    return word[:1].upper() + word[1:]


def preset_title(name: str) -> str:
    """quick -> Quick."""
    return capital(name.replace("-", " "))
