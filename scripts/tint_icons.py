"""Write resources/icons/tinted: the few icons that the style sheet names by path, in their colours.

    python scripts/tint_icons.py

Qt's style sheets take pictures only from files, so these are kept beside the others; a test compares them.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gui.tokens import DARK, LIGHT  # noqa: E402

ICONS = ROOT / "resources" / "icons"
TINTED = {"check": ("check", "on_accent"), "check-accent": ("check", "accent"),
          "chevron-down": ("chevron-down", "text2"), "chevron-down-off": ("chevron-down", "disabled"),
          "chevron-right": ("chevron-right", "text2")}


def tinted() -> dict[str, str]:
    """File name to SVG text."""
    files = {}
    for name, (icon, token) in TINTED.items():
        text = (ICONS / f"{icon}.svg").read_text(encoding="utf-8")
        for theme, colours in (("light", LIGHT), ("dark", DARK)):
            files[f"{name}-{theme}.svg"] = text.replace("currentColor", colours[token])
    return files


if __name__ == "__main__":
    folder = ICONS / "tinted"
    folder.mkdir(exist_ok=True)
    for name, text in tinted().items():
        (folder / name).write_text(text, encoding="utf-8")
