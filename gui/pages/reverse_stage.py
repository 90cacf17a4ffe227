"""What is looked at on the Reverse page: x_t beside predicted x0, noise and guidance, and the class buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.pages.reverse_all_ten import AllTen, AllTenButton
from gui.pages.reverse_heading import Heading
from gui.theme import theme
from gui.widgets.labels import Text
from gui.widgets.pictures import Picture, PictureButton

GRID_COLUMNS = 5  # of class buttons at the right of the pictures
BUTTON_GAP = 8
SMALLEST = 3  # enlargement below which the page would rather be cut off
SIDE_GAP, MIDDLE_GAP = 20, 24  # least room before the side pictures, and for the arrow
WIDEST_GAP = 64

PICTURE_HELP = "Hover for the value of a pixel, right click to copy or save."
X_HELP = "x_t: what the sampler holds at this noise level.\nShown from −1 (black) to 1 (white), beyond is clipped."
X0_HELP = ("Predicted x₀: the clean picture the network would answer now.\n"
           "Shown from −1 (black) to 1 (white), beyond is clipped.")
EPS_HELP = ("Predicted noise: what is left of x_t when predicted x₀ is taken away.\n"
            "Blue scale over ±2.6 standard deviations.")
CLASS_DIFFERENCE = "D<sub>c</sub> − D<sub>u</sub>"
GUIDE_HELP = ("With class minus without class: what the class changes in predicted x₀.\n"
              "Middle grey is no change, brighter adds ink, darker takes it away; scaled to its largest value.")
AUTOGUIDE_HELP = GUIDE_HELP.replace("With class minus without class: what the class changes in predicted x₀.",
                                    "This model minus its earlier snapshot: what training has changed in predicted x₀.")


@dataclass(frozen=True, slots=True)
class Plan:
    """Enlargements in device pixels, and whether the class buttons stand at the right."""

    pair: int
    side: int
    grid: bool


class ReverseStage(QWidget):
    """Arranges its parts for the room there is; the page fills them."""

    class_pressed = Signal(int)
    all_ten_pressed = Signal()

    def __init__(self, class_names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = (28, 28)
        self._alone = ""  # why there is no guidance picture
        self._difference = CLASS_DIFFERENCE
        self._plan = Plan(SMALLEST, 1, False)
        self._ratio = 1.0
        self.x_head = Heading("x<sub>t</sub>", "what the model is holding", self)
        self.x0_head = Heading("x̂<sub>0</sub>", "where it thinks it is heading", self)
        self.eps_head = Heading("ε̂", "predicted noise", self)
        self.guide_head = Heading(CLASS_DIFFERENCE, "guidance", self)
        self.class_head = Heading("Class", "press 0 to 9", self)
        self.all_head = Heading("x<sub>t</sub> → x̂<sub>0</sub>", "every class, from the same noise", self)
        self.x_t = self._picture("x_t", X_HELP, "x-t")
        self.x0 = self._picture("predicted x0", X0_HELP, "predicted-x0")
        self.eps = self._picture("predicted noise", EPS_HELP, "predicted-noise", "noise")
        self.guide = self._picture("guidance", GUIDE_HELP, "guidance", "signed")
        for head, topic in ((self.x_head, "x-t"), (self.x0_head, "predicted-x0"),
                            (self.eps_head, "predicted-noise"), (self.guide_head, "guidance")):
            head.setProperty("explain", topic)
        self.alone = Text("", 12, 400, "muted", wrap=True, parent=self)
        self.alone.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.alone.hide()
        self.all_view = AllTen(self)
        self.all_view.setProperty("explain", "all-ten")
        self.all_view.hide()
        self.all_head.hide()
        self.all_view.picked.connect(self.class_pressed)
        self.buttons: list[PictureButton] = []
        self.all_button = AllTenButton(self)
        self.all_button.setProperty("explain", "all-ten")
        self.all_button.clicked.connect(self.all_ten_pressed)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self._theme_changed)
        self.set_class_names(class_names)

    def _picture(self, title: str, help_text: str, topic: str, kind: str = "grey") -> Picture:
        picture = Picture(title, kind, None, self)  # type: ignore[arg-type]
        picture.setToolTip(f"{help_text}\n{PICTURE_HELP}")
        picture.setProperty("explain", topic)
        return picture

    # ---- what is shown ----

    def set_class_names(self, names: Sequence[str]) -> None:
        """A button for each class of the run."""
        if [button.text() for button in self.buttons] == list(names):
            return
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        for index, name in enumerate(names):
            button = PictureButton(index, name, self)
            button.setToolTip(f"Class {name}, drawn from this seed\nKey {index}" if index < 10
                              else f"Class {name}, drawn from this seed")
            button.setProperty("explain", "class")
            button.clicked.connect(lambda _=False, chosen=index: self.class_pressed.emit(chosen))
            self.buttons.append(button)
        previous: QWidget = self.all_view
        for last in (*self.buttons, self.all_button):
            QWidget.setTabOrder(previous, last)
            previous = last
        self.all_view.set_class_names(names)
        self.all_button.set_count(len(names))
        self._arrange()

    def set_shape(self, shape: tuple[int, int]) -> None:
        """(H, W) of the run's pictures."""
        if shape != self._shape:
            self._shape = shape
            self._arrange()

    def set_chosen(self, class_label: int, all_ten: bool) -> None:
        """Light the button of the class, or of all ten, and show the pair or all ten."""
        for button in self.buttons:
            button.setChecked(not all_ten and button.index == class_label)
        self.all_button.setChecked(all_ten)
        self.all_view.set_index(class_label)
        if all_ten != self.all_view.isVisibleTo(self):
            self.all_view.setVisible(all_ten)
            self.all_head.setVisible(all_ten)
            for part in (self.x_t, self.x0, self.eps, self.x_head, self.x0_head, self.eps_head,
                         self.guide_head):
                part.setVisible(not all_ten)
            self._show_guidance()
            self.update()

    @property
    def all_ten(self) -> bool:
        """Whether all ten classes are shown in place of the pair."""
        return self.all_button.isChecked()

    def set_alone(self, sentence: str) -> None:
        """Say why there is no guidance picture; "" shows it."""
        if sentence != self._alone:
            self._alone = sentence
            self.alone.setText(sentence)
            self._show_guidance()

    def set_difference(self, symbol: str) -> None:
        """What the guidance picture is the difference of."""
        if symbol != self._difference:
            self._difference = symbol
            self._arrange()

    def _show_guidance(self) -> None:
        self.guide.setVisible(not self._alone and not self.all_ten)
        self.alone.setVisible(bool(self._alone) and not self.all_ten)

    # ---- layout ----

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self._arrange()
        self.update()

    def _head_height(self) -> int:
        return theme().height(24, 14)

    def _button_height(self) -> int:
        return self.buttons[0].sizeHint().height() if self.buttons else 0

    def _grid_size(self) -> QSize:
        columns = min(GRID_COLUMNS, max(1, len(self.buttons)))
        rows = -(-len(self.buttons) // columns)
        wide = max([button.minimumSizeHint().width() for button in self.buttons], default=0)
        tall = self._head_height() + rows * (self._button_height() + BUTTON_GAP) + 6 + theme().height(28)
        return QSize(columns * wide + (columns - 1) * BUTTON_GAP, tall)

    def sizeHint(self) -> QSize:
        return QSize(860, self._head_height() + 9 * self._shape[0] + 12 + self._button_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(320, self._head_height() + SMALLEST * self._shape[0] + 8)

    def comfortable_height(self) -> int:
        """Below this some of it would be cut off."""
        return self._grid_size().height()

    def _side(self, pair: int) -> int:
        """The enlargement of the side pictures: two with their headings as tall as one large picture."""
        room = pair * self._shape[0] - (self._head_height() + 12) * self._ratio
        return max(1, int(room / (2 * self._shape[0])))

    def _fits(self, pair: int, grid: bool, tall_enough: bool = False) -> bool:
        """Whether pictures of that size leave room for the rest. tall_enough: look at the width alone."""
        height, width = (n * pair / self._ratio for n in self._shape)
        side = self._side(pair) * self._shape[1] / self._ratio
        wide, tall = 2 * width + side + (14 + 14 if grid else MIDDLE_GAP + SIDE_GAP), self._head_height() + height
        if grid:
            size = self._grid_size()
            return wide + 14 + size.width() <= self.width() \
                and (tall_enough or max(tall, size.height()) <= self.height())
        return wide <= self.width() and (tall_enough or tall + 8 + self._button_height() <= self.height())

    def plan(self) -> Plan:
        """The larger pictures of the two arrangements; class buttons below if both are the same."""
        self._ratio = self.devicePixelRatioF()
        least = max(1, int(SMALLEST * self._ratio))
        best = Plan(least, self._side(least), self._fits(least, True, tall_enough=True))
        for grid in (True, False):
            pair = least
            while self._fits(pair + 1, grid):
                pair += 1
            if self._fits(pair, grid) and (pair >= best.pair):
                best = Plan(pair, self._side(pair), grid)
        return best

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        if not self.buttons or self.width() < 10:
            return
        plan = self._plan = self.plan()
        head = self._head_height()
        tall, wide = (-(-n * plan.pair // 1) / self._ratio for n in self._shape)
        side_tall, side_wide = (n * plan.side / self._ratio for n in self._shape)
        right = self._grid_size().width() if plan.grid else 0
        middle, gap = self._gaps(plan, wide, side_wide, right)
        x0_left = round(wide + middle)
        side_left = round(x0_left + wide + gap)
        self._put(self.x_t, 0, head, wide, tall)
        self._put(self.x0, x0_left, head, wide, tall)
        self.x_head.setGeometry(0, 0, round(wide), head)
        self.x0_head.setGeometry(x0_left, 0, round(wide), head)
        # The lower side picture ends where the large ones end.
        low = head + tall - side_tall
        self._put(self.eps, side_left, head, side_wide, side_tall)
        self._put(self.guide, side_left, low, side_wide, side_tall)
        self.alone.setGeometry(QRect(side_left, round(low), round(side_wide), round(side_tall))
                               .adjusted(4, 4, -4, -4))
        room = round(side_wide) + (10 if plan.grid else 0)
        self.eps_head.set_short("noise" if side_wide < theme().px(120) else "predicted noise")
        narrow = side_wide < theme().px(110)
        self.guide_head.set_symbol("ΔD" if narrow else self._difference)
        self.eps_head.setGeometry(side_left, 0, max(room, 1), head)
        self.guide_head.setGeometry(side_left, round(low) - head, max(room, 1), head)
        across = self.width() - right - 16 if plan.grid else self.width()
        self.all_head.setGeometry(0, 0, across, head)
        self.all_view.setGeometry(0, head, across, round(tall))
        self._middle = QPointF(wide + middle / 2, head + tall / 2)
        self.class_head.setVisible(plan.grid)
        self.all_button.set_outlined(plan.grid)
        if plan.grid:
            self._place_grid(QPoint(self.width() - right, 0), right)
        else:
            self._place_row(round(head + tall))
        self.update()

    def _gaps(self, plan: Plan, wide: float, side_wide: float, right: int) -> tuple[float, float]:
        """Room between the pair (with its arrow) and before the side pictures: what is spare, up to a limit."""
        spare = self.width() - 2 * wide - side_wide - right
        if plan.grid:
            each = max(10.0, min(spare / 3, 24.0))
            return each, each
        each = max(8.0, min(spare / 2, theme().px(WIDEST_GAP)))
        return each, each

    def _put(self, picture: Picture, x: float, y: float, wide: float, tall: float) -> None:
        picture.setGeometry(round(x), round(y), int(wide + 0.999), int(tall + 0.999))

    def _place_row(self, top: int) -> None:
        height = self._button_height()
        count = len(self.buttons) + 1
        spare = self.height() - top - height
        y = top + max(4, min(round(0.7 * spare), theme().px(14)))
        for button in [*self.buttons, self.all_button]:
            button.setVisible(spare >= 0)  # else the class strip of the timeline is left
        for i, button in enumerate([*self.buttons, self.all_button]):
            left = round(i * (self.width() + BUTTON_GAP) / count)
            end = round((i + 1) * (self.width() + BUTTON_GAP) / count) - BUTTON_GAP
            button.setGeometry(left, y, end - left, height)

    def _place_grid(self, at: QPoint, width: int) -> None:
        head, height = self._head_height(), self._button_height()
        columns = min(GRID_COLUMNS, len(self.buttons))
        self.class_head.setGeometry(at.x(), 0, width, head)
        for button in [*self.buttons, self.all_button]:
            button.setVisible(True)
        cell = (width + BUTTON_GAP) / columns
        y = head
        for i, button in enumerate(self.buttons):
            row, column = divmod(i, columns)
            y = head + row * (height + BUTTON_GAP)
            left, end = round(column * cell), round((column + 1) * cell) - BUTTON_GAP
            button.setGeometry(at.x() + left, y, end - left, height)
        self.all_button.setGeometry(at.x(), y + height + BUTTON_GAP + 6, width, theme().height(28))

    # ---- paint ----

    _middle = QPointF(0, 0)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._alone and not self.all_ten:
            painter.fillRect(QRectF(self.guide.geometry()), theme().color("sunken"))
        if not self.all_ten and not self._plan.grid:
            side = theme().px(16)
            if self.x0.x() - self.x_t.geometry().right() > side + 4:
                arrow = theme().pixmap("arrow-right", "text2", side)
                painter.drawPixmap(QPointF(self._middle.x() - side / 2, self._middle.y() - side / 2), arrow)
        painter.end()
