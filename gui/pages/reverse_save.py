"""Pictures of the Reverse page as PNG files, with the settings that made them inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from engine.events import Trajectory
from engine.runs import stored_percent
from gui.session import Notice, Session
from gui.widgets.picture_values import enlarge, to_image, to_pixels

FACTOR = 8  # of single pictures
FILM_FACTOR, FILM_GAP = 2, 2


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


def write_picture(image: QImage, path: Path, facts: dict[str, object]) -> bool:
    """Write a PNG with the facts as JSON in its text block "diffuscope"; whether it worked."""
    image.setText("Software", "Diffuscope")
    image.setText("diffuscope", json.dumps(facts))
    return image.save(str(path), "PNG")


def facts_of(session: Session, trajectory: Trajectory, frame: int | None = None) -> dict[str, object]:
    """What made the picture, as `sample` writes it too."""
    run = session.run
    facts: dict[str, object] = {
        "run": run.name if run else "", "run_id": run.info.id if run else "",
        "snapshot": trajectory.snapshot, "classes": [trajectory.class_label], "seed": trajectory.seed,
        "average_percent": session.average() or (stored_percent(run) if run else None),
        "sampling": session.sampling.model_dump()}
    if frame is not None:
        facts["t"] = int(trajectory.t[frame])
    return facts


def save_menu(owner: QWidget, session: Session, trajectory: Trajectory, frame: int,
              columns: Sequence[int]) -> QMenu:
    """The menu of the Save link: what is looked at now, each as a PNG."""
    menu = QMenu(owner)
    stem = f"class-{trajectory.class_label}-seed-{trajectory.seed}"
    t = int(trajectory.t[frame])
    frames = [column for column in columns if column < trajectory.filled]

    def offer(words: str, name: str, make: Callable[[], QImage], at: int | None) -> None:
        def save() -> None:
            chosen, _ = QFileDialog.getSaveFileName(owner, words.removesuffix("…"), f"{stem}-{name}.png",
                                                    "PNG picture (*.png)")
            if not chosen:
                return
            path = Path(chosen)
            path = path if path.suffix.lower() == ".png" else path.with_name(path.name + ".png")
            if not write_picture(make(), path, facts_of(session, trajectory, at)):
                session.message.emit(Notice("save-picture", "error", f"{path.name} could not be written.",
                                            "Choose a folder that can be written and has room."))
            else:
                session.message_cleared.emit("save-picture")
        menu.addAction(words).triggered.connect(save)

    offer("Save predicted x₀…", f"x0-t{t}", lambda: single(trajectory.x0[frame]), frame)
    offer("Save xₜ…", f"xt-t{t}", lambda: single(trajectory.x[frame]), frame)
    offer("Save film…", "film", lambda: film(trajectory, frames), None)
    return menu


def open_below(menu: QMenu, owner: QWidget) -> None:
    """Open a menu below what opens it; it goes when it closes."""
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(owner.mapToGlobal(QPoint(0, owner.height() + 2)))
