"""Undo: which moves make one step."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import make_run

import gui.undo
from gui.session import Session
from gui.undo import History


@pytest.fixture
def history(session: Session) -> History:
    return History(session, session)


def test_a_drag_is_one_step_however_slow(session: Session, history: History,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gui.undo, "GESTURE_S", 0.0)
    history.begin_drag()
    for t in (400, 300, 200):
        session.set_noise_level(t)
    history.end_drag()
    history.begin_drag()
    session.set_noise_level(100)
    history.end_drag()
    assert history.stack.count() == 2
    history.stack.undo()
    assert session.t == 200
    history.stack.undo()
    assert session.t == 420


def test_moves_of_different_things_are_different_steps(session: Session, history: History) -> None:
    session.set_noise_level(100)
    session.set_class(1)
    session.set_noise_level(50)
    assert history.stack.count() == 3
    for _ in range(3):
        history.stack.undo()
    assert (session.t, session.class_label) == (420, 3)
    for _ in range(3):
        history.stack.redo()
    assert (session.t, session.class_label) == (50, 1)


def test_slow_moves_are_steps_of_their_own(session: Session, history: History,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gui.undo, "GESTURE_S", -1.0)
    session.set_noise_level(100)
    session.set_noise_level(50)
    assert history.stack.count() == 2


def test_there_and_back_is_no_step(session: Session, history: History) -> None:
    history.begin_drag()
    session.set_noise_level(100)
    session.set_noise_level(420)
    history.end_drag()
    assert history.stack.count() == 0


def test_sampling_and_draft_come_back(session: Session, history: History) -> None:
    before = session.sampling
    session.set_sampling(guidance_scale=4.0)
    draft = session.draft
    session.edit_draft(draft.changed(training={"seed": 9}))
    history.stack.undo()
    assert session.draft == draft
    history.stack.undo()
    assert session.sampling == before


def test_another_run_begins_anew(session: Session, history: History, tmp_path: Path) -> None:
    session.set_class(1)
    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    assert history.stack.count() == 0
