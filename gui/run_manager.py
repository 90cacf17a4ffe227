"""All runs: open, rename, show the folder, move to the trash. A window beside the main one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine import paths
from engine.data.catalogue import dataset_title
from engine.errors import DiffuscopeError
from engine.runs import Run, rename_run, scan_runs
from engine.settings import number
from gui.session import Session
from gui.theme import theme
from gui.widgets.buttons import OutlineButton, PlainButton
from gui.words import capital, preset_title

COLUMNS = ("Name", "Data", "Preset", "Steps", "State", "Made")
PATH = Qt.ItemDataRole.UserRole


class RunManager(QDialog):
    """The list of runs in the runs folder, and the one that ships. Names are edited in place (F2)."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._filling = False
        self.setWindowTitle("Runs")
        self.setModal(False)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("Runs")
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.open_button = OutlineButton("Open")
        self.rename_button = PlainButton("Rename")
        self.folder_button = PlainButton("Show folder")
        self.trash_button = PlainButton("Move to trash")
        close = PlainButton("Close")
        tips = {self.open_button: "Look at this run.  Enter", self.rename_button: "Give it another name.  F2",
                self.folder_button: "Show the run's folder in the file manager.",
                self.trash_button: "Move the run into the folder .trash beside it.  Del",
                close: "Close this list.  Esc"}
        for button, tip in tips.items():
            button.setToolTip(tip)
        self.open_button.clicked.connect(self.open_selected)
        self.rename_button.clicked.connect(self.rename_selected)
        self.folder_button.clicked.connect(self.show_folder)
        self.trash_button.clicked.connect(self.trash_selected)
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        for button in (self.open_button, self.rename_button, self.folder_button, self.trash_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.note)
        column.addLayout(row)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.table.itemChanged.connect(self._on_renamed)
        self.table.cellDoubleClicked.connect(lambda *_: self.open_selected())
        for key, action in (("Return", self.open_selected), ("Del", self.trash_selected)):
            shortcut = QShortcut(QKeySequence(key), self.table)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(action)
        session.run_changed.connect(self._reload_if_visible)
        session.training_changed.connect(self._on_selection)
        self.resize(theme().px(760), theme().px(420))

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.reload()

    def reload(self) -> None:
        """Read the folder anew; the selection stays on the same run."""
        chosen = self.selected() or (self._session.run.path if self._session.run else None)
        runs, problems = scan_runs(paths.runs_dir())
        bundled = self._bundled()
        self._filling = True
        self.table.setRowCount(0)
        for run in [*bundled, *runs]:
            self._add(run)
        for path, _ in problems:
            self._add_row(path, [path.name, "", "", "", "Cannot be opened", ""], editable=False)
        self.table.resizeColumnsToContents()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._filling = False
        for row in range(self.table.rowCount()):
            if self._path(row) == chosen:
                self.table.selectRow(row)
        self._say(problems[0][1].headline if problems else
                  "" if runs else f"Runs that you train appear here. They are kept in {paths.runs_dir()}.")
        self._on_selection()

    def selected(self) -> Path | None:
        """The folder of the chosen row."""
        rows = self.table.selectionModel().selectedRows() if self.table.selectionModel() else []
        return self._path(rows[0].row()) if rows else None

    # ---- actions ----

    def open_selected(self) -> None:
        """Open the chosen run in the main window."""
        path = self.selected()
        if path is not None and self._session.open_run(path):
            self._reload_if_visible()

    def rename_selected(self) -> None:
        """Edit the name in place."""
        rows = self.table.selectionModel().selectedRows()
        item = self.table.item(rows[0].row(), 0) if rows else None
        if item is not None:
            self.table.editItem(item)

    def show_folder(self) -> None:
        """The run's folder in the file manager."""
        path = self.selected()
        if path is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def trash_selected(self) -> None:
        """Move the chosen run to the trash."""
        path = self.selected()
        if path is None or not self.trash_button.isEnabled():
            return
        try:
            self._session.trash(path)
        except DiffuscopeError as error:
            self._say(f"{error.headline} {error.advice}")
            return
        self.reload()
        self._say(f"{path.name} is in the trash, in the folder .trash beside it.")

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != 0:
            return
        path = Path(item.data(PATH))
        open_here = self._session.run is not None and self._session.run.path == path
        told = ""
        try:
            renamed = rename_run(path, item.text())
        except DiffuscopeError as error:
            told = f"{error.headline} {error.advice}".strip()
        else:
            if open_here and renamed != path:
                self._session.moved(renamed)
        self.reload()
        self._say(told)

    # ---- filling ----

    def _bundled(self) -> list[Run]:
        found = []
        for path in paths.bundled_runs():
            with suppress(DiffuscopeError):
                found.append(Run.open(path))
        return found

    def _add(self, run: Run) -> None:
        info = run.info
        steps = number(info.step) if info.step >= info.num_steps else \
            f"{number(info.step)} of {number(info.num_steps)}"
        name = info.name + (" (ships with the program)" if paths.is_bundled(run.path) else "")
        made = info.created[:16].replace("T", " ")
        self._add_row(run.path, [name, dataset_title(info.config.data.dataset), preset_title(info.config.preset), steps,
                                 capital(info.state), made], editable=not run.read_only)

    def _add_row(self, path: Path, words: list[str], *, editable: bool) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, text in enumerate(words):
            item = QTableWidgetItem(text)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            if column == 0:
                item.setData(PATH, str(path))
                item.setToolTip(str(path))
                if editable:
                    flags |= Qt.ItemFlag.ItemIsEditable
            item.setFlags(flags)
            self.table.setItem(row, column, item)

    def _path(self, row: int) -> Path:
        item = self.table.item(row, 0)
        assert item is not None, f"row {row} has no name"
        return Path(item.data(PATH))

    def _on_selection(self) -> None:
        path = self.selected()
        busy = path is not None and self._session.training and self._session.training_path == path
        fixed = path is None or paths.is_bundled(path) or busy
        self.open_button.setEnabled(path is not None and not self._session.training)
        self.rename_button.setEnabled(not fixed)
        self.folder_button.setEnabled(path is not None)
        self.trash_button.setEnabled(not fixed)

    def _reload_if_visible(self) -> None:
        if self.isVisible():
            self.reload()

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))
