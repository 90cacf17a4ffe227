"""The timeline: where you are. Two rows, training step and noise level t, that share their columns.

It knows no session: values go in by setters (no signal), what a hand does comes out by signals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.diffusion.schedules import Schedule, schedule
from engine.settings import number
from gui.theme import theme, tip
from gui.widgets.buttons import IconButton
from gui.widgets.class_strip import ClassStrip
from gui.widgets.index_box import IndexBox
from gui.widgets.play_clock import PlayClock
from gui.widgets.seed_box import SeedBox
from gui.widgets.sliders import NoiseSlider, StepSlider
from gui.widgets.timeline_layout import WIDE_ENOUGH_FOR_SNR, arrange
from gui.widgets.timeline_parts import FollowButton, PlayButton, SpeedButton
from gui.widgets.words import Words

T_STOPS = 100  # frames of playing t when nobody says which


class Timeline(QWidget):
    """Training step above, noise level t below; class, play settings and seed at the right."""

    step_changed = Signal(int)
    t_changed = Signal(int)
    class_changed = Signal(int)
    seed_changed = Signal(object)
    new_seed_requested = Signal()
    previous_seed_requested = Signal()
    follow_live = Signal()
    play_step = Signal(bool)
    play_t = Signal(bool)
    loop_changed = Signal(bool)
    bounce_changed = Signal(bool)
    speed_changed = Signal(float)
    drag_started = Signal(str)  # "step" or "t": a drag is one undo step
    drag_finished = Signal(str)

    def __init__(self, class_names: Sequence[str] = tuple("0123456789"),
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Timeline")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # the bar beneath need not be painted
        self.drives_play = True  # False: play buttons only signal; show it with set_playing
        self._schedule: Schedule = schedule("linear", 1000)
        self._leftwards = False
        self._t_stops: list[int] | None = None
        self._planned = 0
        self._read: tuple[Schedule, int, bool] | None = None  # what the readout was made for
        self._said: tuple[bool | None, str] | None = None  # following, and the words about it
        self._make_rows(class_names)
        self._connect()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._theme_changed)
        self.set_schedule(self._schedule)
        self.set_steps([0], 0)
        self.set_following(None)

    # ---- parts ----------------------------------------------------------------------------------------

    def _make_rows(self, class_names: Sequence[str]) -> None:
        self.step_name, self.t_name = Words(self), Words(self)
        self.step_name.set_parts(("Training step", "text", 500, 13, ""))
        self.t_name.set_parts(("Noise level t", "text", 500, 13, ""))
        self.step_play = PlayButton("Play training steps", "Play through the snapshots", self)
        self.t_play = PlayButton("Play noise level", "Play from noise to picture\nSpace", self)
        self.step_left, self.step_right, self.t_left, self.t_right = (Words(self) for _ in range(4))
        for words, text, token in ((self.step_left, "untrained", "muted"),
                                   (self.step_right, "trained", "muted"),
                                   (self.t_left, "noise", "noise"), (self.t_right, "picture", "signal")):
            words.set_parts((text, token, 400, 11, ""))
        self.step_left.align_right = self.t_left.align_right = True
        self.step_slider, self.t_slider = StepSlider(parent=self), NoiseSlider(parent=self)
        self.step_slider.setToolTip(tip("Which state of the model is looked at\n"
                                        "Arrows one snapshot, Shift ten, Home, End"))
        self.t_slider.setToolTip(tip("How much noise is left in the picture\n"
                                     "T pure noise, 0 the picture; arrows 1, Shift 10, Home, End"))
        self.step_box = IndexBox("Training step", 0, 0, parent=self)
        self.t_box = IndexBox("Noise level t", 0, 1000, parent=self)
        self.step_box.set_help("Training step\nEnter goes to the nearest snapshot, Esc restores")
        self.t_box.set_help("Noise level t\nEnter applies, Esc restores")
        self.step_of, self.t_of = Words(self), Words(self)
        self.follow = FollowButton(self)
        self.status = Words(self)
        self.readout = Words(self)
        self.class_label = Words(self)
        self.class_label.set_parts(("Class", "text", 500, 13, ""))
        self.classes = ClassStrip(class_names, self)
        self.loop = IconButton("loop", "Loop: start again at the end", checkable=True)
        self.bounce = IconButton("bounce", "Back and forth: turn round at the end", checkable=True)
        for button, name in ((self.loop, "Loop"), (self.bounce, "Back and forth")):
            button.setParent(self)
            button.setAccessibleName(name)
        self.loop.setChecked(True)
        self.speed = SpeedButton(self)
        self.seed = SeedBox(self)
        self.clock = PlayClock(self)
        for first, second in zip(self._tab_order()[:-1], self._tab_order()[1:], strict=True):
            QWidget.setTabOrder(first, second)

    def _tab_order(self) -> list[QWidget]:
        return [self.step_play, self.step_slider, self.step_box, self.follow, *self.classes.cells()[:1],
                self.t_play, self.t_slider, self.t_box, self.loop, self.bounce, self.speed, self.seed.box,
                self.seed.previous, self.seed.new]

    def _connect(self) -> None:
        self.step_slider.user_moved.connect(self._step_by_hand)
        self.t_slider.user_moved.connect(self._t_by_hand)
        for slider, row in ((self.step_slider, "step"), (self.t_slider, "t")):
            slider.sliderPressed.connect(lambda row=row: self.drag_started.emit(row))
            slider.sliderReleased.connect(lambda row=row: self.drag_finished.emit(row))
        self.step_box.committed.connect(self._step_typed)
        self.t_box.committed.connect(self._t_by_hand)
        self.step_play.clicked.connect(lambda: self.toggle_play("step"))
        self.t_play.clicked.connect(lambda: self.toggle_play("t"))
        self.follow.clicked.connect(self.follow_live)
        self.classes.changed.connect(self.class_changed)
        self.seed.changed.connect(self.seed_changed)
        self.seed.new_requested.connect(self.new_seed_requested)
        self.seed.previous_requested.connect(self.previous_seed_requested)
        self.loop.toggled.connect(self._loop_toggled)
        self.bounce.toggled.connect(self._bounce_toggled)
        self.speed.changed.connect(self._speed_chosen)
        self.clock.moved.connect(self._played)
        self.clock.playing_changed.connect(self._show_playing)

    # ---- values in ------------------------------------------------------------------------------------

    def set_steps(self, snapshots: Sequence[int], planned: int) -> None:
        """Snapshots that can be looked at, and where the run is planned to end ("of 1 100")."""
        self._planned = planned
        last = max([planned, *snapshots], default=0)
        self.step_slider.setRange(0, last)
        self.step_slider.set_ticks(snapshots)
        self.step_slider.default = max(snapshots, default=None)
        self.step_box.set_range(0, last)
        self.step_of.set_parts((f"of {number(last)}", "muted", 400, 13, ""))
        self.clock.set_stops("step", sorted(set(snapshots)))
        self._arrange()

    def set_step(self, step: int) -> None:
        """The training step that is looked at."""
        self.step_slider.set_value(step)
        self.step_box.set_value(step)
        self.clock.set_value("step", step)

    def set_live(self, step: int | None) -> None:
        """Where training stands now; None when nothing trains."""
        self.step_slider.set_live(step)

    def set_following(self, following: bool | None, status: str = "") -> None:
        """True or False: the follow button, lit or not. None: nothing trains; `status` in words instead."""
        if (following, status) == self._said:
            return
        moved = following is None or self._said is None or self._said[0] is None  # else only a tooltip changes
        self._said = (following, status)
        self.follow.setVisible(following is not None)
        self.status.setVisible(following is None)
        if following is not None:
            self.follow.set_following(following)
            self.follow.setToolTip(tip(status or "Show each new snapshot as training makes it."))
        self.status.set_parts((status, "text2", 400, 13, ""))
        if moved:
            self._arrange()

    def set_schedule(self, chosen: Schedule) -> None:
        """The schedule whose t this is: range, track and readouts follow."""
        self._schedule = chosen
        self.t_slider.set_alpha_bar(chosen.alpha_bar)
        self.t_slider.default = chosen.num_timesteps
        self.t_box.set_range(0, chosen.num_timesteps)
        self.t_of.set_parts((f"of {number(chosen.num_timesteps)}", "muted", 400, 13, ""))
        self._give_stops()
        self.set_t(min(self.t_slider.value(), chosen.num_timesteps))
        self._arrange()

    def set_t(self, t: int) -> None:
        """The noise level that is looked at."""
        self.t_slider.set_value(t)
        self.t_box.set_value(t)
        self.clock.set_value("t", t)
        self._read_out()

    def set_readable(self, t: int | None) -> None:
        """Mark where the digit is first readable; None: not measured."""
        self.t_slider.set_readable(t)

    def set_class_names(self, names: Sequence[str]) -> None:
        """Names of the run's classes."""
        self.classes.set_names(names)
        self._arrange()

    def set_class(self, index: int) -> None:
        """The chosen class."""
        self.classes.set_value(index)

    def set_seed(self, seed: int, has_previous: bool = True) -> None:
        """The seed, and whether there is a last one to go back to."""
        self.seed.set_value(seed)
        self.seed.set_previous_enabled(has_previous)

    def set_direction(self, adding_noise: bool) -> None:
        """The Forward page runs the road the other way: its play button points left."""
        if adding_noise != self._leftwards:
            self._leftwards = adding_noise
            self.t_play.set_leftwards(adding_noise)
            way = "picture to noise" if adding_noise else "noise to picture"
            self.t_play.setToolTip(tip(f"Play from {way}\nSpace"))
            self._give_stops()

    def set_play_stops(self, stops: Sequence[int] | None) -> None:
        """The t of the recorded frames, so that play shows each of them; None: a hundred even ones."""
        self._t_stops = None if stops is None else sorted({int(t) for t in stops}, reverse=True)
        self._give_stops()

    def set_reduced_motion(self, reduced: bool) -> None:
        """Loops end after one pass."""
        self.clock.reduced_motion = reduced

    def set_loop(self, on: bool) -> None:
        """Show and use it; no signal when it is so already."""
        self.loop.setChecked(on)

    def set_bounce(self, on: bool) -> None:
        """Back and forth."""
        self.bounce.setChecked(on)

    def set_speed(self, speed: float) -> None:
        """0.25 to 4."""
        self.speed.set_value(speed)
        self.clock.set_speed(speed)

    @property
    def playing(self) -> str:
        """"step", "t" or empty."""
        return self.clock.row

    def set_playing(self, row: str) -> None:
        """Show which row plays when somebody else drives it."""
        self._show_icons(row)

    # ---- play -----------------------------------------------------------------------------------------

    def toggle_play(self, row: str = "t") -> None:
        """What the play buttons and Space do."""
        if not self.drives_play:
            button = self.t_play if row == "t" else self.step_play
            (self.play_t if row == "t" else self.play_step).emit(not button._playing)
        elif self.clock.row == row:
            self.clock.stop()
        else:
            self.clock.play(row)

    def stop_play(self) -> None:
        """Rest."""
        self.clock.stop()

    def _give_stops(self) -> None:
        stops = self._t_stops
        if stops is None:
            T = self._schedule.num_timesteps
            stops = [round(T * (1 - i / T_STOPS)) for i in range(T_STOPS + 1)]
            stops = sorted(set(stops), reverse=True)
        self.clock.set_stops("t", stops[::-1] if self._leftwards else stops)

    def _show_playing(self, row: str) -> None:
        was_step, was_t = self.step_play._playing, self.t_play._playing
        self._show_icons(row)
        if was_step != (row == "step"):
            self.play_step.emit(row == "step")
        if was_t != (row == "t"):
            self.play_t.emit(row == "t")

    def _show_icons(self, row: str) -> None:
        self.step_play.set_playing(row == "step")
        self.t_play.set_playing(row == "t")

    def _played(self, row: str, value: int) -> None:
        if row == "t":
            self.set_t(value)
            self.t_changed.emit(value)
        else:
            self.set_step(value)
            self.step_changed.emit(value)

    def _loop_toggled(self, on: bool) -> None:
        self.clock.loop = on
        self.loop_changed.emit(on)

    def _bounce_toggled(self, on: bool) -> None:
        self.clock.bounce = on
        self.bounce_changed.emit(on)

    def _speed_chosen(self, speed: float) -> None:
        self.clock.set_speed(speed)
        self.speed_changed.emit(speed)

    # ---- hands ----------------------------------------------------------------------------------------

    def _step_by_hand(self, step: int) -> None:
        if self.clock.row == "step":
            self.clock.stop()
        self.set_step(step)
        self.step_changed.emit(step)

    def _step_typed(self, step: int) -> None:
        stops = self.step_slider.ticks()
        nearest = min(stops, key=lambda stop: abs(stop - step)) if stops else step
        self._step_by_hand(nearest)

    def _t_by_hand(self, t: int) -> None:
        if self.clock.row == "t":
            self.clock.stop()
        self.set_t(t)
        self.t_changed.emit(t)

    def _read_out(self) -> None:
        t, schedule = self.t_slider.value(), self._schedule
        wide = self.width() >= theme().px(WIDE_ENOUGH_FOR_SNR)
        if self._read is not None and self._read[0] is schedule and self._read[1:] == (t, wide):
            return
        self._read = (schedule, t, wide)
        percent = f"{self._schedule.percent_denoised(t):.0f}\u202f%"
        ratio = self._schedule.snr_db(t)
        decibel = "∞" if math.isinf(ratio) else f"{ratio:.1f}".replace("-", "\u2212")
        self.readout.set_parts(*self._readout_parts(percent, decibel))
        self.readout.setAccessibleName(f"{percent} denoised, SNR {decibel} dB")

    def _readout_parts(self, percent: str, decibel: str) -> list[tuple[str, str, int, int, str]]:
        parts = [(percent, "text", 600, 13, "00\u202f%"), ("denoised", "text2", 400, 13, "")]
        if self.width() >= theme().px(WIDE_ENOUGH_FOR_SNR):
            parts += [("  SNR", "text2", 400, 13, ""), (decibel, "text", 600, 13, "\u221200.0"),
                      ("dB", "text2", 400, 13, "")]
        return parts

    # ---- layout: both rows share their columns --------------------------------------------------------

    def _row_height(self) -> int:
        return max(theme().px(32), QFontMetrics(theme().font(13)).height() + 12)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(1280), 1 + 2 * self._row_height() + theme().px(18))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(900), self.sizeHint().height())

    def _theme_changed(self) -> None:
        self.updateGeometry()
        self._arrange()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _arrange(self) -> None:
        # At t = 0 the readout is widest: it must not push the sliders about in mid-drag.
        self.readout.keep_room(*self._readout_parts("100\u202f%", "\u221200.0"))
        self._read_out()
        arrange(self, self._row_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("bg"))
        painter.fillRect(0, 0, self.width(), 1, theme().color("line"))
        painter.end()
