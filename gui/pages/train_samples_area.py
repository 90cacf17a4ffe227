"""The upper part of the Train page: the strip of sample digits, or the history of them beside the plots."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.config import STRIP_SAMPLING
from engine.events import SamplesReady
from engine.settings import number
from gui.pages.train_samples import MOST_EARLIER, SampleStrip, earlier_steps
from gui.sample_history import SampleHistory
from gui.session import Session
from gui.theme import theme
from gui.widgets.labels import Text
from gui.widgets.segmented import Segmented
from gui.widgets.words import Words

if TYPE_CHECKING:
    from gui.animation_export import AnimationExport
    from gui.pages.train_history_view import HistoryView

LEAST_FOR_PLOTS = 200  # px beside the history
HOW_STRIP = f"same ten seeds, averaged weights, {STRIP_SAMPLING.num_steps} steps"
HOW_HISTORY = f"averaged weights, {STRIP_SAMPLING.num_steps} steps"
HELP_STRIP = ("Drawn from the averaged weights with one fixed seed a class, so that only training changes them. Click "
              "a picture: choose its class; click an earlier state: go to its training step.")
HELP_HISTORY = ("Drawn from the averaged weights of each snapshot, every class from the seed of the timeline. Click a "
                "picture: go to its training step and class.")


class SamplesArea(QWidget):
    """A heading, then the strip above the plots, or the history at their left. It holds the plots too."""

    def __init__(self, session: Session, plots: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._active = False
        self._shown: tuple[object, ...] = ()  # what the strip shows
        self.rows = SampleHistory(session, self)
        self.heading = Words()
        self.heading.gap = 10
        self.heading.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.note = Text(HOW_STRIP, 12, 400, "muted", elide=True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.view = Segmented([(False, "Strip"), (True, "History")], "Samples as")
        self.view.set_tooltips([f"The newest pictures, above each what it was at up to {MOST_EARLIER} earlier steps.",
                                "Every snapshot a row, every class a column, all from the seed of the timeline."])
        self.view.setProperty("explain", "sample-history")
        self.strip = SampleStrip()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.heading)
        row.addWidget(self.note, 1)
        row.addWidget(self.view)
        self._below = QHBoxLayout()
        self._below.setContentsMargins(0, 0, 0, 0)
        self._below.setSpacing(20)
        self._plots = plots
        self._below.addWidget(plots, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.strip)
        column.addSpacing(6)
        column.addLayout(self._below, 1)
        self._connect()
        self._restyle()

    def _connect(self) -> None:
        session = self.session
        self.strip.class_clicked.connect(session.set_class)
        self.strip.step_clicked.connect(session.set_step)
        self.strip.earlier_changed.connect(self._show_strip)
        session.samples_changed.connect(self._show_strip)
        session.class_changed.connect(self._on_class)
        for moved in (session.step_changed, session.following_changed):
            moved.connect(self._on_step)
        for changed in (self.rows.changed, session.snapshots_changed, session.seed_changed):
            changed.connect(self._show_history)
        self.view.changed.connect(self.show_history)
        theme().changed.connect(self._restyle)

    @cached_property
    def history(self) -> HistoryView:
        """Made when it is first shown, left of the plots."""
        from gui.pages.train_history_view import HistoryView

        made = HistoryView(self.session, self.rows, self)
        made.play_asked.connect(self._play_steps)
        made.export_asked.connect(self.export_history)
        self._below.insertWidget(0, made)
        return made

    @cached_property
    def exports(self) -> AnimationExport:
        """Writes the history as a picture that moves."""
        from gui.animation_export import AnimationExport

        return AnimationExport(self.session, self)

    # ---- what the page tells ----

    def set_active(self, active: bool) -> None:
        """The page came to the front, or left it: rows are drawn only while somebody looks."""
        self._active = active
        if active and self.session.history_shown:
            self.rows.want()
        elif not active:
            self.rows.leave()

    def refresh(self) -> None:
        """Draw the current point anew."""
        self.strip.set_classes(self.session.class_names, self.session.image_shape[1:])
        self.strip.set_chosen(self.session.class_label)
        self._shown = ()
        self.show_samples()

    def ready(self) -> bool:
        """Whether every row that is looked at is there."""
        rows = self.rows
        return not self.session.history_shown or (bool(rows.steps) and not rows.missing) \
            or rows.failure is not None or not self.session.snapshots

    def set_page_height(self, height: int) -> None:
        """Room on the page."""
        self.strip.set_height_limit(height)

    # ---- the strip, or the history in its place ----

    def show_history(self, shown: bool) -> None:
        """A row of digits for each snapshot beside the plots; else the strip above them."""
        self.session.history_shown = shown
        if self._active and shown:
            self.rows.want()
        elif not shown:
            self.rows.leave()
        self._shown = ()
        self.show_samples()

    def show_samples(self) -> None:
        """The strip or the history, as was chosen."""
        shown = self.session.history_shown
        self.view.set_value(shown)
        self.strip.setVisible(not shown)
        self.note.setText(HOW_HISTORY if shown else HOW_STRIP)
        self.note.setToolTip(HELP_HISTORY if shown else HELP_STRIP)
        if shown or "history" in self.__dict__:
            self.history.setVisible(shown)
        self._fit()
        self._show_strip()
        self._show_history()
        if shown:
            self.history.grid.light()

    def _fit(self) -> None:
        room = theme().px(LEAST_FOR_PLOTS)
        if self.session.history_shown:
            self.history.fit(self.width())
            room += self.history.sizeHint().width()
        self._plots.setVisible(self.width() >= room or not self.session.history_shown)

    def _show_history(self, *_: object) -> None:
        if self._active and self.session.history_shown:
            self.history.refresh()
            self.heading.set_parts(("Samples", "text", 600, 13, ""),
                                   (f"seed {number(self.session.seed)} at every snapshot", "muted", 400, 12, ""))

    def _on_step(self, *_: object) -> None:
        if self._active:
            self._show_strip()
            if self.session.history_shown:
                self.history.show_current()

    def _on_class(self, class_label: int) -> None:
        self.strip.set_chosen(class_label)
        if self._active and self.session.history_shown:
            self.history.show_current()

    def _play_steps(self) -> None:
        timeline = getattr(self.window(), "timeline", None)
        if timeline is not None:
            timeline.toggle_play("step")

    def export_history(self) -> None:
        """Ask how the rows that are there are written as an animation."""
        from gui.pages.train_export import history_takes

        self.exports.open(history_takes(self.session, self.rows))

    def _show_strip(self) -> None:
        """The strip nearest to the viewed step, the newest while following."""
        if not self._active or self.session.history_shown:
            return
        session = self.session
        steps = [] if session.trains_another else session.sample_steps
        if not steps:
            current: SamplesReady | None = None
        elif session.following:
            current = session.samples_at(steps[-1])
        else:
            current = session.samples_at(_nearest(steps, session.step))
        before = earlier_steps(steps, current.step, self.strip.earlier_count()) if current else []
        shown = (current.step if current else None, tuple(before), session.step, session.following,
                 session.training,
                 session.run.info.id if session.run is not None else "")
        if shown == self._shown:
            return
        self._shown = shown
        strips = [strip for step in before if (strip := session.samples_at(step)) is not None]
        self.strip.set_strips(current.step if current else 0, current.images if current else None,
                              current.class_labels if current else (),
                              [(strip.step, strip.images) for strip in strips])
        self._say_samples(current, [strip.step for strip in strips])

    def _say_samples(self, current: SamplesReady | None, before: list[int]) -> None:
        if current is None:
            words = "the first ten come with the first step" if self.session.training else "none were kept"
        else:
            words = f"step {number(current.step)}"
            if not self.session.following and current.step != self.session.step:
                words += f", the nearest drawn to {number(self.session.step)}"
            if before:
                words += f", above it {', '.join(number(step) for step in before)}"
        self.heading.set_parts(("Samples", "text", 600, 13, ""), (words, "muted", 400, 12, ""))

    # ---- looks ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _restyle(self) -> None:
        self.heading.setFixedHeight(theme().height(22))


def _nearest(steps: list[int], step: int) -> int:
    """The last one not beyond a step, else the first; steps rise."""
    return max((s for s in steps if s <= step), default=steps[0])
