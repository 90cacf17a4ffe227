"""Draw every component in its states, light beside dark, to one picture for comparing.

    QT_QPA_PLATFORM=offscreen python scripts/gallery.py OUT.png [--scale 2] [--family "DejaVu Sans"]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QMenu, QScrollBar, QVBoxLayout, QWidget

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.config import find_setting  # noqa: E402
from gui.theme import ICONS, apply_theme, theme, tip  # noqa: E402
from gui.widgets.banner import Banner  # noqa: E402
from gui.widgets.buttons import Button, IconButton, Link, OutlineButton, PlainButton, PrimaryButton  # noqa: E402
from gui.widgets.empty_state import EmptyState  # noqa: E402
from gui.widgets.fields import CheckBox, Choice, FixedRow, NumberField, SettingRow, SliderField  # noqa: E402
from gui.widgets.finding import Finding  # noqa: E402
from gui.widgets.labels import Hairline, Text  # noqa: E402
from gui.widgets.progress import JobProgressBar  # noqa: E402
from gui.widgets.section import Section, SectionList  # noqa: E402
from gui.widgets.segmented import Segmented  # noqa: E402


class Swatch(QWidget):
    """A patch of one colour with its name below."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token
        self.setFixedSize(theme().px(66), theme().px(34))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, 0, theme().px(64), theme().px(18), theme().color(self.token))
        painter.setPen(theme().color("line"))
        painter.drawRect(QRectF(0, 0, theme().px(64), theme().px(18)))
        painter.setFont(theme().font(11))
        painter.setPen(theme().color("text2"))
        painter.drawText(0, self.height() - 3, self.token)


class Dots(QWidget):
    """The ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(theme().px(380), theme().px(24))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font(13, 600))
        for i in range(10):
            painter.setBrush(theme().class_color(i))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(theme().px(i * 37), theme().px(7), theme().px(10), theme().px(10))
            painter.setPen(theme().color("text"))
            painter.drawText(theme().px(i * 37 + 17), theme().px(17), str(i))


class State(QWidget):
    """A widget with a word below."""

    def __init__(self, widget: QWidget, word: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(widget)
        label = Text(word, 11, 400, "text2")
        label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(label)


def hovered(button: Button, token: str) -> Button:
    """As under the pointer or pressed: there is no pointer here."""
    button.ground = lambda: token  # type: ignore[method-assign]
    return button


def row(name: str, *widgets: QWidget) -> QHBoxLayout:
    """A named line."""
    line = QHBoxLayout()
    line.setSpacing(10)
    label = Text(name, 12, 400, "text2")
    label.setFixedWidth(theme().px(76))
    line.addWidget(label)
    for widget in widgets:
        line.addWidget(widget)
    line.addStretch(1)
    return line


def field(value: float, unit: str, focus: bool = False) -> NumberField:
    """A number box; `focus` is set by the caller."""
    made = NumberField(50, 1000, 1 if unit == "s apart" else 0, unit, name="T")
    made.set_range(0, 1000)
    made.set_value(value)
    made.setFixedWidth(theme().px(100))
    return made


class Gallery(QWidget):
    """All of it, in the theme that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.focused: list[QWidget] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        title = Text(theme().name.capitalize(), 20, 600, "text")
        column.addLayout(row("", title))
        for name, names in (("Surfaces", ("bg", "surface", "sunken", "hover", "pressed", "line", "ctl")),
                            ("Ink", ("text", "text2", "muted", "disabled", "accent", "soft")),
                            ("Meaning", ("noise", "signal", "error", "warn", "ok"))):
            column.addLayout(row(name, *[Swatch(token) for token in names]))
        column.addLayout(row("Classes", Dots()))
        icons = []
        for path in sorted(ICONS.glob("*.svg")):
            label = QLabel()
            label.setPixmap(theme().pixmap(path.stem, "text2", theme().px(16)))
            label.setToolTip(path.stem)
            icons.append(label)
        for start in range(0, len(icons), 20):
            column.addLayout(row("Icons", *icons[start:start + 20]))
        column.addWidget(Hairline())
        column.addLayout(self.primary())
        column.addLayout(self.plain())
        column.addLayout(self.small())
        column.addLayout(self.fields())
        column.addWidget(Hairline())
        column.addLayout(self.progress())
        finding = Finding()
        finding.set("Still learning.", "Validation loss fell 5\u202f% in the last 200 steps; digits judged right "
                    "rose from 93\u202f% to 98\u202f%.")
        finding.set_links([("How this is decided", print, ""), ("Save…", print, "save")])
        column.addWidget(finding)
        column.addWidget(Banner("error", "The loss is no longer a number (step 812).",
                                "Training stopped; the snapshot of step 800 is kept. A learning rate of 0.001 usually "
                                "helps.", [("Go on from 800 with 0.001", print)], "details"))
        column.addWidget(Banner("warning", "The disk is full.", "Training goes on; step 680 is the last one saved. "
                                "Saving is tried again every 30 s.", [("Save elsewhere…", print)]))
        empty = EmptyState("No snapshot to look at yet", "The first one comes 2 s after training starts.",
                           [("Train", print, "play"), ("Open the bundled run", print)], primary=True)
        tooltip = QLabel(tip("Guidance: how hard the class pulls. Above 3 digits get bolder and more alike.\n"
                             "0 to 8, default 2.0; 1 is plain conditional"))
        tooltip.setFont(theme().font(12))
        colours = theme()
        tooltip.setStyleSheet(f"background: {colours.color('text').name()}; color: {colours.color('bg').name()};"
                              f"padding: 4px 8px; border-radius: 0;")
        line = QHBoxLayout()
        line.addWidget(empty, 1)
        line.addWidget(tooltip, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(line)
        docks = QHBoxLayout()
        docks.addWidget(self.dock())
        docks.addWidget(self.run_dock())
        docks.addWidget(self.menu(), 0, Qt.AlignmentFlag.AlignTop)
        docks.addStretch(1)
        column.addLayout(docks)
        column.addStretch(1)

    def primary(self) -> QHBoxLayout:
        """The primary button in its states."""
        running, off, focus = PrimaryButton("Training", "play"), PrimaryButton("Train", "play"), \
            PrimaryButton("Train", "play")
        running.set_running(True)
        off.setEnabled(False)
        self.focused.append(focus)
        return row("Primary", State(PrimaryButton("Train", "play"), "rest"),
                   State(hovered(PrimaryButton("Train", "play"), "accent_hover"), "hover"),
                   State(focus, "focus"), State(running, "running"), State(off, "off"))

    def plain(self) -> QHBoxLayout:
        """Plain and outline."""
        off, focus = PlainButton("Pause", "pause"), PlainButton("Pause", "pause")
        off.setEnabled(False)
        self.focused.append(focus)
        return row("Plain", State(PlainButton("Pause", "pause"), "rest"),
                   State(hovered(PlainButton("Pause", "pause"), "hover"), "hover"),
                   State(hovered(PlainButton("Pause", "pause"), "pressed"), "pressed"),
                   State(focus, "focus"), State(off, "off"), State(OutlineButton("Measure again"), "outline"))

    def small(self) -> QHBoxLayout:
        """Icon buttons, segmented, link."""
        on = IconButton("loop", "Loop", checkable=True)
        on.setChecked(True)
        log = Segmented([("linear", "Linear"), ("log", "Log")])
        log.set_value("log")
        return row("Small", State(on, "on"), State(IconButton("bounce", "Back and forth"), "rest"),
                   State(hovered(IconButton("dice", "New seed"), "hover"), "hover"), State(log, "one of few"),
                   State(Link("How this is decided"), "link"), State(Link("Save…", "save"), "link with icon"))

    def fields(self) -> QVBoxLayout:
        """Number boxes, choice, fixed text, check boxes."""
        rest, focus, wrong = field(2.0, "s apart"), field(2.0, "s apart"), field(700, "steps")
        self.focused.append(focus)
        wrong.set_range(50, 1000)
        wrong.setText("0")
        wrong.commit()
        choice = Choice([("ddim", "DDIM"), ("ddpm", "DDPM")], "Sampler")
        choice.setFixedWidth(theme().px(100))
        box, empty = CheckBox("On"), CheckBox("Off")
        box.setChecked(True)
        column = QVBoxLayout()
        column.addLayout(row("Fields", State(rest, "rest"), State(focus, "focus"), State(wrong, "wrong"),
                             State(choice, "choice"), State(box, "check"), State(empty, "")))
        column.addLayout(row("", Text(wrong.error, 12, 400, "error")))
        return column

    def progress(self) -> QHBoxLayout:
        """A known and an unknown job."""
        known, unknown = JobProgressBar("Recognition"), JobProgressBar("Recognition", cancellable=False)
        known.set(212, 1000, "samples", 28)
        unknown.set_unknown()
        line = QHBoxLayout()
        line.addWidget(known)
        line.addWidget(unknown)
        return line

    def dock(self) -> QWidget:
        """The Setup dock of the Reverse page."""
        sampling = Section("Sampling", tail=IconButton("undo", "Defaults"))
        steps = SliderField(find_setting("num_steps", "sampling"), 50, limit=200)
        guidance = SliderField(find_setting("guidance_scale"), 2.0, ticks=[1.0])
        sampler = SettingRow(find_setting("sampler"), "ddim", label_width=68)
        clip = SettingRow(find_setting("clip_x0"), True)
        sampling.add(sampler, steps, SliderField(find_setting("eta"), 0.0), guidance, clip,
                     Text("100 network calls, 61 ms on this CPU", 12, 400, "muted"))
        weights = Section("Weights")
        weights.add(FixedRow("Snapshot", "step 1\u202f100, the last", 68))
        lists = SectionList([sampling, weights, Section("Noise schedule", folded=True),
                             Section("Training", folded=True, state_text="finished")])
        return dock(lists)

    def run_dock(self) -> QWidget:
        """The Setup dock of the Train page, with one wrong value."""
        run = Section("Run")
        names = ("num_steps", "snapshots", "sample_seconds", "learning_rate")
        rows = [SettingRow(find_setting(name, "training")) for name in names]
        rows[0].editor.setText("0")  # type: ignore[union-attr]
        rows[0].editor.commit()  # type: ignore[union-attr]
        run.add(*rows)
        lock = QLabel()
        lock.setPixmap(theme().pixmap("lock", "muted", theme().px(16)))
        fixed = Section("Fixed for this run", tail=lock)
        for label, value in (("Preset", "Quick"), ("Data", "MNIST, 60\u202f000"), ("Image", "28 × 28, grey"),
                             ("Conditioning", "class, 10\u202f% drop, and much more that is too long")):
            fixed.add(FixedRow(label, value))
        fixed.add(OutlineButton("Duplicate with changes…"))
        return dock(SectionList([run, fixed]))

    def menu(self) -> QWidget:
        """A menu and scroll bars."""
        holder = QWidget()
        column = QVBoxLayout(holder)
        menu = QMenu(holder)
        menu.addAction("Open run…").setShortcut("Ctrl+O")
        one = menu.addAction("Follow the system")
        one.setCheckable(True)
        one.setChecked(True)
        menu.addSeparator()
        menu.addMenu("Recent")
        menu.addAction("Discard").setEnabled(False)
        picture = QLabel()
        menu.ensurePolished()
        menu.resize(menu.sizeHint())
        menu.setActiveAction(menu.actions()[0])
        picture.setPixmap(menu.grab())
        column.addWidget(picture)
        bar = QScrollBar(Qt.Orientation.Horizontal)
        bar.setRange(0, 100)
        bar.setPageStep(40)
        column.addWidget(bar)
        choice = Choice([("a", "EMA, last 10 %"), ("b", "Raw weights")], "Average")
        view = choice.view()
        column.addWidget(choice)
        view.setFixedSize(QSize(160, 60))
        off = Choice([("a", "Off")], "Off")
        off.setEnabled(False)
        column.addWidget(off)
        return holder


def dock(content: QWidget) -> QWidget:
    """Content on a dock's ground, 264 wide."""
    holder = QWidget()
    holder.setAutoFillBackground(True)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(content)
    column.addStretch(1)
    holder.setFixedWidth(theme().px(264))
    return holder


def main() -> None:
    """Draw both themes side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--family", default="")
    chosen = parser.parse_args()
    app = QApplication([])
    style = apply_theme(app)
    style.set_scale(chosen.scale)
    style.set_family(chosen.family)
    pictures = []
    for name in ("light", "dark"):
        style.set_mode(name)
        gallery = Gallery()
        gallery.resize(max(720, gallery.sizeHint().width()), gallery.sizeHint().height())
        gallery.show()
        gallery.activateWindow()
        app.processEvents()
        canvas = QImage(gallery.size(), QImage.Format.Format_RGB32)
        gallery.render(canvas, QPoint())
        for widget in gallery.focused:  # only one has the focus at a time, so each is drawn for itself
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            app.processEvents()
            painter = QPainter(canvas)
            widget.render(painter, widget.mapTo(gallery, QPoint()))
            painter.end()
        pictures.append(canvas)
        gallery.close()
        gallery.deleteLater()
    both = QImage(sum(p.width() for p in pictures), max(p.height() for p in pictures), QImage.Format.Format_RGB32)
    both.fill(Qt.GlobalColor.white)
    painter = QPainter(both)
    x = 0
    for picture in pictures:
        painter.drawImage(x, 0, picture)
        x += picture.width()
    painter.end()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    both.save(str(chosen.out))


if __name__ == "__main__":
    main()
