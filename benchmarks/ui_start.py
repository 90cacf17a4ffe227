"""The program itself, left at once after the first paint. The child of `benchmarks/ui.py start`.

    python benchmarks/ui_start.py BEGAN        BEGAN: time.time() when this process was asked for

Loads nothing before main.py that the program would not load: what it takes is the program's own.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent

    from gui.main_window import MainWindow


def measure(began: float) -> None:
    """Print seconds, CPU seconds, whether torch was loaded, and the platform, as JSON."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import main
    from gui import main_window

    seen: list[bool] = []
    original = main_window.MainWindow.event

    def event(self: MainWindow, event: QEvent) -> bool:
        from PySide6.QtCore import QEvent, QTimer

        if event.type() == QEvent.Type.Paint and not seen:
            seen.append(True)
            # Queued before the window's own first task: it runs when all of this paint is on the screen.
            QTimer.singleShot(0, done)
        return original(self, event)

    def done() -> None:
        seconds, cpu = time.time() - began, time.process_time()
        import json

        from PySide6.QtGui import QGuiApplication

        print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "torch_imported": "torch" in sys.modules,
                          "platform": QGuiApplication.platformName()}), flush=True)
        os._exit(0)

    main_window.MainWindow.event = event  # type: ignore[method-assign]
    main.main([])
    raise SystemExit(1)


if __name__ == "__main__":
    measure(float(sys.argv[1]))
