"""The scores as files: a table, all figures, or the page as it is shown."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtWidgets import QWidget

from engine.export.clip_table import clip_csv
from engine.measure.clip_summary import report
from gui.pages.clip_jobs import Known
from gui.save_picture import ask_and_write, write_whole
from gui.session import Session

KINDS = {"csv": "CSV table (*.csv)", "json": "JSON (*.json)", "png": "PNG picture (*.png)"}


def save_scores(page: QWidget, session: Session, known: Known | None, kind: str) -> None:
    """Ask where, and write it there as "csv", "json" or "png"; the page can be saved before anything was scored."""
    def write(path: Path) -> bool:
        if kind == "png":
            return page.grab().save(str(path), "PNG")
        assert known is not None
        text = clip_csv(known.scores) if kind == "csv" else \
            json.dumps(report(known.scores, known.summary), indent=2) + "\n"
        return write_whole(path, text.encode("utf-8"))

    if known is not None or kind == "png":
        ask_and_write(page, session, "Save CLIP scores", f"clip.{kind}", write, KINDS[kind], f".{kind}")
