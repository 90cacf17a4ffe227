"""Keeping the computer awake: a helper that ends with us, and silence where there is none."""

from __future__ import annotations

import sys

import pytest

from gui.awake import Awake


def test_the_helper_runs_while_held_and_ends_on_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Awake, "command",
                        staticmethod(lambda: [sys.executable, "-c", "import time; time.sleep(60)"]))
    awake = Awake()
    awake.hold()
    awake.hold()
    helper = awake._helper
    assert helper is not None
    assert helper.poll() is None
    awake.release()
    assert helper.poll() is not None
    awake.release()
    assert not awake.held


def test_without_a_helper_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ([], ["/no/such/program"]):
        monkeypatch.setattr(Awake, "command", staticmethod(lambda command=command: command))
        awake = Awake()
        awake.hold()
        awake.release()
        assert not awake.held
