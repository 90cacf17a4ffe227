"""Crashes and unexpected errors are kept for the person who has to report them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from engine import paths
from gui.crash import MOST_KEPT, CrashWatch, diagnostics


def test_a_crash_is_there_at_the_next_start(own_home: Path) -> None:
    code = ("import faulthandler, ctypes\n"
            "from engine import paths\n"
            "from gui.crash import CrashWatch\n"
            "w = CrashWatch(paths.crash_file()); w.install()\n"
            "ctypes.string_at(0)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    watch = CrashWatch(paths.crash_file())
    watch.install()
    try:
        assert "Segmentation fault" in watch.last_crash or "Fatal Python error" in watch.last_crash
    finally:
        watch.uninstall()


def test_a_clean_end_leaves_nothing(own_home: Path) -> None:
    watch = CrashWatch(paths.crash_file())
    watch.install()
    assert watch.file.exists()
    watch.uninstall()
    assert not watch.file.exists()
    assert watch.last_crash == ""


def test_hooks_collect_from_any_thread_and_are_put_back(own_home: Path) -> None:
    before = (sys.excepthook, threading.excepthook)
    watch = CrashWatch(paths.crash_file())
    watch.install()
    try:
        def fail() -> None:
            raise ValueError("in a thread")

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        found = watch.take()
    finally:
        watch.uninstall()
    assert [r.kind for r in found] == ["unexpected"]
    assert "in a thread" in found[0].headline
    assert "Traceback" in found[0].details
    assert "PySide6" in found[0].details
    assert watch.take() == []
    assert (sys.excepthook, threading.excepthook) == before


def test_a_failing_timer_does_not_fill_the_memory(own_home: Path) -> None:
    watch = CrashWatch(paths.crash_file())
    for _ in range(100):
        watch._keep(ValueError, ValueError("again"), None)
    assert len(watch.take()) == MOST_KEPT


def test_diagnostics_name_versions_and_no_folder() -> None:
    text = diagnostics()
    assert "Python 3." in text
    assert str(Path.home()) not in text
