"""Fixtures of the window's tests: a scripted compute thread, a session on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from scripted import Script, compute_for, no_more
from windows import ForwardPage, Make, ReversePage, TrainPage

from engine import paths
from gui.app import make_application
from gui.main_window import MainWindow
from gui.session import Session
from gui.shortcuts import KeyGuard
from gui.theme import theme


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


@pytest.fixture
def make(qtbot: QtBot, script: Script) -> Iterator[Make]:
    """Makes windows, and closes them before the test is over."""
    application = make_application()
    guard = KeyGuard(application)
    made: list[MainWindow] = []

    def build(*, width: int = 1440, height: int = 900, show: bool = True, **options: object) -> MainWindow:
        session = Session(compute_for(script))
        window = MainWindow(session, [TrainPage, ForwardPage, ReversePage], **options)  # type: ignore[arg-type]
        window.resize(width, height)
        window.restore()
        if show:
            window.show()
            window.activateWindow()
            assert QTest.qWaitForWindowActive(window, 3000)
        made.append(window)
        return window

    yield build
    application.removeEventFilter(guard)
    for window in made:
        if window.session.training:
            window.session.stop()
            qtbot.waitUntil(no_more(lambda w=window: not w.session.training), timeout=8000)
        window.close()
        window.session.shutdown(3.0)
        window.session.deleteLater()
        window.deleteLater()
    theme().set_mode("system")
    theme().set_scale(1.0)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
