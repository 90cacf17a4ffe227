"""The section of the Forward page that changes the noise schedule on display. The run keeps its own."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from engine.settings import number
from gui.pages.forward_image import LABEL
from gui.session import Session
from gui.theme import theme
from gui.widgets.buttons import Link
from gui.widgets.fields import NumberField
from gui.widgets.labels import Text
from gui.widgets.section import Section
from gui.widgets.segmented import Segmented

SCHEDULES = (("linear", "Linear"), ("cosine", "Cosine"))
SHORTEST, LONGEST = 50, 1000
SMALLEST_SHARE = 0.0005  # three decimals would read 0.000


class CheckLine(QWidget):
    """An icon of state and a sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = "ok"
        self.icon = QLabel()
        self.text = Text("", 12, 400, "text2", wrap=True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 2)
        row.setSpacing(6)
        row.addWidget(self.icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        theme().changed.connect(self._restyle)
        self._restyle()

    def set(self, kind: str, rich: str) -> None:
        """kind: "ok" or "warn"."""
        self._kind = kind
        self.text.setText(rich)
        self.text.set_token("warn" if kind == "warn" else "text2")
        self._restyle()

    def _restyle(self) -> None:
        name = "warning" if self._kind == "warn" else "check"
        self.icon.setPixmap(theme().pixmap(name, self._kind, theme().px(16)))
        self.icon.setAccessibleName("Warning" if self._kind == "warn" else "In order")


class ScheduleChooser(QObject):
    """Owns the section "Noise schedule"."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.section = Section("Noise schedule")
        self.name = Segmented(SCHEDULES, "Noise schedule")
        self.name.set_tooltips([
            "Linear: the added noise grows evenly with t, so the picture is gone well before T. The schedule of "
            "DDPM (2020). The run's own is the default.",
            "Cosine: the picture fades more evenly over t, so fewer steps are spent on pure noise. Improved DDPM "
            "(2021). The run's own is the default."])
        self.steps = NumberField(SHORTEST, LONGEST, step=50, name="Steps T")
        self.steps.setToolTip("Steps T\nHow many noise levels there are from picture to noise. Fewer make each "
                              f"step larger.\n{number(SHORTEST)} to {number(LONGEST)} steps, default the run's own")
        self.fault = Text("", 12, 400, "error", wrap=True)
        self.check = CheckLine()
        self.note = Text("Changes the display, not the run.", 12, 400, "muted", wrap=True)
        self.own = Link("Use the run's own", "undo")
        self.own.setToolTip("Back to the schedule this run was trained with.")
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 5, 0, 0)
        line.setSpacing(8)
        self._label = Text("Steps T", 13, 400, "text2")
        self._label.setBuddy(self.steps)
        line.addWidget(self._label)
        line.addWidget(self.steps)
        line.addStretch(1)
        self.section.add(self.name, row, self.fault, self.check, self.note, self.own)
        self.section.body.setAlignment(self.own, Qt.AlignmentFlag.AlignLeft)
        for widget in (self.name, self.steps, self.own):
            widget.setProperty("explain", "schedule")
        self.name.changed.connect(lambda name: session.set_schedule(name, session.schedule.num_timesteps))
        self.steps.committed.connect(lambda steps: session.set_schedule(session.schedule.name, int(steps)))
        self.steps.error_changed.connect(self._show_fault)
        self.own.clicked.connect(self._back)
        session.schedule_changed.connect(self.show_schedule)
        session.run_changed.connect(self.show_schedule)
        theme().changed.connect(self._restyle)
        self._restyle()
        self._show_fault("")
        self.show_schedule()

    def show_schedule(self) -> None:
        """What the session displays now."""
        now = self.session.schedule
        self.name.set_value(now.name)
        self.steps.set_value(now.num_timesteps)
        warning = now.warning()
        left = now.terminal_signal
        share = f"= {left:.3f}" if left >= SMALLEST_SHARE else "&lt; 0.001"
        self.check.set("warn" if warning else "ok",
                       warning or f"Ends in pure noise: √ᾱ<sub>T</sub> {share}")
        run = self.session.run
        own = run.schedule() if run else None
        other = own is not None and (own.name, own.num_timesteps) != (now.name, now.num_timesteps)
        self.own.setVisible(other)
        self.note.setVisible(run is not None)
        if own is not None and other:
            self.own.setText(f"Use the run's own: {own.name}, {number(own.num_timesteps)}")
        self.section.set_state_text(f"{now.name}, {number(now.num_timesteps)}")

    def _back(self) -> None:
        if self.session.run is not None:
            own = self.session.run.schedule()
            self.session.set_schedule(own.name, own.num_timesteps)

    def _show_fault(self, sentence: str) -> None:
        self.fault.setText(sentence)
        self.fault.setVisible(bool(sentence))

    def _restyle(self) -> None:
        self._label.setFixedWidth(theme().px(LABEL))
        self.steps.setFixedWidth(theme().px(76))
