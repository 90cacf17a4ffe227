"""A small box for a whole number: Enter applies, Esc restores, a wrong one is outlined and not applied."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QWidget

from engine.settings import number
from gui.theme import theme, tip

SPACES = dict.fromkeys(map(ord, "\u202f\u00a0\u2009 ,_'"))


def parse_whole(text: str) -> int | None:
    """The whole number that was typed, thousands marks allowed; None when it is none."""
    text = text.translate(SPACES).replace("\u2212", "-")
    try:
        return int(text)
    except ValueError:
        return None


class IndexBox(QLineEdit):
    """Holds a Python int of any size. `committed` carries a new value after Enter."""

    committed = Signal(object)
    error_changed = Signal(str)

    def __init__(self, name: str, minimum: int = 0, maximum: int = 1000, grouped: bool = True,
                 parent: QWidget | None = None) -> None:
        """grouped: write thousands with a thin space."""
        super().__init__(parent)
        self.name = name
        self._minimum, self._maximum = minimum, maximum
        self._grouped = grouped
        self._value = minimum
        self._error = ""
        self._help = ""
        self.digits = 4
        self.setAccessibleName(name)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.textEdited.connect(self._edited)
        theme().changed.connect(self._theme_changed)
        self._theme_changed()
        self._restore()

    def _theme_changed(self) -> None:
        self.setFont(theme().font(13))
        self.setTextMargins(0, 0, theme().px(4), 0)
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme().font(13))
        return QSize(max(theme().px(60), metrics.horizontalAdvance("0" * self.digits) + theme().px(27)),
                     max(theme().px(26), metrics.height() + 8))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def set_help(self, text: str) -> None:
        """The tooltip while nothing is wrong."""
        self._help = tip(text)
        if not self._error:
            self.setToolTip(self._help)

    def set_range(self, minimum: int, maximum: int) -> None:
        """Both ends allowed; the box widens with the number of digits."""
        self._minimum, self._maximum = minimum, maximum
        digits = max(4, min(8, len(str(maximum))))
        if digits != self.digits:
            self.digits = digits
            self.setFixedSize(self.sizeHint())

    def value(self) -> int:
        """The number that applies now, whatever is being typed."""
        return self._value

    def set_value(self, value: int) -> None:
        """Show a number without a signal; what is being typed stays."""
        self._value = int(value)
        if not (self.hasFocus() and self.isModified()):
            self._restore()

    @property
    def error(self) -> str:
        """The sentence for what is typed, empty when it is right."""
        return self._error

    def _text(self) -> str:
        return number(self._value) if self._grouped else str(self._value).replace("-", "\u2212")

    def _restore(self) -> None:
        if self.text() != self._text():
            self.setText(self._text())
        self.setModified(False)
        self._set_error("")

    def _set_error(self, sentence: str) -> None:
        if sentence != self._error:
            self._error = sentence
            self.setProperty("wrong", bool(sentence))
            self.style().unpolish(self)  # the style sheet goes by the property
            self.style().polish(self)
            self.setToolTip(tip(sentence) if sentence else self._help)
            self.error_changed.emit(sentence)
            self.update()

    def _check(self) -> int | None:
        typed = parse_whole(self.text())
        if typed is not None and self._minimum <= typed <= self._maximum:
            self._set_error("")
            return typed
        shown = number(typed) if typed is not None else f"“{self.text().strip()}”"
        self._set_error(f"{self.name} must be from {number(self._minimum)} to {number(self._maximum)}; "
                        f"{shown} is not.")
        return None

    def _edited(self) -> None:
        self._check()

    def _apply(self) -> bool:
        typed = self._check()
        if typed is None:
            return False
        changed = typed != self._value
        self._value = typed
        self._restore()
        if changed:
            self.committed.emit(typed)
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._apply():
                self.selectAll()
        elif event.key() == Qt.Key.Key_Escape:
            self._restore()
            self.selectAll()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        # Typing applies at Enter only: leaving the box restores.
        self._restore()
        self.deselect()
