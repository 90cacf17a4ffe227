"""The one Theme: colours, fonts, icons and sizes of the window, light or dark, at any text size.

Custom-painted widgets read colours in paintEvent and call update() on `theme().changed`. Everything that Qt
paints itself gets them from the palette and the style sheet of gui/stylesheet.py.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QFontMetrics,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QToolTip

from engine.paths import RESOURCES
from gui import tokens
from gui.stylesheet import stylesheet

FAMILY = "Inter"
FONTS = RESOURCES / "fonts"
ICONS = RESOURCES / "icons"
TOOLTIP_WIDTH = 270  # px at 100 %, padding included
SMALLEST_SCALE, LARGEST_SCALE = 0.75, 3.0
MOST_ADVANCES = 4000  # widths of texts that are remembered
# What each platform's interface font measures in points before a person changes it.
USUAL_POINTS = {"win32": 9.0, "darwin": 13.0}
USUAL_POINTS_ELSEWHERE = 11.0


class Theme(QObject):
    """Colours, fonts, icons and sizes; `changed` after any of them is another."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mode = "system"
        self._scale = 1.0
        self._family = ""
        self._applied = False
        self._colours: dict[str, QColor] = {}
        self._classes: list[QColor] = []
        self._ramp: NDArray[np.uint8] | None = None
        self._svg: dict[str, str] = {}
        self._pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
        self._sizes: dict[float, int] = {}
        self._fonts: dict[tuple[int, int, bool], QFont] = {}
        self._metrics: dict[tuple[int, int], QFontMetrics] = {}
        self._advances: dict[tuple[str, int, int], int] = {}
        _load_fonts()
        self._system_scale = _system_scale()
        self.name = "light"
        self.high_contrast = False
        self._read_system()
        self._fill()
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._system_changed)
        if hasattr(hints, "accessibility"):
            hints.accessibility().contrastPreferenceChanged.connect(self._system_changed)

    # ---- colours ----

    def color(self, token: str) -> QColor:
        """The colour of a token of gui/tokens.py; KeyError for an unknown one."""
        return QColor(self._colours[token])

    def class_color(self, index: int) -> QColor:
        """The colour of class `index`; beyond ten classes the colours come round again."""
        return QColor(self._classes[index % len(self._classes)])

    def ramp(self) -> NDArray[np.uint8]:
        """(256, 3) uint8 look-up table for maps of one quantity, lowest value first."""
        if self._ramp is None:
            stops = tokens.RAMP_DARK if self.name == "dark" else tokens.RAMP_LIGHT
            values = np.array([tokens.rgb(stop) for stop in stops], dtype=np.float64)
            at, where = np.linspace(0, 1, 256), np.linspace(0, 1, len(stops))
            self._ramp = np.stack([np.interp(at, where, values[:, i]) for i in range(3)], 1).round().astype(np.uint8)
        return self._ramp

    # ---- sizes and type ----

    @property
    def scale(self) -> float:
        """Text scale: the person's choice times the system's font size."""
        return self._scale * self._system_scale

    def px(self, size: float) -> int:
        """A size given at 100 %, scaled and rounded to whole px (at least 1)."""
        found = self._sizes.get(size)
        if found is None:
            found = self._sizes[size] = max(1, round(size * self.scale))
        return found

    def font(self, px: int, weight: int = 400, mono: bool = False) -> QFont:
        """A font of px (at 100 %) with tabular figures; weights 400, 500, 600."""
        key = (px, weight, mono)
        if key not in self._fonts:
            if mono:
                made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
            else:
                made = QFont()
                general = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
                made.setFamilies([self._family] if self._family else [FAMILY, general])
                made.setFeature(QFont.Tag("tnum"), 1)
            made.setPixelSize(self.px(px))
            made.setWeight(QFont.Weight(weight))
            self._fonts[key] = made
        return QFont(self._fonts[key])

    def metrics(self, px: int, weight: int = 400) -> QFontMetrics:
        """Metrics of `font(px, weight)`, made once: every paint of a moving slider asks for them."""
        key = (px, weight)
        if key not in self._metrics:
            self._metrics[key] = QFontMetrics(self.font(px, weight))
        return self._metrics[key]

    def advance(self, text: str, px: int, weight: int = 400) -> int:
        """Width of a text in `font(px, weight)`, measured once."""
        key = (text, px, weight)
        found = self._advances.get(key)
        if found is None:
            if len(self._advances) >= MOST_ADVANCES:
                self._advances.clear()
            found = self._advances[key] = self.metrics(px, weight).horizontalAdvance(text)
        return found

    def line_height(self, px: int = 13, room: int = 10) -> int:
        """Height of a one-line control around text of px: font height and `room` (at 100 %), whole px."""
        return QFontMetrics(self.font(px, 600)).height() + self.px(room)

    def height(self, px: int, text: int = 13) -> int:
        """`px` scaled, or more where the font (of `text` px) would not fit with 4 px of air."""
        return max(self.px(px), QFontMetrics(self.font(text, 600)).height() + 4)

    # ---- icons ----

    def pixmap(self, name: str, token: str = "text2", size: int = 16) -> QPixmap:
        """An icon in a token's colour, `size` logical px a side, sharp on this screen."""
        return self._pixmap(name, token, size, _pixel_ratio())

    def icon(self, name: str, token: str = "text2", size: int = 16) -> QIcon:
        """The same as QIcon, with the switched-off look; make it anew on `changed`."""
        made = QIcon()
        for ratio in (1.0, 2.0, 3.0):
            for mode, colour in ((QIcon.Mode.Normal, token), (QIcon.Mode.Disabled, "disabled")):
                made.addPixmap(self._pixmap(name, colour, size, ratio), mode)
        return made

    def _pixmap(self, name: str, token: str, size: int, ratio: float) -> QPixmap:
        key = (name, token, size, ratio)
        if key not in self._pixmaps:
            if name not in self._svg:
                self._svg[name] = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
            text = self._svg[name].replace("currentColor", self._colours[token].name())
            side = round(size * ratio)
            made = QPixmap(side, side)
            made.fill(Qt.GlobalColor.transparent)
            painter = QPainter(made)
            QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, side, side))
            painter.end()
            made.setDevicePixelRatio(ratio)
            self._pixmaps[key] = made
        return self._pixmaps[key]

    # ---- settings ----

    @property
    def mode(self) -> str:
        """What was asked for: "system", "light" or "dark"."""
        return self._mode

    def set_mode(self, mode: str) -> None:
        """Follow the system, or be light or dark; ValueError for anything else."""
        if mode not in ("system", "light", "dark"):
            raise ValueError(f"no theme is called {mode!r}")
        self._mode = mode
        hints = QGuiApplication.styleHints()
        if hasattr(hints, "setColorScheme"):  # title bars and the platform's dialogs follow
            hints.setColorScheme({"system": Qt.ColorScheme.Unknown, "light": Qt.ColorScheme.Light,
                                  "dark": Qt.ColorScheme.Dark}[mode])
        self._system_changed()

    def set_scale(self, scale: float) -> None:
        """The person's text scale: 1 is the system's size, 2 twice that."""
        wanted = min(LARGEST_SCALE, max(SMALLEST_SCALE, scale))
        if wanted != self._scale:
            self._scale = wanted
            self._refresh()

    def set_family(self, family: str) -> None:
        """Another font family ("" is Inter): to try layouts with a wider one."""
        if family != self._family:
            self._family = family
            self._refresh()

    def _system_changed(self, *_: object) -> None:
        before = self.name, self.high_contrast
        self._read_system()
        if (self.name, self.high_contrast) != before:
            self._refresh()

    def _read_system(self) -> None:
        hints = QGuiApplication.styleHints()
        dark = hints.colorScheme() == Qt.ColorScheme.Dark if self._mode == "system" else self._mode == "dark"
        self.name = "dark" if dark else "light"
        if hasattr(hints, "accessibility"):
            self.high_contrast = hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast

    def _fill(self) -> None:
        named = tokens.tokens(self.name, self.high_contrast)
        self._colours = {token: QColor(colour) for token, colour in named.items()}
        self._classes = [QColor(colour) for colour in
                         (tokens.CLASSES_DARK if self.name == "dark" else tokens.CLASSES_LIGHT)]
        self._ramp = None
        self._pixmaps.clear()
        self._sizes.clear()
        self._fonts.clear()
        self._metrics.clear()
        self._advances.clear()

    def _refresh(self) -> None:
        self._fill()
        if self._applied:
            self.apply()
        self.changed.emit()

    def apply(self) -> None:
        """Give the application palette, font and style sheet."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._applied = True
        app.setPalette(self.palette())
        app.setFont(self.font(13))
        QToolTip.setFont(self.font(12))
        app.setStyleSheet(stylesheet(tokens.tokens(self.name, self.high_contrast), self.name, self.px,
                                     ICONS / "tinted"))

    def palette(self) -> QPalette:
        """The colours as Qt's roles, switched-off ones included."""
        made = QPalette()
        role = QPalette.ColorRole
        for target, token in (
                (role.Window, "bg"), (role.WindowText, "text"), (role.Base, "surface"),
                (role.AlternateBase, "bg"), (role.Text, "text"), (role.Button, "bg"), (role.ButtonText, "text"),
                (role.BrightText, "on_accent"), (role.PlaceholderText, "muted"), (role.Highlight, "accent"),
                (role.HighlightedText, "on_accent"), (role.Link, "accent"), (role.LinkVisited, "accent"),
                (role.ToolTipBase, "text"), (role.ToolTipText, "bg"), (role.Light, "surface"),
                (role.Midlight, "hover"), (role.Mid, "line"), (role.Dark, "ctl"), (role.Shadow, "line"),
                (role.Accent, "accent")):
            made.setColor(target, self._colours[token])
        off = QPalette.ColorGroup.Disabled
        for target in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
            made.setColor(off, target, self._colours["disabled"])
        made.setColor(off, role.Highlight, self._colours["pressed"])
        made.setColor(off, role.HighlightedText, self._colours["disabled"])
        return made


def _load_fonts() -> None:
    for path in sorted(FONTS.glob("*.otf")):
        QFontDatabase.addApplicationFont(str(path))


def _system_scale() -> float:
    """How much larger than usual the system's interface font is; never below 1."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    points = QFontInfo(font).pointSizeF()
    usual = USUAL_POINTS.get(sys.platform, USUAL_POINTS_ELSEWHERE)
    return min(LARGEST_SCALE, max(1.0, points / usual)) if points > 0 else 1.0


def _pixel_ratio() -> float:
    app = QApplication.instance()
    return app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0


_theme: Theme | None = None


def theme() -> Theme:
    """The one Theme, made at the first call; needs a QApplication."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def apply_theme(app: QApplication) -> Theme:
    """Fusion style, palette, font and style sheet for the whole application."""
    app.setStyle("Fusion")
    made = theme()
    made.apply()
    return made


def tip(text: str) -> str:
    """Plain text with line breaks so that a tooltip is at most 270 px wide; Qt does not break it itself."""
    style = theme()
    space = style.advance(" ", 12)
    room = style.px(TOOLTIP_WIDTH - 18)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line: list[str] = []
        wide = 0
        # Word by word: words come again in other tips and are measured once, while the window is being made.
        for word in paragraph.split(" "):
            width = style.advance(word, 12)
            if line and wide + space + width > room:
                lines.append(" ".join(line))
                line, wide = [], 0
            wide += width + (space if line else 0)
            line.append(word)
        lines.append(" ".join(line))
    return "\n".join(lines)


def icon_size() -> QSize:
    """16 px, scaled."""
    return QSize(theme().px(16), theme().px(16))
