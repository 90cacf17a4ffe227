"""What goes wrong, in banners at the top of the page: each stays until it is solved."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from engine.errors import BadSetting, ErrorReport
from engine.events import TrainingState
from engine.settings import number
from gui.session import Notice, Session
from gui.widgets.banner import BannerArea

STAY = ("trajectory", "compute", "run-gone")  # these go when their cause is gone
UNSOLVED = ("disk-full", "save-failed")  # and these: the run is not safe meanwhile
CALMER = 3.0  # a learning rate this many times smaller usually trains where the larger one diverged


class Notices(QObject):
    """Turns the session's messages, warnings and failures into banners."""

    def __init__(self, area: BannerArea, session: Session) -> None:
        super().__init__(area)
        self.area, self.session = area, session
        self._warned: set[str] = set()
        self._failure: object = None
        session.message.connect(self.show_notice)
        session.message_cleared.connect(area.clear)
        session.warnings_changed.connect(self._on_warnings)
        session.training_changed.connect(self._on_training)

    def show_notice(self, notice: Notice) -> None:
        """A message of the session."""
        actions = []
        if notice.key == "trajectory":
            actions.append(("Try again", self.session.retry_trajectories))
        elif notice.key == "open-run" and self.session.training:
            actions.append(("Stop and keep", self.session.stop))
        self.area.show(notice.key, notice.kind, notice.headline, notice.advice, actions, notice.details,
                       closable=notice.key not in STAY)

    def show_report(self, key: str, report: ErrorReport) -> None:
        """A failure caught by a hook."""
        self.area.show(key, "error", report.headline, report.advice, [], report.details, closable=True)

    def show_crash(self, text: str) -> None:
        """What the crash file of the last start held."""
        self.area.show(
            "crash", "warning", "Diffuscope ended unexpectedly last time.",
            "Runs are saved as they train, so at most the last seconds are missing.",
            [("Copy", lambda: QApplication.clipboard().setText(text))], text, closable=True)

    def _on_warnings(self) -> None:
        for kind in self._warned - set(self.session.warnings):
            self.area.clear(f"warning-{kind}")
        for kind, report in self.session.warnings.items():
            key = f"warning-{kind}"
            if kind not in self._warned or self.area.banner(key) is not None:  # else it was closed by hand
                self.area.show(key, "warning", report.headline, report.advice, [], report.details,
                               closable=kind not in UNSOLVED)
        self._warned = set(self.session.warnings)

    def _on_training(self) -> None:
        session, failure = self.session, self.session.failure
        if failure is self._failure:
            return
        self._failure = failure
        if failure is None or session.training_state is not TrainingState.FAILED:
            self.area.clear("training-failed")
            return
        report = failure.report
        self.area.show("training-failed", "error", report.headline, report.advice,
                       self._remedies(report.kind, failure.smaller_batch), report.details)

    def _remedies(self, kind: str, smaller_batch: int) -> list[tuple[str, Callable[[], object]]]:
        config = self.session.run.info.config if self.session.run else self.session.draft
        change: dict[str, float]
        if kind == "out-of-memory" and smaller_batch:
            change, words = {"batch_size": smaller_batch}, f"Train again with batch {number(smaller_batch)}"
        elif kind == "not-finite":
            rate = float(f"{config.training.learning_rate / CALMER:.1g}")
            change, words = {"learning_rate": rate}, f"Train again with a learning rate of {number(rate)}"
        else:
            return []
        try:
            calmer = config.changed(training=change)
        except BadSetting:
            return []

        def start() -> None:
            self.session.edit_draft(calmer)
            self.session.start_training(calmer)

        return [(words, start)]
