"""A long job on the command line: a bar on a terminal, and its answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

from engine.events import Command, Event, JobProgress

if TYPE_CHECKING:
    from engine.workspace import Workspace

E = TypeVar("E", bound=Event)


def answers(make: Callable[[Workspace], Generator[Event, Command | None, None]], kind: type[E],
            device: str) -> Iterator[E]:
    """The events of one kind that a job says, beside a bar of its JobProgress on stderr where that is a terminal."""
    from tqdm import tqdm

    from engine.workspace import Workspace

    workspace = Workspace(device)
    tqdm.monitor_interval = 0  # no thread of its own
    work = make(workspace)
    try:
        with tqdm(file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for event in work:
                if isinstance(event, JobProgress):
                    bar.total, bar.unit = event.total, event.unit or "it"
                    bar.update(event.n - bar.n)
                elif isinstance(event, kind):
                    yield event
    finally:
        work.close()  # where somebody stops asking, what is half written goes at once
        workspace.close()
