"""All data sets: what each is, getting it, importing one's own, training its judges. A window beside the main one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine import data_jobs
from engine.data.catalogue import Listing, listings, remove
from engine.errors import DiffuscopeError, ErrorReport
from engine.events import JobProgress
from engine.measure.judge_job import JudgeRequest
from gui import data_words as words
from gui.data_work import IMPORTING, LOOKING, DataWork
from gui.session import Session
from gui.theme import theme
from gui.widgets.buttons import OutlineButton, PlainButton
from gui.widgets.labels import Text
from gui.widgets.progress import JobProgressBar

COLUMNS = ("Name", "Training + test", "Pictures", "Where")
NAME = Qt.ItemDataRole.UserRole


class DataSetsDialog(QDialog):
    """The catalogue and the imported sets, with what can be done with the chosen one."""

    import_asked = Signal(object)  # Path of what is to be imported
    used = Signal(str)  # name of the set that the next run learns
    changed = Signal()  # there are more sets, or fewer

    def __init__(self, session: Session, work: DataWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._work = session, work
        self._sets: list[Listing] = []
        self.setWindowTitle("Data sets")
        self.setModal(False)
        self._make_table()
        self.title = Text("", 15, 600, "text")
        self.about, self.classes, self.judges = (Text("", 13, 400, "text2", wrap=True) for _ in range(3))
        self.note = Text("", 13, 400, "text", wrap=True)
        self.progress = JobProgressBar("Download")
        self.progress.hide()
        self._make_buttons()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        for part in (self.title, self.about, self.classes, self.judges):
            column.addWidget(part)
        column.addLayout(self._row(self.use, self.get, self.local, self.train, self.forget))
        column.addWidget(self.progress)
        column.addWidget(self.note)
        self.closing = PlainButton("Close")
        self.closing.setToolTip("Close this list.  Esc")
        self.closing.clicked.connect(self.close)
        last = self._row(self.add_folder, self.add_file)
        last.addWidget(self.closing)
        column.addLayout(last)
        self.progress.cancelled.connect(work.cancel)
        work.began.connect(self._on_began)
        work.progressed.connect(self._on_progress)
        work.failed.connect(self._on_failed)
        work.ended.connect(self._on_ended)
        session.training_changed.connect(self._show_chosen)
        theme().changed.connect(self._fit_columns)
        self.resize(theme().px(760), theme().px(560))

    def _make_table(self) -> None:
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("Data sets")
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.table.itemSelectionChanged.connect(self._show_chosen)
        self.table.cellDoubleClicked.connect(lambda *_: self.use_chosen())

    def _make_buttons(self) -> None:
        self.use = OutlineButton("Use for a new run")
        self.get = OutlineButton("Download")
        self.local = PlainButton("Choose a local file…")
        self.train = OutlineButton("Train judges")
        self.forget = PlainButton("Remove")
        self.add_folder = OutlineButton("Import folder…", "folder")
        self.add_file = PlainButton("Import list or .npz…")
        tips = {self.use: "The next run learns this set; the settings of that run are shown.",
                self.get: "Fetch the set from where it is published, and check it. It goes on where it broke off.",
                self.local: "Take the set from files you have already: it is checked and copied.",
                self.train: "Train the networks that read this set's pictures, so that samples can be judged. "
                            "Some minutes, in the background.",
                self.forget: "Remove the set's files from the data folder. Runs that learned it stay as they are.",
                self.add_folder: "Choose a folder with one sub-folder of pictures a class. A preview comes first. "
                                 "A folder can be dropped on the window too.",
                self.add_file: "Choose a .csv list of pictures and labels, or an .npz file as of MedMNIST."}
        actions = {self.use: self.use_chosen, self.get: self.download, self.local: self.choose_local,
                   self.train: self.train_judges, self.forget: self.remove_chosen,
                   self.add_folder: self.choose_folder, self.add_file: self.choose_file}
        for button, tip in tips.items():
            button.setToolTip(tip)
            button.setProperty("explain", "data-sets")
            button.clicked.connect(actions[button])

    @staticmethod
    def _row(*parts: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in parts:
            row.addWidget(part)
        row.addStretch(1)
        return row

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.reload()

    def reload(self, chosen: str = "") -> None:
        """Read what there is anew; the same set stays chosen."""
        before = self.chosen()
        chosen = chosen or (before.name if before else self._session.draft.data.dataset)
        self._sets = listings()
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._sets))
        for row, listing in enumerate(self._sets):
            cells = (listing.title, words.pictures(listing), words.shape(listing), words.state(listing))
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setData(NAME, listing.name)
                self.table.setItem(row, column, item)
        self._fit_columns()
        self.table.blockSignals(False)
        names = [listing.name for listing in self._sets]
        self.table.selectRow(names.index(chosen) if chosen in names else 0)
        self._show_chosen()

    def _fit_columns(self) -> None:
        self.table.resizeColumnsToContents()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def chosen(self) -> Listing | None:
        """The set of the chosen row."""
        rows = self.table.selectionModel().selectedRows() if self.table.selectionModel() else []
        return self._sets[rows[0].row()] if rows and rows[0].row() < len(self._sets) else None

    # ---- actions ----

    def use_chosen(self) -> None:
        """The next run learns the chosen set."""
        listing = self.chosen()
        if listing is not None and self.use.isEnabled():
            self.used.emit(listing.name)

    def download(self) -> None:
        """Fetch the chosen set."""
        listing = self.chosen()
        if listing is not None and self.get.isEnabled():
            self._work.start(data_jobs.download_job(listing.name), f"Download {listing.title}")

    def choose_local(self) -> None:
        """Ask for a file of the chosen set and take it from its folder."""
        listing = self.chosen()
        if listing is None or not self.local.isEnabled():
            return
        path, _ = QFileDialog.getOpenFileName(self, f"A file of {listing.title}", "",
                                              "Data files (*.gz *.zip *.tar.gz);;All files (*)")
        if path:
            self._work.start(data_jobs.local_job(listing.name, Path(path)), f"Check {listing.title}")

    def train_judges(self) -> None:
        """Train what can read the chosen set."""
        listing = self.chosen()
        if listing is not None and self.train.isEnabled():
            self._work.start(data_jobs.judges_job(JudgeRequest(listing.name)), f"Judges of {listing.title}")

    def remove_chosen(self) -> None:
        """Remove the files of the chosen set."""
        listing = self.chosen()
        if listing is None or not self.forget.isEnabled():
            return
        try:
            remove(listing.name)
        except DiffuscopeError as error:
            self._say(f"{error.headline} {error.advice}")
            return
        self.reload()
        self._say(f"{listing.title} was removed.")
        self.changed.emit()

    def choose_folder(self) -> None:
        """Ask for a folder to import."""
        path = QFileDialog.getExistingDirectory(self, "Folder with one sub-folder a class")
        if path:
            self.import_asked.emit(Path(path))

    def choose_file(self) -> None:
        """Ask for a list or an .npz file to import."""
        path, _ = QFileDialog.getOpenFileName(self, "List or .npz file", "", "Lists and arrays (*.csv *.npz)")
        if path:
            self.import_asked.emit(Path(path))

    # ---- showing ----

    def _show_chosen(self, *_: object) -> None:
        listing, busy = self.chosen(), self._work.busy
        if listing is None:
            return
        self.title.setText(listing.title)
        licence = f" Licence: {listing.licence}." if listing.licence else ""
        self.about.setText(listing.about + licence)
        self.classes.setText(words.classes(listing))
        self.judges.setText(words.judges(listing))
        self.use.setEnabled(listing.here and not self._session.training)
        self.get.setVisible(not listing.here)
        self.get.setText(f"Download {words.megabytes(listing.download_bytes)}")
        self.get.setEnabled(not busy)
        self.local.setVisible(not listing.imported and listing.where != "ships")
        self.local.setEnabled(not busy)
        self.train.setVisible(bool(words.lacking_judges(listing)))
        self.train.setEnabled(listing.here and not busy)
        self.forget.setVisible(listing.here and listing.where == "yours")
        self.forget.setEnabled(not busy and not self._learns(listing.name))
        for button in (self.add_folder, self.add_file):
            button.setEnabled(not busy)

    def _learns(self, name: str) -> bool:
        run = self._session.run
        return self._session.training and run is not None and run.info.config.data.dataset == name

    def _on_began(self, what: str) -> None:
        self._say("")
        if what != LOOKING:
            self.progress.start(what)
        self._show_chosen()

    def _on_progress(self, event: JobProgress) -> None:
        if event.unit == "bytes":
            self.progress.set(round(event.n / 1e6, 1), round(event.total / 1e6, 1), "MB")
        else:
            self.progress.set(event.n, event.total, event.unit)

    def _on_failed(self, report: ErrorReport) -> None:
        self._say(f"{report.headline} {report.advice}".strip())

    def _on_ended(self, done: bool) -> None:
        self.progress.finish()
        self.reload()
        if done and self._work.what not in (LOOKING, IMPORTING):  # their own window says how they went
            self._say(f"{self._work.what}: done.")
            self.changed.emit()

    def _say(self, sentence: str) -> None:
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))
