"""A box for one number with its unit. A wrong number is shown, explained and not applied."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QWidget

from engine.settings import number
from gui.theme import theme, tip

MOST_DIGITS = 9  # after the decimal point, of what a person types


def read_number(text: str) -> float | int | None:
    """The number a person typed: any spaces, true or plain minus, comma or point; None if it is none."""
    plain = "".join(text.split()).replace("\u202f", "").replace("\u2212", "-")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    if value != value or value in (float("inf"), float("-inf")):
        return None
    try:
        return int(plain)
    except ValueError:
        return value


def write_number(value: float, decimals: int | None) -> str:
    """With at least `decimals` digits after the point, more only if the value has them; None: as few as it takes."""
    if isinstance(value, int) or decimals is None:
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            value = int(value)
        return number(value)
    for digits in range(decimals, MOST_DIGITS + 1):
        if abs(round(value, digits) - value) <= 1e-12 * max(1.0, abs(value)):
            return f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "\u2212")
    return number(value)


class NumberField(QLineEdit):
    """`committed` carries a new value after Enter, leaving the box, an arrow key or the wheel; Esc restores.

    While what is typed is wrong, `error` is a sentence that names the range, and `value()` stays what it was.
    """

    committed = Signal(object)
    error_changed = Signal(str)

    def __init__(self, minimum: float | None, maximum: float | None, decimals: int | None = 0, unit: str = "",
                 step: float | None = None, name: str = "", parent: QWidget | None = None) -> None:
        """decimals: 0 for whole numbers, n for n digits, None for as few as it takes."""
        super().__init__(parent)
        self.name = name or "Value"
        self.unit = unit
        self._minimum, self._maximum = minimum, maximum
        self._decimals = decimals
        self._step = step if step is not None else 1 if not decimals else 10.0 ** -decimals
        self._check: Callable[[float], str] | None = None
        self._word: tuple[float, str] | None = None
        self._value: float = minimum if minimum is not None else 0
        self.error = ""
        self.setAccessibleName(f"{self.name}, {unit}" if unit else self.name)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.textEdited.connect(self._edited)
        self.returnPressed.connect(self.commit)
        theme().changed.connect(self._restyle)
        self._restyle()
        self._show()

    # ---- the value ----

    def value(self) -> float | int:
        """The number that applies, whatever is being typed."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a number without a signal. What a person is typing just now stays."""
        if self._decimals == 0:
            value = int(value)
        changed = value != self._value
        self._value = value
        if changed or not (self.hasFocus() and self.isModified()):
            self._show()

    def set_range(self, minimum: float | None, maximum: float | None) -> None:
        """Both ends allowed; None for an open end."""
        self._minimum, self._maximum = minimum, maximum

    def set_word(self, value: float, word: str) -> None:
        """Write, and read, a word in place of one number."""
        self._word = (value, word)
        self._show()

    def set_check(self, check: Callable[[float], str]) -> None:
        """A further test of a number: a sentence if it is wrong, "" if not. Out of range its sentence goes first."""
        self._check = check

    def commit(self) -> bool:
        """Apply what is typed, if it is right; whether it is."""
        typed = self._typed()
        sentence = self.fault(typed)
        if sentence:
            self._set_error(sentence)
            return False
        assert typed is not None
        self._apply(typed)
        return True

    def _typed(self) -> float | None:
        if self._word is not None and self.text().strip() == self._word[1]:
            return self._word[0]
        return read_number(self.text())

    def fault(self, typed: float | None) -> str:
        """A sentence for what is wrong with a number (None: no number at all), "" if nothing is."""
        whole = self._decimals == 0
        if typed is not None and not (whole and typed != int(typed)):
            too_low = self._minimum is not None and typed < self._minimum
            too_high = self._maximum is not None and typed > self._maximum
            sentence = self._check(int(typed) if whole else typed) if self._check else ""
            if sentence or not (too_low or too_high):
                return sentence
        kind = "a whole number " if whole and typed is not None and typed != int(typed) else \
            "a number " if typed is None else ""
        given = f"“{self.text().strip()}”" if typed is None else number(typed)
        if not self.text().strip():
            given = "nothing"
        return f"{self.name} must be {kind}{self._range_words()}; {given} is not."

    def _range_words(self) -> str:
        low, high = self._minimum, self._maximum
        unit = f" {self.unit}" if self.unit else ""
        if low is not None and high is not None:
            return f"from {number(low)} to {number(high)}{unit}"
        if low is not None:
            return f"at least {number(low)}{unit}"
        return f"at most {number(high)}{unit}" if high is not None else "finite"

    def _apply(self, value: float) -> None:
        value = int(value) if self._decimals == 0 else float(value)
        changed = value != self._value
        self._value = value
        self._show()
        if changed:
            self.committed.emit(value)

    def _show(self) -> None:
        word = self._word[1] if self._word is not None and self._value == self._word[0] else ""
        self.setText(word or write_number(self._value, self._decimals))
        self.setModified(False)
        self._set_error("")

    def _edited(self) -> None:
        if self.error:
            self._set_error(self.fault(self._typed()))

    def _set_error(self, sentence: str) -> None:
        if sentence == self.error:
            return
        wrong_before = bool(self.error)
        self.error = sentence
        if bool(sentence) != wrong_before:
            self.setProperty("wrong", bool(sentence))
            self.style().unpolish(self)
            self.style().polish(self)
            self.update()
        self.setAccessibleDescription(sentence)
        self.error_changed.emit(sentence)

    def _step_by(self, steps: int) -> None:
        value = round((self._value + steps * self._step) / self._step) * self._step
        value = round(value, MOST_DIGITS)
        if self._minimum is not None:
            value = max(self._minimum, value)
        if self._maximum is not None:
            value = min(self._maximum, value)
        if not self.fault(value):
            self._apply(value)
            self.selectAll()

    # ---- events ----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        match event.key():
            case Qt.Key.Key_Up:
                self._step_by(far)
            case Qt.Key.Key_Down:
                self._step_by(-far)
            case Qt.Key.Key_Escape if self.isModified() or self.error:
                self._show()
                self.selectAll()
            case _:
                super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if not self.hasFocus() or self.isReadOnly() or not turned:
            event.ignore()  # scrolling the dock must not change a number on the way
            return
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self._step_by(far if turned > 0 else -far)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.MouseFocusReason:
            self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if self.isModified() and event.reason() != Qt.FocusReason.PopupFocusReason:
            self.commit()

    # ---- looks ----

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(theme().font(13)).horizontalAdvance("0" * 5) + self.textMargins().right()
        return QSize(wide + theme().px(24), theme().height(26))

    def minimumSizeHint(self) -> QSize:
        wide = QFontMetrics(theme().font(13)).horizontalAdvance("0" * 3) + self.textMargins().right()
        return QSize(wide + theme().px(18), theme().height(26))

    def _restyle(self) -> None:
        style = theme()
        self.setFont(style.font(13))
        unit = QFontMetrics(style.font(13)).horizontalAdvance(self.unit)
        self.setTextMargins(0, 0, unit + style.px(8) if self.unit else style.px(2), 0)
        self.setFixedHeight(style.height(26))
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.unit:
            style = theme()
            painter = QPainter(self)
            painter.setFont(style.font(13))
            painter.setPen(style.color("muted" if self.isEnabled() else "disabled"))
            painter.drawText(QRect(0, 0, self.width() - style.px(8), self.height()),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.unit)
