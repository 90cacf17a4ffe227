"""Buttons: primary, plain, outline, icon and link. Flat, painted, with a focus border for the keyboard only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui.theme import theme, tip

RADIUS = 4
ICON = 16
KEYBOARD_REASONS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
                    Qt.FocusReason.ShortcutFocusReason)


def fill_box(painter: QPainter, box: QRectF, fill: QColor) -> None:
    """A rounded ground without a border."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRoundedRect(box, RADIUS, RADIUS)


def outline_box(painter: QPainter, box: QRectF, colour: QColor, width: float) -> None:
    """A rounded border of `width` px inside the box."""
    half = width / 2
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, width))
    painter.drawRoundedRect(box.adjusted(half, half, -half, -half), RADIUS - half, RADIUS - half)


class Button(QAbstractButton):
    """Base: text and icon in a row, states by token. Subclasses say the colours."""

    WEIGHT = 400
    HEIGHT = 28
    PAD = 12

    def __init__(self, text: str = "", icon: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self._keyboard = False
        self._inert = False
        self._short = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme().changed.connect(self._theme_changed)
        self.setText(text)

    # ---- what it says ----

    def setText(self, text: str) -> None:
        """Another word; it is the accessible name too."""
        super().setText(text)
        if text:
            self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def setToolTip(self, text: str) -> None:
        """Broken into lines of at most 270 px."""
        super().setToolTip(tip(text))
        self.setAccessibleDescription(text)

    def set_icon(self, name: str) -> None:
        """Another icon of resources/icons; "" for none."""
        self._icon_name = name
        self.updateGeometry()
        self.update()

    def set_short(self, short: bool) -> None:
        """Show the icon alone, where there is no room for the words beside it; it is still called by them."""
        if short != self._short:
            self._short = short
            self.updateGeometry()
            self.update()

    def words(self) -> str:
        """The words that are shown, "" for none."""
        return "" if self._short and self._icon_name else self.text()

    def width_with_words(self) -> int:
        """The width that shows all of it, short or not."""
        return self._wide(self.text())

    def icon_name(self) -> str:
        """The icon shown, "" if none."""
        return self._icon_name

    def set_keyboard_focus(self, shown: bool) -> None:
        """Show or hide the focus border (the gallery and tests set it; else the focus reason does)."""
        if shown != self._keyboard:
            self._keyboard = shown
            self.update()

    # ---- colours, by subclass ----

    def ground(self) -> str:
        """Token of the fill, "" for none."""
        if not self.isEnabled():
            return ""
        if self.isDown():
            return "pressed"
        return "hover" if self.underMouse() and not self._inert else ""

    def ink(self) -> str:
        """Token of the text."""
        return "text" if self.isEnabled() else "disabled"

    def icon_ink(self) -> str:
        """Token of the icon."""
        return "text2" if self.isEnabled() else "disabled"

    def focus_ink(self) -> str:
        """Token of the focus border."""
        return "accent"

    def border(self) -> str:
        """Token of a 1 px border, "" for none."""
        return ""

    # ---- size and paint ----

    def _pads(self, words: str) -> tuple[int, int, int]:
        """Left, between icon and words, right; an icon carries its own air."""
        px = theme().px
        if self._icon_name and words:
            return px(self.PAD - 2), px(3), px(self.PAD + 1)
        pad = px(self.PAD - 4 if self._short else self.PAD)
        return pad, 0, pad

    def _text_width(self, words: str) -> int:
        return QFontMetrics(theme().font(13, self.WEIGHT)).horizontalAdvance(words)

    def _wide(self, words: str) -> int:
        left, gap, right = self._pads(words)
        return left + (theme().px(ICON) if self._icon_name else 0) + gap + self._text_width(words) + right

    def sizeHint(self) -> QSize:
        return QSize(self._wide(self.words()), theme().height(self.HEIGHT))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect())
        if ground := self.ground():
            fill_box(painter, box, style.color(ground))
        if border := self.border():
            outline_box(painter, box, style.color(border), 1)
        if self._keyboard and self.hasFocus():
            outline_box(painter, box, style.color(self.focus_ink()), 2)
        shown = self.words()
        left, gap, right = self._pads(shown)
        icon = style.px(ICON) if self._icon_name else 0
        spare = self.width() - self._wide(shown)
        x = left + max(0, spare // 2)
        if self._icon_name:
            pixmap = style.pixmap(self._icon_name, self.icon_ink(), icon)
            painter.drawPixmap(QPointF(x, (self.height() - icon) / 2), pixmap)
            x += icon + gap
        font = style.font(13, self.WEIGHT)
        painter.setFont(font)
        painter.setPen(style.color(self.ink()))
        room = max(0, self.width() - x - min(right, self.width() - x))
        if self._text_width(shown) > room:
            shown = QFontMetrics(font).elidedText(shown, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(x, 0, room + right, self.height()),
                         Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)

    # ---- events ----

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._keyboard = False
        super().focusOutEvent(event)
        self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            if not self._inert:
                self.click()
            return
        if self._inert and event.key() == Qt.Key.Key_Space:
            return
        super().keyPressEvent(event)

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self.update()


class PrimaryButton(Button):
    """The one action of a window, in the accent colour. While running it is lit and inert."""

    WEIGHT = 500

    def __init__(self, text: str, icon: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, icon, parent)
        self._running = False

    def set_running(self, running: bool) -> None:
        """Lit: soft ground, accent text, pressing does nothing."""
        if running != self._running:
            self._running = self._inert = running
            self.update()

    def running(self) -> bool:
        """Whether it is lit."""
        return self._running

    def ground(self) -> str:
        if not self.isEnabled():
            return ""
        if self._running:
            return "soft"
        return "accent_hover" if self.isDown() or self.underMouse() else "accent"

    def ink(self) -> str:
        if not self.isEnabled():
            return "disabled"
        return "accent" if self._running else "on_accent"

    def icon_ink(self) -> str:
        return self.ink()

    def focus_ink(self) -> str:
        return "accent" if self._running else "text"

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._running:
            event.accept()
            return
        super().mousePressEvent(event)


class PlainButton(Button):
    """Text on flat ground."""


class OutlineButton(Button):
    """Text in a 1 px border."""

    def border(self) -> str:
        return "ctl" if self.isEnabled() else "line"


class IconButton(Button):
    """28 x 28, an icon alone. The tooltip's first line is the accessible name."""

    def __init__(self, icon: str, tooltip: str, checkable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__("", icon, parent)
        self.setCheckable(checkable)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(tooltip)

    def setToolTip(self, text: str) -> None:
        """What it does; the first line (up to a colon or full stop) names it."""
        super().setToolTip(text)
        first = text.split("\n")[0].split(": ")[0].split(". ")[0].rstrip(".")
        self.setAccessibleName(first)

    def ground(self) -> str:
        if self.isEnabled() and self.isChecked() and not self.isDown():
            return "soft"
        return super().ground()

    def icon_ink(self) -> str:
        return "accent" if self.isEnabled() and self.isChecked() else super().icon_ink()

    def _pads(self, words: str) -> tuple[int, int, int]:
        return 0, 0, 0

    def sizeHint(self) -> QSize:
        side = theme().height(28)
        return QSize(side, side)


class Link(Button):
    """An action on what is seen: accent text, no ground, no underline."""

    HEIGHT = 24
    PAD = 2

    def __init__(self, text: str, icon: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, icon, parent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def _pads(self, words: str) -> tuple[int, int, int]:
        px = theme().px
        return px(self.PAD), px(4) if self._icon_name and words else 0, px(self.PAD)

    def ground(self) -> str:
        return ""

    def ink(self) -> str:
        if not self.isEnabled():
            return "disabled"
        return "accent_hover" if self.underMouse() or self.isDown() else "accent"

    def icon_ink(self) -> str:
        return self.ink()
