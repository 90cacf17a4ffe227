"""Importing pictures: what would come of it, before anything is written. A window beside the main one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine import data_jobs
from engine.data.examine import RULES
from engine.data.importing import Imported, ImportRequest, Preview
from engine.data.skipping import shown
from engine.data.stored import SIZES
from engine.errors import ErrorReport
from engine.events import JobProgress
from engine.settings import number
from gui.data_work import IMPORTING, LOOKING, DataWork
from gui.theme import theme
from gui.widgets.buttons import PlainButton, PrimaryButton
from gui.widgets.choice import CheckBox, Choice
from gui.widgets.labels import Text
from gui.widgets.picture_values import device_factor, to_pixmap
from gui.widgets.progress import JobProgressBar

NAME_WIDTH, GAP = 150, 2
MOST_SKIPPED = 2000  # rows of the list; the number above it counts all
FACTOR = {28: 1.5, 32: 1.25, 64: 1.0}  # enlargement at 100 %; whole device pixels in the end
REFRESH_MS = 350  # after the last change of a setting


class ContactSheet(QWidget):
    """For each class its name, how many pictures it has, and some of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Preview | None = None
        self.setAccessibleName("Contact sheet")
        theme().changed.connect(self._restyle)

    def set_preview(self, found: Preview | None) -> None:
        """Show another preview."""
        self._found = found
        if found is not None:
            self.setAccessibleDescription("; ".join(f"{name}: {a + b}" for name, a, b in zip(
                found.class_names, found.counts, found.test_counts, strict=True)))
        self._restyle()

    def _restyle(self) -> None:
        self.setMinimumSize(self.sizeHint())
        self.updateGeometry()
        self.update()

    def _cell(self) -> tuple[int, int]:
        """Width and height of a picture's place, its gap included."""
        size = self._found.sheet[0].shape[1] if self._found is not None and self._found.sheet else SIZES[0]
        wide = round(size * self._factor(size) / self.devicePixelRatioF()) + 2 * GAP
        return wide, max(theme().height(28), wide)

    def _factor(self, size: int) -> int:
        return device_factor(FACTOR.get(size, 1.0) * theme().scale, self.devicePixelRatioF())

    def sizeHint(self) -> QSize:
        if self._found is None:
            return QSize(theme().px(320), theme().px(80))
        most = max((len(row) for row in self._found.sheet), default=0)
        wide, high = self._cell()
        return QSize(theme().px(NAME_WIDTH) + most * wide, len(self._found.class_names) * high)

    def paintEvent(self, event: QPaintEvent) -> None:
        found = self._found
        if found is None or not found.sheet:
            return
        painter, style = QPainter(self), theme()
        wide, cell = self._cell()
        ratio, factor = self.devicePixelRatioF(), self._factor(found.sheet[0].shape[1])
        first, last = event.rect().top() // cell, event.rect().bottom() // cell
        for row in range(max(0, first), min(len(found.class_names), last + 1)):
            name = painter.fontMetrics().elidedText(found.class_names[row], Qt.TextElideMode.ElideRight,
                                                    style.px(NAME_WIDTH - 70))
            painter.setFont(style.font(13))
            painter.setPen(style.color("text"))
            painter.drawText(0, row * cell, style.px(NAME_WIDTH - 66), cell, Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(style.color("muted"))
            painter.setFont(style.font(12))
            painter.drawText(style.px(NAME_WIDTH - 66), row * cell, style.px(54), cell,
                             Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                             number(found.counts[row] + found.test_counts[row]))
            for place, picture in enumerate(found.sheet[row]):
                pixels = picture if found.channels == 3 else \
                    np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
                painter.drawPixmap(style.px(NAME_WIDTH) + place * wide, row * cell + GAP,
                                   to_pixmap(pixels, factor, ratio))


class ImportDialog(QDialog):
    """Preview first; Import writes one file. `imported` carries the new set's name."""

    imported = Signal(str)

    def __init__(self, work: DataWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._request: ImportRequest | None = None
        self._found: Preview | None = None
        self._importing = False
        self.setWindowTitle("Import pictures")
        self.setModal(False)
        self.head = Text("", 15, 600, "text", wrap=True)
        self.note = Text("", 13, 400, "text2", wrap=True)
        self.problem = Text("", 13, 400, "error", wrap=True)
        self.sheet = ContactSheet()
        scroll = QScrollArea()
        scroll.setWidget(self.sheet)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setAccessibleName("Contact sheet")
        self.skipped_head = Text("", 13, 600, "text")
        self._make_skipped()
        self.progress = JobProgressBar(LOOKING)
        self.progress.hide()
        self.go = PrimaryButton("Import")
        self.go.setToolTip("Write these pictures as one data set into the data folder. The originals stay as they are.")
        self.close_button = PlainButton("Close")
        self.close_button.setToolTip("Close without importing.  Esc")
        end = QHBoxLayout()
        end.addStretch(1)
        end.addWidget(self.close_button)
        end.addWidget(self.go)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.head)
        column.addLayout(self._make_settings())
        column.addWidget(self.note)
        column.addWidget(self.problem)
        column.addWidget(scroll, 3)
        column.addWidget(self.skipped_head)
        column.addWidget(self.skipped, 1)
        column.addWidget(self.progress)
        column.addLayout(end)
        self.go.clicked.connect(self.start_import)
        self.close_button.clicked.connect(self.close)
        self.finished.connect(self._closed)  # by the button, Esc or the window's frame
        self.progress.cancelled.connect(self._cancel)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(REFRESH_MS)
        self._again.timeout.connect(self.look)
        work.progressed.connect(self._on_progress)
        work.arrived.connect(self._on_arrived)
        work.failed.connect(self._on_failed)
        work.ended.connect(self._on_ended)
        theme().changed.connect(self._restyle)
        self.resize(theme().px(760), theme().px(620))

    def _make_settings(self) -> QGridLayout:
        self.name = QLineEdit()
        self.name.setMaxLength(60)
        self.name.setFixedHeight(theme().height(26))
        self.size_choice = Choice([(size, f"{size} × {size}") for size in SIZES], "Size")
        self.colour = Choice([(1, "Grey"), (3, "Colour")], "Colour")
        self.rule = Choice([("middle", "The middle square"), ("whole", "The whole picture")], "Where it does not fit")
        self.mirror = CheckBox("Mirrored pictures are right too")
        tips = ((self.name, "Name", "What the set is called."),
                (self.size_choice, "Size", "Height and width that all pictures are brought to. Twice the size takes "
                                           "four times the work in training."),
                (self.colour, "Colour", "Grey has one channel, colour three."),
                (self.rule, "Resize by", "Where a picture is of another size or not square: "
                                         f"{RULES['middle']}, or {RULES['whole']}."))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for place, (editor, word, tip) in enumerate(tips):
            label = Text(word, 13, 400, "text2")
            label.setBuddy(editor)
            editor.setAccessibleName(word)
            editor.setToolTip(tip)
            editor.setProperty("explain", "import")
            grid.addWidget(label, place // 2, 2 * (place % 2))
            grid.addWidget(editor, place // 2, 2 * (place % 2) + 1)
        self.mirror.setToolTip("Whether a picture seen in a mirror is still one of its class: right for most "
                               "photographs, wrong for text and digits. Training may then mirror pictures at random.")
        self.mirror.setProperty("explain", "import")
        grid.addWidget(self.mirror, 2, 1, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        for choice in (self.size_choice, self.colour, self.rule):
            choice.changed.connect(lambda _: self._again.start())
        return grid

    def _make_skipped(self) -> None:
        self.skipped = QTableWidget(0, 2)
        self.skipped.setAccessibleName("Files that are left out")
        self.skipped.setHorizontalHeaderLabels(["File", "Why it is left out"])
        self.skipped.verticalHeader().hide()
        self.skipped.setShowGrid(False)
        self.skipped.setTabKeyNavigation(False)
        self.skipped.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.skipped.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.skipped.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.skipped.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def _restyle(self) -> None:
        self.name.setFixedHeight(theme().height(26))

    # ---- what it does ----

    def open_source(self, source: Path) -> None:
        """Look at a folder, list or .npz file."""
        if self._importing:
            return
        self._again.stop()
        self._request = ImportRequest(source)
        self.name.setText(shown(source.stem if source.is_file() else source.name, 60))
        self.mirror.set_value(False)
        self._show(None)
        self._begin(self._request)

    def look(self) -> None:
        """Look again, with the settings as they are now."""
        if self._request is not None and not self._importing:
            self._request = replace(self._request, size=self.size_choice.value(), channels=self.colour.value(),
                                    rule=self.rule.value())
            self._begin(self._request)

    def start_import(self) -> None:
        """Write the set that the preview shows."""
        if self._found is None or self._request is None or not self.go.isEnabled():
            return
        request = replace(self._request, title=self.name.text().strip(), size=self._found.size,
                          channels=self._found.channels, flips=self.mirror.value())
        self._importing = True
        if not self._work.start(data_jobs.import_job(request), IMPORTING):
            self._importing = False
            return
        self.progress.start(IMPORTING)
        self._settle()

    def _closed(self) -> None:
        self._again.stop()
        self._cancel()

    def _begin(self, request: ImportRequest) -> None:
        if self._work.busy and self._work.what == LOOKING:
            self._work.cancel()  # a newer question replaces it
        if not self._work.start(data_jobs.preview_job(request), LOOKING):
            self.problem.setText(f"{self._work.what} is under way; import when it has ended.")
            self.problem.show()
            return
        self.progress.start(LOOKING)
        self._settle()

    def _cancel(self) -> None:
        if self._work.busy and (self._importing or self._work.what == LOOKING):
            self._work.cancel()

    # ---- what is said ----

    def _mine(self) -> bool:
        return self._importing or self._work.what == LOOKING

    def _on_progress(self, event: JobProgress) -> None:
        if self._mine():
            self.progress.set(event.n, event.total, event.unit)

    def _on_arrived(self, event: object) -> None:
        if isinstance(event, Preview) and not self._importing:
            self._show(event)
        elif isinstance(event, Imported) and self._importing:
            self.imported.emit(event.description.name)

    def _on_failed(self, report: ErrorReport) -> None:
        if self._mine():
            self.problem.setText(f"{report.headline} {report.advice}".strip())
            self.problem.show()

    def _on_ended(self, done: bool) -> None:
        if not self._mine():
            return
        imported, self._importing = self._importing and done, False
        self.progress.finish()
        self._settle()
        if imported:
            self.close()

    def _settle(self) -> None:
        found, busy = self._found, self._work.busy
        self.go.setEnabled(found is not None and not found.problem and not busy)
        for editor in (self.size_choice, self.colour, self.rule, self.mirror, self.name):
            editor.setEnabled(not self._importing)

    def _show(self, found: Preview | None) -> None:
        self._found = found
        self.sheet.set_preview(found)
        self.problem.setText("" if found is None else found.problem)
        self.problem.setVisible(found is not None and bool(found.problem))
        if found is None:
            self.head.setText("Looking at the pictures")
            self.note.setText("")
            self._fill_skipped(())
            return
        self.head.setText(f"{number(found.total)} pictures in {number(len(found.class_names))} classes")
        self.size_choice.set_value(found.size)
        self.colour.set_value(found.channels)
        self.note.setText(" ".join([*self._sizes(found), *found.notes]))
        self.note.setVisible(bool(self.note.text()))
        self._fill_skipped(found.skipped)
        self._settle()

    def _sizes(self, found: Preview) -> list[str]:
        if not found.resized:
            return []
        (width, height), count = found.sizes[0]
        most = f"most are {width} × {height}" if count > found.total / 2 else "they are of many sizes"
        rule = RULES[found.request.rule]
        return [f"{number(found.resized)} are not {found.size} × {found.size} ({most}): {rule} is taken and scaled."]

    def _fill_skipped(self, skipped: tuple[object, ...]) -> None:
        rows = skipped[:MOST_SKIPPED]
        self.skipped_head.setText(f"{number(len(skipped))} files are left out" if skipped else "")
        self.skipped_head.setVisible(bool(skipped))
        self.skipped.setVisible(bool(skipped))
        self.skipped.setRowCount(len(rows))
        for row, left_out in enumerate(rows):
            for column, text in enumerate((left_out.name, left_out.reason)):  # type: ignore[attr-defined]
                self.skipped.setItem(row, column, QTableWidgetItem(text))

