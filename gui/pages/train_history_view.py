"""The history of samples on the Train page: its grid in a scrolling frame, how far it is drawn, play and export."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from engine.settings import number
from gui.pages.train_history import HistoryGrid, HistoryHead
from gui.sample_history import SampleHistory
from gui.session import Session
from gui.theme import theme
from gui.widgets.buttons import IconButton, Link
from gui.widgets.labels import Text

COURSE = 430  # px that the plots beside it need


class HistoryView(QWidget):
    """Follows the session's step, class and seed while it is wanted; a click or an arrow key moves them."""

    play_asked = Signal()
    export_asked = Signal()

    def __init__(self, session: Session, history: SampleHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.history = session, history
        self.grid = HistoryGrid()
        self.head = HistoryHead(self.grid)
        self.area = QScrollArea()
        self.area.setWidget(self.grid)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setAccessibleName("History of samples")
        self.area.viewport().setAutoFillBackground(False)
        self.grid.setAutoFillBackground(False)
        self.play = IconButton("play", "Play through the snapshots\nSpace")
        self.play.setProperty("explain", "training-step")
        self.export = Link("Export…", "save")
        self.export.setToolTip("Write the history as a picture that moves: GIF, APNG, WebP or MP4")
        self.rest = Link("Stop drawing")
        self.rest.setToolTip("Rows are drawn in the background, the nearest to the viewed snapshot first, and kept "
                             "with the run.")
        for link in (self.export, self.rest):
            link.setProperty("explain", "sample-history")
        self.note = Text("", 12, 400, "muted", elide=True)
        foot = QHBoxLayout()
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(8)
        for widget, stretch in ((self.play, 0), (self.note, 1), (self.rest, 0), (self.export, 0)):
            foot.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.head)
        column.addWidget(self.area, 1)
        column.addLayout(foot)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.grid.step_chosen.connect(session.set_step)
        self.grid.class_chosen.connect(session.set_class)
        self.head.class_chosen.connect(session.set_class)
        self.grid.row_lit.connect(self._show_row)
        self.play.clicked.connect(self.play_asked)
        self.export.clicked.connect(self.export_asked)
        self.rest.clicked.connect(self._stop_or_start)
        theme().changed.connect(self.updateGeometry)

    # ---- what is shown ----

    def refresh(self) -> None:
        """All of it, from the session and what was drawn."""
        session, history = self.session, self.history
        self.grid.set_classes(session.class_names, session.image_shape[1:])
        self.head.set_classes(session.class_names)
        self.show_current()
        self.grid.set_rows(sorted({*history.steps, *session.snapshots}), history.rows)
        self._say()
        self.head.updateGeometry()
        self.updateGeometry()

    def show_current(self) -> None:
        """The session moved."""
        session = self.session
        self.head.set_current(session.class_label)
        self.grid.set_current(session.step, session.class_label)

    def _say(self) -> None:
        history = self.history
        there, total = len(history.rows), len(history.steps)
        if history.failure is not None:
            words = history.failure.headline
        elif not self.session.snapshots:
            words = "the first row comes with the first snapshot"
        elif history.missing or not total:
            words = f"{number(there)} of {number(total or len(self.session.snapshots))} drawn"
        else:
            words = f"{number(total)} snapshots"
        self.note.setText(words)
        self.export.setEnabled(there > 0)
        self.play.setEnabled(len(self.session.snapshots) > 1)
        unfinished = history.missing > 0 or history.failure is not None
        self.rest.setVisible(unfinished and (history.running or history.stopped or history.failure is not None))
        self.rest.setText("Stop drawing" if history.running else "Draw the rest")

    def _stop_or_start(self) -> None:
        if self.history.running:
            self.history.stop()
        else:
            self.history.start()

    def _show_row(self, row: QRect) -> None:
        """Keep the row that is looked at in sight, with one above and below."""
        self.area.ensureVisible(0, row.center().y(), 0, row.height() * 3 // 2)

    # ---- looks ----

    def fit(self, page_width: int) -> None:
        """The largest enlargement, 2 or 1, that leaves the plots their room."""
        room = page_width - theme().px(COURSE)
        self.grid.set_factor(2 if self._width_for(2) <= room else 1)
        self.updateGeometry()

    def _width_for(self, factor: int) -> int:
        return self.grid.width_for(factor) + self.area.verticalScrollBar().sizeHint().width() + theme().px(4)

    def sizeHint(self) -> QSize:
        wide = self.grid.sizeHint().width() + self.area.verticalScrollBar().sizeHint().width() + theme().px(4)
        return QSize(wide, theme().px(300))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width(), theme().px(120))
