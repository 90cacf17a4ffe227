"""The lanes of the race: each a name, its pictures, how far it has come and what that took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.config import SamplingConfig
from engine.measure.race import LaneFrames
from engine.settings import number
from gui.pages.compare_words import calls_briefly, duration, lane_names, reading_words, reference_words
from gui.pages.reverse_film import ordinal
from gui.theme import theme
from gui.widgets.buttons import Button, fill_box, outline_box
from gui.widgets.labels import Text
from gui.widgets.picture import Picture
from gui.widgets.setting_words import choice_label

GAP = 16  # between lanes
PAIR_GAP = 4  # between x_t and predicted x0
LARGEST = 12  # factor
BAR = 3
FACTS = 180  # px that calls, seconds and place want

PICTURE_HELP = "Shown clipped to −1…1. Hover for values, right-click to copy or save."


@dataclass(frozen=True, slots=True)
class LaneStyle:
    """How a lane's curves are drawn: by ink and dash, for colours have other meanings; the chosen one in accent."""

    token: str
    width: float
    style: str


STYLES = (LaneStyle("text", 1.5, "solid"), LaneStyle("text", 1.5, "dash"), LaneStyle("muted", 1.5, "solid"),
          LaneStyle("muted", 1.5, "dash"), LaneStyle("disabled", 1.5, "solid"), LaneStyle("disabled", 1.5, "dash"))
CHOSEN = LaneStyle("accent", 2.0, "solid")


def lane_style(index: int, chosen: int) -> LaneStyle:
    """Of lane `index` while lane `chosen` is the one that is set."""
    return CHOSEN if index == chosen else STYLES[index % len(STYLES)]


class LaneHead(Button):
    """The stroke of the lane's curves, its name and its number of steps. Pressing chooses the lane."""

    WEIGHT = 600

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__("", "", parent)
        self.index, self.steps = index, ""
        self.look = STYLES[index]
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setProperty("explain", "race")

    def set_lane(self, sampling: SamplingConfig, chosen: bool) -> None:
        """What it names."""
        name = choice_label(sampling.sampler)
        if sampling.sampler == "ddim" and sampling.eta > 0:
            name += f", η {number(sampling.eta)}"
        self.steps = f"{number(sampling.num_steps)} step{'' if sampling.num_steps == 1 else 's'}"
        self.look = lane_style(self.index, self.index if chosen else -1)
        self.setText(name)
        self.setChecked(chosen)
        self.setAccessibleName(f"Lane {self.index + 1}: {name}, {self.steps}")
        self.setToolTip(f"Lane {self.index + 1}: noise levels {choice_label(sampling.grid).lower()}, guidance "
                        f"{number(sampling.guidance_scale)}.\nPress to choose it: its curves are drawn in colour, and "
                        "Setup shows its settings.")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(60), theme().height(24))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(40), theme().height(24))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if ground := self.ground():
            fill_box(painter, QRectF(self.rect()), style.color(ground))
        pen = QPen(style.color(self.look.token), self.look.width + 0.5)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if self.look.style == "dash":
            pen.setDashPattern([2.5, 1.5])
        painter.setPen(pen)
        middle = self.height() / 2
        painter.drawLine(0, round(middle), style.px(16), round(middle))
        x = style.px(22)
        for text, size, weight, token in ((self.text(), 13, 600, "accent" if self.isChecked() else "text"),
                                          (self.steps, 12, 400, "muted")):
            painter.setFont(style.font(size, weight))
            painter.setPen(style.color(token))
            room = max(0, self.width() - x)
            shown = style.metrics(size, weight).elidedText(text, Qt.TextElideMode.ElideRight, room)
            if shown == "…":
                break
            painter.drawText(QRectF(x, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, shown)
            x += style.advance(shown, size, weight) + style.px(8)
        if self._keyboard and self.hasFocus():
            outline_box(painter, QRectF(self.rect()), style.color("accent"), 2)


class ShareBar(QWidget):
    """A thin line that fills as the lane comes to its end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.share = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(BAR + 2)

    def set(self, share: float) -> None:
        """0 to 1."""
        if share != self.share:
            self.share = share
            self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        box = QRectF(0, 1, self.width(), BAR)
        painter.fillRect(box, theme().color("line"))
        box.setWidth(self.width() * self.share)
        painter.fillRect(box, theme().color("accent"))


class LaneView(QWidget):
    """One lane."""

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self.head = LaneHead(index)
        self.x_t = Picture("xₜ")
        self.x0 = Picture("Predicted x₀")
        self.x_t.setToolTip(f"What the sampler is holding.\n{PICTURE_HELP}")
        self.x0.setToolTip(f"Where the network thinks it is heading; at the end the picture.\n{PICTURE_HELP}")
        self.x_t.setProperty("explain", "x-t")
        self.x0.setProperty("explain", "predicted-x0")
        self.bar = ShareBar()
        self.count = Text("", 12, 400, "text2", elide=True)
        self.place = Text("", 12, 600, "text")
        self.reading = Text("", 12, 400, "muted", elide=True)
        self.count.setToolTip("Network calls for this picture, and the seconds they took on this machine. Guidance "
                              "needs two a step, Heun twice as many.")
        self.place.setToolTip("Finishing place by network calls; equal numbers share it.")
        self.reading.setToolTip("What the judge reads in predicted x₀: the probability of the class that was asked "
                                "for. Off by: mean squared difference from a fine solution from the same noise; "
                                "with fresh noise on the way there is nothing to compare.")
        self.pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.pair.setContentsMargins(0, 0, 0, 0)
        self.pair.setSpacing(PAIR_GAP)
        for picture in (self.x_t, self.x0):
            self.pair.addWidget(picture, 0, Qt.AlignmentFlag.AlignLeft)
        self.facts = QWidget()
        facts = QHBoxLayout(self.facts)
        facts.setContentsMargins(0, 0, 0, 0)
        facts.setSpacing(6)
        facts.addWidget(self.count, 1)
        facts.addWidget(self.place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.head)
        column.addLayout(self.pair)
        column.addWidget(self.bar)
        column.addWidget(self.facts)
        column.addWidget(self.reading)
        column.addStretch(1)

    def texts_height(self) -> int:
        """Height of all but the pictures."""
        lines = 2 * self.count.sizeHint().height()
        return self.head.sizeHint().height() + self.bar.height() + lines + 5 * 2

    def show_frame(self, lane: LaneFrames, frame: int, class_name: str, judged: bool, complete: bool) -> None:
        """A frame of the lane with what had been spent by then."""
        self.x_t.set_image(lane.x[frame])
        self.x0.set_image(lane.x0[frame])
        spent = int(lane.nfe[frame])
        self.bar.set(spent / lane.total)
        self.count.setText(f"{calls_briefly(spent, lane.total)}, {duration(float(lane.seconds[frame]))}")
        self.place.setText(ordinal(lane.place) if lane.place and spent == lane.total else "")
        words = reading_words(lane, frame, class_name, judged, complete)
        if judged and (other := reference_words(lane, frame, complete)):
            words += f"; {other}"
        self.reading.setText(words)

    def clear(self) -> None:
        """Nothing yet."""
        self.x_t.set_image(None)
        self.x0.set_image(None)
        self.bar.set(0.0)
        for text in (self.count, self.place, self.reading):
            text.setText("")


class LaneRow(QWidget):
    """All lanes side by side, equally wide; their pictures are as large as whole pixels allow."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views: list[LaneView] = []
        self._shape = (28, 28)
        self._show_x = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GAP)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Lanes")

    def set_lanes(self, lanes: Sequence[SamplingConfig], chosen: int, show_x: bool) -> None:
        """As many views as lanes, with their names."""
        while len(self.views) > len(lanes):
            gone = self.views.pop()
            self._row.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        while len(self.views) < len(lanes):
            view = LaneView(len(self.views))
            view.head.clicked.connect(lambda _=False, index=view.index: self.chosen.emit(index))
            self.views.append(view)
            self._row.addWidget(view, 1)
        self._show_x = show_x
        for view, lane, name in zip(self.views, lanes, lane_names(lanes), strict=True):
            view.head.set_lane(lane, view.index == chosen)
            view.x_t.setVisible(show_x)
            for picture, what in ((view.x_t, "xₜ"), (view.x0, "predicted x₀")):
                picture.title = f"{name}: {what}"
                picture.setAccessibleName(picture.title)

    def set_shape(self, shape: tuple[int, int]) -> None:
        """(H, W) of the run's pictures."""
        self._shape = shape

    def factor_for(self, width: int, height: int) -> tuple[int, bool]:
        """The enlargement for a room of this size, and whether x_t stands beside predicted x0, not above it."""
        if not self.views:
            return 1, False
        tall, wide = self._shape
        count = len(self.views)
        across = (width - (count - 1) * GAP) / count
        down = height - self.views[0].texts_height()
        if not self._show_x:
            return _whole(min(across / wide, down / tall)), False
        above = _whole(min(across / wide, (down - PAIR_GAP) / 2 / tall))
        beside = _whole(min((across - PAIR_GAP) / 2 / wide, down / tall))
        return max(above, beside), beside > above

    def fit(self, width: int, height: int) -> None:
        """Take as much of a room of this size as the pictures want."""
        factor, beside = self.factor_for(width, height)
        column = (width - (len(self.views) - 1) * GAP) / max(1, len(self.views))
        direction = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        for view in self.views:
            if view.pair.direction() != direction:
                view.pair.setDirection(direction)
            view.pair.setAlignment(Qt.AlignmentFlag.AlignLeft)
            for picture in (view.x_t, view.x0):
                picture.set_factor(factor)
            wide = self._shape[1] * factor
            wide = 2 * wide + PAIR_GAP if beside else wide
            view.bar.setFixedWidth(wide)
            # As wide as the picture, so that the place stands at its corner, unless that leaves no room for words.
            view.facts.setFixedWidth(min(int(column), max(wide, theme().px(FACTS))))
        pictures = self._shape[0] * factor
        if self._show_x and not beside:
            pictures = 2 * pictures + PAIR_GAP
        if self.views:
            self.setFixedHeight(pictures + self.views[0].texts_height())

    def clear(self) -> None:
        """No pictures."""
        for view in self.views:
            view.clear()


def _whole(factor: float) -> int:
    return max(1, min(LARGEST, int(factor)))
