"""Two processes on one run: this window looks at what another one, a real one, writes; and takes over when it dies."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from scripted import config, make_run, no_more

from engine import paths
from engine.events import TrainingState
from engine.runs import Run
from gui.notices import Notices
from gui.run_manager import RunManager
from gui.session import Session
from gui.status_bar import StatusBar
from gui.transport import Transport
from gui.widgets.banner import BannerArea

ROOT = Path(__file__).resolve().parents[2]
TRAIN = """
import sys
import numpy as np
from engine.runs import RunWriter
writer = RunWriter.reopen(sys.argv[1])
writer.update(state="training")
print("training", flush=True)
for line in sys.stdin:
    step = int(line)
    if not step:
        break
    writer.save_snapshot(step, {"weight": np.full((2, 3), step, dtype=np.float32)})
    writer.append_losses([step], [1 / step], [step / 10], 1e-3)
    writer.save_state(step, {"weight": np.zeros(1, dtype=np.float32)}, {})
    writer.update(step=step)
    print(step, flush=True)
writer.update(state="finished")
writer.close()
print("closed", flush=True)
sys.stdin.readline()
"""


class Other:
    """The other process; it obeys one line at a time."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", TRAIN, str(path)], cwd=ROOT, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.words = f"process {self.process.pid} on {socket.gethostname()}"
        self.hear("training")

    def hear(self, expected: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{expected}\n"

    def go_to(self, step: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        self.hear(str(step) if step else "closed")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def path() -> Path:
    where = paths.runs_dir() / "digits"
    make_run(where, steps=(0, 10), config=config(num_steps=100), state="paused")
    return where


@pytest.fixture
def other(path: Path) -> Iterator[Other]:
    made = Other(path)
    yield made
    made.kill()
    for pipe in (made.process.stdin, made.process.stdout):
        assert pipe is not None
        pipe.close()


@pytest.fixture
def banners(qtbot: QtBot, session: Session) -> BannerArea:
    area = BannerArea()
    qtbot.addWidget(area)
    Notices(area, session)
    return area


def said(banners: BannerArea, key: str) -> str:
    banner = banners.banner(key)
    return f"{banner.headline.text()} {banner.advice.text()}" if banner else ""


def test_what_another_process_trains_can_be_looked_at_and_grows(
        qtbot: QtBot, session: Session, path: Path, other: Other, banners: BannerArea) -> None:
    status, transport = StatusBar(session), Transport(session, "cpu")
    qtbot.addWidget(status)
    qtbot.addWidget(transport)
    assert session.open_run(path)
    assert session.locked_by.startswith(other.words)
    assert said(banners, "lock").startswith(f"digits is being trained by {other.words}")
    assert f"being trained by {other.words}" in status.text()
    assert status.text().startswith("Training")
    assert "saved" not in status.text(), "that is the other's to say"
    assert not transport.more.isEnabled()
    assert other.words in " ".join(transport.more.toolTip().split())
    other.go_to(20)
    session.poll_run()
    assert (session.snapshots, session.step) == ([0, 10, 20], 20)
    assert session.losses[-1].tolist() == pytest.approx([20, 1 / 20, 2.0])
    session.set_step(10)
    other.go_to(30)
    session.poll_run()
    assert (session.snapshots, session.step) == ([0, 10, 20, 30], 10), "what is looked at stays put"
    other.go_to(0)
    session.poll_run()
    assert (session.locked_by, said(banners, "lock")) == ("", "")
    assert transport.more.isEnabled()


def test_what_another_process_trains_cannot_be_changed(qtbot: QtBot, session: Session, path: Path, other: Other,
                                                       banners: BannerArea) -> None:
    session.open_run(path)
    session.continue_training()
    assert not session.training
    assert other.words in said(banners, "training")
    manager = RunManager(session)
    qtbot.addWidget(manager)
    manager.show()
    row = next(i for i in range(manager.table.rowCount()) if manager.table.item(i, 0).text() == "digits")
    manager.table.selectRow(row)
    manager.table.item(row, 0).setText("mine")
    assert f"digits is being written by {other.words}" in manager.note.text()
    assert manager.table.item(row, 0).text() == "digits"
    manager.table.selectRow(row)
    manager.trash_button.click()
    assert f"digits is being written by {other.words}" in manager.note.text()
    other.go_to(20)
    assert [s.step for s in Run.open(path).snapshots()] == [0, 10, 20]
    manager.close()


def test_a_killed_process_is_told_and_its_run_goes_on_here(qtbot: QtBot, session: Session, path: Path, other: Other,
                                                          banners: BannerArea) -> None:
    session.open_run(path)
    other.go_to(20)
    session.poll_run()
    session.continue_training()
    other.kill()
    session.poll_run()
    words = (f"P{other.words[1:]}, which wrote this run, ended without closing it. Nothing up to its last save is "
             "lost: Continue goes on from step 20.")
    assert said(banners, "lock") == words
    assert session.training_state is TrainingState.IDLE
    banner = banners.banner("lock")
    assert banner is not None
    banner.closed.emit()
    session.poll_run()
    assert said(banners, "lock") == "", "what was closed stays closed"
    make_run(paths.runs_dir() / "letters")
    session.open_run(paths.runs_dir() / "letters")
    assert said(banners, "lock") == ""
    session.open_run(path)
    assert said(banners, "lock") == words, "it is said again when the run is opened again"
    assert said(banners, "training")
    session.continue_training()
    assert not said(banners, "training")
    qtbot.waitUntil(no_more(lambda: session.training and session.progress is not None), timeout=8000)
    session.stop()
    qtbot.waitUntil(no_more(lambda: not session.training), timeout=8000)
    assert Run.open(path).info.step > 20
    assert Run.open(path).left_open() == ""
