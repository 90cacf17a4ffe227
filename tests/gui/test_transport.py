"""The bar on top and the status bar, while training goes on and without."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from scripted import Script, config, no_more
from windows import Make

from engine.events import TrainingState


def test_the_transport_says_what_a_press_would_do(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    transport, session = window.transport, window.session
    session.set_draft(config())
    assert transport.train.text() == "Train"
    assert not transport.pause.isEnabled()
    assert "paused" in transport.pause.toolTip()
    script.step_seconds = 0.02
    transport.train.click()
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.TRAINING), timeout=5000)
    assert transport.train.text() == "Training"
    assert transport.pause.isEnabled()
    transport.pause.click()
    qtbot.waitUntil(no_more(lambda: session.training_state is TrainingState.PAUSED), timeout=5000)
    assert transport.train.text() == "Go on"
    assert "Paused" in window.status.text()
    transport.stop.click()
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=5000)
    assert transport.train.text() == "Train"
    assert transport.more.isVisible()
    assert "all saved" in window.status.text()


def test_the_status_bar_speaks_in_words_and_units(qtbot: QtBot, make: Make, script: Script) -> None:
    window = make()
    script.step_seconds = 0.02
    window.session.start_training(config(num_steps=400))
    qtbot.waitUntil(no_more(lambda: " left" in window.status.text()), timeout=5000)
    text = window.status.text()
    for words in ("Training", "step ", "of 400", "850 images/s", "left", "CPU, bf16, 2 threads", "400 MB"):
        assert words in text
