"""The bridge: nothing lost, newest picture wins, idle when there is nothing to do."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from scripted import no_more

from engine.compute import Compute, Job, Message, Priority
from engine.events import JobDone, JobProgress, LossPoints, Marker, Tick
from gui.bridge import IDLE_AFTER_TICKS, IDLE_MS, TICK_MS, WORK_MS, Bridge


def make(qtbot: QtBot) -> tuple[Compute, Bridge, list[Message], list[Message]]:
    compute = Compute(lambda: None)
    bridge = Bridge(compute)
    control: list[Message] = []
    pictures: list[Message] = []
    bridge.control.connect(control.append)
    bridge.picture.connect(pictures.append)
    return compute, bridge, control, pictures


def test_control_events_come_in_order_and_all_of_them(qtbot: QtBot) -> None:
    compute, bridge, control, _ = make(qtbot)
    for step in range(500):
        compute.control.put(Message("train", 1, Marker("paused", step, 0.0, "")))
    for _ in range(200):
        bridge.tick()
        if len(control) == 500:
            break
    assert [m.event.step for m in control] == list(range(500))
    bridge.stop()


def test_of_pictures_only_the_newest_comes(qtbot: QtBot) -> None:
    compute, bridge, _, pictures = make(qtbot)
    for n in range(10):
        compute.mailbox("reverse/JobProgress").put(Message("reverse", 1, JobProgress(n, 10)))
    bridge.tick()
    bridge.tick()
    assert [m.event.n for m in pictures] == [9]
    assert compute.mailbox("reverse/JobProgress").dropped == 9
    bridge.stop()


def test_losses_are_announced_once_a_tick_and_after_a_restart(qtbot: QtBot) -> None:
    compute, bridge, _, _ = make(qtbot)
    heard: list[int] = []
    bridge.losses.connect(lambda: heard.append(len(compute.losses)))
    one = LossPoints(np.array([1]), np.array([0.5], np.float32), np.array([0.1], np.float32),
                     np.array([0.2], np.float32))
    compute.losses.append(one)
    compute.losses.append(one)
    bridge.tick()
    bridge.tick()
    compute.losses.restart()
    bridge.tick()
    assert heard == [2, 0]
    bridge.stop()


def test_idle_is_slow_and_a_job_wakes_it(qtbot: QtBot) -> None:
    compute, bridge, control, _ = make(qtbot)
    compute.start()
    for _ in range(IDLE_AFTER_TICKS + 1):
        bridge.tick()
    assert bridge._timer.interval() == IDLE_MS

    def job(_: object):
        yield JobProgress(1, 1)

    bridge.submit(Job("work", job))
    assert bridge._timer.interval() == TICK_MS
    qtbot.waitUntil(no_more(lambda: any(isinstance(m.event, JobDone) for m in control)), timeout=3000)
    bridge.stop()
    assert compute.close(3.0)


@pytest.mark.parametrize(("priority", "pace"), [(Priority.TRAINING, WORK_MS), (Priority.BACKGROUND, WORK_MS),
                                                (Priority.INTERACTIVE, TICK_MS)])
def test_what_nobody_waits_for_is_looked_at_less_often(qtbot: QtBot, priority: Priority, pace: int) -> None:
    compute, bridge, control, _ = make(qtbot)
    compute.start()
    over = threading.Event()

    def job(_: object):
        while not over.wait(0.001):
            yield Tick()

    bridge.submit(Job("work", job, priority))
    qtbot.waitUntil(lambda: compute.busy() and compute._inbox.empty(), timeout=3000)
    for _ in range(IDLE_AFTER_TICKS + 1):
        bridge.tick()
    assert bridge._timer.interval() == pace
    bridge.cancel("work")
    assert bridge._timer.interval() == TICK_MS
    over.set()
    qtbot.waitUntil(no_more(lambda: any(isinstance(m.event, JobDone) for m in control)), timeout=3000)
    for _ in range(2 * IDLE_AFTER_TICKS):
        bridge.tick()
    assert bridge._timer.interval() == IDLE_MS
    bridge.stop()
    assert compute.close(3.0)
