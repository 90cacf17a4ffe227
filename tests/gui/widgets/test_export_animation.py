"""The dialog that writes an animation: what it says, what it hands on, and how it tells the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from engine.export import animation as engine_animation
from engine.export.animation import Animation
from engine.export.animation_config import AnimationConfig
from gui.app import make_application
from gui.widgets.export_animation import AnimationDialog, Take


def take(label: str, count: int, value: int = 0) -> Take:
    return Take(label, label.lower(), lambda: ([np.full((10, 20), value + i, np.uint8) for i in range(count)],
                                               [f"t {i}" for i in range(count)]), {"diffuscope": label})


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[AnimationDialog]:
    make_application()
    made = AnimationDialog([take("Both", 6), take("One", 3, 100)], AnimationConfig())
    made.show()
    yield made
    if isValid(made):
        made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_it_says_how_large_and_how_long(dialog: AnimationDialog) -> None:
    assert "6 frames, 0.5 s, 80 × 62 pixels" in dialog.size_words.text()
    dialog.rows["captions"].editor.click()
    assert dialog.size_words.text() == "6 frames, 0.5 s, 80 × 40 pixels"
    dialog.rows["fps"].editor.setText("3")
    dialog.rows["fps"].editor.commit()
    dialog.rows["scale"].editor.setText("2")
    dialog.rows["scale"].editor.commit()
    assert dialog.size_words.text() == "6 frames, 2.0 s, 40 × 20 pixels"


def test_another_take_is_shown_and_handed_on(dialog: AnimationDialog, tmp_path: Path) -> None:
    asked: list[tuple[Animation, Path]] = []
    dialog.save_asked.connect(lambda animation, path: asked.append((animation, path)))
    dialog.takes.step_by_key(16777236)  # the right arrow
    dialog.save_to(tmp_path / "one.gif")
    (animation, path), = asked
    assert path == tmp_path / "one.gif"
    assert [int(frame[0, 0]) for frame in animation.frames] == [100, 101, 102]
    assert animation.captions == ["t 0", "t 1", "t 2"]
    assert animation.facts == {"diffuscope": "One"}
    assert not dialog.save.isEnabled(), "one at a time"
    dialog.progressed(2, 3)
    dialog.written("one.gif: 3 frames, 1 kB.")
    assert dialog.save.isEnabled()
    assert dialog.outcome.isVisible()
    assert dialog.folder.isVisible()


def test_what_is_set_is_told(dialog: AnimationDialog) -> None:
    told: list[AnimationConfig] = []
    dialog.config_changed.connect(told.append)
    dialog.rows["loop"].editor.click()
    dialog.rows["format"].editor.set_value("webp")
    dialog.rows["format"]._commit("webp")
    assert (told[-1].loop, told[-1].format) == (False, "webp")


def test_mp4_without_its_package_says_how_to_get_it(dialog: AnimationDialog,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_animation, "can_write_video", lambda: False)
    dialog.rows["format"]._commit("mp4")
    assert "pip install imageio-ffmpeg" in dialog.problem.text()
    assert dialog.problem.isVisible()
    assert not dialog.save.isEnabled()
    assert not dialog.rows["loop"].isEnabled()
    monkeypatch.setattr(engine_animation, "can_write_video", lambda: True)
    dialog.rows["format"]._commit("mp4")
    assert not dialog.problem.isVisible()
    assert dialog.save.isEnabled()


def test_a_size_that_is_too_large_is_refused(qtbot: QtBot) -> None:
    make_application()
    large = Take("Large", "large", lambda: ([np.zeros((900, 900), np.uint8)], ["t 0"]), {})
    made = AnimationDialog([large], AnimationConfig(scale=8))
    made.show()
    assert not made.takes.isVisible(), "nothing to choose"
    assert "largest size here is 4 times" in made.problem.text()
    assert not made.save.isEnabled()
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_closing_while_it_writes_cancels(dialog: AnimationDialog, tmp_path: Path) -> None:
    cancelled: list[bool] = []
    dialog.cancel_asked.connect(lambda: cancelled.append(True))
    dialog.save_to(tmp_path / "x.gif")
    dialog.close()
    assert cancelled == [True]


def test_the_preview_plays_and_rests_when_it_is_closed(qtbot: QtBot, dialog: AnimationDialog) -> None:
    preview = dialog.preview
    qtbot.waitUntil(lambda: preview._at > 0, timeout=3000)
    assert preview.grab().toImage().width() > 0
    dialog.hide()
    assert not preview._timer.isActive()
