"""The study of CLIP guidance as a table, with its red flags above."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.measure.clip_study import CALLS, SECONDS, Study, weight_words
from engine.measure.clip_study_summary import Estimate, RowSummary, StudySummary, markdown
from gui.theme import theme, tip
from gui.widgets.buttons import Link
from gui.widgets.labels import Text
from gui.widgets.segmented import Segmented
from gui.words import NARROW

COLUMNS = ("", "Steps", "Calls", "Cost", "Mean w", "Read right, %", "Fréchet", "Density", "Coverage", "CLIP log p")
NARROW_WITHOUT = (1, 2, 7)  # columns that are left out where there is little room
WIDE = 860
HELP = (
    "How it is guided.", "Steps of the sampler: as many as the budget allows.", "Network calls for each picture.",
    "Network calls for each picture with the reader's looks, each as long as it took beside a call.",
    "Mean weight at the guided noise levels; for a gradient the length of its step.",
    "How often the judge, who did not guide, reads the class asked for. Half a 95 % interval over blocks of seeds.",
    "Fréchet distance to real test digits in the judge's features. Smaller is nearer.",
    "How many real neighbourhoods a picture lies in, over k; real digits have about 1.",
    "Share of real neighbourhoods that hold a picture: variety.",
    "How sure the reader that guides is of the class in the finished pictures. That it rises is no proof.")
DIGITS = {"accuracy": (100, 2), "frechet": (1, 2), "density": (1, 2), "coverage": (1, 2),
          "clip_log_probability": (1, 3)}


class StudyView(QWidget):
    """What was found: `shown` rows of one of the two tables."""

    table_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: tuple[Study, StudySummary] | None = None
        self._run = ""
        self.which = Segmented([(CALLS, "Equal network calls"), (SECONDS, "Equal seconds")], "Compared at")
        self.which.set_tooltips(["Every method may ask the network equally often; the reader's work is free.",
                                 "Every method may take equally long; the reader's work counts."])
        self.which.changed.connect(self._fill)
        self.note = Text("", 12, 400, "muted", elide=True)
        self.copy = Link("Copy tables", "copy")
        self.copy.setToolTip("Both tables and the comparisons, as Markdown.")
        self.copy.setProperty("explain", "clip-study")
        self.copy.clicked.connect(self._copy)
        self.flags = Text("", 12, 400, "error", wrap=True)
        self.flags.setProperty("explain", "clip-study")
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("Study of CLIP guidance")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.setProperty("explain", "clip-study")
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.which.setProperty("explain", "clip-study")
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.setSpacing(8)
        head.addWidget(self.which)
        head.addWidget(self.note, 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.flags)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        theme().changed.connect(self._fill)

    def set_study(self, study: tuple[Study, StudySummary] | None, run: str) -> None:
        """Another study of a run of that name, or none."""
        self._run = run
        if study is not self._study:
            self._study = study
            self._fill()

    def _copy(self) -> None:
        if self._study is not None:
            QGuiApplication.clipboard().setText(markdown(self._run, *self._study))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < theme().px(WIDE)
        for column in NARROW_WITHOUT:
            self.table.setColumnHidden(column, narrow)

    def _fill(self, *_: object) -> None:
        if self._study is None:
            self.table.setRowCount(0)
            return
        study, summary = self._study
        name = self.which.value()
        rows = summary.tables[name]
        self.note.setText(f"{study.blocks} blocks of {study.pictures} pictures; ± half a 95{NARROW}% interval over "
                          f"blocks; one look of the reader costs {study.reading_cost:.2f} network calls")
        flagged = sorted({title for _, title, _ in summary.flags})
        self.flags.setText("" if not flagged else f"Red flag: {', '.join(flagged)}. The reader that guides is surer of "
                           "these pictures than of those of the class alone, while the judge likes them less.")
        self.flags.setVisible(bool(flagged))
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        for place, words in enumerate(HELP):
            item = self.table.horizontalHeaderItem(place)
            assert item is not None
            item.setToolTip(tip(words))
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.verticalHeader().setDefaultSectionSize(theme().height(24, 12))
        self.table.setRowCount(len(rows) + 1)
        best = summary.best_control[name]
        for i, one in enumerate(rows):
            self._row(i, one, one.row.method == best)
        self._real(len(rows), summary.real)

    def _row(self, place: int, one: RowSummary, best: bool) -> None:
        row = one.row
        title = one.method.title + (", best control" if best else "")
        words = [f"{'⚑ ' if one.flag else ''}{title}", str(row.num_steps), str(row.nfe), f"{row.cost:.1f}",
                 weight_words(row), *(_estimate(one.figures[name], name) for name in DIGITS)]
        token = "error" if one.flag else "accent" if one.method.kind == "clip" else \
            "muted" if one.method.kind == "feedback" else "text"
        self._put(place, words, token, bold=best, help=one.flag)

    def _real(self, place: int, figures: dict[str, Estimate]) -> None:
        words = ["real digits", "", "", "", "", *(_estimate(figures[name], name) for name in DIGITS)]
        self._put(place, words, "text2")

    def _put(self, place: int, words: list[str], token: str, *, bold: bool = False, help: str = "") -> None:
        for column, text in enumerate(words):
            item = QTableWidgetItem(text)
            item.setForeground(theme().color(token if column == 0 else "text"))
            item.setFont(theme().font(12, 600 if bold and column == 0 else 400))
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if help:
                item.setToolTip(tip(f"Red flag: {help}."))
            self.table.setItem(place, column, item)


def _estimate(one: Estimate, name: str) -> str:
    scale, digits = DIGITS[name]
    return f"{scale * one.mean:.{digits}f} ± {scale * one.half:.{digits}f}".replace("-", "\u2212")
