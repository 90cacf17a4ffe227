"""Writes an animation from a page: opens the dialog, hands the job to the compute thread, tells how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from engine import jobs
from engine.compute import Message
from engine.events import JobDone, JobFailed, JobProgress
from engine.export.animation_config import AnimationConfig
from gui.session import Session

if TYPE_CHECKING:
    from gui.widgets.export_animation import AnimationDialog, Take

KEY = "animation"


class AnimationExport(QObject):
    """One dialog at a time; the settings last used are the session's."""

    def __init__(self, session: Session, owner: QWidget) -> None:
        super().__init__(owner)
        self.session, self._owner = session, owner
        self.dialog: AnimationDialog | None = None
        self._job = 0
        session.bridge.picture.connect(self._on_picture)
        session.bridge.control.connect(self._on_control)

    def open(self, takes: Sequence[Take]) -> AnimationDialog:
        """Show the dialog for what can be exported now."""
        from gui.widgets.export_animation import AnimationDialog

        self.close()
        dialog = AnimationDialog(takes, self.session.animation or AnimationConfig(), self._owner)
        dialog.save_asked.connect(self._write)
        dialog.cancel_asked.connect(self.cancel)
        dialog.config_changed.connect(self._keep)
        dialog.destroyed.connect(self._gone)
        self.dialog = dialog
        dialog.show()
        return dialog

    def close(self) -> None:
        """Close the dialog; what is being written is left off."""
        if self.dialog is not None:
            self.dialog.close()
            self.dialog = None

    def cancel(self) -> None:
        """Leave off writing."""
        if self._job:
            self.session.bridge.cancel(KEY)

    def _gone(self) -> None:
        self.dialog = None

    def _keep(self, config: AnimationConfig) -> None:
        self.session.animation = config

    def _write(self, animation: object, path: Path) -> None:
        self._job = self.session.bridge.submit(jobs.animation_job(animation, path, KEY))  # type: ignore[arg-type]

    def _on_picture(self, message: Message) -> None:
        if self.dialog is not None and message.job_id == self._job and isinstance(message.event, JobProgress):
            self.dialog.progressed(message.event.n, message.event.total)

    def _on_control(self, message: Message) -> None:
        event = message.event
        lost = message.key == "compute" and isinstance(event, JobFailed)
        if not self._job or not (lost or message.job_id == self._job):
            return
        dialog = self.dialog
        if isinstance(event, JobFailed):
            self._job = 0
            if dialog is not None:
                dialog.failed(" ".join(filter(None, (event.report.headline, event.report.advice))))
        elif isinstance(event, JobDone):
            self._job = 0
            if dialog is not None and not event.done:
                dialog.failed("")
        elif dialog is not None:
            from engine.export.animation import AnimationWritten  # the job has loaded it; the start need not

            if isinstance(event, AnimationWritten):
                dialog.written(f"{event.path.name}: {event.frames} frames, {event.size / 1000:.0f} kB.")


def add_export(menu: QMenu, then: Callable[[], object], possible: bool) -> None:
    """The entry of a Save menu that opens the dialog."""
    if menu.actions():
        menu.addSeparator()
    action = menu.addAction("Export animation…")
    action.setEnabled(possible)
    action.triggered.connect(lambda: then())
