"""Undo of coordinates and settings. Moves that follow each other closely are one step, as a drag is."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoStack

from gui.session import Session

GESTURE_S = 0.8  # a pause longer than this between two moves of the same thing begins a new step
WORDS = {"step": "training step", "t": "noise level", "class": "class", "seed": "seed",
         "sampling": "sampling", "average": "average", "draft": "settings", "schedule": "noise schedule",
         "use": "settings of Use",
         "image": "image", "race": "lanes", "training": "training settings", "recognition": "recognition settings",
         "time-machine": "map settings", "clip": "CLIP settings"}


class _Move(QUndoCommand):
    """One coordinate or group of settings from a value to another."""

    def __init__(self, history: History, name: str, before: Any, after: Any) -> None:
        super().__init__(WORDS.get(name, name))
        self.history, self.name, self.before, self.after = history, name, before, after
        self.made_at = time.monotonic()
        self._done = True  # it has already happened when it is pushed

    def redo(self) -> None:
        if self._done:
            self._done = False
            return
        self.history.session.restore(self.name, self.after)

    def undo(self) -> None:
        self.history.session.restore(self.name, self.before)

    def id(self) -> int:
        return list(WORDS).index(self.name)

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Move) or self.history.separate(self, other):
            return False
        self.after = other.after
        self.made_at = other.made_at
        self.setObsolete(self.after == self.before)
        return True


class History(QObject):
    """Feeds a QUndoStack from the session's `edited`."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(500)
        self._dragging = False
        session.edited.connect(self._on_edited)
        session.run_changed.connect(self._on_run_changed)
        self._run_id = ""

    def begin_drag(self) -> None:
        """Until `end_drag`, moves of one thing are one step however slow they are."""
        self._dragging = True
        self._fresh = True

    def end_drag(self) -> None:
        """The handle was let go."""
        self._dragging = False
        self._fresh = True

    _fresh = False  # the next move begins a new step

    def separate(self, earlier: _Move, later: _Move) -> bool:
        """Whether two moves of the same thing stay two steps."""
        if self._fresh:
            self._fresh = False
            return True
        if earlier.name == "training" and earlier.after.keys() != later.after.keys():
            return True
        if earlier.name == "seed":  # each seed is a picture of its own
            return True
        return not self._dragging and later.made_at - earlier.made_at > GESTURE_S

    def _on_edited(self, name: str, before: Any, after: Any) -> None:
        if name in WORDS:
            count = self.stack.count()
            self.stack.push(_Move(self, name, before, after))
            if self.stack.count() != count:
                self._fresh = False

    def _on_run_changed(self) -> None:
        run = self.session.run
        now = run.info.id if run else ""
        if now != self._run_id:  # steps of another run mean nothing here
            self._run_id = now
            self.stack.clear()
