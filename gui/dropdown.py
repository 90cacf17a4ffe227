"""A flat drop-down of the transport bar: what it is, muted, then its value, then a chevron."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from gui.theme import theme

GAP, PAD, CHEVRON = 6, 8, 14
LONGEST_VALUE = 180  # px at 100 %; longer names are cut in the middle
KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason)


class DropDown(QAbstractButton):
    """Shows `label` and `value`; pressing opens the menu that fill(menu) fills anew each time."""

    def __init__(self, label: str, fill: Callable[[QMenu], None], tooltip: str,
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label, self._value, self._fill = label, "", fill
        self._shown: tuple[str, str] | None = None  # value and note
        self._ring = False
        self._help = tooltip
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.clicked.connect(self.open_menu)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.set_value("")

    def value(self) -> str:
        """What is shown as chosen."""
        return self._value

    def set_value(self, value: str, *, note: str = "") -> None:
        """Show another value; note: a reason or remark under the tooltip."""
        if (value, note) == self._shown:
            return
        self._shown, self._value = (value, note), value
        self.setAccessibleName(f"{self._label}: {value}" if value else self._label)
        self.setToolTip(self._help + (f"\n{note}" if note else ""))
        self.updateGeometry()
        self.update()

    def open_menu(self) -> None:
        """Open the menu below."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fill(menu)
        menu.setMinimumWidth(self.width())
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_menu()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)
        self.update()

    def sizeHint(self) -> QSize:
        style = theme()
        value = min(style.px(LONGEST_VALUE), self._bold().horizontalAdvance(self._value))
        width = self._plain().horizontalAdvance(self._label) + value + style.px(GAP * 2 + PAD * 2 + CHEVRON)
        return QSize(width, style.px(28))

    def minimumSizeHint(self) -> QSize:
        style = theme()
        value = min(self._bold().horizontalAdvance("mnist-…"), self._bold().horizontalAdvance(self._value))
        return QSize(self._plain().horizontalAdvance(self._label) + value
                     + style.px(GAP * 2 + PAD * 2 + CHEVRON), style.px(28))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isDown() or self.underMouse():
            painter.setBrush(style.color("pressed" if self.isDown() else "hover"))
            painter.drawRoundedRect(self.rect(), 4, 4)
        if self._ring:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(style.color("accent"), 2))
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 4, 4)
        pad, gap, chevron = style.px(PAD), style.px(GAP), style.px(CHEVRON)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        on = self.isEnabled()
        x = pad
        painter.setFont(style.font(13))
        painter.setPen(style.color("muted" if on else "disabled"))
        wide = self._plain().horizontalAdvance(self._label)
        painter.drawText(QRect(x, 0, wide + 2, self.height()), middle, self._label)
        x += wide + gap
        painter.setFont(style.font(13, 500))
        painter.setPen(style.color("text" if on else "disabled"))
        room = self.width() - x - gap - chevron - pad
        shown = self._bold().elidedText(self._value, Qt.TextElideMode.ElideMiddle, max(0, room + 1))
        painter.drawText(QRect(x, 0, room + 2, self.height()), middle, shown)
        icon = style.pixmap("chevron-down", "text2" if on else "disabled", chevron)
        painter.drawPixmap(self.width() - pad - chevron, (self.height() - chevron) // 2, icon)

    def _plain(self) -> QFontMetrics:
        return QFontMetrics(theme().font(13))

    def _bold(self) -> QFontMetrics:
        return QFontMetrics(theme().font(13, 500))

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(28))
        self.updateGeometry()
        self.update()
