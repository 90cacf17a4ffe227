"""Fixtures of the window's tests: a scripted compute thread, a session on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot
from scripted import Script, compute_for

from engine import paths
from gui.session import Session


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a data folder of its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(home))
    return home


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Script:
    """Replaces the engine's jobs; no run ships, unless a test makes one."""
    made = Script()
    monkeypatch.setattr("engine.jobs.train_job", made.train_job)
    monkeypatch.setattr("engine.jobs.trajectory_job", made.trajectory_job)
    monkeypatch.setattr("engine.jobs.learning_job", made.learning_job)
    monkeypatch.setattr("engine.jobs.make_context", made.make_context)
    monkeypatch.setattr(paths, "BUNDLED_RUNS", tmp_path / "bundled")
    monkeypatch.setattr(paths, "DEFAULT_BUNDLED_RUN", tmp_path / "bundled" / "mnist")
    return made


@pytest.fixture
def session(qtbot: QtBot, script: Script) -> Iterator[Session]:
    """A session whose compute thread runs."""
    compute = compute_for(script)
    made = Session(compute)
    compute.start()
    yield made
    if made.training:
        made.stop()
    assert made.shutdown(5.0), "the compute thread did not end"
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
