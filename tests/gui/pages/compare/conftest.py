"""The Compare page on scripted races."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from races_scripted import Races, make_page, wait_over

from gui.pages.compare import ComparePage
from gui.session import Session


@pytest.fixture
def races(monkeypatch: pytest.MonkeyPatch) -> Generator[Races, None, None]:
    made = Races()
    monkeypatch.setattr("engine.jobs.race_job", made.race_job)
    monkeypatch.setattr("engine.jobs.race_quality_job", made.race_quality_job)
    monkeypatch.setattr("gui.pages.compare.judge_reads", lambda run: made.judged)
    yield made
    made.gate.set()
    made.measure_gate.set()


@pytest.fixture
def page(qtbot: QtBot, session: Session, races: Races, tmp_path: Path) -> ComparePage:
    """The page in front, with a run, its race over."""
    made = make_page(qtbot, session, tmp_path)
    wait_over(qtbot, made)
    return made
