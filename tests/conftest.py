"""For all tests: no display, a data folder of their own, and nothing left behind."""

import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples in every run: what fails a change is the change. HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Before anything imports Qt or asks for the data folder.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
_HOME = tempfile.TemporaryDirectory(prefix="diffuscope-tests-", ignore_cleanup_errors=True)
os.environ["DIFFUSCOPE_HOME"] = _HOME.name
os.environ.pop("DIFFUSCOPE_RUNS_DIR", None)

GRACE = 2.0  # s a thread may take to end after its test
_timers_before: set[int] = set()


def _threads() -> set[threading.Thread]:
    # tqdm keeps one monitor thread for good.
    return {thread for thread in threading.enumerate() if type(thread).__name__ != "TMonitor"}


def _qt_is_up() -> bool:
    widgets = sys.modules.get("PySide6.QtWidgets")
    return widgets is not None and widgets.QApplication.instance() is not None


def _active_timers() -> dict[int, str]:
    from PySide6.QtCore import QTimer
    from shiboken6 import isValid

    return {id(timer): f"{timer.interval()} ms, of {timer.parent()!r}" for timer in gc.get_objects()
            if issubclass(type(timer), QTimer) and isValid(timer) and timer.isActive()}


def _windows() -> dict[int, str]:
    from PySide6.QtWidgets import QApplication

    return {id(widget): repr(widget) for widget in QApplication.topLevelWidgets()
            if widget.parent() is None and widget.objectName() != "qtooltip_label"
            and type(widget).__name__ != "Magnifier"}  # one for all pictures, kept for good


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fail a test that leaves a thread, a running timer or a window behind."""
    global _timers_before
    threads = _threads()
    windows = set(_windows()) if _qt_is_up() else set()
    yield
    deadline = time.monotonic() + GRACE
    while (left := _threads() - threads) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"threads left running: {left}"
    if not _qt_is_up():
        return
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    found = [text for key, text in _windows().items() if key not in windows]
    timers = {key: text for key, text in _active_timers().items() if key not in _timers_before}
    if found or timers:
        # What only a reference cycle holds is not left behind.
        gc.collect()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        found = [text for key, text in _windows().items() if key not in windows]
        timers = {key: text for key, text in _active_timers().items() if key not in _timers_before}
    _timers_before |= set(timers)
    assert not found, f"windows left: {found}"
    assert not timers, f"timers left running: {timers}"
