"""The list of runs: open, rename, trash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot
from scripted import make_bundled, make_run

from engine import paths
from gui.run_manager import RunManager
from gui.session import Session


@pytest.fixture
def manager(qtbot: QtBot, session: Session) -> Iterator[RunManager]:
    make_bundled(paths.DEFAULT_BUNDLED_RUN)
    make_run(paths.runs_dir() / "one")
    make_run(paths.runs_dir() / "two")
    (paths.runs_dir() / "broken").mkdir()
    (paths.runs_dir() / "broken" / "run.json").write_text("{")
    made = RunManager(session)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def names(manager: RunManager) -> list[str]:
    return [manager.table.item(row, 0).text() for row in range(manager.table.rowCount())]


def choose(manager: RunManager, name: str) -> int:
    row = next(i for i, text in enumerate(names(manager)) if text.startswith(name))
    manager.table.selectRow(row)
    return row


def test_all_runs_are_listed_and_the_broken_one_is_told(manager: RunManager) -> None:
    assert sorted(names(manager)) == ["broken", "made (ships with the program)", "one", "two"]
    assert "broken" in manager.note.text()


def test_opening_from_the_list(manager: RunManager, session: Session) -> None:
    choose(manager, "two")
    manager.open_button.click()
    assert session.run is not None
    assert session.run.name == "two"


def test_renaming_the_open_run_keeps_it_open(manager: RunManager, session: Session) -> None:
    session.open_run(paths.runs_dir() / "one")
    session.set_step(10)
    row = choose(manager, "one")
    manager.table.item(row, 0).setText("first try")
    assert session.run is not None
    assert session.run.path == paths.runs_dir() / "first try"
    assert session.step == 10
    assert "first try" in names(manager)


def test_a_bad_name_is_refused_in_words(manager: RunManager) -> None:
    row = choose(manager, "one")
    manager.table.item(row, 0).setText("two")
    assert "already a run called two" in manager.note.text()
    assert sorted(names(manager))[-2:] == ["one", "two"]


def test_trash_is_a_folder_beside(manager: RunManager, session: Session) -> None:
    session.open_run(paths.runs_dir() / "one")
    choose(manager, "one")
    manager.trash_button.click()
    assert (paths.runs_dir() / ".trash" / "one").exists()
    assert session.run is not None
    assert session.run.path == paths.DEFAULT_BUNDLED_RUN, "the shipped run takes its place"


def test_the_shipped_run_can_only_be_opened(manager: RunManager) -> None:
    choose(manager, "made")
    assert manager.open_button.isEnabled()
    assert not manager.rename_button.isEnabled()
    assert not manager.trash_button.isEnabled()
