"""The Theme: modes, sizes, fonts, icons, style sheet."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QFont, QFontInfo, QFontMetrics, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import tokens
from gui.stylesheet import SHEET, stylesheet
from gui.theme import ICONS, Theme, apply_theme, theme, tip

NAMES = (
    "play", "pause", "stop", "back", "loop", "bounce", "dice", "undo", "copy", "lock",
    "chevron-down", "chevron-right", "close", "help", "plus", "save", "folder", "picture",
    "follow-live", "panel-left", "panel-right", "warning", "error", "check", "trash", "edit",
    "arrow-right", "lamp")


@pytest.fixture
def style(qapp: QApplication) -> Iterator[Theme]:
    made = theme()
    yield made
    made.set_mode("system")
    made.set_scale(1.0)
    made.set_family("")


def test_there_is_one_theme(style: Theme) -> None:
    assert theme() is style


def test_modes_change_colours_and_tell_once(style: Theme, qtbot: QtBot) -> None:
    style.set_mode("light")
    assert style.color("surface").name().upper() == tokens.LIGHT["surface"]
    with qtbot.waitSignal(style.changed, timeout=1000):
        style.set_mode("dark")
    assert style.name == "dark"
    assert style.color("surface").name().upper() == tokens.DARK["surface"]
    assert style.class_color(3).name().upper() == tokens.CLASSES_DARK[3]
    assert style.class_color(13) == style.class_color(3)
    with qtbot.assertNotEmitted(style.changed):
        style.set_mode("dark")
    with pytest.raises(ValueError, match="purple"):
        style.set_mode("purple")
    with pytest.raises(KeyError):
        style.color("no such token")


def test_a_colour_handed_out_is_a_copy(style: Theme) -> None:
    style.color("text").setAlpha(0)
    assert style.color("text").alpha() == 255


def test_ramp_runs_from_first_to_last_stop(style: Theme) -> None:
    for mode, stops in (("light", tokens.RAMP_LIGHT), ("dark", tokens.RAMP_DARK)):
        style.set_mode(mode)
        ramp = style.ramp()
        assert ramp.shape == (256, 3)
        assert ramp.dtype == np.uint8
        assert tuple(ramp[0]) == tokens.rgb(stops[0])
        assert tuple(ramp[255]) == tokens.rgb(stops[-1])
        assert tuple(ramp[85]) == tokens.rgb(stops[1])
        brightness = ramp.astype(int).sum(axis=1)
        steps = np.diff(brightness)
        assert (steps <= 0).all() if mode == "light" else (steps >= 0).all()


def test_fonts_are_inter_with_figures_of_one_width(style: Theme) -> None:
    for weight in (400, 500, 600):
        font = style.font(13, weight)
        assert QFontInfo(font).family() == "Inter"
        assert font.weight() == QFont.Weight(weight)
        assert font.featureValue(QFont.Tag("tnum")) == 1
        metrics = QFontMetrics(font)
        assert len({metrics.horizontalAdvance(digit * 20) for digit in "0123456789"}) == 1
    assert style.font(11, mono=True).family() != "Inter"


def test_scale_reaches_fonts_sizes_and_heights(style: Theme) -> None:
    apply_theme(QApplication.instance())  # type: ignore[arg-type]
    small = style.height(26)
    style.set_scale(2.0)
    assert style.font(13).pixelSize() == 26
    assert style.px(28) == 56
    assert style.height(26) >= 2 * small - 2
    assert style.height(8) > QFontMetrics(style.font(13)).height(), "text must fit in the lowest control"
    assert QApplication.font().pixelSize() == 26
    style.set_scale(99)
    assert style.scale <= 3
    style.set_scale(0)
    assert style.px(16) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_icons_are_drawn_in_the_colour_asked_for(style: Theme, name: str) -> None:
    text = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 16 16"' in text
    assert 'stroke-width="1.4"' in text
    assert 'stroke-linecap="round"' in text
    pixmap = style.pixmap(name, "accent", 16)
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_ARGB32)
    inked = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())
             if image.pixelColor(x, y).alpha() > 250]
    assert inked, "nothing was drawn"
    assert max(abs(colour.green() - style.color("accent").green()) for colour in inked) <= 2
    assert not style.icon(name).isNull()


def test_tinted_icons_match_their_sources() -> None:
    root = ICONS.parent.parent
    code = "from scripts.tint_icons import tinted; import json; print(json.dumps(tinted()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    import json
    wanted = json.loads(done.stdout)
    assert {path.name for path in (ICONS / "tinted").glob("*.svg")} == set(wanted)
    for name, text in wanted.items():
        assert (ICONS / "tinted" / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["light", "dark"])
def test_style_sheet_names_only_what_there_is(style: Theme, name: str) -> None:
    sheet = stylesheet(tokens.tokens(name), name, lambda size: round(size), ICONS / "tinted")
    assert "$" not in sheet
    for path in re.findall(r'url\("([^"]+)"\)', sheet):
        assert Path(path).exists()
    assert "min-height" not in SHEET.split("QPushButton {")[1].split("}")[0]
    assert not re.search(r"QAbstractButton[^{]*\{[^}]*min-height", sheet)


def test_qt_takes_the_style_sheet(style: Theme, qtbot: QtBot) -> None:
    # Qt only warns about a sheet it cannot read; warnings fail the test.
    apply_theme(QApplication.instance())  # type: ignore[arg-type]
    for mode in ("dark", "light"):
        style.set_mode(mode)
        assert style.color("accent").name() in QApplication.instance().styleSheet().lower() or \
            tokens.tokens(mode)["accent"] in QApplication.instance().styleSheet()  # type: ignore[union-attr]
        assert QApplication.palette().window().color() == style.color("bg")


def test_tooltips_are_at_most_270_wide(style: Theme) -> None:
    text = tip("Guidance: how hard the class pulls. Above 3 digits get bolder and more alike.\n0 to 8, default 2.0")
    metrics = QFontMetrics(style.font(12))
    assert max(metrics.horizontalAdvance(line) for line in text.split("\n")) <= 270 - 16
    assert text.replace("\n", " ") == ("Guidance: how hard the class pulls. Above 3 digits get bolder and more alike. "
                                       "0 to 8, default 2.0")
    assert text.endswith("\n0 to 8, default 2.0")
    assert tip("short") == "short"
