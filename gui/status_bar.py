"""The line at the bottom: lamp and state in words, step, speed, time left, device, memory; the last save."""

from __future__ import annotations

import os
import time
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QStatusBar, QWidget

from engine.compute import Message
from engine.events import JobDone, JobProgress, TrainingState
from engine.settings import number
from gui.session import Session
from gui.theme import theme
from gui.words import ago, capital, clock, memory

HEIGHT = 27
SHOWN_AFTER_S = 0.5  # a job is spoken of when it lasts longer than this
LAMPS = {TrainingState.TRAINING: "accent", TrainingState.PREPARING: "accent", TrainingState.PAUSING: "warn",
         TrainingState.PAUSED: "warn", TrainingState.STOPPING: "warn", TrainingState.FAILED: "error"}
JOB_WORDS = {"reverse": "drawing", "reverse-all": "drawing all classes", "forward": "guessing",
             "race": "racing", "race-quality": "measuring the race,",
             "recognition": "measuring recognition,"}


def resident_bytes() -> int:
    """Resident memory of this process; 0 where it cannot be read without more packages."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


class _Line(QWidget):
    """Paints the parts in a row; those that do not fit are left out from the end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lamp = "muted"
        self.state = ""
        self.parts: list[str] = []
        self.tail = ""
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(100, theme().px(HEIGHT))

    def paintEvent(self, _: QPaintEvent) -> None:
        style = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, left = self.height(), style.px(16)
        middle = Qt.AlignmentFlag.AlignVCenter
        dot = style.px(7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color(self.lamp))
        painter.drawEllipse(QRectF(left + 1, (height - dot) / 2, dot, dot))
        left += dot + style.px(9)
        strong, plain = style.font(12, 600), style.font(12)
        tail_width = QFontMetrics(plain).horizontalAdvance(self.tail)
        right = self.width() - style.px(16)
        painter.setFont(plain)
        painter.setPen(style.color("text2"))
        painter.drawText(QRectF(right - tail_width - 2, 0, tail_width + 4, height),
                         middle | Qt.AlignmentFlag.AlignRight, self.tail)
        end = right - tail_width - style.px(20)
        painter.setFont(strong)
        painter.setPen(style.color("text"))
        width = QFontMetrics(strong).horizontalAdvance(self.state)
        painter.drawText(QRectF(left, 0, width + 4, height), middle, self.state)
        left += width + style.px(20)
        painter.setFont(plain)
        painter.setPen(style.color("text2"))
        measure = QFontMetrics(plain)
        for part in self.parts:
            width = measure.horizontalAdvance(part)
            if left + width > end:
                break
            painter.drawText(QRectF(left, 0, width + 4, height), middle, part)
            left += width + style.px(20)


class StatusBar(QStatusBar):
    """State in words; nothing here can be clicked, so nothing here takes focus."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._jobs: dict[str, tuple[int, float, JobProgress | None]] = {}
        self._passing = ("", 0.0)
        self.setSizeGripEnabled(False)
        self.setContentsMargins(0, 0, 0, 0)
        self._line = _Line(self)
        self.addWidget(self._line, 1)
        session.training_changed.connect(self.refresh)
        session.progressed.connect(self.refresh)
        session.run_changed.connect(self.refresh)
        session.snapshots_changed.connect(self.refresh)
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def text(self) -> str:
        """All that is shown, for tests and screen readers."""
        return "  ".join([self._line.state, *self._line.parts, self._line.tail]).strip()

    def say(self, words: str, seconds: float = 5.0) -> None:
        """A passing remark at the right, e.g. "snapshot asked for"."""
        self._passing = (words, time.monotonic() + seconds)
        self.refresh()

    def refresh(self) -> None:
        """Everything anew; also once a second, for the age of the last save."""
        session, line = self._session, self._line
        state, progress, run = session.training_state, session.progress, session.run
        parts: list[str] = []
        if session.training and progress:
            parts.append(f"step {number(progress.step)} of {number(progress.num_steps)}")
            parts.append(f"epoch {progress.epoch:.2f}")
            if progress.images_per_second > 0:
                parts.append(f"{number(round(progress.images_per_second))} images/s")
            if state in (TrainingState.TRAINING, TrainingState.PAUSED):
                parts.append("estimating" if progress.seconds_left is None
                             else f"{clock(progress.seconds_left)} left")
            parts.append(progress.device)
            parts.append(memory(progress.memory_bytes))
        elif session.training:
            pass  # nothing is known yet
        elif run is not None:
            parts.append(f"step {number(run.info.step or session.live_step)}")
            machine = run.info.machine or {}
            device, precision = str(machine.get("device", "")), str(machine.get("precision", ""))
            if device:
                device = device.upper() if device in ("cpu", "cuda") else device
                parts.append("trained on " + ", ".join(w for w in (device, precision) if w))
            parts.append(memory(resident_bytes()))
        else:
            parts.append("no run open")
        if session.locked_by:
            parts.append(f"being trained by {session.locked_by}")
        parts += self._job_words()
        word = capital(str(state))
        if run is not None and not session.training and state is TrainingState.IDLE:
            word = "Ready"
        line.state = word
        line.lamp = LAMPS.get(state, "muted") if session.training or session.locked_by \
            or state is TrainingState.FAILED else "muted"
        line.parts = [p for p in parts if p]
        line.tail = self._tail()
        line.setAccessibleName(f"Status: {self.text()}")
        line.update()

    def _tail(self) -> str:
        words, until = self._passing
        if words and time.monotonic() < until:
            return words
        session = self._session
        if session.training:
            return f"saved {ago(time.time() - session.saved_at)}" if session.saved_at else "not saved yet"
        return "all saved" if session.run is not None and not session.locked_by else ""

    def _job_words(self) -> list[str]:
        found = []
        for key, (_, began, progress) in self._jobs.items():
            if time.monotonic() - began < SHOWN_AFTER_S:
                continue
            word = JOB_WORDS.get(key, key.replace("-", " "))
            count = f" {number(progress.n)} of {number(progress.total)} {progress.unit}" if progress else ""
            found.append(f"{word}{count}".rstrip())
        return found

    def _on_picture(self, message: Message) -> None:
        if message.key == "train":
            return
        job_id, began, progress = self._jobs.get(message.key, (0, 0.0, None))
        if job_id != message.job_id:
            began, progress = time.monotonic(), None
        if isinstance(message.event, JobProgress):
            progress = message.event
            if progress.n >= progress.total:
                self._jobs.pop(message.key, None)
                self.refresh()
                return
        elif getattr(message.event, "complete", False):
            self._jobs.pop(message.key, None)
            self.refresh()
            return
        self._jobs[message.key] = (message.job_id, began, progress)
        if time.monotonic() - began >= SHOWN_AFTER_S:
            self.refresh()

    def _on_control(self, message: Message) -> None:
        if isinstance(message.event, JobDone) and self._jobs.get(message.key, (0,))[0] == message.job_id:
            del self._jobs[message.key]
            self.refresh()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("bg"))
        painter.fillRect(QRectF(0, 0, self.width(), 1), theme().color("line"))

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(HEIGHT))
        self.update()
