"""Where the timeline's parts lie: both rows share their columns, the sliders take what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from gui.theme import theme

if TYPE_CHECKING:
    from gui.widgets.timeline import Timeline

MARGIN = 16
WIDE_ENOUGH_FOR_SNR = 1120
# Of the sliders, px at 100 %, before words give way: those at their ends first, then "of 1 000", then what is read out,
# then those of the button that follows training.
SHORTEST = (160, 100, 100, 70)


def arrange(line: Timeline, row: int) -> None:
    """Set the geometry of every part; row is the height of a row."""
    px = theme().px
    middles = (1 + px(7) + row // 2, 1 + px(7) + row + px(4) + row // 2)

    def place(widget: QWidget, x: int, at: int, width: int | None = None) -> int:
        hint = widget.sizeHint()
        wide = hint.width() if width is None else width
        tall = min(row + px(2), max(hint.height(), px(26)))
        widget.setGeometry(x, middles[at] - tall // 2, wide, tall)
        return x + wide

    def widest(*widgets: QWidget) -> int:
        return max(widget.sizeHint().width() for widget in widgets)

    group = _arrange_right(line, place)
    left = px(MARGIN) + widest(line.step_name, line.t_name) + px(9)
    box = widest(line.step_box, line.t_box)
    of = px(8) + widest(line.step_of, line.t_of)
    readout = max(line.readout.sizeHint().width(), line.follow.sizeHint().width())
    if line.width() >= px(WIDE_ENOUGH_FOR_SNR):
        readout = max(readout, px(197))
    if not line.status.isHidden():
        readout = max(readout, line.status.sizeHint().width())
    readout += px(8)

    # Words give way to the sliders, one kind after the other.
    ends = widest(line.step_left, line.t_left)
    before, after = px(12) + ends + px(4), px(4) + widest(line.step_right, line.t_right) + px(18)
    room = group - px(16) - left - px(28) - box
    with_ends = room - before - after - of - readout >= px(SHORTEST[0])
    with_of = with_ends or room - 2 * px(8) - of - readout >= px(SHORTEST[1])
    with_readout = with_of or room - 2 * px(8) - readout >= px(SHORTEST[2])
    for widget in (line.step_left, line.t_left, line.step_right, line.t_right):
        widget.setVisible(with_ends)
    follow = 0 if line.follow.isHidden() else line.follow.sizeHint().width()
    if follow and room - 3 * px(8) - follow < px(SHORTEST[3]):
        follow = px(28)
    tail = (of if with_of else 0) + (readout if with_readout else px(8) + follow)

    for at, (name, button) in enumerate(((line.step_name, line.step_play), (line.t_name, line.t_play))):
        place(name, px(MARGIN), at)
        place(button, left, at)
    x = left + px(28) + px(12 if with_ends else 8)
    if with_ends:
        place(line.step_left, x, 0, ends)
        place(line.t_left, x, 1, ends)
        x += ends + px(4)
    slider = max(px(60), group - px(16) - tail - box - (after if with_ends else px(8)) - x)
    place(line.step_slider, x, 0, slider)
    place(line.t_slider, x, 1, slider)
    x += slider
    if with_ends:
        place(line.step_right, x + px(4), 0)
        place(line.t_right, x + px(4), 1)
    x += after if with_ends else px(8)
    place(line.step_box, x, 0, box)
    place(line.t_box, x, 1, box)
    x += box
    for at, words in enumerate((line.step_of, line.t_of)):
        place(words, x + px(8), at, None if with_of else 0)
    x += (of if with_of else 0) + px(8)
    place(line.follow, x, 0, follow)
    place(line.status, x, 0, None if with_readout else 0)
    place(line.readout, x, 1, None if with_readout else 0)


def _arrange_right(line: Timeline, place: object) -> int:
    """Class strip above; loop, back and forth, speed and seed below. Returns where the group begins."""
    assert callable(place)
    px = theme().px
    right = line.width() - px(MARGIN)
    x = right - line.classes.sizeHint().width()
    place(line.classes, x, 0)
    label = x - px(12) - line.class_label.sizeHint().width()
    place(line.class_label, label, 0)
    x = right - line.seed.sizeHint().width()
    place(line.seed, x, 1)
    x -= px(14) + line.speed.sizeHint().width()
    place(line.speed, x, 1)
    for button in (line.bounce, line.loop):
        x -= px(4) + button.sizeHint().width()
        place(button, x, 1)
    return min(label, x)
