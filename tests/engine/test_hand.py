"""What pauses while a hand moves something."""

import sys
import threading
import time

import pytest

from engine import hand


def test_a_move_holds_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    mine = hand.Hand()
    assert mine.held() == 0
    mine.moved()
    now[0] += hand.HOLD_S / 4
    assert mine.held() == pytest.approx(hand.HOLD_S * 3 / 4)
    now[0] += hand.HOLD_S
    assert mine.held() == 0


def test_imports_wait_in_their_thread_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    moves = [0.12, 0.03, 0.0, 0.0]
    pauses = hand.Pauses(lambda: moves.pop(0))
    pauses.find_spec("some.module")
    assert slept == [0.12, 0.03]
    pauses.find_spec("another")
    assert slept == [0.12, 0.03]

    slept.clear()
    pauses = hand.Pauses(lambda: 3.0)
    other = threading.Thread(target=pauses.find_spec, args=("a",))
    other.start()
    other.join()
    assert slept == []
    pauses.find_spec("a")
    pauses.find_spec("b")
    assert slept == [3.0] * 5


def test_no_finder_stays_behind() -> None:
    before = list(sys.meta_path)
    mine = hand.Hand()
    with mine.pausing_imports():
        assert isinstance(sys.meta_path[0], hand.Pauses)
    assert sys.meta_path == before
