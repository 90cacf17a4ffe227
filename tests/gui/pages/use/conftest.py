"""The Use page on scripted jobs."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from scripted import make_run
from use_scripted import Jobs, make_page

from gui.pages.use import UsePage
from gui.session import Session
from gui.theme import apply_theme


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[Jobs, None, None]:
    made = Jobs()
    for name in ("hand_job", "synthetic_job", "augmentation_job", "score_job", "nearest_job"):
        monkeypatch.setattr(f"engine.use_jobs.{name}", getattr(made, name))
    monkeypatch.setattr("engine.jobs.jump_job", made.jump_job)
    yield made
    made.gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, jobs: Jobs, tmp_path: Path) -> UsePage:
    """The page in front, on a run."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    return make_page(qtbot, session)
