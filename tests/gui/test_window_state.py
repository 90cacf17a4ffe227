"""What the next window finds again: the image of Forward, the schedule on display, the smoothing of the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot
from scripted import Script, compute_for, make_run

from engine.page_config import RecognitionConfig
from gui import window_state
from gui.coordinates import ImageChoice
from gui.main_window import MainWindow
from gui.pages.base import Page
from gui.pages.forward_image import ImageChooser
from gui.pages.forward_schedule import ScheduleChooser
from gui.pages.train import TrainPage
from gui.session import Session
from gui.window_state import WindowState, load_state, save_state

Make = Callable[[], MainWindow]
Chooser = TypeVar("Chooser", ImageChooser, ScheduleChooser)


class Plain(Page):
    """Nothing but a page."""

    name, title, explain = "plain", "Plain", "transport"


@pytest.fixture
def make(qtbot: QtBot, script: Script) -> Iterator[Make]:
    """Makes a window and leaves the one before."""
    made: list[MainWindow] = []

    def leave() -> None:
        for window in made:
            window.close()
            window.session.shutdown(3.0)
            window.session.deleteLater()
            window.deleteLater()
        made.clear()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def build() -> MainWindow:
        leave()
        made.append(MainWindow(Session(compute_for(script)), [Plain, TrainPage]))
        made[0].restore()
        return made[0]

    yield build
    leave()


def test_image_schedule_and_smoothing_are_there_again(qtbot: QtBot, make: Make, tmp_path: Path) -> None:
    def owned(made: Chooser) -> Chooser:
        qtbot.addWidget(made.section)
        return made

    make_run(tmp_path / "a")
    window = make()
    assert window.session.open_run(tmp_path / "a")
    window.session.set_class(5)
    window.session.set_schedule("cosine", 500)
    window.session.set_noise_level(123)
    owned(ImageChooser(window.session, window)).choose(ImageChoice(5, 7))
    train = window.build_pages()[1]
    assert isinstance(train, TrainPage)
    train.plot.smoothing_changed.emit(0.5)
    window.keep()
    again = make()
    session = again.session
    assert (session.schedule.name, session.schedule.num_timesteps, session.t) == ("cosine", 500, 123)
    assert owned(ImageChooser(session, again)).choice == ImageChoice(5, 7)
    shown = owned(ScheduleChooser(session, again))
    assert (shown.name.value(), shown.steps.value()) == ("cosine", 500)
    train = again.build_pages()[1]
    assert isinstance(train, TrainPage)
    assert train.curve.smoothing == 0.5
    assert train.plot.smoothing_words.text() == "0.50"
    assert again.history.stack.count() == 0


def test_the_runs_own_schedule_is_not_kept(make: Make, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    window = make()
    window.session.open_run(tmp_path / "a")
    window.keep()
    assert load_state().place.schedule is None
    window.session.set_schedule("cosine", 500)
    window.session.reset_schedule()
    window.keep()
    assert load_state().place.schedule is None


def test_a_picture_of_the_users_own_leaves_the_test_image_before_it(make: Make) -> None:
    state = WindowState()
    state.place.image = ImageChoice(3, 4, "pictures/cat.png")
    save_state(state)
    assert load_state().place.image == ImageChoice(3, 4)


def test_the_settings_of_recognition_are_kept(make: Make) -> None:
    wanted = RecognitionConfig(direction="u-turn", reading="person", seeds=30, turned=20, towards=True)
    window = make()
    window.session.set_recognition(wanted)
    window.keep()
    again = make()
    assert again.session.recognition == wanted
    assert again.history.stack.count() == 0
    store = window_state._settings()
    store.setValue("place/recognition", "{\"seeds\": -3}")
    store.sync()
    assert load_state().place.recognition is None


@pytest.mark.parametrize(("name", "value"), [
    ("schedule", "cosine"), ("schedule", "cosine many"), ("schedule", "cosine 0"), ("schedule", "spiral 100"),
    ("image", "3"), ("image", "3 0"), ("image", "-1 2"), ("image", "a b"), ("image", "1 2 3"),
    ("smoothing", "1"), ("smoothing", "-0.1"), ("smoothing", "nan"), ("smoothing", "much")])
def test_what_makes_no_sense_is_left_out_and_the_rest_counts(make: Make, name: str, value: str) -> None:
    state = WindowState()
    state.place.seed = 7
    save_state(state)
    store = window_state._settings()
    store.setValue(f"place/{name}", value)
    store.sync()
    place = load_state().place
    assert (place.schedule, place.image, place.smoothing, place.seed) == (None, None, None, 7)
