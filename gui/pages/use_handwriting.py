"""Handwriting: a word in the model's own hand, on paper, and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine import use_jobs
from engine.compute import Priority
from engine.export.handwriting import Word, pixels, svg, writable
from engine.export.handwriting_job import HandReady, HandRequest
from engine.export.picture_facts import png_bytes
from engine.export.word_animation import WordAnimation, laid_out
from engine.settings import number
from engine.use_config import HandwritingConfig
from gui.job_runner import JobRunner
from gui.pages.use_part import Part
from gui.pages.use_word import WordView
from gui.save_picture import ask_and_write, facts_here, write_whole
from gui.session import Session
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Text
from gui.widgets.picture_grid import PictureGrid
from gui.widgets.progress import JobProgressBar

WAIT_MS = 200  # after the last change
COLUMNS = 12


class Handwriting(Part):
    """The word on a sheet, and the characters as they were drawn below it."""

    name, title, explain, group = "handwriting", "Handwriting", "handwriting", "handwriting"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.job = JobRunner(session, "handwriting", self)
        self.view = WordView()
        self.note = Text("As drawn, before they were brought to one pen and one line", 12, 400, "muted", elide=True)
        self.drawn = PictureGrid("Characters as drawn", 1, COLUMNS, 2)
        self.empty = EmptyState("", "", [])
        for widget, stretch in ((self.empty, 1), (self.view, 1), (self.note, 0), (self.drawn, 0)):
            self.body.addWidget(widget, stretch)
        self.add_rows(HandwritingConfig, "text", "variation", "spacing", "even_weight", "paper")
        self.hint = Text("Class names of one character can be written. Sampler, guidance and seed are those of the "
                         "Reverse page.", 12, 400, "muted", wrap=True)
        self.saving = JobRunner(session, "word-animation", self)
        self.progress = JobProgressBar("")
        self.progress.setAccessibleName("Writing the animation")
        self.progress.cancel.setToolTip("Leave off; no file is left, and one that was there stays as it was.")
        self.progress.cancelled.connect(self.saving.cancel)
        self.progress.hide()
        self.saving.progressed.connect(lambda p: self.progress.set(p.n, p.total, p.unit))
        self.saving.changed.connect(self._show_saving)
        self.section.add(self.hint, self.progress)
        self.ready_of: HandReady | None = None
        self.word: Word | None = None
        self._wanted: HandRequest | None = None
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._ask)
        self.job.said.connect(self._on_ready)
        self.job.changed.connect(self.said)

    # ---- what is wanted ----

    def labels(self) -> tuple[list[int | None], list[str]]:
        """The class of each character that can be written, and those that cannot."""
        return writable(self.config.text, self.session.class_names)

    def request(self) -> HandRequest | None:
        """What would be drawn now; None for nothing."""
        session, run = self.session, self.session.run
        classes = tuple(label for label in self.labels()[0] if label is not None)
        if run is None or not session.snapshots or not classes:
            return None
        return HandRequest(run.path, session.step, classes, session.seed, self.config.variation, session.sampling,
                           session.average())

    def refresh(self) -> None:
        self.show_config()
        wanted = self.request()
        if self.front and wanted is not None and wanted != self._wanted:
            self._wanted = wanted
            self._wait.start()
        elif wanted is None:
            self._wanted = None
            self._wait.stop()
            self.job.cancel()
        self._show()

    def deactivate(self) -> None:
        super().deactivate()
        self._wait.stop()
        if self.job.running or (self.ready_of is None or self.ready_of.request != self._wanted):
            self._wanted = None  # asked for again when it comes back
        self.job.cancel()

    def ready(self) -> bool:
        return self._wanted is None or self.job.failure is not None or (
            self.ready_of is not None and self.ready_of.complete and self.ready_of.request == self._wanted)

    def _ask(self) -> None:
        if self._wanted is not None and not (self.ready_of is not None and self.ready_of.request == self._wanted
                                             and self.ready_of.complete):
            # Nobody waits for the word of each snapshot that training saves.
            live = self.session.training and self.session.following
            self.job.start(use_jobs.hand_job(self._wanted, priority=Priority.BACKGROUND if live else
                                             Priority.INTERACTIVE))

    def _on_ready(self, event: object) -> None:
        if isinstance(event, HandReady) and event.request == self._wanted:
            self.ready_of = event
            self._show()

    # ---- what is shown ----

    def characters(self) -> list[str]:
        """The characters that are written, spaces included."""
        known = set(self.labels()[1])
        return [c for c in self.config.text if c not in known]

    def laid_out(self, frame: int = -1) -> Word | None:
        """The word at a frame of its drawing; None while there is none."""
        found, labels = self.ready_of, self.labels()[0]
        if found is None or found.request.class_labels != tuple(c for c in labels if c is not None):
            return None
        return laid_out(found.frames[frame], labels, self.characters(), self.config)

    def _show(self) -> None:
        self.word = self.laid_out()
        self.view.set_word(self.word, self.config.text, self.config.paper)
        found, nothing = self.ready_of, self.request() is None
        self.drawn.set_images([] if found is None or self.word is None else
                              list(found.frames[-1].astype(np.float32)[:COLUMNS]))
        self.empty.setVisible(nothing)
        for widget in (self.view, self.note, self.drawn):
            widget.setVisible(not nothing)
        if nothing:
            why = self.why_not()
            names = [name for name in self.session.class_names if len(name) == 1]
            self.empty.set_texts(why or "Nothing to write", "Open a run, or press Train to start one." if why else
                                 f"This model knows {', '.join(names)}." if names else
                                 "No class of this model is called by a single character, so nothing can be written "
                                 "with it.")
        self.section.set_state_text(self.config.text)
        self.said.emit()

    def finding(self) -> tuple[str, str]:
        missing = self.labels()[1]
        lacks = f" It knows no {' or '.join(f'“{c}”' for c in missing)}, so that was left out." if missing else ""
        if self.request() is None:
            return "", lacks.strip()
        if self.job.failure is not None:
            return "Not written.", "The banner above says why."
        if self.word is None or not self.ready():
            return "Writing.", lacks.strip()
        widths = sorted(g.stroke for g, _, _ in self.word.glyphs)
        pen = f"strokes {widths[0]:.1f} to {widths[-1]:.1f} pixels wide" if len(widths) > 1 else \
            f"a stroke {widths[0]:.1f} pixels wide"
        return (f"“{self.config.text}” in the hand of seed {number(self.session.seed)}.",
                f"{len(widths)} characters, {pen}.{lacks}")

    # ---- files ----

    def links(self) -> list[tuple[str, object, str]]:
        return [("Save…", self.open_menu, "save")] if self.word is not None and self.ready() else []

    def open_menu(self) -> None:
        """PNG, SVG and the animation, below the pointer's link."""
        menu = self.menu()
        at = self.mapToGlobal(QPoint(self.width() - menu.sizeHint().width(), 0))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def menu(self) -> QMenu:
        """What the Save link offers."""
        menu = QMenu(self)
        stem = "".join(c if c.isalnum() else "-" for c in self.config.text) or "handwriting"
        for words, name, kinds, suffix, write in (
                ("Save as PNG…", f"{stem}.png", "PNG picture (*.png)", ".png", self.write_png),
                ("Save as SVG…", f"{stem}.svg", "SVG drawing (*.svg)", ".svg", self.write_svg)):
            menu.addAction(words).triggered.connect(
                lambda _=False, w=words, n=name, k=kinds, s=suffix, f=write: ask_and_write(
                    self, self.session, w.removesuffix("…"), n, f, k, s))
        animate = menu.addAction("Animate the drawing of it…")
        animate.triggered.connect(lambda _=False: self.ask_and_animate(f"{stem}.gif"))
        animate.setEnabled(not self.saving.running)
        return menu

    def write_png(self, path: Path) -> bool:
        """The word in grey, with what made it inside."""
        if self.word is None or self.ready_of is None:
            return False
        facts = facts_here(self.session, self.ready_of.snapshot, page="use", view="handwriting",
                           classes=self.ready_of.request.class_labels)
        return write_whole(path, png_bytes(pixels(self.word, paper=self.config.paper, height=240), facts))

    def write_svg(self, path: Path) -> bool:
        """The word as outlines."""
        return self.word is not None and write_whole(path, svg(self.word, paper=self.config.paper).encode("utf-8"))

    def ask_and_animate(self, name: str) -> None:
        """Ask for a file and write the word into it while it is drawn, from the first guess on, as predicted x0."""
        chosen, _ = QFileDialog.getSaveFileName(self, "Animate the drawing of it", name,
                                                "Animations (*.gif *.apng *.webp);;All files (*)")
        if chosen:
            self.animate(Path(chosen) if Path(chosen).suffix else Path(chosen).with_suffix(".gif"))

    def animate(self, path: Path) -> bool:
        """Begin to write the animation; whether there was anything to write."""
        if self.ready_of is None or self.word is None or self.saving.running:
            return False
        self.progress.start()
        self.saving.start(use_jobs.word_animation_job(WordAnimation(
            self.ready_of.frames, tuple(self.labels()[0]), tuple(self.characters()), self.config, path)))
        return True

    def _show_saving(self) -> None:
        if not self.saving.running:
            self.progress.finish()
