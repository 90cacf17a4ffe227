"""The application: run the window, or draw one page into a file."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

from PySide6.QtCore import (
    QElapsedTimer,
    QEventLoop,
    QMessageLogContext,
    Qt,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QApplication

from engine import paths
from engine.errors import BadSetting, DiffuscopeError
from gui.compute_starter import make_compute
from gui.crash import CrashWatch
from gui.main_window import MainWindow, fill_screen
from gui.page_list import page_classes
from gui.preferences import load_preferences
from gui.session import Session
from gui.shortcuts import KeyGuard
from gui.theme import apply_theme, theme

log = logging.getLogger(__name__)

READY_WITHIN_S = 60
SMALLEST, LARGEST = (640, 480), (7680, 4320)


def make_application(theme_name: str = "system", text_scale: float = 1.0) -> QApplication:
    """The one QApplication, themed."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(sys.argv[:1])
    application.setApplicationName("Diffuscope")
    application.setDesktopFileName("diffuscope")
    theme().set_mode(theme_name)
    theme().set_scale(text_scale)
    apply_theme(application)
    return application


def run_window(run: str | None = None) -> int:
    """Show the window until it is closed; the exit code. run: a folder, a name or "bundled".

    main.py has made sure that there is a display: Qt aborts the process where there is none.
    """
    _start_log()
    crash = CrashWatch(paths.crash_file())
    crash.install()
    preferences = load_preferences()
    application = make_application(preferences.theme, preferences.text_scale)
    session = Session(make_compute(preferences.device))
    window = MainWindow(session, page_classes(), preferences=preferences, crash=crash)
    fill_screen(window)
    window.restore(run)
    window.show()
    KeyGuard(application)
    try:
        return application.exec()
    finally:
        crash.uninstall()


def render_page(page: str, size: str | tuple[int, int] = (1440, 900), theme_name: str = "light",
                run: str | None = None, out: str | Path = "page.png") -> None:
    """Draw one page of the window as it looks with a run open. Works offscreen.

    Raises BadSetting for an unknown page, size or theme, BadRun for a bad run, DiffuscopeError for the file.
    """
    width, height = parse_size(size)
    if theme_name not in ("light", "dark"):
        raise BadSetting(f"There is no theme called {theme_name}.", "Themes: light, dark.")
    names = [made.name for made in page_classes()]
    if page not in names:
        raise BadSetting(f"There is no page called {page}.", f"Pages: {', '.join(names)}.")
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    qInstallMessageHandler(_quiet)
    application = make_application(theme_name)
    session = Session(make_compute())
    refused: list[DiffuscopeError] = []
    session.message.connect(lambda notice: refused.append(DiffuscopeError(notice.headline, notice.advice))
                            if notice.key == "open-run" else None)
    window = MainWindow(session, page_classes(), keep_state=False)
    window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen, application.platformName() != "offscreen")
    window.resize(width, height)
    try:
        window.restore(run)
        if refused:
            raise refused[0]
        window.show_page(page)
        window.show()
        _wait_until_ready(window)
        picture = window.grab()
    finally:
        window.close()
        window.deleteLater()
        qInstallMessageHandler(None)
    if not picture.save(str(out)):
        raise DiffuscopeError(f"{out} cannot be written.", "Give a file name that ends in .png, in a folder "
                              "that exists.")


def parse_size(size: str | tuple[int, int]) -> tuple[int, int]:
    """"1440x900" as two numbers. Raises BadSetting with what would be right."""
    parts: list[str] | tuple[int, int] = size.lower().split("x") if isinstance(size, str) else size
    try:
        width, height = (int(part) for part in parts)
    except ValueError:
        raise BadSetting(f"A size is written like 1440x900; {size} is not.") from None
    if not (SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]):
        raise BadSetting(f"A size is from {SMALLEST[0]}x{SMALLEST[1]} to {LARGEST[0]}x{LARGEST[1]}; "
                         f"{width}x{height} is not.")
    return width, height


def _wait_until_ready(window: MainWindow) -> None:
    """Let the window draw until its page has all it shows; torch is started only if it is needed."""
    clock = QElapsedTimer()
    clock.start()
    settled = 0
    while clock.elapsed() < READY_WITHIN_S * 1000 and settled < 3:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        settled = settled + 1 if window.page.ready() and not window.session.drawing() else 0
        time.sleep(0.01)


def _quiet(kind: QtMsgType, _: QMessageLogContext, text: str) -> None:
    """The offscreen platform complains of what it lacks; a picture lacks nothing."""
    if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) and not text.startswith("This plugin does not"):
        log.warning("%s", text)


def _start_log() -> None:
    """A small log file in the data folder; what cannot be written goes to the console."""
    try:
        paths.data_dir().mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            paths.data_dir() / "diffuscope.log", maxBytes=500_000, backupCount=1, encoding="utf-8",
            delay=True)
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
