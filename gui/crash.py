"""Failures nobody thought of: a crash file for the next start, and hooks that end in a banner."""

from __future__ import annotations

import faulthandler
import logging
import platform
import sys
import threading
import traceback
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from engine.errors import ErrorReport

log = logging.getLogger(__name__)

MOST_KEPT = 20  # reports waiting to be shown; a failure in a timer must not fill the memory
LONGEST_CRASH = 100_000  # characters of a crash file that are read


class CrashWatch:
    """Installs the hooks, holds the crash file open, and keeps reports until the window takes them.

    The hooks may run in any thread: they only append to a deque, which the window's timer empties.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.last_crash = ""  # what the crash file held at the start
        self._reports: deque[ErrorReport] = deque(maxlen=MOST_KEPT)
        self._stream: IO[str] | None = None
        self._old_hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)

    def install(self) -> None:
        """Read what the last crash left, then watch for the next."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if self.file.exists():
                self.last_crash = self.file.read_text(encoding="utf-8", errors="replace")[-LONGEST_CRASH:]
            self._stream = self.file.open("w", encoding="utf-8")
            faulthandler.enable(self._stream)
        except OSError as error:
            log.warning("There is no crash file: %s", error)
        self._old_hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        sys.unraisablehook = self._on_unraisable
        qInstallMessageHandler(_qt_message)

    def uninstall(self) -> None:
        """A clean end: nothing for the next start to show."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._old_hooks
        qInstallMessageHandler(None)
        if self._stream is not None:
            faulthandler.disable()
            self._stream.close()
            self._stream = None
            try:
                if self.file.stat().st_size == 0:
                    self.file.unlink()
            except OSError:
                pass

    def take(self) -> list[ErrorReport]:
        """Reports since the last call."""
        found = []
        while self._reports:
            found.append(self._reports.popleft())
        return found

    def _keep(self, kind: type[BaseException], value: BaseException | None,
              trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        details = "".join(traceback.format_exception(kind, value, trace))
        log.error("Unexpected error\n%s", details)
        self._reports.append(ErrorReport(
            "unexpected", f"An unexpected error: {kind.__name__}: {value}".rstrip(": "),
            "What was saved is safe and the window goes on. Copy the details into a problem report.",
            f"{details}\n{diagnostics()}"))

    def _on_exception(self, kind: type[BaseException], value: BaseException,
                      trace: TracebackType | None) -> None:
        self._keep(kind, value, trace)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            self._keep(args.exc_type, args.exc_value, args.exc_traceback)

    def _on_unraisable(self, args: sys.UnraisableHookArgs) -> None:
        log.warning("Ignored in %r: %s: %s", args.object, args.exc_type.__name__, args.exc_value)


def diagnostics() -> str:
    """Versions and machine, for a problem report; nothing personal."""
    from importlib import metadata  # slow to load, and hardly ever wanted

    lines = [f"Python {platform.python_version()} on {platform.platform()}"]
    for package in ("diffuscope", "PySide6-Essentials", "pyqtgraph", "torch", "numpy", "pydantic"):
        try:
            lines.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return "\n".join(lines)


def _qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    level = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO,
             QtMsgType.QtWarningMsg: logging.WARNING}.get(kind, logging.ERROR)
    logging.getLogger("qt").log(level, text)
