"""Pictures of the window as PNG files, with what made them inside; whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.export.picture_facts import BLOCK, SOFTWARE, PictureFacts, of_run
from engine.runs import SaveFailed
from engine.runs.atomic import write_file
from gui.session import Notice, Session

KEY = "save-picture"


def write_picture(image: QImage | QPixmap, path: Path, facts: PictureFacts) -> bool:
    """Write a PNG with the facts as JSON in its text block; whether it worked."""
    image = image.toImage() if isinstance(image, QPixmap) else image
    image.setText("Software", SOFTWARE)
    image.setText(BLOCK, json.dumps(facts.values()))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # PySide6 takes no bytes here, whatever its stub says.
    if image.isNull() or not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        return False
    return write_whole(path, bytes(buffer.data().data()))


def write_whole(path: Path, data: bytes) -> bool:
    """Write a file whole or not at all; whether it worked."""
    try:
        write_file(path, [data])
    except SaveFailed:
        return False
    return True


def ending(path: Path, suffix: str) -> Path:
    """The path with that ending, added where it has another."""
    return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)


def ask_and_write(owner: QWidget, session: Session, title: str, name: str, write: Callable[[Path], bool],
                  kinds: str = "PNG picture (*.png)", suffix: str = ".png") -> Path | None:
    """Ask for a file and write it; where it is. A failure is told in a banner."""
    chosen, _ = QFileDialog.getSaveFileName(owner, title, name, kinds)
    if not chosen:
        return None
    path = ending(Path(chosen), suffix) if suffix else Path(chosen)
    if write(path):
        session.message_cleared.emit(KEY)
        return path
    session.message.emit(Notice(KEY, "error", f"{path.name} could not be written.",
                                "Choose a folder that can be written and has room."))
    return None


def facts_here(session: Session, step: int | None = None, **more: object) -> PictureFacts:
    """Run, weights, sampling, noise level, class and seed that are looked at, changed by `more`."""
    run, shown = session.run, session.schedule
    at = session.step if step is None else step
    values: dict[str, object] = {
        **(of_run(run, at, session.average()) if run is not None and session.snapshots else {}),
        "classes": (session.class_label,), "seed": session.seed, "t": session.t,
        "schedule": (shown.name, shown.num_timesteps), "sampling": session.sampling}
    return PictureFacts(**{**values, **more})  # type: ignore[arg-type]
