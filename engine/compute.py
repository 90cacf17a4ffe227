"""The compute thread: it owns every running generator and interleaves them. It does not know what they do.

Order of service: jobs a person is waiting for, then training, then background work (about a tenth of the
time while something else runs; background jobs share theirs evenly). While a hand moves something (`hand`),
only the first kind goes on, and the imports of the start pause between two modules: what the hand sees comes
first. Others post commands; between two events the thread sends them into the generator. Only this thread
calls `next`, `send` and `close`.

What jobs say travels by the event's channel: control events in a lossless queue, pictures in a one-place
mailbox for each job key (newest wins), losses in an append-only buffer. The window pulls; nothing here
calls it, and nothing here reads what the window writes except the inbox and when a hand last moved.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import report
from engine.events import Command, Event, JobDone, JobFailed, LossPoints, StateChanged, TrainingState
from engine.hand import Hand

JobGenerator = Generator[Event, Command | None, None]
MakeJob = Callable[[Any], JobGenerator]

BACKGROUND_SHARE = 0.1  # of the time, while training or an interactive job runs


class Priority(IntEnum):
    """Who is served first."""

    INTERACTIVE = 0
    TRAINING = 1
    BACKGROUND = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A request for work. key: one job a key; a newer one replaces the older (except training: refused).

    make(context) runs in the compute thread and returns the generator; the heavy imports happen there.
    """

    key: str
    make: MakeJob
    priority: Priority = Priority.INTERACTIVE


@dataclass(frozen=True, slots=True)
class Message:
    """A control event with the job it came from."""

    key: str
    job_id: int
    event: Event


class Latest:
    """A mailbox with one place: the newest wins, and what was overwritten is counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: Message | None = None
        self.dropped = 0

    def put(self, value: Message) -> None:
        """Replace what is there."""
        with self._lock:
            self.dropped += self._value is not None
            self._value = value

    def take(self) -> Message | None:
        """What is there, once; None if nothing new."""
        with self._lock:
            value, self._value = self._value, None
            return value


class LossBuffer:
    """Append-only columns step, loss, seconds; one writer, many readers, no lock held while reading.

    A run replaces the buffer's content by `restart`; `epoch` tells a reader that it must start over.
    """

    def __init__(self) -> None:
        self._data = np.empty((1024, 3), dtype=np.float64)
        self._count = 0
        self.epoch = 0

    def append(self, points: LossPoints) -> None:
        """Add points at the end."""
        n = len(points.steps)
        data = self._data
        while self._count + n > len(data):
            grown = np.empty((2 * len(data), 3), dtype=np.float64)
            grown[: self._count] = data[: self._count]
            data = grown
        data[self._count : self._count + n] = np.stack([points.steps, points.losses, points.seconds], axis=1)
        self._data = data
        self._count += n

    def restart(self) -> None:
        """Begin anew, for another run."""
        self._data = np.empty((1024, 3), dtype=np.float64)
        self._count = 0
        self.epoch += 1

    def since(self, start: int) -> NDArray[np.float64]:
        """Rows from `start` on (a copy), columns step, loss, seconds."""
        count, data = self._count, self._data
        return data[start : min(count, len(data))].copy()

    def __len__(self) -> int:
        return self._count


@dataclass(slots=True)
class _Running:
    job: Job
    job_id: int
    generator: JobGenerator | None = None
    commands: deque[Command] = field(default_factory=deque)
    waiting: bool = False  # paused: asked for nothing until a command comes
    time_used: float = 0.0


def _evenly(running: _Running) -> tuple[float, int]:
    """Who has had least of the time comes next."""
    return running.time_used, running.job_id


class Compute:
    """The thread and its three outlets: `control`, `mailbox(key)` and `losses`.

    make_context() runs first thing in the thread; it imports torch and sets its thread count. Where the context
    has `lane(interactive)`, each stretch of a job runs inside what that returns.
    """

    def __init__(self, make_context: Callable[[], Any], name: str = "compute") -> None:
        self.control: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.losses = LossBuffer()
        self._mailboxes: dict[str, Latest] = {}
        self._make_context = make_context
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ids = itertools.count(1)
        self._running: dict[str, _Running] = {}
        self._closing = False
        self.hand = Hand()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._gate = threading.Event()
        self._gate.set()

    # ---- called from any thread ----

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def mailbox(self, key: str) -> Latest:
        """The mailbox of a job key; made on first use."""
        return self._mailboxes.setdefault(key, Latest())

    def mailboxes(self) -> list[tuple[str, Latest]]:
        """All mailboxes made so far."""
        return list(self._mailboxes.items())

    def submit(self, job: Job) -> int:
        """Queue a job and return its id. A running job of the same key is closed first (newest wins)."""
        job_id = next(self._ids)
        self._post(lambda: self._accept(job, job_id))
        return job_id

    def send(self, key: str, command: Command) -> None:
        """Post a command to the job of that key; without such a job it is dropped."""
        self._post(lambda: self._command(key, command))

    def cancel(self, key: str) -> None:
        """Close the job of that key between two events; it says JobDone(done=False)."""
        self._post(lambda: self._drop(key, done=False))

    def close(self, timeout: float | None = 10.0) -> bool:
        """Close every generator and end the thread; whether it ended in time."""
        def stop() -> None:
            self._closing = True
        self._post(stop)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def busy(self) -> bool:
        """Whether any job is not yet done."""
        return bool(self._running) or not self._inbox.empty()

    def awaited(self) -> bool:
        """Whether somebody waits for a job: one in front of training, or something just posted."""
        running = list(self._running.values())  # at once: the thread changes it meanwhile
        return not self._inbox.empty() or any(r.job.priority == Priority.INTERACTIVE for r in running)

    def _post(self, action: Callable[[], None]) -> None:
        self._inbox.put(action)

    # ---- the thread ----

    def _main(self) -> None:
        try:
            with self.hand.pausing_imports():
                self._context = self._make_context()
        except BaseException as error:
            self.control.put(Message("compute", 0, JobFailed(report(error))))
            return
        while True:
            runnable = self._next_job()
            held = self.hand.held() if runnable is not None and runnable.job.priority > Priority.INTERACTIVE else 0.0
            try:
                action = self._inbox.get(block=runnable is None or held > 0, timeout=held or None)
            except queue.Empty:
                assert runnable is not None
                if not held:
                    self._advance(runnable)
                continue
            action()
            if self._closing:
                break
        for key in list(self._running):
            self._drop(key, done=False)
        close = getattr(self._context, "close", None)
        if close is not None:
            close()

    def _next_job(self) -> _Running | None:
        ready = [r for r in self._running.values() if r.commands or not r.waiting]
        if not ready:
            return None
        front = [r for r in ready if r.job.priority < Priority.BACKGROUND]
        back = [r for r in ready if r.job.priority == Priority.BACKGROUND]
        if front and back:
            used_front = sum(r.time_used for r in front)
            used_back = sum(r.time_used for r in back)
            if used_back < BACKGROUND_SHARE * (used_front + used_back):
                return min(back, key=_evenly)
            return min(front, key=lambda r: (r.job.priority, r.job_id))
        # A page that somebody opens fills while a long measurement of another goes on.
        return min(front, key=lambda r: (r.job.priority, r.job_id)) if front else min(back, key=_evenly)

    def _accept(self, job: Job, job_id: int) -> None:
        self._drop(job.key, done=False)
        for running in self._running.values():  # shares count from the moment the company changes
            running.time_used = 0.0
        self._running[job.key] = _Running(job, job_id)

    def _command(self, key: str, command: Command) -> None:
        running = self._running.get(key)
        if running is not None:
            running.commands.append(command)

    def _advance(self, running: _Running) -> None:
        began = time.perf_counter()
        try:
            with self._lane(running.job.priority):
                if running.generator is None:
                    running.generator = running.job.make(self._context)
                    event = next(running.generator)
                else:
                    command = running.commands.popleft() if running.commands else None
                    event = running.generator.send(command)
        except StopIteration:
            self._finish(running, JobDone())
            return
        except Exception as error:
            failure = report(error)
            del error
            self._say(running, JobFailed(failure))
            self._finish(running, JobDone(done=False))
            return
        running.time_used += time.perf_counter() - began
        running.waiting = isinstance(event, StateChanged) and event.state is TrainingState.PAUSED
        self._say(running, event)
        # A C call holds no lock, but the bytecode between two does: let the window in.
        time.sleep(0)

    def _lane(self, priority: Priority) -> AbstractContextManager[object]:
        """What the context wants around each stretch of a job, if it wants anything."""
        lane = getattr(self._context, "lane", None)
        return lane(priority == Priority.INTERACTIVE) if lane is not None else nullcontext()

    def _say(self, running: _Running, event: Event) -> None:
        if event.channel == "tick":
            return
        if event.channel == "loss":
            assert isinstance(event, LossPoints)
            self.losses.append(event)
            return
        message = Message(running.job.key, running.job_id, event)
        if event.channel == "picture":
            self.mailbox(f"{running.job.key}/{type(event).__name__}").put(message)
        else:
            self.control.put(message)

    def _finish(self, running: _Running, event: JobDone) -> None:
        self._running.pop(running.job.key, None)
        self._say(running, event)

    def _drop(self, key: str, *, done: bool) -> None:
        running = self._running.get(key)
        if running is None:
            return
        try:
            if running.generator is not None:
                running.generator.close()
        except Exception as error:
            self._say(running, JobFailed(report(error)))
        self._finish(running, JobDone(done=done))
