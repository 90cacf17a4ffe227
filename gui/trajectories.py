"""Recorded trajectories the window holds: newest used stay, within a count and a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from engine.config import SamplingConfig
from engine.events import Trajectory

MAX_ENTRIES = 64
MAX_BYTES = 256 * 2**20  # a DDPM trajectory over 1000 steps takes about 6 MB


@dataclass(frozen=True, slots=True)
class Point:
    """What a trajectory depends on. run: the run's id; average_percent None: the average that is stored."""

    run: str
    snapshot: int
    class_label: int
    seed: int
    sampling: SamplingConfig
    average_percent: float | None = None


class TrajectoryCache:
    """Point -> Trajectory, least recently used out first."""

    def __init__(self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._entries: OrderedDict[Point, tuple[Trajectory, int]] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0

    def get(self, point: Point) -> Trajectory | None:
        """The trajectory of that point, complete or still filling; None if there is none."""
        found = self._entries.get(point)
        if found is None:
            return None
        self._entries.move_to_end(point)
        return found[0]

    def put(self, point: Point, trajectory: Trajectory) -> None:
        """Keep a trajectory; a more complete one replaces it."""
        old = self._entries.pop(point, None)
        if old is not None:
            self._bytes -= old[1]
            if old[0].filled > trajectory.filled:
                trajectory = old[0]
        size = sum(a.nbytes for a in (trajectory.x, trajectory.x0, trajectory.eps, trajectory.guidance))
        self._entries[point] = (trajectory, size)
        self._bytes += size
        while len(self._entries) > 1 and (len(self._entries) > self._max_entries
                                          or self._bytes > self._max_bytes):
            _, (_, gone) = self._entries.popitem(last=False)
            self._bytes -= gone

    def drop_run(self, run: str) -> None:
        """Forget everything of a run (its folder went to the trash)."""
        for point in [p for p in self._entries if p.run == run]:
            self._bytes -= self._entries.pop(point)[1]

    def missing(self, points: Iterable[Point]) -> list[Point]:
        """Those that are not there in full."""
        return [p for p in points if not is_complete(self._entries.get(p, (None, 0))[0])]

    def __len__(self) -> int:
        return len(self._entries)


def is_complete(trajectory: Trajectory | None) -> bool:
    """Whether every frame is filled."""
    return trajectory is not None and trajectory.filled >= len(trajectory.sigma)
