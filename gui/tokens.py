"""Colours by name, light and dark, and the contrast between two of them. Pure data, no Qt.

Names say what a colour is for, never what it looks like: accent is what can be touched, is chosen or is
under study; noise and signal are the two parts of x_t; error, warn and ok are states.
"""

from __future__ import annotations

LIGHT: dict[str, str] = {
    "bg": "#F3F4F5",  # menus, bars, docks
    "surface": "#FFFFFF",  # pages, plots, fields
    "sunken": "#EBEDEE",  # formula, code, empty state
    "hover": "#E6E9EA",
    "pressed": "#DADEE0",
    "line": "#DADEE0",  # hairlines, decoration only
    "grid": "#E9ECED",  # plot grid and axis
    "ctl": "#838B91",  # borders of what can be edited
    "text": "#16191B",  # values, titles
    "text2": "#474E53",  # labels, sentences
    "muted": "#5F676D",  # captions, axes
    "disabled": "#949B9F",  # only what is switched off
    "accent": "#0B6E6E",
    "accent_hover": "#085858",
    "soft": "#D9ECEB",  # chosen, running
    "on_accent": "#FFFFFF",
    "noise": "#006CAA",
    "signal": "#AF4A00",
    "noise_track": "#5FA8D3",  # the track of the noise slider only
    "signal_track": "#E0914F",
    "error": "#B3261E",
    "error_ground": "#FBE9E7",
    "warn": "#7F5200",
    "warn_ground": "#FAF0DA",
    "ok": "#187545",
    "casing": "#8A8000",  # 3.4 px under the 2 px line of the yellow class
}

DARK: dict[str, str] = {
    "bg": "#202325",
    "surface": "#191B1D",
    "sunken": "#111314",
    "hover": "#2B2F32",
    "pressed": "#363B3F",
    "line": "#33383B",
    "grid": "#272B2E",
    "ctl": "#71797F",
    "text": "#E9ECEE",
    "text2": "#B9C0C4",
    "muted": "#969EA3",
    "disabled": "#656C71",
    "accent": "#4FC3BC",
    "accent_hover": "#6BD2CB",
    "soft": "#1E3B3B",
    "on_accent": "#06201E",
    "noise": "#56B4E9",
    "signal": "#F0A13A",
    "noise_track": "#3C7FA6",
    "signal_track": "#B37A2F",
    "error": "#FF8A80",
    "error_ground": "#3A2220",
    "warn": "#E3B341",
    "warn_ground": "#352C17",
    "ok": "#63C58A",
    "casing": "#F0E442",  # yellow needs none on dark ground
}

# Okabe-Ito order, black first; 8 and 9 added.
CLASSES_LIGHT: tuple[str, ...] = ("#1B1D1F", "#C98700", "#1497D6", "#1F9A70", "#F0E442",
                                  "#0065A8", "#BC4B12", "#9A4A78", "#4A1468", "#70380A")
CLASSES_DARK: tuple[str, ...] = ("#F2F2F2", "#E69F00", "#45AEEA", "#14A474", "#F0E442",
                                 "#1F7FCB", "#E4662A", "#D07CB0", "#96614E", "#93E0B4")

# Maps of one quantity, lowest value first.
RAMP_LIGHT: tuple[str, ...] = ("#F7F8F8", "#96C5C2", "#0B6E6E", "#043436")
RAMP_DARK: tuple[str, ...] = ("#191B1D", "#1C4A4A", "#3A9691", "#B0ECE6")


def tokens(name: str, high_contrast: bool = False) -> dict[str, str]:
    """All colours of the theme "light" or "dark"; high contrast raises hairlines and captions."""
    colours = dict(DARK if name == "dark" else LIGHT)
    if high_contrast:
        colours["line"] = colours["ctl"]
        colours["muted"] = colours["text2"]
    return colours


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of "#RRGGBB"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance 0 to 1 of WCAG 2.2."""
    parts = []
    for value in rgb(colour):
        share = value / 255
        parts.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio 1 to 21 of WCAG 2.2 between two colours "#RRGGBB"."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
