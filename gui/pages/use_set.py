"""Synthetic set: so many pictures of each class into a folder, with a data card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from engine import use_jobs
from engine.diffusion.evaluations import network_evaluations
from engine.errors import BadSetting, DiffuscopeError
from engine.export.data_card import copies
from engine.export.synthetic_set import SyntheticReady, SyntheticRequest, SyntheticSample, check_out_folder
from engine.measure.judge_files import judge_for
from engine.settings import number
from engine.use_config import SyntheticConfig
from gui.job_runner import JobRunner
from gui.pages.use_part import Part
from gui.save_picture import KEY
from gui.session import Notice, Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.picture_grid import PictureGrid
from gui.widgets.progress import JobProgressBar

ROWS, COLUMNS = 6, 10


class SyntheticPart(Part):
    """The newest pictures while it is made; what was made, and its card, when it is done."""

    name, title, explain, group = "set", "Synthetic set", "synthetic-set", "synthetic"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.job = JobRunner(session, "synthetic-set", self)
        self.card = Text("", 13, 400, "text2", wrap=True)
        self.newest = Text("The newest pictures that were kept", 13, 600, "text")
        self.grid = PictureGrid("Drawn pictures", ROWS, COLUMNS, 2)
        self.empty = EmptyState("", "", [("Make set…", self.ask_and_make)])
        for widget, stretch in ((self.card, 0), (self.newest, 0), (self.grid, 0), (self.empty, 1)):
            self.body.addWidget(widget, stretch)
        self.body.addStretch(0)
        self.add_rows(SyntheticConfig, "per_class", "first_seed", "min_confidence", "format")
        self.make = OutlineButton("Make set…")
        self.make.clicked.connect(lambda _=False: self.ask_and_make())
        self.progress = JobProgressBar("")
        self.progress.setAccessibleName("Making the set")
        self.progress.cancel.setToolTip("End it; nothing of the set is left.")
        self.progress.cancelled.connect(self.job.cancel)
        self.progress.hide()
        self.cost = Text("", 12, 400, "muted", wrap=True)
        self.section.add(self.make, self.progress, self.cost)
        self.done: SyntheticReady | None = None
        self._kept: list[np.ndarray] = []
        self.job.said.connect(self._on_said)
        self.job.progressed.connect(lambda p: self.progress.set(p.n, p.total, p.unit))
        self.job.changed.connect(self._show)

    def request(self, out: Path) -> SyntheticRequest | None:
        """What would be made now; None where nothing can."""
        session, run = self.session, self.session.run
        if run is None or not session.snapshots:
            return None
        return SyntheticRequest(run.path, session.sampling, out, self.config, session.step, session.average())

    def ask_and_make(self) -> None:
        """Ask for a new folder and make the set there."""
        run = self.session.run
        if self.why_not() or run is None:
            return
        name = f"{run.name}-{self.config.per_class}-a-class"
        chosen, _ = QFileDialog.getSaveFileName(self, "Make the set in a new folder", name, "Folder (*)")
        if chosen:
            self.start(Path(chosen))

    def start(self, out: Path) -> bool:
        """Make the set; whether it could begin."""
        request = self.request(out)
        if request is None or self.job.running:
            return False
        try:
            check_out_folder(out)
        except DiffuscopeError as error:
            self.session.message.emit(Notice(KEY, "error", error.headline, error.advice))
            return False
        self.session.message_cleared.emit(KEY)
        self.done, self._kept = None, []
        self.progress.start()
        self.job.start(use_jobs.synthetic_job(request))
        return True

    def _on_said(self, event: object) -> None:
        if isinstance(event, SyntheticSample):
            self._kept = [*self._kept, *event.images][-ROWS * COLUMNS :]
            self.grid.set_images(self._kept)
        elif isinstance(event, SyntheticReady):
            self.done = event
            self._show()

    def refresh(self) -> None:
        self.show_config()
        self._show()

    def _judged(self) -> bool:
        try:
            return self.session.run is not None and judge_for(self.session.run) is not None
        except DiffuscopeError:
            return False

    def _show(self) -> None:
        why, running = self.why_not(), self.job.running
        if not running:
            self.progress.finish()
        self.make.setVisible(not running)
        self.make.setEnabled(not why)
        self.make.setToolTip(why or "Draw the pictures in the background and write them into a new folder, with a card "
                             "that says what they are.")
        self.empty.buttons[0].setVisible(not why)
        self.rows["min_confidence"].set_enabled(self._judged(), "No judge reads what this run draws.")
        self.cost.setText(self._cost())
        self.cost.setVisible(bool(self.cost.text()))
        made = self.done is not None or (running and bool(self._kept))
        self.empty.setVisible(not made)
        for widget in (self.newest, self.grid):
            widget.setVisible(made)
        self.empty.set_texts(why or ("Drawing the first pictures" if running else "Pictures with labels, for training "
                             "elsewhere"), "Open a run, or press Train to start one." if why else
                             "A folder of PNG files for each class, one npz file, or IDX files as MNIST has them; "
                             "with a data card that says where they come from, what a judge reads in them, and how "
                             "near they are to training pictures.")
        self.card.setText(self._card())
        self.card.setVisible(bool(self.card.text()))
        self.section.set_state_text(f"{number(self.config.per_class)} a class")
        self.said.emit()

    def _cost(self) -> str:
        run = self.session.run
        if run is None or not self.session.snapshots:
            return ""
        try:
            each = network_evaluations(self.session.sampling, run.schedule())
        except BadSetting as error:
            return error.headline
        count = self.config.per_class * len(run.info.class_names)
        return f"{number(count)} pictures of {each} network calls each; sampler and guidance of the Reverse page."

    def _card(self) -> str:
        if self.done is None:
            return ""
        facts = self.done.made.facts
        lines = []
        if facts.nearest:
            lines.append(f"Is it copying? By pixels, {copies([n.pixels for n in facts.nearest])}")
            known = [n.features for n in facts.nearest if n.features is not None]
            if known:
                lines.append(f"By the judge's features, {copies(known)}")
        lines.append(f"The model learned {number(facts.run.info.images)} training pictures: whoever tests a classifier "
                     "with this set has them in it.")
        return "\n".join(lines)

    def finding(self) -> tuple[str, str]:
        if self.job.running:
            return "Making the set.", "Setup says how far it is; Cancel leaves nothing behind."
        if self.done is None:
            why = self.why_not()
            return ("" if why else "No set was made yet."), why
        facts = self.done.made.facts
        kept, drawn = sum(facts.counts), sum(facts.drawn)
        read = "" if facts.read_right is None else \
            f" The judge read {100 * facts.read_right / drawn:.1f}\u202f% of all {number(drawn)} as the class asked."
        return f"{number(kept)} pictures in {self.done.request.out.name}.", f"{number(self.done.files)} files.{read}"

    def links(self) -> list[tuple[str, object, str]]:
        return [("Show folder", self.show_folder, "folder")] if self.done is not None and not self.job.running else []

    def show_folder(self) -> None:
        """The set in the file manager."""
        if self.done is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.done.request.out)))
