"""How quick and how steady the window is. Run by hand; prints JSON.

    python benchmarks/ui.py start                  process start to first paint, five times
    python benchmarks/ui.py lateness --seconds 60  event-loop lateness while training, loss drawn live
    python benchmarks/ui.py slider                 slider move to painted frame, idle and while training
    python benchmarks/ui.py speed --seconds 30     images/s with the window and without, in turns
    python benchmarks/ui.py memory --seconds 600   resident memory of the window while training
    python benchmarks/ui.py time-machine           its first map, and lateness while it fills, is scrolled and hovered
    python benchmarks/ui.py all                    everything

Each measurement runs in a process of its own, on the display there is, else offscreen. Counts are asserted
(something was painted, something was trained); times are only reported, for they belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QWidget

    from engine.events import Progress
    from gui.main_window import MainWindow

ENDLESS = 10_000_000  # steps: the measurement ends training, not the plan
WARM_UP_S = 5.0  # of training, before anything is measured
TIMER_MS = 16

AIMS = {"start": "first paint at most 1.0 s", "lateness": "p99 at most 10 ms, worst at most 50 ms",
        "slider": "p95 at most 16 ms", "speed": "at least 0.95", "memory": "at most 1.5 GB, flat",
        "time-machine": "first coarse map at most 3 s, p99 at most 33 ms, 40 snapshots within 8 MB"}


# ---- the parent: one child process for each measurement ----

def child(name: str, **options: object) -> dict[str, Any]:
    """Run one measurement in a fresh process with a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="diffuscope-bench-", ignore_cleanup_errors=True) as home:
        env = {**os.environ, "DIFFUSCOPE_HOME": home}
        if not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
            env.setdefault("QT_QPA_PLATFORM", "offscreen")
        arguments = [f"--{key}={value}" for key, value in options.items() if value is not None]
        done = subprocess.run([sys.executable, __file__, f"_{name}", *arguments, f"--began={time.time()}"],
                              env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"The measurement {name} failed with code {done.returncode}.")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_start(args: argparse.Namespace) -> dict[str, Any]:
    runs = [child("start") for _ in range(args.repeats)]
    seconds = [r["seconds"] for r in runs]
    assert not any(r["torch_imported"] for r in runs), "torch was imported before the first paint"
    return {"median_s": median(seconds), "worst_s": max(seconds), "all_s": seconds,
            "cpu_median_s": median(r["cpu_seconds"] for r in runs), "platform": runs[0]["platform"]}


def run_lateness(args: argparse.Namespace) -> dict[str, Any]:
    return child("lateness", seconds=args.seconds or 60)


def run_slider(args: argparse.Namespace) -> dict[str, Any]:
    return child("slider", run=args.run)


def run_speed(args: argparse.Namespace) -> dict[str, Any]:
    seconds = args.seconds or 30
    rows = [{"headless": child("headless", seconds=seconds), "window": child("window", seconds=seconds)}
            for _ in range(args.pairs)]
    ratios = [r["window"]["images_per_second"] / r["headless"]["images_per_second"] for r in rows]
    return {"ratio": median(ratios), "ratios": ratios, "runs": rows}


def run_memory(args: argparse.Namespace) -> dict[str, Any]:
    return child("memory", seconds=args.seconds or 600)


def run_time_machine(args: argparse.Namespace) -> dict[str, Any]:
    return child("time-machine", run=args.run, seconds=args.seconds or 60)


# ---- the children ----

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

    def spin(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let the window live for so long, or until something holds; whether it did."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        end, poll = QTimer(), QTimer()
        end.setSingleShot(True)
        end.timeout.connect(loop.quit)
        poll.timeout.connect(lambda: loop.quit() if until() else None)
        end.start(int(seconds * 1000))
        poll.start(20)
        loop.exec()
        poll.stop()
        return until()

    def train(self) -> None:
        """Start the quick preset and wait until it is well under way."""
        from engine.config import load_preset

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


def paint_counter(widgets: list[QWidget]) -> QObject:
    """Counts paint events of these widgets in its attribute `count`."""
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


def measure_start(args: argparse.Namespace) -> dict[str, Any]:
    """main.main() itself, left at once after the first paint."""
    import main
    from gui import main_window

    result: dict[str, Any] = {}
    original = main_window.MainWindow.event

    def event(self: MainWindow, event: Any) -> bool:
        from PySide6.QtCore import QEvent, QTimer

        if event.type() == QEvent.Type.Paint and not result:
            result["platform"] = ""
            # Queued before the window's own first task: it runs when all of this paint is on the screen.
            QTimer.singleShot(0, done)
        return original(self, event)

    def done() -> None:
        from PySide6.QtGui import QGuiApplication

        result.update(seconds=time.time() - args.began, cpu_seconds=time.process_time(),
                      torch_imported="torch" in sys.modules,
                      platform=QGuiApplication.platformName())
        print(json.dumps(result), flush=True)
        os._exit(0)

    main_window.MainWindow.event = event  # type: ignore[method-assign]
    main.main([])
    raise SystemExit(1)


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
    from engine.config import load_preset
    from engine.events import Progress, Stop
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


def measure_time_machine(args: argparse.Namespace) -> dict[str, Any]:
    """Opened from the Reverse page of a run nothing was measured of; then scrolled and hovered while it fills.

    Seconds count from the opening of the page; None for what was not there when the time was over.
    """
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent

    from engine import paths

    bench = Bench("reverse", args.run)
    bench.session.set_seed(5)  # not recorded: it is there when torch is
    bench.spin(0.5)
    assert bench.spin(120, lambda: bench.window.page.ready() and not bench.session.drawing()), "no trajectory came"
    bench.spin(1.0)
    began = time.perf_counter()
    bench.window.show_page("time-machine")
    page: Any = bench.window.page
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

    first = seconds_until(lambda: drawn() >= 5 and not page._paint.isActive())  # the others stand in
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


# ---- command line ----

MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "start": run_start, "lateness": run_lateness, "slider": run_slider, "speed": run_speed, "memory": run_memory,
    "time-machine": run_time_machine}
CHILDREN: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "_start": measure_start, "_lateness": measure_lateness, "_slider": measure_slider, "_window": measure_window,
    "_headless": measure_headless, "_memory": measure_memory,
    "_time-machine": measure_time_machine}


def machine() -> dict[str, Any]:
    """What a figure belongs to."""
    cpu = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform(),
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*MEASURES, "all", *CHILDREN], metavar="|".join([*MEASURES, "all"]))
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--repeats", type=int, default=5, help="of start")
    parser.add_argument("--pairs", type=int, default=3, help="of speed")
    parser.add_argument("--run", default="bundled", help="for slider and time-machine")
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.what in CHILDREN:
        print(json.dumps(CHILDREN[args.what](args)), flush=True)
        return
    report: dict[str, Any] = {"machine": machine()}
    for name in MEASURES if args.what == "all" else [args.what]:
        report[name] = {"aim": AIMS[name], **MEASURES[name](args)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
