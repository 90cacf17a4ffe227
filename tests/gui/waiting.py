"""Waiting for what a session's training does."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from scripted import no_more

from engine.events import (
    TrainingState,
)
from gui.session import Session


def wait_for(qtbot: QtBot, session: Session, state: TrainingState) -> None:
    qtbot.waitUntil(no_more(lambda: session.training_state is state), timeout=8000)


def wait_over(qtbot: QtBot, session: Session) -> None:
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=8000)
