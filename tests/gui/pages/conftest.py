"""Pages whose tests are in several files, with scripted jobs."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import clip_scripted
import pytest
import time_machine_scripted
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import make_run
from shown import show_beside_sections

from engine.clip import jobs
from gui.pages.clip import ClipPage
from gui.pages.time_machine import TimeMachinePage
from gui.session import Session
from gui.theme import apply_theme


@pytest.fixture
def map_jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[time_machine_scripted.Jobs, None, None]:
    made = time_machine_scripted.Jobs()
    monkeypatch.setattr("engine.jobs.time_machine_job", made.time_machine_job)
    yield made
    made.gate.set()
    made.more.set()


@pytest.fixture
def map_page(qtbot: QtBot, session: Session, map_jobs: time_machine_scripted.Jobs, tmp_path: Path) -> TimeMachinePage:
    """The Time machine page, not yet in front."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    made = TimeMachinePage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    return made


@pytest.fixture
def filled(qtbot: QtBot, map_page: TimeMachinePage) -> TimeMachinePage:
    """In front, and everything there."""
    map_page.activate()
    time_machine_scripted.settle(qtbot, map_page)
    return map_page


@pytest.fixture
def clip_jobs(monkeypatch: pytest.MonkeyPatch) -> Generator[clip_scripted.Jobs, None, None]:
    made = clip_scripted.Jobs()
    for name in ("clip_scores_job", "score_course_job", "clip_load_job", "clip_sources_job", "clip_offer_job",
                 "clip_download_job"):
        monkeypatch.setattr(jobs, name, getattr(made, name))
    yield made
    made.gate.set()


@pytest.fixture
def clip_page(qtbot: QtBot, session: Session, clip_jobs: clip_scripted.Jobs, tmp_path: Path) -> ClipPage:
    """The CLIP page in front, with a run that was not scored."""
    apply_theme(QGuiApplication.instance())
    make_run(tmp_path / "a", recorded=11)
    session.open_run(tmp_path / "a")
    made = ClipPage(session)
    show_beside_sections(qtbot, made, made.setup_sections())
    made.activate()
    qtbot.waitUntil(lambda: made.jobs.sources is not None, timeout=8000)
    return made


@pytest.fixture
def scored(qtbot: QtBot, clip_page: ClipPage) -> ClipPage:
    """The same, scored."""
    QTest.mouseClick(clip_page.empty.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: clip_page.jobs.known is not None and not clip_page.jobs.scoring.busy, timeout=8000)
    return clip_page
