"""Weights of the open run into a folder: written, told, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from engine.export.weights import Written
from gui import weights_export
from gui.session import Notice, Session
from gui.weights_export import ask_and_export, export_to


class Window:
    """As much of a window as is asked for."""

    def __init__(self, session: Session) -> None:
        self.session, self.status = session, self
        self.told: list[str] = []

    def say(self, words: str) -> None:
        self.told.append(words)


@pytest.fixture
def open_run(session: Session, tmp_path: Path) -> Session:
    from scripted import make_run

    make_run(tmp_path / "a")
    session.open_run(tmp_path / "a")
    return session


def test_the_weights_that_are_looked_at_are_written(open_run: Session, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    open_run.set_step(20)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / a[2]), ""))
    window = Window(open_run)
    ask_and_export(window)  # type: ignore[arg-type]
    out = tmp_path / "a-step-20"
    assert sorted(p.name for p in out.iterdir()) == ["README.md", "config.json", "model.safetensors", "sample.py"]
    assert str(out) in window.told[-1]


def test_what_stands_in_the_way_and_what_is_left_out_is_told(open_run: Session, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Notice] = []
    open_run.message.connect(told.append)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert not export_to(open_run, tmp_path / "full", lambda words: None)
    assert "there already" in told[-1].headline
    monkeypatch.setattr(weights_export, "export_weights", lambda *a: Written((), ("It does not rescale.",)))
    assert export_to(open_run, tmp_path / "b", lambda words: None)
    assert told[-1].kind == "warning"
    assert "It does not rescale." in told[-1].advice


def test_without_a_run_nothing_is_asked(session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: pytest.fail("asked"))
    ask_and_export(Window(session))  # type: ignore[arg-type]
    assert not export_to(session, tmp_path / "x", lambda words: None)
