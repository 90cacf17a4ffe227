"""The blind test while it runs: a picture comes slowly out of noise. Space: it can be read; a key: its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from gui.theme import theme
from gui.widgets.buttons import OutlineButton
from gui.widgets.labels import Text
from gui.widgets.picture import Picture

DRAWING, RUNNING, PAUSED, ASKING, ANSWERED = "drawing", "running", "paused", "asking", "answered"
SHORTEST_MS = 15
KEYS = "0123456789"


class BlindStage(QWidget):
    """States: drawing, running, paused (focus went elsewhere), asking, answered.

    `seen` (frame, answer) when a class was typed; frame is the number of frames where the person waited to the end.
    `next_asked` for another picture, `ended` by Esc or its button. While it runs, no key without Ctrl or Alt reaches
    the window: Space and digits are the test's.
    """

    seen = Signal(int, int)
    next_asked = Signal()
    ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = DRAWING
        self.frame = 0
        self._frames: NDArray[np.float16] | None = None
        self._seen_at = 0
        self._names: tuple[str, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Blind test")
        self.picture = Picture("Blind test")
        self.picture.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.picture.clicked.connect(self.go_on)
        self.prompt = Text("", 15, 600, "text", wrap=True)
        self.hint = Text("", 13, 400, "text2", wrap=True)
        for text in (self.prompt, self.hint):
            text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.digits: list[OutlineButton] = []
        self._answers = QHBoxLayout()
        self._answers.setContentsMargins(0, 0, 0, 0)
        self._answers.setSpacing(6)
        self.act = OutlineButton("I see it")
        self.act.clicked.connect(self.go_on)
        self.end = OutlineButton("End test")
        self.end.setToolTip("Leave the blind test; the pictures answered so far are kept.\nShortcut: Esc")
        self.end.clicked.connect(self.ended)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(8)
        buttons.addStretch(1)
        for button in (self.act, self.end):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.picture, 1)
        column.addWidget(self.prompt)
        column.addWidget(self.hint)
        column.addLayout(self._answers)
        column.addLayout(buttons)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        QApplication.instance().focusChanged.connect(self._on_focus)  # type: ignore[union-attr]
        theme().changed.connect(self.update)

    # ---- what happens ----

    def draw_next(self, names: Sequence[str]) -> None:
        """A picture is being drawn; names: of the classes."""
        if tuple(names) != self._names:
            self._name_answers(tuple(names))
        self._timer.stop()
        self._frames = None
        self.picture.set_image(None)
        self._enter(DRAWING)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def run(self, frames: NDArray[np.float16], seconds: float) -> None:
        """Show frames (F, C, H, W), noise first, over so many seconds."""
        self._frames, self.frame = frames, 0
        self.picture.set_image(frames[0])
        self._timer.setInterval(max(SHORTEST_MS, round(1000 * seconds / max(1, len(frames) - 1))))
        self._enter(RUNNING)
        if not self._focused():
            self._enter(PAUSED)

    def answered(self, right: bool, was: str, words: str) -> None:
        """The class is told: whether it was right, which it was, and how the judge read it."""
        assert self._frames is not None
        self._words = (f"{'Right' if right else 'Wrong'}: it was {was}.", words)
        self.picture.set_image(self._frames[-1])
        self._enter(ANSWERED)

    def stop(self) -> None:
        """The test is over."""
        self._timer.stop()
        self._frames = None

    def go_on(self) -> None:
        """What Space does now."""
        if self.state == RUNNING:
            self._see(self.frame)
        elif self.state == PAUSED:
            self.setFocus(Qt.FocusReason.OtherFocusReason)
            self._enter(RUNNING)
        elif self.state == ANSWERED:
            self.next_asked.emit()

    def answer(self, class_label: int) -> None:
        """A class was typed or pressed."""
        if self.state == ASKING and 0 <= class_label < len(self._names):
            self.seen.emit(self._seen_at, class_label)

    def _see(self, frame: int) -> None:
        self._seen_at = frame
        self._enter(ASKING)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _step(self) -> None:
        assert self._frames is not None
        if self.frame + 1 == len(self._frames):
            self._see(len(self._frames))
            return
        self.frame += 1
        self.picture.set_image(self._frames[self.frame])

    # ---- what it says ----

    _words = ("", "")

    def _enter(self, state: str) -> None:
        self.state = state
        if state == RUNNING:
            self._timer.start()
        else:
            self._timer.stop()
        self.prompt.setText({
            DRAWING: "Drawing a picture", RUNNING: "Press Space as soon as you can read it",
            PAUSED: "Paused", ASKING: "Which class is it?", ANSWERED: self._words[0]}[state])
        self.hint.setText({
            DRAWING: " ", RUNNING: "A hidden class and seed. Guess nothing: what counts is what you see.",
            PAUSED: "The keys go elsewhere now. Click the picture to go on.",
            ASKING: "Type its key.", ANSWERED: self._words[1]}[state])
        self.act.setText({ANSWERED: "Next picture", PAUSED: "Go on"}.get(state, "I see it"))
        self.act.setEnabled(state in (RUNNING, PAUSED, ANSWERED))
        self.act.setToolTip({ANSWERED: "Draw another hidden picture.\nShortcut: Space", PAUSED: "Let it go on."}.get(
            state, "Stop here and say which class it is.\nShortcut: Space"))
        for button in self.digits:
            button.setEnabled(state == ASKING)
        self.setAccessibleDescription(f"{self.prompt.text()}. {self.hint.text()}")

    def _name_answers(self, names: tuple[str, ...]) -> None:
        self._names = names
        while self._answers.count():
            item = self._answers.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        self.digits = []
        self._answers.addStretch(1)
        for i, name in enumerate(names):
            key = KEYS[i] if i < len(KEYS) else ""
            button = OutlineButton(name if name == key or not key else f"{key} {name}")
            button.setToolTip(f"It is {name}." + (f"\nShortcut: {key}" if key else ""))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, label=i: self.answer(label))
            self.digits.append(button)
            self._answers.addWidget(button)
        self._answers.addStretch(1)

    # ---- keys ----

    def event(self, event: QEvent) -> bool:
        # Qt asks here first; what is accepted reaches keyPressEvent and no shortcut of the window.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._mine(event):
            event.accept()
            return True
        return super().event(event)

    @staticmethod
    def _mine(event: QKeyEvent) -> bool:
        held = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        return held == Qt.KeyboardModifier.NoModifier and event.key() not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._mine(event):
            super().keyPressEvent(event)
            return
        if event.key() == Qt.Key.Key_Escape:
            self.ended.emit()
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.go_on()
        elif event.text() and event.text() in KEYS:
            self.answer(int(event.text()))
        event.accept()

    # ---- focus ----

    def _focused(self) -> bool:
        now = QApplication.focusWidget()
        return now is not None and (now is self or self.isAncestorOf(now))

    def _on_focus(self, *_: object) -> None:
        if self.state == RUNNING and self._frames is not None and not self._focused():
            self._enter(PAUSED)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.stop()
