"""The Forward page: a real image and noise, mixed as the schedule says, and what the model makes of each mix."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine import paths
from engine.diffusion.forward import noise_like, noised, to_float
from engine.diffusion.forward_view import (
    ForwardPoint,
    film_levels,
    forward_point,
    rms_difference,
    trained_at,
)
from engine.diffusion.schedules import schedule as make_schedule
from engine.export.picture_facts import has_facts
from engine.settings import number
from gui.animation_export import AnimationExport, add_export
from gui.pages.base import Page
from gui.pages.forward_board import BoardArea, ForwardBoard
from gui.pages.forward_film import MANY, NOISED, ONE, UNTRAINED, JumpFilm
from gui.pages.forward_formula import FormulaRow
from gui.pages.forward_image import ImageChooser
from gui.pages.forward_jumps import NUM_STEPS, Jumps
from gui.pages.forward_plots import ForwardPlots
from gui.pages.forward_schedule import ScheduleChooser
from gui.pages.reverse_save import open_below
from gui.save_picture import facts_here, write_picture
from gui.session import Notice, Session
from gui.widgets.section import Section

Float32 = NDArray[np.float32]
PLAY_STOPS = 100
NARROW = "\u202f"
WHAT_IT_SHOWS = "one guess is an average, many steps settle on one picture"


def other_name(name: str) -> str:
    """The schedule to compare with."""
    return "cosine" if name == "linear" else "linear"


def signed(value: float, digits: int) -> str:
    """A number with a true minus; infinity as a word."""
    if math.isinf(value):
        return "infinite"
    text = f"{value:.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "\u2212")


def shares_in_words(point: ForwardPoint) -> str:
    """The two shares of power, digits enough that neither reads as nothing."""
    if point.t == 0:
        return "The image itself."
    image = 100 * point.signal_power
    if image < 0.05:
        return f"Practically pure noise: under 0.1{NARROW}% image."
    digits = 1 if min(image, 100 - image) < 1 else 0
    shown = round(image, digits)
    return f"{shown:.{digits}f}{NARROW}% image, {100 - shown:.{digits}f}{NARROW}% noise by power."


class ForwardPage(Page):
    """Everything but the model's two rows is worked out in the event that moves the slider."""

    name = "forward"
    title = "Forward"
    explain = "forward"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.images = ImageChooser(session, self)
        self.schedules = ScheduleChooser(session, self)
        self.jumps = Jumps(session, self)
        self.formula = FormulaRow()
        self.film = JumpFilm(NUM_STEPS)
        self.plots = ForwardPlots(self)
        self.board = ForwardBoard(self.formula, self.film, self.plots)
        self.area = BoardArea(self.board)
        self.body.addWidget(self.area, 1)
        self.setAcceptDrops(True)
        self._x0: Float32 | None = None
        self._eps: Float32 | None = None
        self._levels: tuple[int, ...] = ()
        self._trained: tuple[bool, ...] = ()
        self.finding.set_links([("Save…", self._save, "save")])
        self.save = self.finding.links[0]
        self.save.setToolTip("Save the pictures and plots of this page as a PNG file, or the image on its way into "
                             "noise as an animation.")
        self.save.setProperty("explain", "forward")
        self.film.level_clicked.connect(session.set_noise_level)
        self.images.changed.connect(self._on_image)
        self.jumps.changed.connect(self._on_jumps)
        session.noise_level_changed.connect(self._on_t)
        session.seed_changed.connect(self._on_image)
        session.schedule_changed.connect(self._on_schedule)
        session.run_changed.connect(self._on_run)
        session.step_changed.connect(self._on_model)
        session.snapshots_changed.connect(self._on_model)

    # ---- what the window asks ----

    def setup_sections(self) -> list[Section]:
        return [self.images.section, self.schedules.section]

    def activate(self) -> None:
        self.images.refresh()
        super().activate()

    def deactivate(self) -> None:
        super().deactivate()
        self.jumps.cancel()

    def refresh(self) -> None:
        """Draw everything anew."""
        self._show_schedule()
        self._show_image()

    def ready(self) -> bool:
        """Whether the image is there and the model has nothing more to say about it."""
        waiting = self._x0 is None and self.images.reader.error is None
        return not waiting and self.jumps.done()

    def play_levels(self) -> list[int]:
        """From the picture to noise."""
        last = self.session.schedule.num_timesteps
        count = min(PLAY_STOPS, last)
        return [round(last * i / count) for i in range(count + 1)]

    # ---- what happens ----

    def _on_t(self, _: int) -> None:
        if self.active:
            self._show_point()

    def _on_image(self, *_: object) -> None:
        if self.active:
            self._show_image()

    def _on_schedule(self) -> None:
        if self.active:
            self._show_schedule()
            self._show_image()

    def _on_run(self) -> None:
        if self.active:
            self.images.refresh()
            self.refresh()

    def _on_model(self, *_: object) -> None:
        if self.active:
            self._show_levels()
            self._want()
            self._show_jumps()

    def _on_jumps(self) -> None:
        if self.active:
            self._show_jumps()
            self.ready_changed.emit()

    # ---- drawing, from the schedule down to the point ----

    def _show_schedule(self) -> None:
        shown = self.session.schedule
        self.plots.set_schedules(shown, make_schedule(other_name(shown.name), shown.num_timesteps))
        self._show_levels()

    def _show_levels(self) -> None:
        shown = self.session.schedule
        self._levels = film_levels(shown.num_timesteps)
        self._trained = trained_at(shown, self._levels, self.session.readable_sigma_max())
        before = self.film.sizeHint().height()
        self.film.set_levels(self._levels, self._trained)
        if self.film.sizeHint().height() != before:
            self.area.fit_later()

    def _show_image(self) -> None:
        pixels = self.images.pixels
        self._x0 = None if pixels is None else to_float(pixels)
        self._eps = None if self._x0 is None else noise_like(self._x0.shape, self.session.seed)
        own = bool(self.images.choice.file)
        self.formula.set_image(self._x0, "your picture" if own else "the image", self.images.words())
        self.formula.set_noise(self._eps, f"noise of seed {number(self.session.seed)}")
        if self._x0 is not None and self._eps is not None:
            self.film.set_row(NOISED, [noised(self._x0, self._eps, self.session.schedule, t) for t in self._levels])
        else:
            self.film.set_row(NOISED, [None] * len(self._levels))
        self._want()
        self._show_point()
        self._show_jumps()
        self.ready_changed.emit()

    def _show_point(self) -> None:
        session = self.session
        t = session.t
        self.film.set_t(t)
        if self._x0 is None or self._eps is None:
            self.formula.set_mixed(None, f"at t {number(t)}", 1.0, 0.0)
            error = self.images.reader.error
            self.finding.set("No image.", error.headline if error else "Reading the test images.")
            return
        x_t = noised(self._x0, self._eps, session.schedule, t)
        point = forward_point(self._x0, x_t, session.schedule, t)
        trained = trained_at(session.schedule, (t,), session.readable_sigma_max())[0]
        self.formula.set_mixed(x_t, f"at t {number(t)}", point.signal, point.noise)
        self.plots.set_point(point, x_t)
        self.finding.set(shares_in_words(point), self._numbers(point, trained))
        self._show_note()

    def _numbers(self, point: ForwardPoint, trained: bool) -> str:
        if point.t == 0:
            return "At t 0 no noise has been added yet."
        words = f"At t {number(point.t)}: SNR {signed(point.snr_db, 1)} dB"
        if point.correlation is not None:
            words += f", correlation of xₜ with the image {signed(point.correlation, 2)}"
        return words + ("." if trained else f", {UNTRAINED}.")

    # ---- the model's rows ----

    def _want(self) -> None:
        self.jumps.want(self.images.key(), self._x0)

    def _show_jumps(self) -> None:
        answer = self.jumps.answer
        self._show_missing()
        if answer is None:
            for row in (ONE, MANY):
                self.film.set_row(row, [None] * len(self._levels))
        else:
            self.film.set_row(ONE, list(answer.one_jump))
            self.film.set_row(MANY, list(answer.many_steps))
        self._show_note()

    def _show_missing(self) -> None:
        session, failure = self.session, self.jumps.failure
        if session.run is None:
            self.film.set_missing("No model yet", "Train makes one; then its guesses from each level stand here.",
                                  [("Open the shipped run", session.open_bundled)]
                                  if paths.DEFAULT_BUNDLED_RUN.exists() else [])
        elif not session.snapshots:
            self.film.set_missing("No snapshot yet", "The first one comes moments after training starts.")
        elif self._x0 is not None and self._x0.shape != session.image_shape:
            _, height, width = session.image_shape
            self.film.set_missing("This model knows other pictures",
                                  f"It was trained on pictures of {width} × {height}.")
        elif failure is not None:
            self.film.set_missing("The model could not be asked", failure.headline,
                                  [("Try again", self.jumps.retry)])
        else:
            self.film.set_missing("")

    def _show_note(self) -> None:
        """How far the two rows are from the image in the lit column, measured."""
        answer, column = self.jumps.answer, self.film.nearest()
        words = WHAT_IT_SHOWS
        if answer is not None and answer.complete and self._x0 is not None and column >= 0 and self._levels[column]:
            one, many = (rms_difference(row[column], self._x0) for row in (answer.one_jump, answer.many_steps))
            words += f"; RMS error from t {number(self._levels[column])}: {one:.2f} and {many:.2f}"
        self.film.set_note(words)

    # ---- files ----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        path = _picture_of(event)
        if path is not None and not has_facts(path):
            event.acceptProposedAction()
        else:
            event.ignore()  # a folder is a run, and a saved picture a place: the window's business

    def dropEvent(self, event: QDropEvent) -> None:
        path = _picture_of(event)
        if path is None:
            event.ignore()
            return
        event.acceptProposedAction()
        # The drag source waits for this to return; a slow disk must not hold it.
        QTimer.singleShot(0, self, lambda: self.images.open_file(path))

    def _save(self) -> None:
        menu = QMenu(self)
        menu.addAction("Save the page's pictures…").triggered.connect(self.ask_where_to_save)
        add_export(menu, self.export_animation, self._x0 is not None)
        open_below(menu, self.save)

    @cached_property
    def exports(self) -> AnimationExport:
        """Writes the image on its way into noise as a picture that moves."""
        return AnimationExport(self.session, self)

    def export_animation(self) -> None:
        """Ask how the image that is shown is written as an animation, from the picture to noise."""
        from gui.pages.film_export import forward_takes

        if self._x0 is not None and self._eps is not None:
            choice = self.images.choice
            name = Path(choice.file).stem if choice.file else f"{choice.class_label}-{choice.number}"
            self.exports.open(forward_takes(self.session, self._x0, self._eps, self.play_levels(),
                                            self.images.words(), f"forward-{name}"))

    def ask_where_to_save(self) -> None:
        """Ask for a file and write the page's pictures."""
        label = Path(self.images.choice.file).stem if self.images.choice.file else \
            f"{self.images.choice.class_label}-{self.images.choice.number}"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the page's pictures",
                                                f"forward-{label}-t{self.session.t}.png", "PNG picture (*.png)")
        if chosen:
            self.save_pictures(chosen)

    def save_pictures(self, path: str | Path) -> bool:
        """Formula, film and plots as a PNG; whether it was written. A failure is told in a banner."""
        path = Path(path)
        path = path if path.suffix else path.with_suffix(".png")
        whole = self.area.verticalScrollBar().isVisible()
        choice = self.images.choice
        facts = facts_here(self.session, page="forward", view="page",
                           image=Path(choice.file).name if choice.file else (choice.class_label, choice.number))
        if write_picture(self.board.grab() if whole else self.grab(self.area.geometry()), path, facts):
            self.session.message_cleared.emit("save-picture")
            return True
        self.session.message.emit(Notice("save-picture", "error", f"{path.name} cannot be written.",
                                         "Choose a folder you may write to that has room."))
        return False


def _picture_of(event: QDropEvent) -> Path | None:
    """The first local file that is dragged; None where it is a folder or nothing local."""
    for url in event.mimeData().urls():
        if url.isLocalFile() and Path(url.toLocalFile()).is_file():
            return Path(url.toLocalFile())
    return None
