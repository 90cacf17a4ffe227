"""Work side by side: answers in order, one thread each that splits nothing, errors told, no thread left."""

from __future__ import annotations

import threading

import pytest
import torch

from engine.side_by_side import SideBySide


def test_answers_come_in_order_from_threads_that_split_nothing() -> None:
    before = threading.active_count()
    meet = threading.Barrier(2)  # both must be under way at once

    def task(number: int) -> tuple[int, int]:
        meet.wait(5)
        return number, torch.get_num_threads()

    with SideBySide(2) as side:
        assert side.each([lambda i=i: task(i) for i in range(6)]) == [(i, 1) for i in range(6)]
    assert threading.active_count() == before
    side.close()


def test_with_one_thread_it_is_the_callers() -> None:
    with SideBySide(1) as side:
        assert side.each([threading.get_ident, threading.get_ident]) == [threading.get_ident()] * 2


def test_a_failing_task_fails_all() -> None:
    def fail() -> None:
        raise ValueError("no")

    with SideBySide(2) as side, pytest.raises(ValueError, match="no"):
        side.each([fail, threading.get_ident])
