"""Weights of the open run into a folder, for use without this program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from engine.errors import DiffuscopeError
from engine.export.weights import export_weights
from gui.save_picture import KEY
from gui.session import Notice

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from gui.session import Session


def ask_and_export(window: MainWindow) -> None:
    """Ask for a new folder's name and write the weights that are looked at into it."""
    session = window.session
    if session.run is None or not session.snapshots:
        return
    name = f"{session.run.name}-step-{session.step}"
    chosen, _ = QFileDialog.getSaveFileName(window, "Export weights into a new folder", name, "Folder (*)")
    if chosen:
        export_to(session, Path(chosen), window.status.say)


def export_to(session: Session, out: Path, say: Callable[[str], object]) -> bool:
    """Write the weights that are looked at; whether that worked. Failures and what is left out are told."""
    run = session.run
    if run is None:
        return False
    try:
        written = export_weights(run, out, session.sampling, session.step, session.average())
    except DiffuscopeError as error:
        session.message.emit(Notice(KEY, "error", error.headline, error.advice))
        return False
    session.message_cleared.emit(KEY)
    if written.notes:
        session.message.emit(Notice(KEY, "warning", f"The script in {out.name} draws a little differently.",
                                    " ".join(written.notes)))
    say(f"Weights, model card and script are in {out}")
    return True
