"""Preferences and the state of the window survive bad values, one by one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import paths
from gui.preferences import Preferences, load_preferences, runs_dir_problem, save_preferences
from gui.window_state import WindowState, load_state, save_state, with_recent


def test_preferences_come_back_and_keep_strange_keys(own_home: Path) -> None:
    own_home.mkdir()
    paths.preferences_file().write_text('{"of_another_version": 1}')
    wanted = Preferences(runs_dir=str(own_home / "r"), theme="dark", text_scale=1.5, device="cpu",
                         reduced_motion=True)
    save_preferences(wanted)
    assert load_preferences() == wanted
    assert json.loads(paths.preferences_file().read_text())["of_another_version"] == 1
    assert paths.runs_dir() == own_home / "r", "the command line reads the same file"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"theme": "pink", "text_scale": "huge"}'])
def test_a_bad_file_is_the_default(own_home: Path, text: str) -> None:
    own_home.mkdir()
    paths.preferences_file().write_text(text)
    assert load_preferences() == Preferences()


def test_one_bad_value_does_not_take_the_others(own_home: Path) -> None:
    own_home.mkdir()
    paths.preferences_file().write_text('{"theme": "dark", "text_scale": -1}')
    assert load_preferences() == Preferences(theme="dark")


def test_a_runs_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert runs_dir_problem("") == ""
    assert runs_dir_problem(str(tmp_path / "new" / "deep")) == ""
    assert "a file" in runs_dir_problem(str(tmp_path / "file"))
    assert "from the root" in runs_dir_problem("relative/folder")


def test_window_state_comes_back_whole(own_home: Path) -> None:
    state = WindowState()
    state.place.run, state.place.page = "/some/run", "reverse"
    state.place.seed, state.place.t, state.place.step = 2**62, 0, 40
    state.place.following = False
    state.setup_open, state.explain_width, state.speed, state.loop = False, 300, 0.5, True
    state.recent = ["/a", "/b"]
    save_state(state)
    assert load_state() == state


def test_recent_runs_are_few_and_each_once() -> None:
    recent: list[str] = []
    for name in [*"abcdefghij", "a"]:
        recent = with_recent(recent, Path("/") / name)
    assert len(recent) == 8
    assert recent[0] == "/a"
    assert len(set(recent)) == 8
