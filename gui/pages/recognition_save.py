"""What the Recognition page shows, as files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from gui.pages.base import Page
from gui.session import Notice

KEY = "save-recognition"


def save_table(page: Page, text: str) -> None:
    """Ask for a file and write a table of CSV."""
    chosen, _ = QFileDialog.getSaveFileName(page, "Save table", "recognition.csv", "CSV table (*.csv)")
    if not chosen:
        return
    path = _ending(Path(chosen), ".csv")
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError:
        _not_written(page, path)
    else:
        page.session.message_cleared.emit(KEY)


def save_picture(page: Page) -> None:
    """Ask for a file and write the page as it is shown."""
    chosen, _ = QFileDialog.getSaveFileName(page, "Save picture", "recognition.png", "PNG picture (*.png)")
    if not chosen:
        return
    path = _ending(Path(chosen), ".png")
    if page.grab().save(str(path), "PNG"):
        page.session.message_cleared.emit(KEY)
    else:
        _not_written(page, path)


def _not_written(page: Page, path: Path) -> None:
    page.session.message.emit(Notice(KEY, "error", f"{path.name} could not be written.",
                                     "Choose a folder that can be written and has room."))


def _ending(path: Path, ending: str) -> Path:
    return path if path.suffix.lower() == ending else path.with_name(path.name + ending)
