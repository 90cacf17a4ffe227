"""Is it copying? The drawn picture beside its nearest training pictures, in pixels and in the judge's features."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

from engine import use_jobs
from engine.diffusion.forward import to_uint8
from engine.events import Trajectory
from engine.measure.nearest import NEIGHBOURS, Nearest, NearestReady, NearestRequest, Neighbours
from engine.settings import number
from gui.job_runner import JobRunner
from gui.session import Session
from gui.theme import theme
from gui.trajectories import is_complete
from gui.widgets.labels import Text
from gui.widgets.picture import Picture
from gui.widgets.picture_grid import PictureGrid
from gui.widgets.progress import JobProgressBar

WAIT_MS = 250
WIDTH = 620


class NearestDialog(QDialog):
    """Follows what is looked at on Reverse while it is open; asks for nothing while it is closed."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.job = JobRunner(session, "nearest", self)
        self.setWindowTitle("Is it copying?")
        self.setModal(False)
        self.answer = Text("", 15, 600, "text", wrap=True)
        self.numbers = Text("", 13, 400, "text2", wrap=True)
        self.sample = Picture("The drawn picture", factor=5)
        self.rows = {name: (Text(title, 13, 600, "text"), Text("", 12, 400, "muted", wrap=True),
                            PictureGrid(title, 1, NEIGHBOURS, 3))
                     for name, title in (("pixels", "Nearest training pictures by pixels"),
                                         ("features", "By the judge's features"))}
        self.progress = JobProgressBar("Looking through the training pictures")
        self.progress.cancelled.connect(self.job.cancel)
        self.progress.hide()
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.sample, 0, 0, 6, 1, Qt.AlignmentFlag.AlignTop)
        for row, parts in enumerate(self.rows.values()):
            for line, widget in enumerate(parts):
                grid.addWidget(widget, 3 * row + line, 1)
        grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        for item in (self.answer, self.numbers):
            column.addWidget(item)
        column.addLayout(grid)
        column.addStretch(1)
        column.addWidget(self.progress)
        self.found: NearestReady | None = None
        self._of: tuple[Trajectory, object] | None = None  # what was asked
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._ask)
        self.job.said.connect(self._on_found)
        self.job.progressed.connect(lambda p: self.progress.set(p.n, p.total, p.unit))
        self.job.changed.connect(self._show)
        for moved in (session.trajectories_changed, session.class_changed, session.seed_changed, session.step_changed,
                      session.sampling_changed, session.run_changed):
            moved.connect(self._on_moved)
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.setMinimumWidth(theme().px(WIDTH))

    def _on_moved(self, *_: object) -> None:
        if self.isVisible():
            self._wait.start()
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wait.start()
        self._show()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._wait.stop()
        self.job.cancel()
        self._of = None
        super().closeEvent(event)

    # ---- asking ----

    def trajectory(self) -> Trajectory | None:
        """The finished drawing that is looked at; None while there is none."""
        found = self.session.trajectory() if self.session.point() is not None else None
        return found if is_complete(found) else None

    def _ask(self) -> None:
        found, run = self.trajectory(), self.session.run
        if found is None or run is None or (self._of is not None and self._of[0] is found):
            return
        self._of, self.found = (found, run.path), None
        image = to_uint8(found.x[-1].astype(np.float32))
        self.progress.start()
        self.job.start(use_jobs.nearest_job(NearestRequest(run.path, image[None], (found.class_label,))))
        self._show()

    def _on_found(self, event: object) -> None:
        if isinstance(event, NearestReady):
            self.found = event
            self._show()

    # ---- showing ----

    def _show(self) -> None:
        if not self.job.running:
            self.progress.finish()
        drawn = self.trajectory()
        self.sample.set_image(None if drawn is None else drawn.x[-1])
        current = self.found if drawn is not None and self._of is not None and self._of[0] is drawn else None
        for parts in self.rows.values():
            for widget in parts:
                widget.setVisible(current is not None)
        if current is None:
            self.answer.setText("Not drawn yet." if drawn is None else "The training pictures could not be looked "
                                "through." if self.job.failure is not None else "Looking.")
            self.numbers.setText("The banner in the window says why." if self.job.failure is not None else "")
            return
        one = current.found[0]
        names = self.session.class_names
        name = names[one.class_label] if one.class_label < len(names) else str(one.class_label)
        self.answer.setText("Suspect: it lies unusually near to a training picture." if one.suspect else
                            "No sign of copying.")
        self.numbers.setText(f"Compared with how near training pictures are to real test pictures of class {name}, "
                             "which were never trained on. Suspect is what lies nearer than 99\u202f% of them.")
        self._show_row("pixels", one.pixels, one.held_pixels, current, one)
        self._show_row("features", one.features, one.held_features, current, one)

    def _show_row(self, name: str, part: Neighbours | None, held: float | None, found: NearestReady,
                  one: Nearest) -> None:
        title, words, grid = self.rows[name]
        for widget in (title, words, grid):
            widget.setVisible(part is not None)
        if part is None or held is None:
            return
        words.setText(f"Distance {part.distance[0]:.2f}; {100 * part.nearer_than:.0f}\u202f% of test pictures have "
                      f"a nearer one (median {held:.2f}).")
        labels = [found.labels[i] for i in part.index]
        grid.set_images([found.images[i] for i in part.index],
                        [f"Training picture {number(i)}, class {label}, distance {distance:.2f}"
                         for i, label, distance in zip(part.index, labels, part.distance, strict=True)])
