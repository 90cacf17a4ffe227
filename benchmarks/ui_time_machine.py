"""The time machine's map as benchmarks/ui.py measures it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks.ui_window import Bench, Lateness, paint_counter, spread


def measure_time_machine(args: argparse.Namespace) -> dict[str, Any]:
    """Opened from the Reverse page of a run nothing was measured of; then scrolled and hovered while it fills.

    Seconds count from the opening of the page; None for what was not there when the time was over.
    """
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent

    from engine import paths
    from gui.pages.time_machine import TimeMachinePage

    bench = Bench("reverse", args.run)
    bench.session.set_seed(5)  # not recorded: it is there when torch is
    bench.spin(0.5)
    assert bench.spin(120, lambda: bench.window.page.ready() and not bench.session.drawing()), "no trajectory came"
    bench.spin(1.0)
    began = time.perf_counter()
    bench.window.show_page("time-machine")
    page = bench.window.page
    assert isinstance(page, TimeMachinePage)
    maps, view = page.maps, page.view
    steps = list(bench.session.snapshots)

    def seconds_until(done: Callable[[], bool]) -> float:
        bench.spin(150, lambda: done() or maps.failure is not None)
        assert maps.failure is None, maps.failure
        assert done(), "the map did not fill"
        return time.perf_counter() - began

    def drawn() -> int:
        """Columns that have at least few levels."""
        return sum((column := maps.column(0, step)) is not None and column.filled == len(column.rows)
                   for step in steps)

    first = seconds_until(lambda: drawn() >= 5 and not page.painter.waiting)  # the others stand in
    coarse = seconds_until(lambda: drawn() == len(steps))
    paints = paint_counter([view.viewport()])
    cells = set()

    def move(count: int) -> None:
        """The pointer goes over the map; now and then the map is scrolled under it."""
        room = view.room()
        at = QPointF(room.left() + (count * 7) % int(room.width()), room.top() + (count * 5) % int(room.height()))
        none = Qt.MouseButton.NoButton
        bench.application.sendEvent(view.viewport(), QMouseEvent(
            QEvent.Type.MouseMove, at, view.viewport().mapToGlobal(at), none, none, Qt.KeyboardModifier.NoModifier))
        cells.add(view.hover)
        bar = view.verticalScrollBar()
        if bar.maximum() and count % 3 == 0:
            bar.setValue(abs((count * 4) % (2 * bar.maximum()) - bar.maximum()))

    clock = Lateness(move)
    levels = seconds_until(maps.filled)
    reached: dict[str, float] = {}

    def over() -> bool:
        now = time.perf_counter() - began
        if maps.maps[0].comparison() is not None:
            reached.setdefault("line", now)
        if not maps.filling:
            reached.setdefault("whole", now)
        return "whole" in reached or now > args.seconds

    bench.spin(args.seconds, over)
    clock.stop()
    assert bench.session.run is not None
    files = list(paths.measurements_dir(bench.session.run.info.id).glob("time-machine-*.json"))
    size = sum(path.stat().st_size for path in files) if "whole" in reached else None
    bench.close()
    assert size is None or len(files) == len(steps), f"{len(files)} files of {len(steps)} snapshots"
    assert len(cells) > 100, "the pointer came to few cells"
    assert paints.count > 100, "the map was hardly painted"
    return {"snapshots": len(steps), "first_map_s": first, "coarse_s": coarse, "levels_s": levels,
            "line_s": reached.get("line"), "whole_s": reached.get("whole"), **spread(clock.late),
            "map_paints": paints.count, "cells_hovered": len(cells), "cache_bytes": size,
            "cache_bytes_of_40_snapshots": None if size is None else size * 40 // len(steps)}
