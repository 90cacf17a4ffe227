"""The compute thread: who is served first, what arrives, and that nothing is left behind."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from engine import hand
from engine.compute import Compute, Job, Priority
from engine.events import (
    Command,
    JobDone,
    JobFailed,
    JobProgress,
    LossPoints,
    Marker,
    Resume,
    StateChanged,
    Tick,
    TrainingState,
)


@pytest.fixture
def compute() -> Iterator[Compute]:
    made = Compute(lambda: None)
    made.start()
    yield made
    assert made.close(5)


def wait_for(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.002)


def drain(compute: Compute) -> list:
    found = []
    while not compute.control.empty():
        found.append(compute.control.get())
    return found


def until_done(compute: Compute, count: int = 1) -> list:
    found: list = []

    def done() -> bool:
        found.extend(drain(compute))
        return sum(isinstance(m.event, JobDone) for m in found) >= count

    wait_for(done)
    return found


def test_control_events_arrive_all_and_in_order(compute) -> None:
    def job(_):
        for i in range(500):
            yield Marker("m", i, 0.0, "")

    compute.submit(Job("a", job))
    steps = [m.event.step for m in until_done(compute) if isinstance(m.event, Marker)]
    assert steps == list(range(500))


def test_pictures_keep_only_the_newest_and_count_the_rest(compute) -> None:
    def job(_):
        for i in range(100):
            yield JobProgress(i, 100)

    compute.submit(Job("a", job))
    until_done(compute)
    box = compute.mailbox("a/JobProgress")
    assert box.take().event.n == 99
    assert box.take() is None
    assert box.dropped == 99


def test_losses_grow_and_are_read_from_where_one_was(compute) -> None:
    def job(_):
        for i in range(0, 3000, 3):
            steps = np.arange(i, i + 3)
            yield LossPoints(steps, steps.astype(np.float32) / 2, steps.astype(np.float32),
                             steps.astype(np.float32) / 4)

    compute.submit(Job("a", job))
    until_done(compute)
    assert len(compute.losses) == 3000
    rows = compute.losses.since(2998)
    np.testing.assert_allclose(rows, [[2998, 1499.0, 2998], [2999, 1499.5, 2999]])


def test_a_person_comes_before_training(compute) -> None:
    order: list[str] = []
    go = threading.Event()

    def training(_):
        go.wait(5)
        for _i in range(200):
            order.append("t")
            yield Tick()

    def interactive(_):
        for _i in range(20):
            order.append("i")
            yield Tick()

    compute.submit(Job("train", training, Priority.TRAINING))
    compute.submit(Job("look", interactive, Priority.INTERACTIVE))
    go.set()
    until_done(compute, 2)
    last = max(i for i, who in enumerate(order) if who == "i")
    assert order[:last].count("t") <= 2


def test_background_gets_about_a_tenth(compute) -> None:
    stop = threading.Event()
    spent = {"train": 0, "back": 0}

    def work(name):
        def job(_):
            while not stop.is_set():
                end = time.perf_counter() + 0.002
                while time.perf_counter() < end:
                    pass
                spent[name] += 1
                yield Tick()
        return job

    compute.submit(Job("train", work("train"), Priority.TRAINING))
    compute.submit(Job("back", work("back"), Priority.BACKGROUND))
    wait_for(lambda: sum(spent.values()) > 150, 20)
    stop.set()
    until_done(compute, 2)
    assert 0.05 < spent["back"] / sum(spent.values()) < 0.2


def test_background_jobs_share_their_time_evenly(compute) -> None:
    order: list[str] = []

    def work(name: str, seconds: float, turns: int):
        def job(_):
            for _ in range(turns):
                time.sleep(seconds)
                order.append(name)
                yield Tick()
        return job

    compute.submit(Job("long", work("long", 0.02, 12), Priority.BACKGROUND))
    compute.submit(Job("page", work("page", 0.005, 12), Priority.BACKGROUND))
    until_done(compute, 2)
    assert order.index("page") <= 2  # it does not wait for the end of the one before
    assert order[-1] == "long"  # of time, not of turns


def test_paused_means_not_asked_until_a_command_comes(compute) -> None:
    got: list[Command | None] = []

    def job(_):
        for step in range(3):
            got.append((yield StateChanged(TrainingState.PAUSED, step)))

    compute.submit(Job("train", job, Priority.TRAINING))
    wait_for(lambda: not compute.control.empty())
    time.sleep(0.05)
    assert len(drain(compute)) == 1
    assert got == []
    for _ in range(3):
        compute.send("train", Resume())
    until_done(compute)
    assert got == [Resume()] * 3


def test_a_newer_request_closes_the_older(compute) -> None:
    closed, began = threading.Event(), threading.Event()

    def endless(_):
        try:
            while True:
                began.set()
                yield Tick()
        finally:
            closed.set()

    def short(_):
        yield Tick()

    first = compute.submit(Job("look", endless))
    assert began.wait(5)
    second = compute.submit(Job("look", short))
    found = until_done(compute, 2)
    assert closed.is_set()
    ends = {m.job_id: m.event.done for m in found if isinstance(m.event, JobDone)}
    assert ends == {first: False, second: True}


def test_cancel_closes_between_two_events(compute) -> None:
    began = threading.Event()

    def endless(_):
        while True:
            began.set()
            yield Tick()

    compute.submit(Job("look", endless))
    assert began.wait(5)
    compute.cancel("look")
    found = until_done(compute)
    assert found[-1].event == JobDone(done=False)
    wait_for(lambda: not compute.busy())


def test_a_failure_is_told_as_text_and_the_thread_lives_on(compute) -> None:
    def broken(_):
        yield Tick()
        raise ValueError("seven")

    def fine(_):
        yield Tick()

    compute.submit(Job("a", broken))
    found = until_done(compute)
    failure = next(m.event for m in found if isinstance(m.event, JobFailed))
    assert failure.report.headline == "ValueError: seven"
    assert "raise ValueError" in failure.report.details
    compute.submit(Job("b", fine))
    assert until_done(compute)[-1].event == JobDone(done=True)


def test_closing_closes_generators_in_the_thread() -> None:
    where: list[str] = []
    made = Compute(lambda: None, name="worker-under-test")
    made.start()
    began = threading.Event()

    def endless(_):
        try:
            while True:
                began.set()
                yield Tick()
        finally:
            where.append(threading.current_thread().name)

    made.submit(Job("a", endless))
    assert began.wait(5)
    assert made.close(5)
    assert where == ["worker-under-test"]


def test_a_context_that_fails_is_told() -> None:
    def broken():
        raise RuntimeError("no torch")

    made = Compute(broken)
    made.start()
    wait_for(lambda: not made.alive)
    assert made.control.get().event.report.headline == "RuntimeError: no torch"
    assert made.close(1)


def test_nothing_the_window_does_not_read_grows(compute) -> None:
    def job(_):
        for i in range(20_000):
            yield JobProgress(i, 20_000)

    compute.submit(Job("a", job))
    until_done(compute)
    assert sum(1 for _, box in compute.mailboxes() if box.take()) == 1


def test_a_moving_hand_holds_training_but_nothing_that_somebody_waits_for(
        compute: Compute, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []

    def train(_):
        while True:
            steps.append(len(steps))
            yield Tick()

    def drawing(_):
        for i in range(50):
            yield Marker("m", i, 0.0, "")

    compute.submit(Job("train", train, Priority.TRAINING))
    wait_for(lambda: len(steps) > 3)
    monkeypatch.setattr(hand, "HOLD_S", 1000.0)
    compute.hand.moved()
    compute.submit(Job("look", drawing))
    until_done(compute)  # the step that was under way when the hand moved is over by now
    done = len(steps)
    compute.submit(Job("look", drawing))
    until_done(compute)
    assert len(steps) == done
    monkeypatch.setattr(hand, "HOLD_S", 0.0)
    compute.hand.moved()
    compute.cancel("nobody")  # wakes it
    wait_for(lambda: len(steps) > done + 3)


def test_each_stretch_of_a_job_runs_in_its_lane() -> None:
    """Every step of a job that somebody waits for is inside the context's lane, and no other step is."""
    class Context:
        inside = False

        @contextmanager
        def lane(self, interactive: bool) -> Iterator[None]:
            self.inside = interactive
            try:
                yield
            finally:
                self.inside = False

    seen: list[tuple[str, bool]] = []

    def job(name: str, steps: int = 3):
        def make(context: Context):
            for _ in range(steps):
                seen.append((name, context.inside))
                yield Tick()
        return make

    compute = Compute(Context)
    compute.submit(Job("train", job("train", 20), Priority.TRAINING))
    compute.submit(Job("reverse", job("reverse"), Priority.INTERACTIVE))
    compute.submit(Job("later", job("later"), Priority.BACKGROUND))
    compute.start()
    until_done(compute, 3)
    assert compute.close(5)
    assert sorted(set(seen)) == [("later", False), ("reverse", True), ("train", False)]
    assert len(seen) == 26
