"""Preferences: where runs are made, theme, text size, device, motion. Each applies at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from engine import paths
from gui.preferences import Preferences, runs_dir_problem
from gui.theme import theme
from gui.transport import DEVICE_WORDS
from gui.widgets.buttons import OutlineButton, PlainButton
from gui.widgets.fields import CheckBox, Choice

TEXT_SCALES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)


class PreferencesDialog(QDialog):
    """Shows `Preferences` and says `changed` with new ones."""

    changed = Signal(object)

    def __init__(self, preferences: Preferences, busy: Callable[[], bool],
                 parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._busy = busy
        self.setWindowTitle("Preferences")
        self.setModal(False)
        self.theme_choice = Choice([("system", "As the system"), ("light", "Light"), ("dark", "Dark")])
        self.scale_choice = Choice([(s, f"{round(100 * s)}\u202f%") for s in TEXT_SCALES])
        self.device_choice = Choice(list(DEVICE_WORDS.items()))
        self.motion = CheckBox("Play stops after one pass")
        self.folder = QLineEdit()
        self.folder.setPlaceholderText(str(paths.data_dir() / "runs"))
        self.folder.setClearButtonEnabled(True)
        self.problem = QLabel()
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setWordWrap(True)
        browse = OutlineButton("Choose…")
        browse.setToolTip("Choose the folder for new runs.")
        close = PlainButton("Close")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        rows = (("Theme", self.theme_choice, "Light or dark; as the system follows it live."),
                ("Text size", self.scale_choice, "Of everything in the window, relative to the system's."),
                ("Device", self.device_choice, "What computes. Auto takes a GPU if there is one."),
                ("Reduced motion", self.motion, "Loops end after one pass."))
        for line, (word, editor, tip) in enumerate(rows):
            label = QLabel(word)
            label.setBuddy(editor)
            editor.setAccessibleName(word)
            editor.setToolTip(tip)
            editor.setMinimumWidth(theme().px(200))
            grid.addWidget(label, line, 0)
            grid.addWidget(editor, line, 1, Qt.AlignmentFlag.AlignLeft)
        label = QLabel("New runs in")
        label.setBuddy(self.folder)
        self.folder.setAccessibleName("Folder of new runs")
        self.folder.setToolTip("New runs are made here. Runs made before stay where they are. "
                               "Empty is the data folder.")
        line_edit = QHBoxLayout()
        line_edit.addWidget(self.folder, 1)
        line_edit.addWidget(browse)
        grid.addWidget(label, len(rows), 0)
        grid.addLayout(line_edit, len(rows), 1)
        grid.addWidget(self.problem, len(rows) + 1, 1)
        grid.setColumnStretch(1, 1)
        end = QHBoxLayout()
        end.addStretch(1)
        end.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(16)
        column.addLayout(grid)
        column.addStretch(1)
        column.addLayout(end)
        self.show_preferences(preferences)
        self.theme_choice.changed.connect(lambda v: self._change(theme=v))
        self.scale_choice.changed.connect(lambda v: self._change(text_scale=v))
        self.device_choice.changed.connect(lambda v: self._change(device=v))
        self.motion.changed.connect(lambda v: self._change(reduced_motion=v))
        self.folder.editingFinished.connect(self._take_folder)
        browse.clicked.connect(self._browse)
        close.clicked.connect(self.close)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.resize(theme().px(520), self.sizeHint().height())

    def show_preferences(self, preferences: Preferences) -> None:
        """Show values that were changed elsewhere (Ctrl and plus, the Device drop-down)."""
        self._preferences = preferences
        self.theme_choice.set_value(preferences.theme)
        self.scale_choice.set_value(min(TEXT_SCALES, key=lambda s: abs(s - preferences.text_scale)))
        self.device_choice.set_value(preferences.device)
        self.device_choice.setEnabled(not self._busy())
        self.motion.set_value(preferences.reduced_motion)
        self.folder.setText(preferences.runs_dir)
        self.problem.clear()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.show_preferences(self._preferences)

    def _change(self, **changes: object) -> None:
        changed = self._preferences.changed(**changes)
        if changed != self._preferences:
            self._preferences = changed
            self.changed.emit(changed)

    def _take_folder(self) -> None:
        folder = self.folder.text().strip()
        problem = runs_dir_problem(folder)
        self.problem.setText(problem)
        if not problem:
            self._change(runs_dir=folder)

    def _browse(self) -> None:
        start = self._preferences.runs_dir or str(paths.data_dir())
        chosen = QFileDialog.getExistingDirectory(self, "Folder for new runs", start)
        if chosen:
            self.folder.setText(chosen)
            self._take_folder()

    def _restyle(self) -> None:
        self.problem.setStyleSheet(f"color: {theme().color('error').name()};")
