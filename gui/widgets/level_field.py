"""A noise level σ in a dock: a slider over the timesteps of a schedule, noise at its left, and a box for σ itself."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.diffusion.schedules import Schedule
from engine.settings import Setting
from gui.theme import theme
from gui.widgets.dock_slider import DockSlider
from gui.widgets.fields import BOX, NARROW, NumberField, SettingRow

EVERYTHING = "∞"  # how the largest value of a setting is written: no limit
DIGITS = 4  # of a level that the slider sets


class LevelField(SettingRow):
    """`moved` (name, σ) on the way of a drag, `committed` at its end. At its ends the slider means all there is:
    the setting's largest value at the noise, its smallest at the picture.
    """

    moved = Signal(str, object)

    def __init__(self, setting: Setting, schedule: Schedule, parent: QWidget | None = None) -> None:
        assert setting.minimum is not None
        assert setting.maximum is not None
        self._schedule = schedule
        self.slider = DockSlider(0, schedule.num_timesteps, 1, 0, setting.label)
        super().__init__(setting, label_width=NARROW, parent=parent)
        self._line.insertWidget(1, self.slider, 1)
        self._line.setStretchFactor(self.editor, 0)
        if isinstance(self.editor, NumberField) and setting.default == setting.maximum:
            self.editor.set_word(setting.maximum, EVERYTHING)
        self.label.setBuddy(self.slider)
        self.slider.moved.connect(lambda place: self._slid(place, self.moved))
        self.slider.released.connect(lambda place: self._slid(place, self.committed))
        self.set_schedule(schedule)

    def set_schedule(self, schedule: Schedule) -> None:
        """The slider goes over these timesteps."""
        self._schedule = schedule
        last = schedule.num_timesteps
        self.slider.set_span(0, last, self._place(self.setting.default), ())
        self._show_place(self.value())

    def set_value(self, value: Any) -> None:
        """Show a level without a signal."""
        super().set_value(value)
        self._show_place(value)

    def set_help(self, why: str) -> None:
        """The setting's tooltip; `why`: a reason that is put first."""
        super().set_help(why)
        self.slider.setToolTip(self.editor.toolTip())

    def _slid(self, place: float, signal: Any) -> None:
        level = self._level(round(place))
        super().set_value(level)
        signal.emit(self.setting.name, level)

    def _commit(self, value: Any) -> None:
        self._show_place(value)
        super()._commit(value)

    def _show_place(self, level: float) -> None:
        if not self.slider.isSliderDown():
            self.slider.set_real(self._place(level))

    def _place(self, level: float) -> int:
        """Places count from T, at the left, to 0."""
        return self._schedule.num_timesteps - self._schedule.t_of_sigma(level)

    def _level(self, place: int) -> float:
        t = self._schedule.num_timesteps - place
        if place == 0 and self.setting.default == self.setting.maximum:
            return float(self.setting.default)
        sigma = float(self._schedule.sigma[t])
        if sigma == 0:
            return 0.0
        # Rounded up, so that a level that was chosen as the upper end lies within.
        unit = 10.0 ** (math.floor(math.log10(sigma)) + 1 - DIGITS)
        return round(math.ceil(sigma / unit * (1 - 1e-12)) * unit, 12)

    def _restyle(self) -> None:
        super()._restyle()
        self.editor.setFixedWidth(theme().px(BOX))
