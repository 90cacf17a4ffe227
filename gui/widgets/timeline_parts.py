"""Small parts of the timeline: play button, follow-live button, speed menu, labels that keep their width."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QFocusEvent,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from gui.theme import theme, tip
from gui.widgets.play_clock import SPEEDS


def stroke_pen(token: str) -> QPen:
    """The pen of icons: 1.4 px, round ends."""
    return QPen(theme().color(token), 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap,
                Qt.PenJoinStyle.RoundJoin)


class PaintedButton(QAbstractButton):
    """Flat button: fill on hover and press, 2 px accent border for keyboard focus only."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keyboard = False
        self.setAccessibleName(name)
        self.setToolTip(tip(tooltip))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paint_ground(self, painter: QPainter, rest: str = "") -> None:
        """Fill by state; `rest` names the token at rest."""
        colours = theme()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        token = rest
        if self.isEnabled() and self.isDown():
            token = "pressed"
        elif self.isEnabled() and self.underMouse() and rest != "soft":
            token = "pressed" if rest == "hover" else "hover"
        box = QRectF(self.rect())
        if token:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.color(token))
            painter.drawRoundedRect(box, 4, 4)
        if self._keyboard and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                                            Qt.FocusReason.ShortcutFocusReason)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()


class PlayButton(PaintedButton):
    """Play, pointing the way it runs, or pause."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(name, tooltip, parent)
        self._name = name
        self._playing = False
        self._leftwards = False

    def sizeHint(self) -> QSize:
        return QSize(theme().px(28), theme().px(28))

    def set_playing(self, playing: bool) -> None:
        """Show pause while it plays."""
        if playing != self._playing:
            self._playing = playing
            self.setAccessibleName(self._name.replace("Play", "Pause") if playing else self._name)
            self.update()

    def set_leftwards(self, leftwards: bool) -> None:
        """Point to the left."""
        self._leftwards = leftwards
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        self.paint_ground(painter, "hover")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("text" if self.isEnabled() else "disabled"))
        centre = QRectF(self.rect()).center()
        half = colours.px(10) / 2
        if self._playing:
            bar = half * 0.62
            for left in (centre.x() - half * 0.85, centre.x() + half * 0.85 - bar):
                painter.drawRect(QRectF(left, centre.y() - half, bar, 2 * half))
        else:
            way = -1 if self._leftwards else 1
            painter.drawPolygon(QPolygonF([QPointF(centre.x() - way * half * 0.75, centre.y() - half),
                                           QPointF(centre.x() - way * half * 0.75, centre.y() + half),
                                           QPointF(centre.x() + way * half, centre.y())]))
        painter.end()


class FollowButton(PaintedButton):
    """"Following live" (lit) or "Follow live" (outlined: press to go back to the newest). Where there is no room for
    the words, the arrow alone.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Follow live", "Show each new snapshot as training makes it.", parent)
        self._following = False

    def set_following(self, following: bool) -> None:
        """Whether the newest snapshot is shown as it comes."""
        self._following = following
        self.setAccessibleName("Following live" if following else "Follow live")
        self.update()

    def _label(self) -> str:
        return "Following live" if self._following else "Follow live"

    def sizeHint(self) -> QSize:
        text = QFontMetrics(theme().font(13, 500)).horizontalAdvance("Following live")
        return QSize(text + theme().px(36), theme().px(28))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        self.paint_ground(painter, "soft" if self._following else "")
        if not self._following and not (self._keyboard and self.hasFocus()):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color("ctl"), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        token = "accent" if self._following else "text"
        painter.setFont(colours.font(13, 500))
        words = self._label() if self.width() >= self.sizeHint().width() else ""
        width = painter.fontMetrics().horizontalAdvance(words)
        icon = colours.px(11)
        left = (self.width() - width - icon - (colours.px(6) if words else 0)) / 2
        middle = self.height() / 2
        painter.setPen(stroke_pen(token if self._following else "text2"))
        tip = left + icon - 3.5
        painter.drawLine(QPointF(left, middle), QPointF(tip, middle))
        painter.drawPolyline([QPointF(tip - 3, middle - 3), QPointF(tip, middle),
                              QPointF(tip - 3, middle + 3)])
        painter.drawLine(QPointF(left + icon, middle - 5), QPointF(left + icon, middle + 5))
        painter.setPen(colours.color(token))
        painter.drawText(QRectF(left + icon + colours.px(6), 0, width + 2, self.height()),
                         Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()


class SpeedButton(PaintedButton):
    """Speed of playing, chosen from a menu."""

    changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Play speed 1×", "Play speed\n0.25× to 4×, default 1× (24 frames a second)", parent)
        self._speed = 1.0
        self.clicked.connect(self._open)

    @staticmethod
    def label(speed: float) -> str:
        """0.25×, 1×, 4×."""
        return f"{speed:g}×"

    def value(self) -> float:
        """Times 24 frames a second."""
        return self._speed

    def set_value(self, speed: float) -> None:
        """Show a speed without a signal."""
        self._speed = speed
        self.setAccessibleName(f"Play speed {self.label(speed)}")
        self.update()

    def menu(self) -> QMenu:
        """A fresh menu with the speeds."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for speed in SPEEDS:
            action = QAction(self.label(speed), menu, checkable=True, checked=speed == self._speed)
            action.triggered.connect(lambda _=False, chosen=speed: self._choose(chosen))
            group.addAction(action)
            menu.addAction(action)
        return menu

    def _open(self) -> None:
        menu = self.menu()
        menu.popup(self.mapToGlobal(self.rect().topLeft() - QPointF(0, menu.sizeHint().height()).toPoint()))

    def _choose(self, speed: float) -> None:
        if speed != self._speed:
            self.set_value(speed)
            self.changed.emit(speed)

    def sizeHint(self) -> QSize:
        text = QFontMetrics(theme().font(13)).horizontalAdvance("0.25×")
        return QSize(text + theme().px(28), theme().px(28))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = theme()
        painter = QPainter(self)
        self.paint_ground(painter)
        token = "text" if self.isEnabled() else "disabled"
        painter.setFont(colours.font(13))
        painter.setPen(colours.color(token))
        right = self.width() - colours.px(24)
        painter.drawText(QRectF(0, 0, right, self.height()),
                         Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.label(self._speed))
        centre = QPointF(self.width() - colours.px(10), self.height() / 2)
        painter.setPen(stroke_pen("text2"))
        painter.drawPolyline([centre + QPointF(-4, -2), centre + QPointF(0, 2), centre + QPointF(4, -2)])
        painter.end()
