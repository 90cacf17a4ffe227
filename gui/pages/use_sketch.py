"""Sketch: a drawing is noised to t and denoised as a class; how much noise decides how much of it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QWidget

from engine import jobs
from engine.data.picture import load_picture
from engine.data.sketch import centred, shrunk
from engine.diffusion.forward import noise_like, noised, to_float
from engine.diffusion.forward_view import correlation, film_levels, trained_at
from engine.errors import DiffuscopeError
from engine.events import JumpRequest, JumpsReady
from engine.export.picture_facts import has_facts, png_bytes
from engine.settings import number
from engine.use_config import SketchConfig
from gui.job_runner import JobRunner
from gui.pages.forward_film import MANY, NOISED, ONE, JumpFilm
from gui.pages.reverse_heading import Heading
from gui.pages.use_part import Part
from gui.save_picture import ask_and_write, facts_here, write_whole
from gui.session import Notice, Session
from gui.widgets.buttons import OutlineButton
from gui.widgets.labels import Text
from gui.widgets.picture import Picture
from gui.widgets.picture_values import enlarge, to_pixels
from gui.widgets.sketch_pad import SketchPad

Float32 = NDArray[np.float32]
STEPS = 25
WAIT_MS = 120
FILES = "Pictures (*.png *.jpg *.jpeg *.webp *.bmp *.gif);;All files (*)"


class Sketch(Part):
    """The sheet, the noised picture and what the model makes of it; all strengths in a row below."""

    name, title, explain, group = "sketch", "Sketch", "sketch", "sketch"
    moved = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.one, self.row = JobRunner(session, "sketch", self), JobRunner(session, "sketch-row", self)
        self.pad = SketchPad()
        self.pad.setToolTip("Draw with the pointer, or with Shift and the arrow keys. Backspace takes the last stroke "
                            "back, Delete clears. A picture file may be dropped here.")
        self.noisy, self.result = Picture("Noised sketch"), Picture("Denoised sketch")
        self.heads = (Heading("x<sub>0</sub>", "your sketch"), Heading("x<sub>t</sub>", "noised"),
                      Heading("x̂<sub>0</sub>", "denoised"))
        board = QGridLayout()
        board.setContentsMargins(0, 0, 0, 0)
        board.setHorizontalSpacing(16)
        board.setVerticalSpacing(2)
        for column, (head, widget) in enumerate(zip(self.heads, (self.pad, self.noisy, self.result), strict=True)):
            board.addWidget(head, 0, column)
            board.addWidget(widget, 1, column)
            board.setColumnStretch(column, 1)
        board.setRowStretch(1, 1)
        self.film = JumpFilm(STEPS)
        self.film.title.setText("All strengths in a row")
        self.film.level_clicked.connect(session.set_noise_level)
        self.body.addLayout(board, 1)
        self.body.addWidget(self.film)
        self.add_rows(SketchConfig, "brush", "centre")
        buttons = QWidget()
        line = QHBoxLayout(buttons)
        line.setContentsMargins(0, 4, 0, 0)
        self.clear, self.back, self.open = (OutlineButton("Clear"), OutlineButton("Undo stroke"),
                                            OutlineButton("Open picture…"))
        for button, then, what in ((self.clear, self.clear_sheet, "An empty sheet."),
                                   (self.back, self.pad.undo, "Take the last stroke back (Backspace on the sheet)."),
                                   (self.open, self.ask_for_file, "Denoise a picture of your own in place of a "
                                    "drawing; it is scaled to the size the model knows.")):
            button.clicked.connect(lambda _=False, call=then: call())
            button.setToolTip(what)
        line.addWidget(self.clear)
        line.addWidget(self.back)
        line.addStretch(1)
        self.note = Text("The slider t says how far it is noised, the class row as what it is denoised, the seed with "
                         "which noise. Guidance is that of the Reverse page.", 12, 400, "muted", wrap=True)
        self.section.add(buttons, self.open, self.note)
        self.file: Path | None = None
        self._pixels: NDArray[np.uint8] | None = None  # of a file
        self._asked: JumpRequest | None = None
        self.answer: JumpsReady | None = None  # at the slider's t
        self.strengths: JumpsReady | None = None
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._ask)
        self.pad.changed.connect(self._drawn)
        self.one.said.connect(self._on_one)
        self.row.said.connect(self._on_row)
        self.setAcceptDrops(True)

    # ---- the picture ----

    def pixels(self) -> NDArray[np.uint8] | None:
        """uint8 (C, H, W) of the sketch or the file; None while the sheet is empty."""
        channels, size, _ = self.session.image_shape
        if self._pixels is not None:
            return self._pixels
        if self.pad.is_empty():
            return None
        picture = shrunk(self.pad.drawn(), size, channels)
        return centred(picture) if self.config.centre else picture

    def clear_sheet(self) -> None:
        """Nothing drawn, no file."""
        self.file = self._pixels = None
        self.pad.clear()

    def _drawn(self) -> None:
        self.file = self._pixels = None
        self.refresh()

    def open_file(self, path: Path) -> bool:
        """Take a picture file; whether it could be read."""
        channels, size, _ = self.session.image_shape
        try:
            self._pixels = load_picture(path, size, channels)
        except DiffuscopeError as error:
            self.session.message.emit(Notice("picture", "error", error.headline, error.advice))
            return False
        self.session.message_cleared.emit("picture")
        self.file = path
        self.refresh()
        return True

    def ask_for_file(self) -> None:
        """Let the user pick a picture file."""
        chosen, _ = QFileDialog.getOpenFileName(self, "Open picture", "", FILES)
        if chosen:
            self.open_file(Path(chosen))

    # ---- what is asked of the model ----

    def _request(self, timesteps: tuple[int, ...]) -> JumpRequest | None:
        session, run, pixels = self.session, self.session.run, self.pixels()
        if run is None or not session.snapshots or pixels is None or pixels.shape != session.image_shape:
            return None
        shown = session.schedule
        return JumpRequest(run=run.path, snapshot=session.step, x0=to_float(pixels), class_label=session.class_label,
                           seed=session.seed, timesteps=timesteps, schedule=shown.name,
                           num_timesteps=shown.num_timesteps, num_steps=STEPS,
                           guidance_scale=session.sampling.guidance_scale, use_class=True)

    def _key(self, request: JumpRequest | None) -> tuple[object, ...] | None:
        return None if request is None else (
            request.run, request.snapshot, request.x0.tobytes(), request.class_label, request.seed, request.timesteps,
            request.schedule, request.num_timesteps, request.guidance_scale)

    def refresh(self) -> None:
        self.show_config()
        self.pad.brush = self.config.brush
        self.pad.set_side(self.session.image_shape[1])
        if self.front:
            self._wait.start()
        self._show()

    def on_t(self) -> None:
        """The slider moved."""
        self._show()
        if self.front:
            self._wait.start()

    def deactivate(self) -> None:
        super().deactivate()
        self._wait.stop()
        self.one.cancel()
        self.row.cancel()

    def _ask(self) -> None:
        for runner, answer, timesteps in ((self.one, self.answer, (self.session.t,)),
                                          (self.row, self.strengths, self._levels())):
            request = self._request(timesteps)
            if request is None:
                runner.cancel()
                continue
            if answer is None or not answer.complete or self._key(answer.request) != self._key(request):
                runner.start(jobs.jump_job(request, key=runner.key))

    def _levels(self) -> tuple[int, ...]:
        return film_levels(self.session.schedule.num_timesteps)

    def _on_one(self, event: object) -> None:
        if isinstance(event, JumpsReady):
            self.answer = event
            self._show()

    def _on_row(self, event: object) -> None:
        if isinstance(event, JumpsReady):
            self.strengths = event
            self._show()

    # ---- what is shown ----

    def _current(self, answer: JumpsReady | None, timesteps: tuple[int, ...]) -> bool:
        return answer is not None and self._key(answer.request) == self._key(self._request(timesteps))

    def ready(self) -> bool:
        if self._request((self.session.t,)) is None or self.one.failure is not None:
            return True
        return not self._wait.isActive() and not self.one.running and not self.row.running

    def _show(self) -> None:
        session, pixels = self.session, self.pixels()
        levels, shown = self._levels(), session.schedule
        self.film.set_levels(levels, trained_at(shown, levels, session.readable_sigma_max()))
        self.film.set_t(session.t)
        why = self.why_not() or ("" if pixels is not None else "Draw something above")
        self.film.set_missing(why, "" if not why else "Then every strength stands here, from all noise to none.")
        x0 = None if pixels is None else to_float(pixels)
        eps = None if x0 is None else noise_like(x0.shape, session.seed)
        self.noisy.set_image(None if x0 is None or eps is None else noised(x0, eps, shown, session.t))
        at_t = self._current(self.answer, (session.t,))
        self.result.set_image(self.answer.many_steps[0] if at_t and self.answer is not None else None)
        known = self._current(self.strengths, levels)
        for row, parts in ((NOISED, None if x0 is None or eps is None else [noised(x0, eps, shown, t) for t in levels]),
                           (ONE, list(self.strengths.one_jump) if known and self.strengths is not None else None),
                           (MANY, list(self.strengths.many_steps) if known and self.strengths is not None else None)):
            self.film.set_row(row, parts if parts is not None else [None] * len(levels))
        self.heads[1].set_note(f"t {number(session.t)}")
        self.heads[2].set_note(f"as {session.class_names[session.class_label]}")
        self.heads[0].set_short(self.file.name if self.file is not None else "your sketch")
        self.section.set_state_text(self.file.name if self.file is not None else "")
        self.said.emit()

    def finding(self) -> tuple[str, str]:
        session = self.session
        if why := self.why_not():
            return "", why
        if self.pixels() is None:
            return "Draw something.", "It is noised to the slider's t and denoised as the chosen class."
        if self.one.failure is not None:
            return "Not denoised.", "The banner above says why."
        if not self._current(self.answer, (session.t,)) or self.answer is None or not self.answer.complete:
            return "Denoising.", ""
        kept = correlation_words(self.answer, session.t)
        return (f"Denoised as {session.class_names[session.class_label]} from t {number(session.t)}.", kept)

    # ---- files ----

    def links(self) -> list[tuple[str, object, str]]:
        done = self._current(self.answer, (self.session.t,)) and self.answer is not None and self.answer.complete
        return [("Save…", self.save, "save")] if done else []

    def save(self) -> None:
        """The denoised sketch as a PNG picture."""
        ask_and_write(self, self.session, "Save denoised sketch", f"sketch-t{self.session.t}.png", self.write_png)

    def write_png(self, path: Path) -> bool:
        """At 8x, with what made it inside."""
        if self.answer is None:
            return False
        image = enlarge(to_pixels(self.answer.many_steps[0].astype(np.float32)), 8)
        facts = facts_here(self.session, self.answer.snapshot, page="use", view="sketch",
                           image=self.file.name if self.file is not None else "a sketch")
        return write_whole(path, png_bytes(image, facts))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = local_file(event)
        if path is not None and not has_facts(path):
            event.acceptProposedAction()
        else:
            event.ignore()  # a run or a saved picture: the window's business

    def dropEvent(self, event: QDropEvent) -> None:
        path = local_file(event)
        if path is not None:
            event.acceptProposedAction()
            QTimer.singleShot(0, self, lambda: self.open_file(path))


def local_file(event: QDropEvent) -> Path | None:
    """The first local file that is dragged."""
    for url in event.mimeData().urls():
        if url.isLocalFile() and Path(url.toLocalFile()).is_file():
            return Path(url.toLocalFile())
    return None


def correlation_words(answer: JumpsReady, t: int) -> str:
    """How much of the sketch is left, measured."""
    found = correlation(answer.request.x0, answer.many_steps[0])
    if found is None:
        return ""
    if not t:
        return "Nothing was noised."
    text = f"{found:.2f}".replace("-", "\u2212")
    return f"Correlation of its pixels with the sketch {text}; 1 keeps it, 0 forgets it."
