"""What a person sets in a dock: rows of label and editor, built from the engine's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from engine.settings import Setting
from gui.theme import theme, tip
from gui.widgets.choice import CheckBox, Choice
from gui.widgets.dock_slider import DockSlider
from gui.widgets.labels import Text
from gui.widgets.number_field import NumberField, read_number, write_number
from gui.widgets.setting_words import choice_label, setting_fault, value_text

__all__ = ["CheckBox", "Choice", "DockSlider", "FixedRow", "NumberField", "SettingRow", "SliderField", "TextField",
           "choice_label", "read_number", "setting_fault", "value_text", "write_number"]

NARROW, WIDE = 68, 96  # label columns: beside sliders, and beside plain fields
BOX = 58  # the number box of a slider row


class TextField(QLineEdit):
    """A line of text, or whole numbers with commas. `committed` carries a new value at Enter or leaving."""

    committed = Signal(object)
    error_changed = Signal(str)

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._value: Any = setting.default
        self.error = ""
        self.setAccessibleName(setting.label)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.editingFinished.connect(self.commit)
        theme().changed.connect(self._restyle)
        self._restyle()

    def value(self) -> Any:
        """What applies, whatever is being typed."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        self._value = value
        self.setText(", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value))
        self._set_error("")

    def commit(self) -> bool:
        """Apply what is typed, if it is right; whether it is."""
        typed: Any = self.text().strip()
        if self._setting.kind is not str:
            parts = typed.replace(",", " ").split()
            try:
                typed = tuple(int(part) for part in parts)
            except ValueError:
                self._set_error(f"{self._setting.label} are whole numbers with commas between; "
                                f"“{self.text()}” is not.")
                return False
        if sentence := setting_fault(self._setting, typed):
            self._set_error(sentence)
            return False
        changed = typed != self._value
        self.set_value(typed)
        if changed:
            self.committed.emit(typed)
        return True

    def _set_error(self, sentence: str) -> None:
        if sentence != self.error:
            self.error = sentence
            self.setProperty("wrong", bool(sentence))
            self.style().unpolish(self)
            self.style().polish(self)
            self.error_changed.emit(sentence)

    def setToolTip(self, text: str) -> None:
        super().setToolTip(tip(text))

    def _restyle(self) -> None:
        self.setFont(theme().font(13))
        self.setFixedHeight(theme().height(26))


class _Row(QWidget):
    """Label at the left, editor at the right, the sentence for a wrong value below."""

    def __init__(self, label: str, width: int, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._label_width = width
        self.label = Text(label, 13, 400, "text2", elide=True)
        self.sentence = Text("", 12, 400, "error", wrap=True)
        self.sentence.hide()
        self._line = QHBoxLayout()
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSpacing(8 if width <= NARROW else 4)
        self._line.addWidget(self.label)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addLayout(self._line)
        outer.addWidget(self.sentence)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._restyle)

    def show_error(self, sentence: str) -> None:
        """A sentence below the row; "" takes it away."""
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))

    def _restyle(self) -> None:
        self.label.set_width(theme().px(self._label_width))
        self.label.setFixedHeight(theme().height(28))


def _decimals(setting: Setting) -> int | None:
    """Digits a setting's numbers show: those of its step, if that is a round one."""
    if setting.kind is int:
        return 0
    if setting.step is None or setting.step < 0.01:
        return None
    return len(f"{setting.step:g}".partition(".")[2])


class SettingRow(_Row):
    """The editor that fits a Setting. `committed` carries (name, value) when a person set a right one.

    choices: (value, label) pairs for settings whose values the engine does not list, or other labels.
    """

    committed = Signal(str, object)

    def __init__(self, setting: Setting, value: Any = None, *, label_width: int = WIDE,
                 choices: Sequence[tuple[Any, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__("" if setting.kind is bool else setting.label, label_width, parent)
        self.setting = setting
        offered = list(choices) or [(choice, choice_label(choice)) for choice in setting.choices]
        self.editor: NumberField | Choice | CheckBox | TextField
        if setting.kind is bool:
            self.label.hide()
            self.editor = CheckBox(setting.label)
            self.editor.changed.connect(self._commit)
        elif offered:
            self.editor = Choice(offered, setting.label)
            self.editor.changed.connect(self._commit)
        elif setting.kind in (int, float):
            self.editor = NumberField(setting.minimum, setting.maximum, _decimals(setting), setting.unit,
                                      setting.step, setting.label)
            self.editor.set_check(lambda typed: setting_fault(setting, typed))
            self.editor.committed.connect(self._commit)
            self.editor.error_changed.connect(self.show_error)
        else:
            self.editor = TextField(setting)
            self.editor.committed.connect(self._commit)
            self.editor.error_changed.connect(self.show_error)
        self._line.addWidget(self.editor, 1)
        self.label.setBuddy(self.editor)
        self.set_help("")
        self.set_value(setting.default if value is None else value)
        self._restyle()

    def value(self) -> Any:
        """What applies."""
        return self.editor.value()

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        self.editor.set_value(value)

    def set_help(self, why: str) -> None:
        """The setting's tooltip; `why`: a reason that is put first, as when it is switched off."""
        text = "\n".join(filter(None, (why, self.setting.tooltip())))
        self.editor.setToolTip(text)
        self.label.setToolTip(text)

    def set_enabled(self, enabled: bool, why: str = "") -> None:
        """Switch off and say why."""
        self.setEnabled(enabled)
        self.set_help("" if enabled else why)

    def _commit(self, value: Any) -> None:
        self.committed.emit(self.setting.name, value)


class SliderField(_Row):
    """Label, track and number box. `moved` (name, value) on the way of a drag, `committed` at its end.

    ticks: values marked below the track. limit: a smaller end of the track; the box still takes the full range.
    low_first: the low values get more of the track.
    """

    committed = Signal(str, object)
    moved = Signal(str, object)

    def __init__(self, setting: Setting, value: Any = None, *, ticks: Sequence[float] = (),
                 limit: float | None = None, low_first: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(setting.label, NARROW, parent)
        assert setting.minimum is not None
        assert setting.maximum is not None
        self.setting = setting
        step = setting.step or (1 if setting.kind is int else (setting.maximum - setting.minimum) / 100)
        top = limit if limit is not None else setting.maximum
        many = setting.kind is int and (top - setting.minimum) / step > 400
        self.slider = DockSlider(setting.minimum, top, step, setting.default, setting.label, ticks,
                                 power=2.0 if many or low_first else 1.0)
        self.box = NumberField(setting.minimum, setting.maximum, _decimals(setting), "", step, setting.label)
        self.box.set_check(lambda typed: setting_fault(setting, typed))
        self._line.addWidget(self.slider, 1)
        self._line.addWidget(self.box)
        self.label.setBuddy(self.slider)
        self.slider.moved.connect(self._moved)
        self.slider.released.connect(self._released)
        self.box.committed.connect(self._typed)
        self.box.error_changed.connect(self.show_error)
        self.set_help("")
        self.set_value(setting.default if value is None else value)
        self._restyle()

    def value(self) -> Any:
        """What applies."""
        return self.box.value()

    def set_value(self, value: Any) -> None:
        """Show a value without a signal."""
        self.box.set_value(value)
        if not self.slider.isSliderDown():
            self.slider.set_real(value)

    def set_span(self, minimum: float, maximum: float, default: float, ticks: Sequence[float] = ()) -> None:
        """Other ends and default than the setting's own, where a run allows less. No signal."""
        self.setting = replace(self.setting, minimum=minimum, maximum=maximum, default=default)
        self.slider.set_span(minimum, maximum, default, ticks)
        self.box.set_range(minimum, maximum)
        self.set_help("")

    def set_help(self, why: str) -> None:
        """The setting's tooltip; `why`: a reason that is put first."""
        text = "\n".join(filter(None, (why, self.setting.tooltip())))
        for widget in (self.slider, self.box, self.label):
            widget.setToolTip(text)

    def set_enabled(self, enabled: bool, why: str = "") -> None:
        """Switch off and say why."""
        self.setEnabled(enabled)
        self.set_help("" if enabled else why)

    def _real(self, value: float) -> Any:
        return round(value) if self.setting.kind is int else value

    def _moved(self, value: float) -> None:
        self.box.set_value(self._real(value))
        self.moved.emit(self.setting.name, self._real(value))

    def _released(self, value: float) -> None:
        self.box.set_value(self._real(value))
        self.committed.emit(self.setting.name, self._real(value))

    def _typed(self, value: Any) -> None:
        self.slider.set_real(value)
        self.committed.emit(self.setting.name, value)

    def _restyle(self) -> None:
        super()._restyle()
        self.box.setFixedWidth(theme().px(BOX))


class FixedRow(QWidget):
    """A setting that cannot be changed here: label and plain text, 22 px high."""

    def __init__(self, label: str, value_text: str, label_width: int = WIDE, tooltip: str = "",
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label_width = label_width
        self.label = Text(label, 13, 400, "text2", elide=True)
        self.value = Text(value_text, 13, 400, "text", elide=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8 if label_width <= NARROW else 4)
        row.addWidget(self.label)
        row.addWidget(self.value, 1)
        self.label.setBuddy(self.value)
        self.setAccessibleName(f"{label}: {value_text}")
        if tooltip:
            self.label.setToolTip(tooltip)
            self.value.setToolTip(tooltip)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set_value(self, value_text: str) -> None:
        """Another text."""
        self.value.setText(value_text)
        self.setAccessibleName(f"{self.label.text()}: {value_text}")

    def _restyle(self) -> None:
        self.label.set_width(theme().px(self._label_width))
        self.setFixedHeight(theme().height(22))
