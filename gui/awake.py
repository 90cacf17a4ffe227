"""Keep the computer from falling asleep while a model trains. Best effort: what fails is only logged."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)

_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001  # SetThreadExecutionState


class Awake:
    """hold() and release(), each any number of times."""

    def __init__(self) -> None:
        self.held = False
        self._helper: subprocess.Popen[bytes] | None = None

    def hold(self) -> None:
        """Stay awake from now on."""
        if self.held:
            return
        self.held = True
        try:
            if sys.platform == "win32":
                self._windows(_CONTINUOUS | _SYSTEM_REQUIRED)
                return
            command = self.command()
            if command:
                self._helper = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            log.info("The computer may fall asleep while training: %s", error)

    def release(self) -> None:
        """The computer may sleep again."""
        if not self.held:
            return
        self.held = False
        try:
            if sys.platform == "win32":
                self._windows(_CONTINUOUS)
            helper, self._helper = self._helper, None
            if helper is not None:
                helper.terminate()
                helper.wait(timeout=2)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.info("Letting the computer sleep again failed: %s", error)

    @staticmethod
    def command() -> list[str]:
        """The helper that keeps the computer awake while this process lives; empty if there is none."""
        if sys.platform == "darwin" and shutil.which("caffeinate"):
            return ["caffeinate", "-i", "-w", str(os.getpid())]
        inhibit, tail = shutil.which("systemd-inhibit"), shutil.which("tail")
        if sys.platform == "linux" and inhibit and tail and Path("/run/systemd/system").exists():
            # tail ends with this process, even if it is killed.
            return [inhibit, "--what=idle:sleep", "--who=Diffuscope", "--why=A model is training",
                    "--mode=block", tail, f"--pid={os.getpid()}", "-f", os.devnull]
        return []

    @staticmethod
    def _windows(flags: int) -> None:
        import ctypes

        ctypes.windll.kernel32.SetThreadExecutionState(flags)  # type: ignore[attr-defined]
