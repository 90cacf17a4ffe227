"""A saved picture, dropped on the window, brings everything back, or says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from pytestqt.qtbot import QtBot
from scripted import make_run, sampling

from engine import paths
from engine.export.picture_facts import PictureFacts, has_facts, read_facts
from engine.runs import Run, trash_run
from gui.coordinates import ImageChoice
from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.restore_picture import find_run
from gui.save_picture import facts_here, write_picture
from gui.session import Notice, Session


@pytest.fixture
def window(qtbot: QtBot, session: Session) -> MainWindow:
    """A window on the run `a`, which lies in the folder of runs."""
    make_run(paths.runs_dir() / "a", recorded=11)
    session.open_run(paths.runs_dir() / "a")
    made = MainWindow(session, page_classes(), keep_state=False)
    qtbot.addWidget(made, before_close_func=lambda w: setattr(w, "_closed", True))
    made.resize(1440, 900)
    made.show_page("reverse")
    return made


def saved(session: Session, path: Path, **changes: object) -> Path:
    """What is looked at, as a picture."""
    image = QImage(8, 8, QImage.Format.Format_Grayscale8)
    image.fill(0)
    assert write_picture(image, path, facts_here(session, **{"page": "reverse", **changes}))
    return path


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                                Qt.KeyboardModifier.NoModifier))


def place(session: Session) -> tuple[object, ...]:
    run = session.run
    return (run.info.id if run else None, session.step, session.t, session.class_label, session.seed,
            session.sampling, session.average_percent, session.schedule.name, session.schedule.num_timesteps)


def test_dropped_on_the_window_it_restores_everything(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    session = window.session
    session.set_step(20)
    session.set_noise_level(412)
    session.set_class(7)
    session.set_seed(2**40 + 5)
    session.replace_sampling(sampling(sampler="heun", guidance_scale=1.35, num_steps=9, guidance_sigma_high=7.5))
    was = place(session)
    path = saved(session, tmp_path / "x.png")
    make_run(tmp_path / "b")
    session.open_run(tmp_path / "b")
    session.set_noise_level(3)
    session.set_class(1)
    session.set_seed(0)
    session.set_schedule("cosine", 500)
    window.show_page("train")
    assert place(session) != was
    drop(window, path)
    qtbot.waitUntil(lambda: place(session) == was)
    assert session.following is False
    assert window.page.name == "reverse"


def test_a_folder_is_still_a_run(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    make_run(tmp_path / "b")
    drop(window, tmp_path / "b")
    qtbot.waitUntil(lambda: window.session.run is not None and window.session.run.name == "b")


def test_forward_brings_its_image_and_schedule_back(window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    session.set_schedule("cosine", 500)
    session.set_noise_level(77)
    session.set_class(4)
    path = saved(session, tmp_path / "f.png", page="forward", image=(4, 17))
    session.set_class(3)
    session.reset_schedule()
    session.set_noise_level(900)
    window.commands.open_picture(str(path))
    assert (session.schedule.name, session.schedule.num_timesteps, session.t) == ("cosine", 500, 77)
    assert session.image == ImageChoice(4, 17)
    assert window.page.name == "forward"


@pytest.mark.parametrize(("what", "words"), [
    ("run", "the run a"), ("snapshot", "the snapshot at step 15; the nearest is at 10"),
    ("weights", "the weights of step 20, which are others now"), ("class", "class 12"),
    ("guide", "the snapshot at step 33 that was guided against"), ("file", "the picture cat.png"),
    ("average", "the average over the last 25"), ("steps", "900 steps")])
def test_what_is_missing_is_named_and_the_rest_restored(window: MainWindow, tmp_path: Path, what: str,
                                                        words: str) -> None:
    session, told = window.session, []
    session.message.connect(told.append)
    session.set_step(20)
    session.set_seed(9)
    changes: dict[str, object] = {
        "run": {}, "snapshot": {"snapshot": 15, "weights": ""}, "weights": {"weights": "0" * 64},
        "class": {"classes": (12,)}, "guide": {"sampling": sampling(autoguide_step=33)},
        "file": {"image": "cat.png", "page": "forward"}, "average": {"average_percent": 25.0},
        "steps": {"sampling": sampling(sampler="ddim", num_steps=900)}}[what]
    path = saved(session, tmp_path / "x.png", **changes)
    if what == "run":
        make_run(tmp_path / "b")
        session.open_run(tmp_path / "b")
        trash_run(paths.runs_dir() / "a")
    if what == "steps":
        session.run.info = session.run.info.changed(  # type: ignore[union-attr]
            config=session.run.info.config.changed(diffusion={"num_timesteps": 100}))  # type: ignore[union-attr]
    session.set_seed(1)
    window.commands.open_picture(str(path))
    notice = told[-1]
    assert isinstance(notice, Notice)
    assert words in notice.advice
    assert session.seed == 9


def test_of_several_classes_the_one_looked_at_stays(window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    session.set_class(5)
    path = saved(session, tmp_path / "x.png", classes=tuple(range(10)))
    session.set_class(6)
    window.commands.open_picture(str(path))
    assert session.class_label == 6
    saved(session, path, classes=(1, 2))
    window.commands.open_picture(str(path))
    assert session.class_label == 1


def test_a_picture_that_says_nothing_is_told_in_a_banner(window: MainWindow, tmp_path: Path) -> None:
    told: list[Notice] = []
    window.session.message.connect(told.append)
    was = place(window.session)
    image = QImage(8, 8, QImage.Format.Format_Grayscale8)
    image.fill(0)
    image.save(str(tmp_path / "plain.png"))
    window.commands.open_picture(str(tmp_path / "plain.png"))
    assert "says nothing of where it comes from" in told[-1].headline
    assert place(window.session) == was


def test_runs_are_found_by_their_id(window: MainWindow, tmp_path: Path) -> None:
    make_run(tmp_path / "far")
    run = Run.open(tmp_path / "far")
    assert find_run(run.info.id) is None
    assert find_run(run.info.id, [str(tmp_path / "gone"), str(tmp_path / "far")]) == tmp_path / "far"
    assert window.session.run is not None
    assert find_run(window.session.run.info.id) == paths.runs_dir() / "a"


def test_facts_say_where_the_window_is(window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    session.set_noise_level(321)
    path = saved(session, tmp_path / "x.png")
    facts = read_facts(path)
    assert has_facts(path)
    assert session.run is not None
    assert (facts.t, facts.run_id, facts.snapshot) == (321, session.run.info.id, 40)
    assert facts.weights == session.run.weights_hash(40)
    session.close_run()
    assert facts_here(session) == PictureFacts(
        classes=(session.class_label,), seed=session.seed, t=session.t,
        schedule=(session.schedule.name, session.schedule.num_timesteps), sampling=session.sampling)
