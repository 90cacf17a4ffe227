"""The window as benchmarks/ui.py measures it, each measurement in a process of its own."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QWidget

    from engine.events import Progress
    from gui.main_window import MainWindow

ENDLESS = 10_000_000  # steps: the measurement ends training, not the plan
WARM_UP_S = 5.0  # of training, before anything is measured
TIMER_MS = 16


class Bench:
    """The window as main.py opens it, with a data folder of its own."""

    def __init__(self, page: str, run: str | None = None) -> None:
        sys.setswitchinterval(0.001)  # as main.py does
        from gui.app import make_application
        from gui.compute_starter import make_compute
        from gui.main_window import MainWindow
        from gui.page_list import page_classes
        from gui.session import Session

        self.application = make_application()
        self.session = Session(make_compute())
        self.window: MainWindow = MainWindow(self.session, page_classes(), keep_state=False)
        self.window.resize(1440, 900)
        if run:
            from engine.paths import resolve_run

            assert self.session.open_run(resolve_run(run)), f"{run} cannot be opened"
        self.window.show_page(page)
        self.window.show()

    def spin(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let the window live for so long, or until something holds; whether it did."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        end, poll = QTimer(), QTimer()
        end.setSingleShot(True)
        end.timeout.connect(loop.quit)
        end.start(int(seconds * 1000))
        if until is not None:  # else nothing but the window's own timers wakes this thread
            poll.timeout.connect(lambda: loop.quit() if until() else None)
            poll.start(20)
        loop.exec()
        poll.stop()
        return until is not None and until()

    def train(self) -> None:
        """Start the quick preset and wait until it is well under way."""
        from engine.presets import load_preset

        self.session.start_training(load_preset("quick").changed(training={"num_steps": ENDLESS}))
        assert self.spin(180, lambda: self.trained_seconds() > WARM_UP_S), "training did not start"

    def trained_seconds(self) -> float:
        progress = self.session.progress
        return progress.seconds if self.session.training and progress else 0.0

    def close(self) -> None:
        """End training, if there is any, and close."""
        if self.session.training:
            self.session.discard()
            assert self.spin(60, lambda: not self.session.training), "training did not stop"
        self.window.close()


class PaintCount(Protocol):
    """How often something was painted."""

    count: int


def paint_counter(widgets: list[QWidget]) -> PaintCount:
    """Counts paint events of these widgets."""
    from PySide6.QtCore import QEvent, QObject

    class Counter(QObject):
        count = 0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            self.count += event.type() == QEvent.Type.Paint
            return False

    counter = Counter()
    for widget in widgets:
        widget.installEventFilter(counter)
    return counter


def viewports(parent: QWidget, kind: type[QWidget]) -> list[QWidget]:
    """What is really painted of the widgets of a kind inside another: their viewports, or themselves."""
    from PySide6.QtWidgets import QAbstractScrollArea

    found: list[QWidget] = []
    for widget in parent.findChildren(kind):
        areas = [widget] if isinstance(widget, QAbstractScrollArea) else widget.findChildren(QAbstractScrollArea)
        found += [area.viewport() for area in areas] or [widget]
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Milliseconds: median, tail and worst."""
    points = np.array(values) * 1000
    tails = {f"p{q}_ms": float(np.percentile(points, q)) for q in (50, 95, 99)}
    return {"count": len(values), **tails, "worst_ms": float(points.max())}


class Lateness:
    """How late the event loop comes back to a timer of TIMER_MS, in seconds; `each` is called at every tick."""

    def __init__(self, each: Callable[[int], object] = lambda count: None) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late: list[float] = []
        self._each = each
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TIMER_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._last:
            self.late.append(max(0.0, now - self._last - TIMER_MS / 1000))
        self._last = now
        self._each(len(self.late))

    def stop(self) -> None:
        self._timer.stop()


def measure_lateness(args: argparse.Namespace) -> dict[str, Any]:
    from gui.widgets.plot import Plot

    bench = Bench("train")
    bench.train()
    plots = paint_counter(viewports(bench.window.page, Plot))
    points = len(bench.session.losses)
    clock = Lateness()
    bench.spin(args.seconds)
    clock.stop()
    painted, grown = plots.count, len(bench.session.losses) - points
    rate = bench.session.progress.images_per_second if bench.session.progress else 0.0
    bench.close()
    assert painted > 1, f"the loss plot was painted only {painted} times"
    assert grown > 1, f"only {grown} loss points came"
    return {**spread(clock.late), "plot_paints": painted, "loss_points": grown, "images_per_second": rate}


def measure_slider(args: argparse.Namespace) -> dict[str, Any]:
    """Reverse and Forward while nothing else runs; Forward again while a model trains."""
    bench = Bench("reverse", args.run)
    assert bench.spin(120, lambda: bench.window.page.ready() and not bench.session.drawing()), "no trajectory came"
    result = {"reverse": slider_moves(bench)}
    bench.window.show_page("forward")
    assert bench.spin(120, bench.window.page.ready), "the Forward page was never ready"
    result["forward"] = slider_moves(bench)
    bench.train()
    bench.window.show_page("forward")
    bench.spin(1.0)
    result["forward_training"] = slider_moves(bench)
    bench.close()
    return result


def slider_moves(bench: Bench, count: int = 200) -> dict[str, float]:
    """From setting the noise slider to the end of the paint that shows it, for moves far and wide."""
    from gui.widgets.picture import Picture

    pictures = paint_counter(viewports(bench.window.page, Picture))
    slider = bench.window.timeline.t_slider
    generator = np.random.default_rng(0)
    middle = (slider.minimum() + slider.maximum()) // 2
    taken = []
    for _ in range(count):
        bench.spin(0.03)
        target = int(generator.integers(slider.minimum(), slider.maximum() + 1))
        if abs(target - slider.value()) < 40:  # the same recorded frame would not be painted again
            target = slider.minimum() if slider.value() > middle else slider.maximum()
        before = pictures.count
        began = time.perf_counter()
        slider.setValue(target)
        slider.user_moved.emit(target)  # as a hand on the slider does
        while pictures.count == before and time.perf_counter() - began < 1:
            bench.application.processEvents()
        taken.append(time.perf_counter() - began)
        assert pictures.count > before, f"nothing was painted for t = {target}"
    return spread(taken)


def measure_window(args: argparse.Namespace) -> dict[str, Any]:
    bench = Bench("train")
    bench.train()
    first = bench.session.progress
    bench.spin(args.seconds)
    last = bench.session.progress
    bench.close()
    assert first is not None, "training said nothing"
    assert last is not None, "training said nothing"
    return speed(first, last)


def measure_headless(args: argparse.Namespace) -> dict[str, Any]:
    from engine.events import Progress, Stop
    from engine.presets import load_preset
    from engine.training.trainer import Trainer
    from engine.workspace import Workspace

    config = load_preset("quick").changed(training={"num_steps": ENDLESS})
    seen: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder:
        events = Trainer(Workspace(), Path(folder) / "run", config).run()
        event = next(events)
        while not seen or seen[-1].seconds - seen[0].seconds < args.seconds:
            if isinstance(event, Progress) and event.seconds > WARM_UP_S:
                seen.append(event)
            event = events.send(None)
        events.send(Stop(keep=True))
        for _ in events:
            pass
    return speed(seen[0], seen[-1])


def speed(first: Progress, last: Progress) -> dict[str, Any]:
    """Images a second between two moments of training."""
    images = last.images_seen - first.images_seen
    assert images > 0, "nothing was trained"
    return {"images_per_second": images / (last.seconds - first.seconds), "device": last.device}


def measure_memory(args: argparse.Namespace) -> dict[str, Any]:
    bench = Bench("train")
    bench.train()
    rows: list[tuple[float, float]] = []
    began = time.monotonic()
    while time.monotonic() - began < args.seconds:
        bench.spin(min(5.0, args.seconds))
        progress = bench.session.progress
        assert progress is not None
        rows.append((time.monotonic() - began, progress.memory_bytes / 1e6))
    bench.close()
    times, megabytes = np.array(rows).T
    later = times > times[-1] / 4  # caches fill in the first minutes
    slope = float(np.polyfit(times[later], megabytes[later], 1)[0] * 60) if later.sum() > 2 else None
    return {"most_mb": float(megabytes.max()), "first_mb": float(megabytes[0]), "last_mb": float(megabytes[-1]),
            "growth_mb_per_minute": slope,
            "mb_over_time": " ".join(f"{m:.0f}" for m in megabytes[:: max(1, len(megabytes) // 30)])}
