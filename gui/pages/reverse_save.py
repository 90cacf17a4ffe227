"""Pictures of the Reverse page as PNG files, with the settings that made them inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMenu, QWidget

from engine.events import Trajectory
from engine.export.picture_facts import PictureFacts
from gui.save_picture import ask_and_write, facts_here, write_picture
from gui.session import Session
from gui.widgets.picture_values import enlarge, to_image, to_pixels

FACTOR = 8  # of single pictures
FILM_FACTOR, FILM_GAP = 2, 2
GRID_FACTOR = 4


def single(values: np.ndarray) -> QImage:
    """A picture -1..1 (C, H, W) at 8x."""
    return to_image(enlarge(to_pixels(values), FACTOR))


def film(trajectory: Trajectory, frames: Sequence[int]) -> QImage:
    """x_t above predicted x0 for each of the frames, at 2x on black, noise first."""
    rows = []
    for part in (trajectory.x, trajectory.x0):
        cells = [enlarge(to_pixels(part[frame]), FILM_FACTOR) for frame in frames]
        rows.append(_joined(cells, 1))
    return to_image(_joined(rows, 0))


def _joined(parts: Sequence[np.ndarray], axis: int) -> np.ndarray:
    gap = np.zeros_like(parts[0].take(range(FILM_GAP), axis=axis))
    spaced = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(spaced, axis=axis)


def grid(pictures: Sequence[np.ndarray]) -> QImage:
    """Pictures -1..1 (C, H, W) beside each other, at 4x on black."""
    return to_image(_joined([enlarge(to_pixels(values), GRID_FACTOR) for values in pictures], 1))


def facts_of(session: Session, trajectory: Trajectory, view: str = "", **more: object) -> PictureFacts:
    """What made the picture, as `sample` writes it too, and the noise level it was saved at."""
    values = {"classes": (trajectory.class_label,), "seed": trajectory.seed, "page": "reverse", "view": view, **more}
    return facts_here(session, trajectory.snapshot, **values)


def save_menu(owner: QWidget, session: Session, trajectory: Trajectory, frame: int,
              columns: Sequence[int]) -> QMenu:
    """The menu of the Save link: what is looked at now, each as a PNG."""
    menu = QMenu(owner)
    stem = f"class-{trajectory.class_label}-seed-{trajectory.seed}"
    t = int(trajectory.t[frame])
    frames = [column for column in columns if column < trajectory.filled]

    def offer(words: str, name: str, view: str, make: Callable[[], QImage], **more: object) -> None:
        def save() -> None:
            ask_and_write(owner, session, words.removesuffix("…"), f"{name}.png",
                          lambda path: write_picture(make(), path, facts_of(session, trajectory, view, **more)))
        menu.addAction(words).triggered.connect(save)

    offer("Save predicted x₀…", f"{stem}-x0-t{t}", "x0", lambda: single(trajectory.x0[frame]))
    offer("Save xₜ…", f"{stem}-xt-t{t}", "xt", lambda: single(trajectory.x[frame]))
    offer("Save film…", f"{stem}-film", "film", lambda: film(trajectory, frames))
    others = {label: found.x0[at] for label in range(len(session.class_names))
              if (found := session.trajectory(label)) is not None and (at := session.frame(found)) >= 0}
    if len(others) > 1:
        offer("Save all classes…", f"seed-{trajectory.seed}-classes-t{t}", "classes",
              lambda: grid(list(others.values())), classes=tuple(others))
    return menu


def open_below(menu: QMenu, owner: QWidget) -> None:
    """Open a menu below what opens it; it goes when it closes."""
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(owner.mapToGlobal(QPoint(0, owner.height() + 2)))
