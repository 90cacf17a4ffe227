"""The keys of the window, and the rule that none of them acts while somebody is typing.

Qt asks the focused widget first (ShortcutOverride). Fields keep their letters by themselves but not the
rest; buttons do not keep Space at all. The guard below answers for both.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key or several for the same thing. while_typing: it acts even while a text field has focus."""

    keys: tuple[str, ...]
    what: str
    group: str
    while_typing: bool = False


KEYS: dict[str, Key] = {
    "play": Key(("Space",), "Play or pause the row in focus, else the noise row", "Look"),
    "seed-new": Key(("R",), "New seed", "Look"),
    "seed-last": Key(("Shift+R",), "Previous seed", "Look"),
    "follow": Key(("F",), "Follow live", "Look"),
    "nearest": Key(("N",), "Is it copying? The nearest training pictures", "Look"),
    "train": Key(("Ctrl+Return", "Ctrl+Enter"), "Start, pause or go on with training", "Train"),
    "snapshot": Key(("Ctrl+S",), "Save a snapshot now", "Train"),
    "new": Key(("Ctrl+N",), "New run", "File"),
    "open": Key(("Ctrl+O",), "Open a run folder", "File"),
    "runs": Key(("Ctrl+Shift+O",), "All runs", "File"),
    "open-picture": Key(("Ctrl+I",), "Open a saved picture", "File"),
    "data-sets": Key(("Ctrl+D",), "Data sets", "File"),
    "close": Key(("Ctrl+W",), "Close the window", "File", True),
    "quit": Key(("Ctrl+Q",), "Quit", "File", True),
    "undo": Key(("Ctrl+Z",), "Undo", "Edit"),
    "redo": Key(("Ctrl+Shift+Z", "Ctrl+Y"), "Redo", "Edit"),
    "preferences": Key(("Ctrl+,",), "Preferences", "Edit"),
    "larger": Key(("Ctrl++", "Ctrl+="), "Larger text", "View"),
    "smaller": Key(("Ctrl+-",), "Smaller text", "View"),
    "normal": Key(("Ctrl+0",), "Normal text size", "View"),
    "full-screen": Key(("F11",), "Full screen", "View"),
    "shortcuts": Key(("F1",), "This list", "Help"),
}
DIGITS = Key(tuple("0123456789"), "The class of that digit", "Look")

# Not shortcuts of the window but of the focused slider; listed for the reader only.
SLIDER_KEYS = (("← →", "One step on the focused slider; with Shift ten"), ("Home End", "First, last"))


def sequences(name: str) -> list[QKeySequence]:
    """The key sequences of an action."""
    return [QKeySequence(key) for key in KEYS[name].keys]


def is_typing(widget: QWidget | None) -> bool:
    """Whether keys pressed now go into a text."""
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    if isinstance(widget, QAbstractSpinBox):
        return True
    return isinstance(widget, QComboBox) and widget.isEditable()


OVERRIDE = QEvent.Type.ShortcutOverride  # looked up once: the guard sees every event there is


class KeyGuard(QObject):
    """An event filter of the application: typing and the focused button come before the window's keys."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        pages = tuple(f"Ctrl+{n}" for n in range(1, 10))
        self._kept = {QKeySequence(key).toString() for entry in (*KEYS.values(), DIGITS)
                      if not entry.while_typing for key in entry.keys}
        self._kept |= {QKeySequence(key).toString() for key in pages}
        app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != OVERRIDE or not isinstance(watched, QWidget):
            return False
        assert isinstance(event, QKeyEvent)
        focus = QApplication.focusWidget() or watched
        if is_typing(focus):
            if _pressed(event) in self._kept:
                event.accept()
                # Undo and redo of the text itself are the field's own business: it sees the key next.
                return True
        elif event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier \
                and isinstance(focus, QAbstractButton | QComboBox | QAbstractItemView):
            event.accept()
            return True
        return False


def _pressed(event: QKeyEvent) -> str:
    """The key as text, e.g. "Shift+R"; digits of the keypad count as digits."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key()))).toString()
