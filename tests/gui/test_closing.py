"""Closing the window, and starting where it ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import (
    QApplication,
    QMessageBox,
)
from pytestqt.qtbot import QtBot
from scripted import Script, config, make_run, no_more
from windows import Make

from engine import paths
from engine.events import TrainingState
from gui.main_window import MainWindow
from gui.theme import theme

# ---- closing ----

def answer(window: MainWindow, words: str) -> None:
    box = window.closing.question
    assert isinstance(box, QMessageBox)
    next(b for b in box.buttons() if b.text() == words).click()
    QApplication.processEvents()


@pytest.mark.parametrize(("words", "kept"), [("Save and quit", True), ("Discard and quit", False)])
def test_closing_while_training_waits_for_the_end(qtbot: QtBot, make: Make, script: Script, words: str,
                                                  kept: bool) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config())
    qtbot.waitUntil(no_more(lambda: window.session.training_state is TrainingState.TRAINING), timeout=5000)
    window.close()
    assert window.isVisible()
    answer(window, words)
    qtbot.waitUntil(no_more(lambda: not window.isVisible()), timeout=8000)
    assert not window.session.training
    assert (paths.runs_dir() / "mnist-quick-01").exists() == kept
    assert not window.session.bridge.compute.alive


def test_going_on_closes_nothing(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config())
    qtbot.waitUntil(no_more(lambda: window.session.training_state is TrainingState.TRAINING), timeout=5000)
    window.close()
    answer(window, "Go on training")
    qtbot.wait(50)
    assert window.isVisible()
    assert window.session.training


def test_closing_without_training_asks_nothing(make: Make) -> None:
    window = make()
    window.close()
    assert not window.isVisible()
    assert window.closing.question is None


# ---- restart ----

def test_the_next_start_is_where_this_one_ended(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a", recorded=11)
    first = make()
    first.session.open_run(tmp_path / "a")
    first.show_page("forward")
    first.session.set_step(10)
    first.session.set_noise_level(123)
    first.session.set_class(8)
    first.session.set_seed(2**40)
    first.close()
    second = make()
    session = second.session
    assert session.run is not None
    assert session.run.path == tmp_path / "a"
    assert (session.step, session.t, session.class_label, session.seed) == (10, 123, 8, 2**40)
    assert not session.following
    assert second.page.name == "forward"
    assert second.state.recent == [str(tmp_path / "a")]


@pytest.mark.parametrize("damage", [
    "[place]\nseed=-5\nt=lots\nclass_label=99\nstep=\nrun=/no/such/run\npage=kitchen\n"
    "[window]\ngeometry=@Invalid()\nspeed=1e9\nsetup_open=perhaps\nrecent=7\n",
    "\x00\x01 not an ini file at all", "[place\nseed==="])
def test_a_damaged_state_file_is_no_obstacle(make: Make, own_home: Path, damage: str) -> None:
    own_home.mkdir(parents=True, exist_ok=True)
    (own_home / "window.ini").write_text(damage)
    (own_home / "preferences.json").write_text('{"theme": 5, "text_scale": 1e9, "device": "toaster"}')
    window = make()
    assert window.isVisible()
    assert window.session.class_label == 3
    assert window.preferences.theme == "system"


def test_theme_and_device_are_kept(make: Make) -> None:
    window = make()
    window.commands.change_preferences(theme="dark", device="cpu")
    assert theme().name == "dark"
    window.close()
    again = make()
    assert (again.preferences.theme, again.preferences.device) == ("dark", "cpu")
