"""Nothing assumes grey pictures or ten digits: a coloured run of two classes is imported, trained, looked at on every
page, drawn from and exported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

import main as entry
from engine import jobs
from engine.compute import Compute
from engine.config import RunConfig
from engine.data.catalogue import forget_loaded, load_dataset
from engine.data.importing import Imported, ImportRequest, import_pictures
from engine.errors import DiffuscopeError
from engine.measure.judge_files import judge_for
from engine.runs import Run
from engine.training.trainer import Trainer
from engine.workspace import Workspace
from gui.main_window import MainWindow
from gui.page_list import page_classes
from gui.pages.forward import ForwardPage
from gui.session import Notice, Session

NAMES = ("apple", "pear")
COLOURS = {"apple": (220, 30, 30), "pear": (60, 200, 30)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with an imported coloured set and a tiny run of it, named `fruit-run`."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("rgb")
    patch.setenv("DIFFUSCOPE_HOME", str(folder / "home"))
    forget_loaded()
    rng = np.random.default_rng(0)
    for name in NAMES:
        (folder / "Fruit" / name).mkdir(parents=True)
        for i in range(40):
            pixels = np.clip(np.array(COLOURS[name]) + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "Fruit" / name / f"{i}.png")
    done = list(import_pictures(ImportRequest(folder / "Fruit", flips=True)))[-1]
    assert isinstance(done, Imported)
    config = RunConfig().changed(
        data={"dataset": "fruit", "mirror": True}, model={"widths": (8, 16), "embedding_width": 16},
        training={"num_steps": 30, "batch_size": 16, "snapshots": 3, "precision": "fp32",
                  "memory_layout": "contiguous", "learning_rate": 0.003},
        sampling={"num_steps": 4})
    workspace = Workspace("cpu", threads=1)
    for _ in Trainer(workspace, folder / "home" / "runs" / "fruit-run", config).run():
        pass
    workspace.close()
    yield folder / "home"
    patch.undo()
    forget_loaded()


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFFUSCOPE_HOME", str(home))
    forget_loaded()
    return home


@pytest.fixture
def session(qtbot: QtBot, at_home: Path) -> Iterator[Session]:
    made = Session(Compute(lambda: jobs.make_context("cpu")))
    yield made
    assert made.shutdown(timeout=10.0)
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def coloured(pixels: np.ndarray) -> bool:
    """Whether red, green and blue differ."""
    return bool((pixels.max(axis=-1).astype(int) - pixels.min(axis=-1) > 20).any())


def test_the_run_is_coloured_and_keeps_its_classes(home: Path) -> None:
    run = Run.open(home / "runs" / "fruit-run")
    assert run.info.image_shape == (3, 32, 32)
    assert run.info.class_names == NAMES
    assert 0.1 < run.info.sigma_data < 1
    assert load_dataset("fruit").flips == (True, True)


def test_every_page_shows_it(qtbot: QtBot, session: Session, home: Path) -> None:
    told: list[Notice] = []
    session.message.connect(told.append)
    window = MainWindow(session, page_classes(), keep_state=False)
    window.resize(1280, 720)
    window.show()
    assert session.open_run(home / "runs" / "fruit-run")
    window.start_compute()
    assert session.class_names == NAMES
    for page in window.pages:
        window.show_page(page.name)
        for label in range(2):
            session.set_class(label)
            qtbot.wait(60)
        session.set_noise_level(500)
        qtbot.waitUntil(lambda: not session.bridge.compute.busy(), timeout=30_000)
        assert not window.grab().isNull()
        assert window.page.name == page.name
    window.show_page("reverse")
    session.set_noise_level(0)
    qtbot.waitUntil(lambda: session.trajectory() is not None, timeout=30_000)
    assert session.trajectory().x0.shape[1:] == (3, 32, 32)
    errors = [notice for notice in told if notice.kind == "error"]
    assert not errors, errors
    window.close()
    window.deleteLater()


def run_command(*words: str) -> int:
    return entry.main(list(words))


def test_pictures_of_it_are_drawn_in_colour(at_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "samples.npz"
    assert run_command("sample", "--run", "fruit-run", "--count", "4", "--steps", "4", "--out", str(out),
                       "--device", "cpu") == 0
    images = np.load(out)["images"]
    assert images.shape == (4, 32, 32, 3)
    assert run_command("sample", "--run", "fruit-run", "--steps", "4", "--out", str(tmp_path / "grid.png"),
                       "--device", "cpu") == 0
    grid = np.asarray(Image.open(tmp_path / "grid.png").convert("RGB"))
    assert coloured(grid)


@pytest.mark.parametrize("what", ["reverse", "forward", "history"])
def test_animations_of_it_are_in_colour(at_home: Path, tmp_path: Path, what: str) -> None:
    out = tmp_path / f"{what}.gif"
    assert run_command("animate", "--run", "fruit-run", "--what", what, "--steps", "4", "--no-caption", "--out",
                       str(out), "--device", "cpu") == 0
    with Image.open(out) as picture:
        assert picture.n_frames > 1
        assert any(coloured(np.asarray(frame.convert("RGB"))) for frame in ImageSequence.Iterator(picture))


def test_removed_it_is_shown_no_longer(qtbot: QtBot, session: Session, home: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    window = MainWindow(session, page_classes(), keep_state=False)
    window.show()
    assert session.open_run(home / "runs" / "fruit-run")
    window.show_page("forward")
    page = window.page
    assert isinstance(page, ForwardPage)
    qtbot.waitUntil(lambda: page.images.pixels is not None)

    def gone(name: str) -> None:
        raise DiffuscopeError(f"There is no data set called {name}.")

    monkeypatch.setattr("gui.pages.forward_image.load_test_half", gone)
    told: list[str] = []
    session.message.connect(lambda notice: told.append(notice.headline))
    session.data_sets_changed.emit()
    qtbot.waitUntil(lambda: bool(told))
    assert told == ["There is no data set called fruit."]
    assert page.images.pixels is None
    assert page.finding.text().startswith("No image.")
    window.close()
    window.deleteLater()


def test_it_is_measured_once_it_has_judges(at_home: Path, capsys: pytest.CaptureFixture[str],
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.open(at_home / "runs" / "fruit-run")
    assert run_command("recognise", "--run", "fruit-run", "--seeds", "2", "--steps", "4", "--device", "cpu") == 2
    assert "There is no judge for fruit yet" in capsys.readouterr().err
    monkeypatch.setattr("engine.measure.judge_job.FEWEST_SEEN", 500)
    monkeypatch.setattr("engine.measure.judge_job.EPOCHS", 4)
    assert judge_for(run) is None
    assert run_command("data", "judge", "fruit", "--json", "--device", "cpu") == 0
    records = json.loads(capsys.readouterr().out)
    assert records["first"]["test_accuracy"] > 0.8
    assert records["first"]["channels"] == records["noise"]["channels"] == 3
    assert judge_for(run) is not None
    for words in (["measure", "--count", "100"], ["recognise", "--seeds", "2"], ["learning"]):
        more = ["--steps", "4"] if words[0] != "learning" else []
        assert run_command(*words[:1], "--run", "fruit-run", *words[1:], *more, "--device", "cpu", "--json") == 0
        assert json.loads(capsys.readouterr().out)["run"]


def test_it_is_not_trained_on_with_another_set_of_its_name(at_home: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    data = load_dataset("fruit")
    other = data.__class__(**{**{name: getattr(data, name) for name in (
        "name", "title", "channels", "size", "train_images", "train_labels", "test_images", "test_labels", "flips")},
        "class_names": ("plum", "pear")})
    monkeypatch.setattr("engine.workspace.load_dataset", lambda name: other)
    assert run_command("train", "--run", str(at_home / "runs" / "fruit-run"), "--resume", "--steps", "40",
                       "--device", "cpu") != 0
    assert "is another one now" in capsys.readouterr().err
