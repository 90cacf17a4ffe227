"""The Forward page on scripted jumps."""

from __future__ import annotations

from pathlib import Path

import pytest
from jumps_scripted import Jumpers, make_page, wait_ready
from pytestqt.qtbot import QtBot
from scripted import make_run

from gui.pages.forward import ForwardPage
from gui.session import Session


@pytest.fixture
def jumpers(monkeypatch: pytest.MonkeyPatch) -> Jumpers:
    made = Jumpers()
    monkeypatch.setattr("engine.jobs.jump_job", made.job)
    monkeypatch.setattr("scripted.SIDE", 28)
    return made


@pytest.fixture
def page(qtbot: QtBot, session: Session, jumpers: Jumpers, tmp_path: Path) -> ForwardPage:
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    session.set_class(8)
    session.set_noise_level(300)
    made = make_page(qtbot, session)
    wait_ready(qtbot, made)
    return made
