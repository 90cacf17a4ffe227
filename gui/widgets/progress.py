"""Progress of a job in words and a bar, with Cancel beside it. It appears after half a second."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from engine.settings import number
from gui.theme import theme
from gui.widgets.buttons import OutlineButton

SHOW_AFTER_MS = 500
SMALLEST_PAUSE = 0.1  # s between two repaints
FIRST_GUESS_AFTER = 1.0  # s of work before the time left is more than a guess


def time_left(seconds: float) -> str:
    """"0:28 left", "1:02:05 left"."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"


class _Bar(QWidget):
    """Name, n of N, time left, and the 4 px line below."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.name, self.words, self.left = name, "", "estimating"
        self.share: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(180), theme().height(28))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(80), theme().height(28))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        x = 0
        text = QRectF(0, 0, self.width(), self.height() - style.px(8))
        for word, weight, token, gap in ((self.name, 600, "text", 8), (self.words, 400, "text2", 8),
                                         (self.left, 400, "muted", 0)):
            if not word:
                continue
            font = style.font(13 if weight == 600 else 12, weight)
            painter.setFont(font)
            painter.setPen(style.color(token))
            room = self.width() - x
            shown = QFontMetrics(font).elidedText(word, Qt.TextElideMode.ElideRight, max(0, room))
            painter.drawText(text.adjusted(x, 0, 2, 0), Qt.AlignmentFlag.AlignVCenter, shown)
            x += QFontMetrics(font).horizontalAdvance(shown) + style.px(gap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        line = QRectF(0, self.height() - 5, self.width(), 4)
        painter.setBrush(style.color("line"))
        painter.drawRoundedRect(line, 2, 2)
        painter.setBrush(style.color("accent"))
        if self.share is None:  # not known yet: a piece in the middle, at rest
            line = QRectF(self.width() * 0.35, line.y(), self.width() * 0.18, 4)
        else:
            line.setWidth(self.width() * self.share)
        if line.width() > 0:
            painter.drawRoundedRect(line, 2, 2)


class JobProgressBar(QWidget):
    """start(), then set(n, total, unit) as often as wanted, then finish(). `cancelled` when Cancel is pressed."""

    cancelled = Signal()

    def __init__(self, name: str, cancellable: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = _Bar(name, self)
        self.cancel = OutlineButton("Cancel")
        self.cancel.setAccessibleName(f"Cancel {name}")
        self.cancel.setVisible(cancellable)
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._bar, 1)
        row.addWidget(self.cancel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self._began = self._drawn = 0.0
        self._first: tuple[float, float] | None = None  # time and n at which estimating began
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(SHOW_AFTER_MS)
        self._wait.timeout.connect(self.show)
        theme().changed.connect(self._bar.updateGeometry)
        theme().changed.connect(self._bar.update)

    def start(self, name: str = "") -> None:
        """A job began: hidden for half a second, so that short ones never flash."""
        if name:
            self._bar.name = name
            self.cancel.setAccessibleName(f"Cancel {name}")
        self._began = time.monotonic()
        self._first = None
        self._bar.words, self._bar.left, self._bar.share = "", "estimating", None
        self.cancel.setEnabled(True)
        self.hide()
        self._wait.start()

    def set(self, n: float, total: float, unit: str = "", seconds_left: float | None = None) -> None:
        """n of total are done; the time left is estimated unless given. Drawn at most ten times a second."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, n
        left = seconds_left
        if left is None and now - self._first[0] >= FIRST_GUESS_AFTER and n > self._first[1]:
            left = (total - n) * (now - self._first[0]) / (n - self._first[1])
        done = total > 0 and n >= total
        if not done and now - self._drawn < SMALLEST_PAUSE:
            return
        self._drawn = now
        self._bar.share = min(1.0, n / total) if total > 0 else None
        self._bar.words = f"{number(n)} of {number(total)}{' ' + unit if unit else ''}" if total > 0 else ""
        self._bar.left = "" if done else "estimating" if left is None else time_left(left)
        self.setAccessibleDescription(self.words())
        self._bar.update()

    def set_unknown(self, words: str = "") -> None:
        """Busy, with nothing to count."""
        self._bar.share, self._bar.words, self._bar.left = None, words, "" if words else "estimating"
        self._bar.update()

    def words(self) -> str:
        """The same in words, for the status bar."""
        return ", ".join(filter(None, (f"{self._bar.name} {self._bar.words}".strip(), self._bar.left)))

    def finish(self) -> None:
        """The job ended, however it did."""
        self._wait.stop()
        self.hide()

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.cancelled.emit()
